//! Scripting bare nodes over JSON lines. The contract is `tests/DRIVER.md`.

use std::io::{self, BufWriter, ErrorKind};
use std::process::ExitCode;

fn main() -> ExitCode {
    match tests::drive::run(io::stdin().lock(), BufWriter::new(io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever asked has heard enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drive: standard input or output failed: {error}");
            ExitCode::FAILURE
        }
    }
}
