//! The same simulated runs natively and in wasm under Node: their states must have the same hashes.

use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::{Length, Workshop};

/// Plays what it is given and compares.
const SCRIPT: &str = "web-demo/world/parity.mjs";

pub fn step(workshop: &Workshop) -> Result<Done> {
    let seeds = match workshop.length {
        Length::Short => "0..25",
        Length::Long => "0..1000",
    };
    let sim = format!("sim{}", env::consts::EXE_SUFFIX);
    let mut sim = workshop.command(workshop.programs()?.join(sim));
    sim.args(["marks", "--seeds", seeds]);
    let compared = compare(workshop, &mut sim)?;
    Ok(Done::checked(
        compared.states,
        format!(
            "states of {} runs with {} events are the same natively and in wasm",
            compared.runs, compared.events
        ),
    ))
}

/// Shows the runs that `sim` prints to Node.
fn compare(workshop: &Workshop, sim: &mut Command) -> Result<Compared> {
    let marks = workshop.metadata()?.target_directory.join("marks.jsonl");
    println!("$ {}", shell::spelled(sim));
    fs::write(&marks, shell::output(sim)?).context("cannot keep the marks")?;
    let mut node = npm::node(workshop, SCRIPT);
    let printed = shell::output(node.arg(&marks))?;
    println!("{}", printed.trim());
    Compared::read(&printed)
}

/// What the script says it compared.
#[derive(Deserialize)]
struct Compared {
    runs: usize,
    states: usize,
    events: usize,
}

impl Compared {
    fn read(printed: &str) -> Result<Self> {
        let compared: Self = serde_json::from_str(printed).context("what the script printed")?;
        ensure!(
            compared.runs > 0 && compared.states > compared.runs && compared.events > 0,
            "{} runs, {} states, {} events: nothing was compared",
            compared.runs,
            compared.states,
            compared.events
        );
        Ok(compared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_without_states_or_events_compare_nothing() {
        let printed = |runs, states, events| {
            format!("{{\"runs\":{runs},\"states\":{states},\"events\":{events}}}")
        };
        assert!(Compared::read(&printed(2, 40, 900)).is_ok());
        assert!(Compared::read(&printed(0, 0, 0)).is_err());
        assert!(Compared::read(&printed(2, 2, 900)).is_err());
        assert!(Compared::read(&printed(2, 40, 0)).is_err());
    }
}
