//! The simulator's commands: `sweep`, `replay`, `contract`, and `sim` for the rest.
//!
//! They run the program `sim` of `tests`, optimized: a sweep in a debug build is ten times slower.

use std::process::ExitCode;

use crate::workshop::Workshop;

/// What `cargo xtask` calls them.
pub const COMMANDS: [&str; 4] = ["sweep", "replay", "contract", "sim"];

/// The arguments for the simulator, if the command line is for it.
pub fn asked(args: impl Iterator<Item = String>) -> Option<Vec<String>> {
    let mut args: Vec<String> = args.collect();
    match args.first().map(String::as_str) {
        Some("sweep" | "replay") => {}
        Some("contract") => {
            if args.last().is_some_and(|last| last == "--write") {
                args.push("README.md".to_string());
            }
        }
        Some("sim") => {
            args.remove(0);
        }
        _ => return None,
    }
    Some(args)
}

/// Runs the simulator with these arguments.
pub fn run(workshop: &Workshop, asked: &[String]) -> ExitCode {
    let mut command = workshop.cargo(&["run", "--release", "--locked", "--quiet"]);
    command.args(["-p", "tests", "--bin", "sim", "--"]);
    command.args(asked);
    // What it prints may be a file's contents: nothing of ours goes in between.
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("cannot start cargo: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Option<Vec<String>> {
        asked(line.split_whitespace().map(String::from))
    }

    #[test]
    fn the_simulator_gets_its_own_commands_and_no_others() {
        assert_eq!(given("sweep --seeds 0..9").unwrap().len(), 3);
        assert_eq!(given("sim draw 3").unwrap(), ["draw", "3"]);
        let written = given("contract --write").unwrap();
        assert_eq!(written, ["contract", "--write", "README.md"]);
        assert_eq!(given("test --long"), None);
        assert_eq!(given(""), None);
    }
}
