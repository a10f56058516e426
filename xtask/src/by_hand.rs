//! Programs of the tests that run by hand: longer, wider, or for another program to read.

use std::process::ExitCode;

use crate::workshop::{Length, Workshop};

/// A program of the `tests` package.
pub struct Program {
    /// Its name, here and there.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// All of them.
pub const PROGRAMS: &[Program] = &[
    Program {
        name: "explore",
        about: "model checking: every world within a bound",
    },
    Program {
        name: "trace",
        about: "a random walk as JSON lines, for other specifications of Raft",
    },
];

/// Runs a program, optimized, with these arguments.
pub fn run(program: &Program, args: &[String]) -> ExitCode {
    let workshop = Workshop::new(Length::Short);
    let mut command = workshop.cargo(&["run", "--release", "--quiet", "--locked"]);
    command.args(["--package", "tests", "--bin", program.name, "--"]);
    match command.args(args).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().map_or(1, |code| code as u8)),
        Err(problem) => {
            eprintln!("xtask: `{}` does not start: {problem}", program.name);
            ExitCode::FAILURE
        }
    }
}
