//! The tests that start nodes, beside busy loops: what is right only on an idle machine is not right.
//!
//! The programs are built first, so that nothing but the loops runs beside them. Whatever a program
//! leaves behind is ended, and is a failure like a test that fails.

use std::hint::spin_loop;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use std::{env, thread};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::brood::Brood;
use crate::shell;
use crate::workshop::Workshop;

const USAGE: &str = "usage: cargo xtask under-load [START-OF-A-NAME...] [--times N] [--busy N]";

/// The package whose tests start nodes.
const PACKAGE: &str = "host-native";

/// How the names of those tests begin that start nodes, each a process or in a process of their own.
const STARTS: [&str; 6] = ["cli_", "corners_", "e2e_", "node", "power", "processes"];

/// What the command line asks for.
#[derive(Debug, PartialEq)]
struct Asked {
    starts: Vec<String>,
    times: u32,
    busy: usize,
}

impl Asked {
    fn read(args: &[String]) -> Result<Self> {
        let mut asked = Self {
            starts: Vec::new(),
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
                    asked.starts.push(word.into());
                }
            }
        }
        ensure!(asked.times > 0, "no time, no test\n{USAGE}");
        if asked.starts.is_empty() {
            asked.starts = STARTS.map(String::from).into();
        }
        Ok(asked)
    }
}

/// Runs them, and says how long each took, the longest of its times.
pub fn run(workshop: &Workshop, args: &[String]) -> Result<()> {
    let asked = Asked::read(args)?;
    let mut programs = programs(workshop)?;
    programs.retain(|(name, _)| asked.starts.iter().any(|start| name.starts_with(start)));
    ensure!(
        !programs.is_empty(),
        "no test of {PACKAGE} is called so\n{USAGE}"
    );
    let failed = beside_busy_loops(asked.busy, || {
        let mut failed = Vec::new();
        for time in 1..=asked.times {
            for (name, program) in &programs {
                let began = Instant::now();
                let outcome = once(workshop, program);
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

fn once(workshop: &Workshop, program: &PathBuf) -> Result<()> {
    let mut command = workshop.command(program);
    command.current_dir(workshop.root.join(PACKAGE));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            command.env_remove(name);
        }
    }
    let outcome = shell::watch(&mut command, |_| ());
    let left = Brood::marked_in(&command).map_or_else(Vec::new, |brood| brood.end());
    outcome?;
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
        assert_eq!(all.starts, STARTS);
        let some = asked("e2e_demo --times 1 --busy 8").unwrap();
        assert_eq!((some.times, some.busy), (1, 8));
        assert_eq!(some.starts, ["e2e_demo"]);
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
