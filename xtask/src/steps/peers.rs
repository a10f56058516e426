//! Kraft beside other Rafts: that the crate builds, and that everybody in it applies the same
//! entries. How fast they are is measured by hand: see `tests/BENCHMARKS.md`.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// Outside the workspace, with a lock of its own.
const MANIFEST: &str = "tests/peers/Cargo.toml";

/// The one that all are held against.
const KRAFT: &str = "kraft";

pub fn step(workshop: &Workshop) -> Result<Done> {
    shell::run(&mut workshop.cargo(&["fmt", "--manifest-path", MANIFEST, "--check"]))?;
    let mut peers = workshop.cargo(&["run", "--locked", "--manifest-path", MANIFEST]);
    peers.args(["--", "--quick", "--json"]);
    // A quicker build, and with every assertion of the core.
    peers.env("CARGO_PROFILE_DEV_DEBUG", "0");
    let printed = shell::output(&mut peers)?;
    let figures = Figures::read(&printed)?;
    Ok(Done::checked(
        figures.per_entry.len(),
        "figures of kraft and its peers",
    ))
}

#[derive(Deserialize)]
struct Figures {
    size_of_raft: usize,
    per_entry: Vec<Figure>,
}

#[derive(Deserialize)]
struct Figure {
    name: String,
    batch: u32,
    ns: f64,
    heap_calls: f64,
}

impl Figures {
    /// Nothing here is a limit on time: a busy machine must not fail the step.
    fn read(printed: &str) -> Result<Self> {
        let figures: Self = serde_json::from_str(printed).context("what `peers --json` printed")?;
        ensure!(figures.size_of_raft > 0, "a node of no size");
        for figure in &figures.per_entry {
            let Figure { name, batch, .. } = figure;
            ensure!(figure.ns > 0.0, "{name} took no time at {batch}");
            ensure!(
                name != KRAFT || figure.heap_calls == 0.0,
                "kraft asked the heap {} times per entry at {batch}",
                figure.heap_calls
            );
        }
        let ours = figures.per_entry.iter().filter(|one| one.name == KRAFT);
        ensure!(ours.count() > 0, "kraft was not measured");
        Ok(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(name: &str, ns: f64, heap_calls: f64) -> String {
        format!(
            "{{\"size_of_raft\":8,\"per_entry\":[{{\"name\":\"{name}\",\"batch\":1,\"ns\":{ns},\
             \"heap_calls\":{heap_calls}}}]}}"
        )
    }

    #[test]
    fn kraft_is_there_takes_time_and_asks_the_heap_for_nothing() {
        assert!(Figures::read(&printed("kraft", 9.0, 0.0)).is_ok());
        assert!(Figures::read(&printed("kraft", 9.0, 0.5)).is_err());
        assert!(Figures::read(&printed("kraft", 0.0, 0.0)).is_err());
        assert!(Figures::read(&printed("raftbare", 9.0, 2.0)).is_err());
    }
}
