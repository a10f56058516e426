//! Programs that run by hand: longer, wider, or for another program to read. Those of the `tests`
//! package are built optimized: in a debug build each is ten times slower.

use std::process::ExitCode;

use anyhow::Result;

use crate::workshop::{Length, Workshop};
use crate::{fuzz, mutants, under_load};

/// The page with the counts of the contract.
const CONTRACT: &str = "kraft-proto/DURABILITY.md";

/// One that runs by hand.
pub struct Program {
    /// What `cargo xtask` calls it.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    runs: Runs,
}

/// What runs.
enum Runs {
    /// A program of the `tests` package.
    Tests {
        /// The program, and the words it begins with.
        command: &'static [&'static str],
        /// What stands behind `--write`, where it has that.
        writes: Option<&'static str>,
    },
    /// Something of its own: a tool of cargo's that is installed by hand, say, and what prepares and
    /// reads it here.
    Tool(fn(&Workshop, &[String]) -> Result<()>),
}

impl Program {
    /// The program of the tests that it is, and the words that one begins with.
    pub fn of_tests(&self) -> Option<(&'static str, &'static [&'static str])> {
        match self.runs {
            Runs::Tests { command, .. } => command.split_first().map(|(bin, words)| (*bin, words)),
            Runs::Tool(_) => None,
        }
    }
}

/// One of the tests that does not write.
const fn program(
    name: &'static str,
    about: &'static str,
    command: &'static [&'static str],
) -> Program {
    Program {
        name,
        about,
        runs: Runs::Tests {
            command,
            writes: None,
        },
    }
}

/// All of them.
pub const PROGRAMS: &[Program] = &[
    program(
        "sweep",
        "many simulated runs: what was exercised, and what broke",
        &["sim", "sweep"],
    ),
    program(
        "replay",
        "one simulated run: what happens in it, and its last state's hash",
        &["sim", "replay"],
    ),
    Program {
        name: "contract",
        about: "the contract table, from what simulated runs have shown",
        runs: Runs::Tests {
            command: &["sim", "contract"],
            writes: Some(CONTRACT),
        },
    },
    program("sim", "the simulator's other commands", &["sim"]),
    program(
        "explore",
        "model checking: every world within a bound",
        &["explore"],
    ),
    program(
        "trace",
        "a random walk as JSON lines, for other specifications of Raft",
        &["trace"],
    ),
    Program {
        name: "fuzz",
        about: "the fuzz bodies under libFuzzer, one or all of them, for minutes",
        runs: Runs::Tool(fuzz::run),
    },
    Program {
        name: "mutants",
        about: "a sample of mutants of the core: which ones a test notices",
        runs: Runs::Tool(mutants::run),
    },
    Program {
        name: "under-load",
        about: "the tests that start nodes, three times beside four busy loops",
        runs: Runs::Tool(under_load::run),
    },
];

/// Runs one with these arguments.
pub fn run(program: &Program, args: &[String]) -> ExitCode {
    let workshop = Workshop::new(Length::Short);
    match program.runs {
        Runs::Tests { command, writes } => {
            let (bin, words) = words(command, writes, args);
            run_bin(&workshop, bin, &words)
        }
        Runs::Tool(tool) => match tool(&workshop, args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("xtask: {problem:#}");
                ExitCode::FAILURE
            }
        },
    }
}

/// The program's name, and its arguments.
fn words<'a>(
    command: &'static [&'static str],
    writes: Option<&'static str>,
    args: &'a [String],
) -> (&'static str, Vec<&'a str>) {
    let (bin, first) = command.split_first().unwrap_or((&"", &[]));
    let mut words: Vec<&str> = first.to_vec();
    words.extend(args.iter().map(String::as_str));
    if let Some(file) = writes
        && words.last() == Some(&"--write")
    {
        words.push(file);
    }
    (bin, words)
}

/// What it prints may be a file's contents: nothing of ours goes in between.
fn run_bin(workshop: &Workshop, bin: &str, words: &[&str]) -> ExitCode {
    // A sweep plays for longer than it is built.
    let profile = match words.first() {
        Some(&"sweep") => "sweep",
        _ => "release",
    };
    let mut command = workshop.cargo(&["run", "--profile", profile, "--quiet", "--locked"]);
    command.args(["--package", "tests", "--bin", bin, "--"]);
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs as long as it was told to"
    )]
    match command.args(words).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().map_or(1, |code| code as u8)),
        Err(problem) => {
            eprintln!("xtask: `{bin}` does not start: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> (String, Vec<String>) {
        let mut words = line.split_whitespace().map(String::from);
        let name = words.next().unwrap();
        let program = PROGRAMS.iter().find(|program| program.name == name);
        let args: Vec<String> = words.collect();
        let Runs::Tests { command, writes } = program.unwrap().runs else {
            panic!("{name} is none of the tests' programs")
        };
        let (bin, words) = super::words(command, writes, &args);
        (bin.into(), words.into_iter().map(String::from).collect())
    }

    #[test]
    fn each_program_gets_its_own_words_first() {
        let (bin, words) = given("sweep --seeds 0..9");
        assert_eq!((bin.as_str(), words.len()), ("sim", 3));
        assert_eq!(given("sim draw 3").1, ["draw", "3"]);
        assert_eq!(
            given("contract --write").1,
            ["contract", "--write", CONTRACT]
        );
        assert_eq!(given("explore elections").0, "explore");
    }
}
