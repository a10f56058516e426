//! Traces of the core as JSON lines: `cargo xtask trace --seed S --steps N`.

use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

use tests::explore::walk::{WalkError, walk};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((seed, steps)) = asked(&args) else {
        eprintln!("usage: cargo xtask trace --seed S --steps N");
        return ExitCode::from(2);
    };
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

fn asked(args: &[String]) -> Option<(u64, u64)> {
    let value = |name: &str| {
        let place = args.iter().position(|arg| arg == name)?;
        args.get(place + 1)?.parse().ok()
    };
    let asked = (value("--seed")?, value("--steps")?);
    (args.len() == 4).then_some(asked)
}
