//! The simulator as a program. `cargo xtask sweep`, `replay` and `contract` run it.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde::Serialize;
use tests::sim::marks::{Marks, marks};
use tests::sim::sweep::{self, RUNS_ENOUGH};
use tests::sim::{Run, Tally, Tracing, contract, shrink};

const USAGE: &str =
    "usage: sim sweep --seeds A..B [--minutes M] [--threads N] [--strict] [--keep FILE]
                                             play the runs of these seeds
       sim replay FILE                       play one run, print what happens and the last hash
       sim draw SEED                         print the run of a seed
       sim marks --seeds A..B                runs with their hashes, a line each, to hold another build against
       sim contract [--seeds A..B | --from FILE] [--write FILE]
                                             the contract as the runs show it

--strict    fail if anything was never exercised, however few the seeds are
--keep      add what was counted to this file, for a sweep in pieces; `contract --from` reads it";

/// Seeds a thread takes at a time.
const CHUNK: u64 = 16;

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

/// What a command was told.
struct Options<'a>(&'a [String]);

impl Options<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        let place = self.0.iter().position(|arg| arg == name)?;
        self.0.get(place + 1).map(String::as_str)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        self.text(name).map(number).transpose()
    }

    fn seeds(&self) -> Result<(u64, u64), String> {
        let Some(text) = self.text("--seeds") else {
            return Ok((0, 2400));
        };
        let split = text.split_once("..");
        let (from, to) = split.ok_or(format!("--seeds wants A..B\n{USAGE}"))?;
        Ok((number(from)?, number(to)?))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>();
    number.map_err(|_| format!("`{text}` is not a number\n{USAGE}"))
}

fn run(args: &[String]) -> Result<(), String> {
    let options = Options(args);
    match args.first().map(String::as_str) {
        Some("sweep") => sweep(&options).map(|_| ()),
        Some("contract") => {
            let total = match options.text("--from") {
                Some(file) => kept(file)?,
                None => sweep(&options)?,
            };
            match options.text("--write") {
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
        Some("marks") => {
            let (from, to) = options.seeds()?;
            print_marks(from..to)
        }
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

fn sweep(options: &Options<'_>) -> Result<Tally, String> {
    let (from, to) = options.seeds()?;
    let minutes = options.number("--minutes")?;
    let limit = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(minutes * 60));
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let threads = options.number("--threads")?.unwrap_or(cores).max(1);
    let began = Instant::now();
    let next = AtomicU64::new(from);
    let so_far = Mutex::new((Ok(Tally::default()), Duration::ZERO));
    let play = || {
        loop {
            let failed = so_far.lock().is_ok_and(|so_far| so_far.0.is_err());
            if failed || began.elapsed() >= limit {
                return;
            }
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= to {
                return;
            }
            let swept = sweep::sweep(first..to.min(first + CHUNK));
            let Ok(mut so_far) = so_far.lock() else {
                return;
            };
            let (total, shown) = &mut *so_far;
            match (total, swept) {
                (Ok(total), Ok(swept)) => {
                    total.add(&swept, first);
                    if began.elapsed() - *shown > Duration::from_secs(5) {
                        *shown = began.elapsed();
                        eprintln!("{:>5} s: {} runs", shown.as_secs(), total.runs);
                    }
                }
                (total @ Ok(_), Err(report)) => *total = Err(report),
                (Err(_), _) => {}
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
    let end = next.load(Ordering::Relaxed).min(to);
    let (total, _) = so_far.into_inner().map_err(|problem| problem.to_string())?;
    judge(options, total?, (from, end, to), began.elapsed())
}

/// Says what a sweep has shown, and whether that is enough.
fn judge(
    options: &Options<'_>,
    total: Tally,
    (from, end, to): (u64, u64, u64),
    took: Duration,
) -> Result<Tally, String> {
    print!("{}", sweep::summary(&total, took));
    println!("seeds {from}..{end} of {from}..{to} played, nothing violated");
    if end < to {
        println!("to go on: --seeds {end}..{to}");
    }
    if let Some(file) = options.text("--keep") {
        let mut sum = match fs::exists(file) {
            Ok(true) => kept(file)?,
            _ => Tally::default(),
        };
        sum.add(&total, from);
        let text = serde_json::to_string(&sum).map_err(|error| error.to_string())?;
        fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
    }
    let contradictions = total.cells.contradictions();
    if !contradictions.is_empty() {
        return Err(contradictions.join("\n"));
    }
    let unmet = sweep::unmet(&total);
    let strict = options.0.iter().any(|arg| arg == "--strict");
    match unmet.is_empty() {
        false if strict || total.runs >= RUNS_ENOUGH => Err(unmet.join("\n")),
        false => {
            println!(
                "{} of what a sweep is to meet was not met, which {} runs need not: {RUNS_ENOUGH} must, or --strict",
                unmet.len(),
                total.runs
            );
            println!("{}", unmet.join("\n"));
            Ok(total)
        }
        true => Ok(total),
    }
}

fn kept(file: &str) -> Result<Tally, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))
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
