//! The simulator as a program. `cargo xtask sweep`, `replay` and `contract` run it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use tests::sim::marks::{Marks, marks};
use tests::sim::sweep::{self, RUNS_ENOUGH};
use tests::sim::{Run, Tally, Tracing, contract, shrink};

/// Simulated clusters, each drawn from a seed.
#[derive(Parser)]
#[command(name = "sim")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Play the runs of these seeds; say what was exercised, and what broke
    Sweep(Sweep),
    /// Play one run; print what happens in it and the last hash
    Replay {
        /// The run as JSON
        file: PathBuf,
    },
    /// Print the run of a seed
    Draw { seed: u64 },
    /// Print runs with their hashes, a line each, to hold another build against
    Marks {
        #[arg(long, value_name = "A..B", value_parser = seeds)]
        seeds: Range<u64>,
    },
    /// Print the contract as the runs show it
    Contract {
        #[command(flatten)]
        sweep: Sweep,
        /// What a sweep has kept here, rather than another sweep
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Put it between the markers of this file
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
    },
}

#[derive(Args)]
struct Sweep {
    /// Which to play, the last not included
    #[arg(long, value_name = "A..B", value_parser = seeds, default_value = "0..2400")]
    seeds: Range<u64>,
    /// Stop after so many, wherever that is
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// How many runs at once; as many as there are processors otherwise
    #[arg(long, value_name = "N")]
    threads: Option<u64>,
    /// Fail if anything was never exercised, however few the seeds are
    #[arg(long)]
    strict: bool,
    /// Add what was counted to this file, for a sweep in pieces
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(from, to)| {
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from < to).then_some(from..to)
    });
    ends.ok_or_else(|| {
        "no seeds: two numbers like 0..2400, the second beyond the first".to_string()
    })
}

/// Seeds a thread takes at a time.
const CHUNK: u64 = 16;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Sweep(options) => sweep(&options).map(|_| ()),
        Command::Replay { file } => replay(&file),
        Command::Draw { seed } => {
            println!("{}", tests::sim::draw(seed).to_json());
            Ok(())
        }
        Command::Marks { seeds } => print_marks(seeds),
        Command::Contract {
            sweep: options,
            from,
            write,
        } => {
            let total = match from {
                Some(file) => kept(&file)?,
                None => sweep(&options)?,
            };
            let table = contract::table(&total);
            match write {
                Some(file) => write_contract(&file, &table),
                None => {
                    println!("{table}");
                    Ok(())
                }
            }
        }
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

fn sweep(options: &Sweep) -> Result<Tally, String> {
    let Range {
        start: from,
        end: to,
    } = options.seeds;
    let minutes = options.minutes;
    let limit = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(minutes * 60));
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let threads = options.threads.unwrap_or(cores).max(1);
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
    options: &Sweep,
    total: Tally,
    (from, end, to): (u64, u64, u64),
    took: Duration,
) -> Result<Tally, String> {
    print!("{}", sweep::summary(&total, took));
    println!("seeds {from}..{end} of {from}..{to} played, nothing violated");
    if end < to {
        println!("to go on: --seeds {end}..{to}");
    }
    if let Some(file) = &options.keep {
        let mut sum = match fs::exists(file) {
            Ok(true) => kept(file)?,
            _ => Tally::default(),
        };
        sum.add(&total, from);
        let text = serde_json::to_string(&sum).map_err(|error| error.to_string())?;
        fs::write(file, text).map_err(|error| about(file, error))?;
    }
    let contradictions = total.cells.contradictions();
    if !contradictions.is_empty() {
        return Err(contradictions.join("\n"));
    }
    let unmet = sweep::unmet(&total);
    match unmet.is_empty() {
        false if options.strict || total.runs >= RUNS_ENOUGH => Err(unmet.join("\n")),
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

fn kept(file: &Path) -> Result<Tally, String> {
    serde_json::from_str(&read(file)?).map_err(|error| about(file, error))
}

fn write_contract(file: &Path, table: &str) -> Result<(), String> {
    let written = contract::between_markers(&read(file)?, table)?;
    fs::write(file, written).map_err(|error| about(file, error))
}

fn replay(file: &Path) -> Result<(), String> {
    let run = Run::from_json(&read(file)?)?;
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

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| about(file, error))
}

fn about(file: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
