//! One command does what CI does.
//!
//! `cargo xtask test` installs what is missing and runs every step in order, stopping at the first
//! that fails; `cargo xtask STEP` runs one of them again. A step that exercised nothing has failed:
//! a check that cannot fail is worse than none. The steps are listed in [`steps::STEPS`].

mod brood;
mod by_hand;
mod fuzz;
mod metadata;
mod mutants;
mod npm;
mod report;
mod shell;
mod steps;
mod under_load;
mod workshop;

use std::process::ExitCode;

use lexopt::prelude::*;

use crate::by_hand::{PROGRAMS, Program};
use crate::report::{Report, Step};
use crate::steps::STEPS;
use crate::workshop::{Length, Workshop};

/// What the command line asked for.
enum Asked {
    Help,
    Steps(Vec<&'static Step>, Length),
    ByHand(&'static Program, Vec<String>),
}

fn main() -> ExitCode {
    match asked(lexopt::Parser::from_env()) {
        Ok(Asked::Help) => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        Ok(Asked::Steps(steps, length)) => run(&steps, length),
        Ok(Asked::ByHand(program, args)) => by_hand::run(program, &args),
        Err(problem) => {
            eprintln!("xtask: {problem}; nothing was run\n\n{}", help());
            ExitCode::from(2)
        }
    }
}

fn run(steps: &[&'static Step], length: Length) -> ExitCode {
    let workshop = Workshop::new(length);
    let mut report = Report::new();
    for step in steps {
        if !report.run(step, &workshop) {
            break;
        }
    }
    report.close()
}

fn asked(mut parser: lexopt::Parser) -> Result<Asked, lexopt::Error> {
    let mut name = None;
    let mut length = Length::Short;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Asked::Help),
            Long("long") => length = Length::Long,
            Value(value) if name.is_none() => {
                let value = value.string()?;
                if let Some(program) = PROGRAMS.iter().find(|program| program.name == value) {
                    let args = parser.raw_args()?.map(ValueExt::string);
                    return Ok(Asked::ByHand(program, args.collect::<Result<_, _>>()?));
                }
                name = Some(value);
            }
            other => return Err(other.unexpected()),
        }
    }
    let Some(name) = name else {
        return Ok(Asked::Help);
    };
    if name == "test" {
        return Ok(Asked::Steps(STEPS.iter().collect(), length));
    }
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => Ok(Asked::Steps(vec![step], length)),
        None => Err(format!("no step is called `{name}`").into()),
    }
}

fn help() -> String {
    let mut text = String::from(
        "usage: cargo xtask test [--long]    everything CI runs, in this order\n\
        \x20      cargo xtask STEP             one step of it\n\
        \x20      cargo xtask PROGRAM ARGS     a program that runs by hand\n\n",
    );
    for step in STEPS {
        text += &format!("  {:<10} {}\n", step.name, step.about);
    }
    text += "\nBy hand:\n";
    for program in PROGRAMS {
        text += &format!("  {:<10} {}\n", program.name, program.about);
    }
    text += "\n--long runs the random suites over thousands of seeds, not dozens.\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>, String> {
        match asked(lexopt::Parser::from_args(args)) {
            Ok(Asked::Steps(steps, _)) => Ok(steps.iter().map(|step| step.name).collect()),
            Ok(Asked::Help) => Ok(Vec::new()),
            Ok(Asked::ByHand(program, _)) => Ok(vec![program.name]),
            Err(problem) => Err(problem.to_string()),
        }
    }

    #[test]
    fn test_means_every_step_and_a_name_means_that_step() {
        assert_eq!(names(&["test"]).unwrap().len(), STEPS.len());
        assert_eq!(names(&["clippy"]).unwrap(), ["clippy"]);
    }

    #[test]
    fn an_unknown_step_or_flag_is_refused() {
        assert!(names(&["clipy"]).unwrap_err().contains("clipy"));
        assert!(names(&["test", "--lng"]).is_err());
        assert!(names(&["test", "clippy"]).is_err());
    }

    #[test]
    fn a_program_takes_whatever_follows_it() {
        let args = ["trace", "--seed", "1", "--steps", "2"];
        match asked(lexopt::Parser::from_args(args)) {
            Ok(Asked::ByHand(program, rest)) => {
                assert_eq!(program.name, "trace");
                assert_eq!(rest, args[1..]);
            }
            _ => panic!("not understood"),
        }
    }

    #[test]
    fn every_step_has_its_own_name() {
        for (i, step) in STEPS.iter().enumerate() {
            assert_ne!(step.name, "test");
            assert!(STEPS[..i].iter().all(|other| other.name != step.name));
        }
    }
}
