//! The simulator as a program. `cargo xtask sweep`, `replay` and `contract` run it.

use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde::Serialize;
use tests::sim::marks::{Marks, marks};
use tests::sim::sweep::{self, Asked};
use tests::sim::{Run, Tracing, contract, shrink};

const USAGE: &str = "usage: sim sweep --seeds A..B [--minutes M]   play the runs of these seeds
       sim replay FILE                       play one run, print what happens and the last hash
       sim draw SEED                         print the run of a seed
       sim marks --seeds A..B                runs with their hashes, a line each, to hold another build against
       sim contract [--seeds A..B] [--write FILE]   the contract as the runs show it";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let option = |name: &str| {
        let place = args.iter().position(|arg| arg == name)?;
        args.get(place + 1).map(String::as_str)
    };
    let number = |text: &str| {
        let number = text.parse::<u64>();
        number.map_err(|_| format!("`{text}` is not a number\n{USAGE}"))
    };
    let seeds = match option("--seeds").map(|text| text.split_once("..")) {
        None => 0..2400,
        Some(Some((from, to))) => number(from)?..number(to)?,
        Some(None) => return Err(format!("--seeds wants A..B\n{USAGE}")),
    };
    let minutes = option("--minutes").map(number).transpose()?;
    let limit = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(minutes * 60));
    match args.first().map(String::as_str) {
        Some("sweep") => swept(&Asked { seeds, limit }).map(|_| ()),
        Some("contract") => {
            let total = swept(&Asked { seeds, limit })?;
            match option("--write") {
                Some(file) => write_contract(file, &contract::table(&total)),
                None => {
                    println!("{}", contract::table(&total));
                    Ok(())
                }
            }
        }
        Some("draw") => {
            let seed = args.get(1).ok_or(USAGE)?;
            println!("{}", tests::sim::draw(number(seed)?).to_json());
            Ok(())
        }
        Some("marks") => print_marks(seeds),
        Some("replay") => replay(args.get(1).ok_or(USAGE)?),
        _ => Err(USAGE.to_string()),
    }
}

/// A mark for each simulated second.
const MARK_US: u64 = 1_000_000;

fn print_marks(seeds: Range<u64>) -> Result<(), String> {
    for seed in seeds {
        let began = Instant::now();
        let run = tests::sim::draw(seed);
        run.play(Tracing::Off);
        let play_us = began.elapsed().as_micros() as u64;
        let line = Line {
            seed,
            play_us,
            marks: marks(&run, MARK_US)?,
            run: run.to_json(),
        };
        let line = serde_json::to_string(&line).map_err(|error| error.to_string())?;
        println!("{line}");
    }
    Ok(())
}

/// A run and what it does here: what another build is held against.
#[derive(Serialize)]
struct Line {
    seed: u64,
    /// The run as text: its numbers have 64 bits, and not every reader's do.
    run: String,
    /// How long it takes without marks, in microseconds of this machine.
    play_us: u64,
    #[serde(flatten)]
    marks: Marks,
}

fn swept(asked: &Asked) -> Result<tests::sim::Tally, String> {
    let began = Instant::now();
    let mut shown = Instant::now();
    let swept = sweep::sweep(
        asked,
        || began.elapsed(),
        |runs, seed| {
            if shown.elapsed() > Duration::from_secs(5) {
                shown = Instant::now();
                let took = began.elapsed().as_secs();
                eprintln!("{took:>5} s: {runs} runs, at seed {seed}");
            }
        },
    )?;
    print!("{}", sweep::summary(&swept, began.elapsed()));
    let complaints = sweep::complaints(&swept);
    match complaints.is_empty() {
        true => Ok(swept),
        false => Err(complaints.join("\n")),
    }
}

fn write_contract(file: &str, table: &str) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let written = contract::between_markers(&text, table)?;
    fs::write(file, written).map_err(|error| format!("{file}: {error}"))
}

fn replay(file: &str) -> Result<(), String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let run = Run::from_json(&text)?;
    let outcome = shrink::play(&run, Tracing::Last(100_000));
    for line in &outcome.trace {
        println!("{line}");
    }
    println!("hash {}", outcome.hash);
    match outcome.violation {
        Some(violation) => Err(format!("{}: {}", violation.oracle, violation.what)),
        None => Ok(()),
    }
}
