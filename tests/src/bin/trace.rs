//! Traces of the core as JSON lines: `cargo xtask trace --seed S --steps N`.

use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use clap::Parser;
use tests::explore::walk::{WalkError, walk};

/// A random walk as JSON lines, for other specifications of Raft to read.
#[derive(Parser)]
#[command(name = "trace")]
struct Cli {
    /// Which walk
    #[arg(long, value_name = "S")]
    seed: u64,
    /// How far
    #[arg(long, value_name = "N")]
    steps: u64,
}

fn main() -> ExitCode {
    let Cli { seed, steps } = Cli::parse();
    let mut out = BufWriter::new(stdout().lock());
    let walked = walk(seed, steps, &mut out).and(out.flush().map_err(WalkError::Output));
    match walked {
        Ok(()) => ExitCode::SUCCESS,
        Err(WalkError::Output(error)) => {
            eprintln!("the trace could not be written: {error}");
            ExitCode::FAILURE
        }
        Err(WalkError::Violated(violation)) => {
            eprintln!("seed {seed}: {}: {}", violation.invariant, violation.what);
            ExitCode::FAILURE
        }
    }
}
