//! The `kraft` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_native::cli::run(std::env::args_os())
}
