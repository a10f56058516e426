//! The tests that start nodes, beside busy loops: what is right only on an idle machine is not right.
//!
//! The programs are built first, so that nothing but the loops runs beside them. Whatever a program
//! leaves behind is ended, and is a failure like a test that fails.

use std::fmt;
use std::hint::spin_loop;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use std::{env, thread};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::brood::Brood;
use crate::shell;
use crate::workshop::Workshop;

const USAGE: &str =
    "usage: cargo xtask under-load [PROGRAM or PROGRAM::FILE...] [--times N] [--busy N]";

/// The package whose tests start nodes.
const PACKAGE: &str = "host-native";

/// The programs of tests that start nodes, each a process or in a process of their own.
const STARTS: [&str; 6] = ["cluster", "command", "demo", "hostile", "node", "processes"];

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    tests: Vec<Tests>,
    times: u32,
    busy: usize,
}

/// A program of tests: all of them, or those whose names begin so.
#[derive(Clone, Debug, PartialEq)]
struct Tests {
    program: String,
    only: Option<String>,
}

impl Tests {
    fn read(word: &str) -> Self {
        let (program, only) = match word.split_once("::") {
            Some((program, only)) => (program, Some(only.to_owned())),
            None => (word, None),
        };
        Self {
            program: program.into(),
            only,
        }
    }
}

impl fmt::Display for Tests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.only {
            Some(only) => write!(f, "{}::{only}", self.program),
            None => f.write_str(&self.program),
        }
    }
}

impl Asked {
    fn read(args: &[String]) -> Result<Self> {
        let mut asked = Self {
            tests: Vec::new(),
            times: 3,
            busy: 4,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let mut number = || words.next().context(USAGE);
            match word.as_str() {
                "--times" => asked.times = number()?.parse().context(USAGE)?,
                "--busy" => asked.busy = number()?.parse().context(USAGE)?,
                word => {
                    ensure!(!word.starts_with('-'), "{USAGE}");
                    asked.tests.push(Tests::read(word));
                }
            }
        }
        ensure!(asked.times > 0, "no time, no test\n{USAGE}");
        if asked.tests.is_empty() {
            asked.tests = STARTS.map(Tests::read).into();
        }
        Ok(asked)
    }
}

/// Runs them, and says how long each took, the longest of its times.
pub fn run(workshop: &Workshop, args: &[String]) -> Result<()> {
    let asked = Asked::read(args)?;
    let built = programs(workshop)?;
    let mut programs = Vec::new();
    for tests in &asked.tests {
        let program = built.iter().find(|(name, _)| *name == tests.program);
        let (_, program) =
            program.with_context(|| format!("{PACKAGE} has no tests called {tests}\n{USAGE}"))?;
        programs.push((tests, program));
    }
    let failed = beside_busy_loops(asked.busy, || {
        let mut failed = Vec::new();
        for time in 1..=asked.times {
            for (name, program) in &programs {
                let began = Instant::now();
                let outcome = once(workshop, program, name);
                let took = began.elapsed().as_secs();
                match outcome {
                    Ok(()) => println!("{name}: time {time} of {}, {took} s", asked.times),
                    Err(problem) => {
                        println!("{name}: time {time}, {took} s: {problem:#}");
                        failed.push(format!("{name} ({time})"));
                    }
                }
            }
        }
        failed
    });
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    println!(
        "{} test programs passed {} times in a row beside {} busy loops",
        programs.len(),
        asked.times,
        asked.busy
    );
    Ok(())
}

fn once(workshop: &Workshop, program: &Path, tests: &Tests) -> Result<()> {
    let mut command = workshop.command(program);
    command.current_dir(workshop.root.join(PACKAGE));
    command.args(&tests.only);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            command.env_remove(name);
        }
    }
    let mut passed = 0;
    let outcome = shell::watch(&mut command, |line| {
        passed += u32::from(line.starts_with("test ") && line.ends_with(" ... ok"));
    });
    let left = Brood::marked_in(&command).map_or_else(Vec::new, |brood| brood.end());
    outcome?;
    ensure!(passed > 0, "it has no test called so");
    ensure!(
        left.is_empty(),
        "it left processes behind: {left:?}, now killed"
    );
    Ok(())
}

/// Does something while so many threads of this process do nothing as fast as they can.
fn beside_busy_loops<T>(busy: usize, work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..busy {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// Builds the package's integration tests; returns them by name.
fn programs(workshop: &Workshop) -> Result<Vec<(String, PathBuf)>> {
    let build = [
        "test",
        "--package",
        PACKAGE,
        "--locked",
        "--no-run",
        "--tests",
    ];
    shell::run(&mut workshop.cargo(&build))?;
    let mut again: Command = workshop.cargo(&build);
    let json = shell::output(again.arg("--message-format=json"))?;
    let mut programs: Vec<_> = json.lines().filter_map(integration_test).collect();
    programs.sort();
    Ok(programs)
}

/// Reads a line of cargo's about a test that it has built.
fn integration_test(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let of_its_own = target["kind"].as_array()?.iter().any(|kind| kind == "test");
    let program = message["executable"].as_str()?;
    of_its_own.then_some((target["name"].as_str()?.into(), program.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        Asked::read(&words)
    }

    #[test]
    fn names_and_numbers_are_read() {
        let all = asked("").unwrap();
        assert_eq!((all.times, all.busy), (3, 4));
        assert_eq!(all.tests, STARTS.map(Tests::read));
        let some = asked("demo node::full_disks --times 1 --busy 8").unwrap();
        assert_eq!((some.times, some.busy), (1, 8));
        let shown: Vec<String> = some.tests.iter().map(Tests::to_string).collect();
        assert_eq!(shown, ["demo", "node::full_disks"]);
        assert_eq!(some.tests[1].only.as_deref(), Some("full_disks"));
        assert!(asked("--times").is_err() && asked("--bsy 3").is_err());
        assert!(asked("--times 0").is_err());
    }

    #[test]
    fn only_programs_of_integration_tests_are_taken() {
        let line = |kind: &str| {
            format!(
                r#"{{"target":{{"kind":["{kind}"],"name":"power"}},"executable":"/t/power-1"}}"#
            )
        };
        let found = integration_test(&line("test")).unwrap();
        assert_eq!(found, ("power".into(), "/t/power-1".into()));
        assert_eq!(integration_test(&line("lib")), None);
        assert_eq!(integration_test("Finished"), None);
    }
}
