//! The fuzz bodies under libFuzzer, which looks for inputs that reach new code.
//!
//! The committed corpus is read and left as it is; what is found new is kept in `target/fuzz`, so
//! that the next run begins where this one ended. `cargo xtask fuzz` runs every target in turn.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::workshop::Workshop;

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--minutes M]";

/// The folder of the targets.
const TARGETS: &str = "tests/fuzz";

/// Bytes of an input at most: behind that, only the same again.
const INPUT_MAX: usize = 4096;

/// The code under test is safe Rust: a sanitizer would see little of memory, and cost inputs. Debug
/// assertions and overflow checks are on.
const SANITIZER: &str = "--sanitizer=none";

/// Runs the targets asked for, and says how many inputs each has taken.
pub fn run(workshop: &Workshop, args: &[String]) -> Result<()> {
    let asked = Asked::read(args, &targets(workshop)?)?;
    installed(workshop)?;
    for target in &asked.targets {
        let done = fuzz(workshop, target, asked.minutes)?;
        ensure!(done.executions > 0, "{target} has taken no input");
        println!(
            "{target}: {} inputs in {} minutes, {} a second, nothing wrong",
            done.executions, asked.minutes, done.a_second
        );
    }
    Ok(())
}

/// What the command line asks for.
#[derive(Debug)]
struct Asked {
    targets: Vec<String>,
    minutes: u64,
}

impl Asked {
    fn read(args: &[String], known: &[String]) -> Result<Self> {
        let mut asked = Self {
            targets: Vec::new(),
            minutes: 5,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            if word == "--minutes" {
                let minutes = words.next().context(USAGE)?;
                asked.minutes = minutes.parse().context(USAGE)?;
            } else {
                ensure!(
                    known.contains(word),
                    "there is no target {word}, only {}\n{USAGE}",
                    known.join(", ")
                );
                asked.targets.push(word.clone());
            }
        }
        ensure!(asked.minutes > 0, "no time, no input\n{USAGE}");
        if asked.targets.is_empty() {
            asked.targets = known.to_vec();
        }
        Ok(asked)
    }
}

fn targets(workshop: &Workshop) -> Result<Vec<String>> {
    let folder = workshop.root.join(TARGETS).join("fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))?;
    let mut names = Vec::new();
    for file in files {
        let path = file?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into()));
    }
    names.sort();
    Ok(names)
}

fn nightly(workshop: &Workshop, args: &[&str]) -> Command {
    let mut command = workshop.command("rustup");
    command.args(["run", "nightly", "cargo"]).args(args);
    command
}

fn installed(workshop: &Workshop) -> Result<()> {
    ensure!(
        shell::works(&mut nightly(workshop, &["--version"])),
        "libFuzzer needs a nightly toolchain: `rustup toolchain install nightly`"
    );
    ensure!(
        shell::works(&mut nightly(workshop, &["fuzz", "--version"])),
        "`cargo fuzz` is missing: `cargo install cargo-fuzz --locked` (it takes minutes)"
    );
    Ok(())
}

/// What a run has done.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    executions: u64,
    a_second: u64,
}

fn fuzz(workshop: &Workshop, target: &str, minutes: u64) -> Result<Done> {
    let kept = workshop.root.join("target/fuzz");
    let found = kept.join("corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let log = kept.join(format!("{target}.log"));
    let folder = format!("--fuzz-dir={TARGETS}");
    let with_target = |verb| {
        let mut command = nightly(workshop, &["fuzz", verb, &folder, SANITIZER, target]);
        command.arg("--target-dir").arg(kept.join("build"));
        command
    };
    shell::run(&mut with_target("build"))?;
    let mut command = with_target("run");
    command.arg(&found);
    command.arg(Path::new(TARGETS).join("corpus").join(target));
    command.args(["--", "-print_final_stats=1", "-timeout=60"]);
    command.arg(format!("-max_len={INPUT_MAX}"));
    command.arg(format!("-max_total_time={}", minutes * 60));
    let wrong = kept.join(format!("{target}-"));
    command.arg(format!("-artifact_prefix={}", wrong.display()));
    println!(
        "$ {}\n  what it says: {}",
        shell::spelled(&command),
        log.display()
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs as long as it was told to"
    )]
    let status = command.stderr(File::create(&log)?).status()?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let lines: Vec<&str> = said.lines().collect();
        let last = &lines[lines.len().saturating_sub(40)..];
        bail!("{target}: {status}\n{}", last.join("\n"));
    }
    done(&said).with_context(|| format!("{target} says no figures: {}", log.display()))
}

/// The figures among what libFuzzer says at its end.
fn done(said: &str) -> Option<Done> {
    let figure = |name: &str| {
        let line = said.lines().rev().find_map(|line| line.strip_prefix(name));
        line?.trim_start_matches(':').trim().parse().ok()
    };
    Some(Done {
        executions: figure("stat::number_of_executed_units")?,
        a_second: figure("stat::average_exec_per_sec")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_targets_or_those_named_for_some_minutes() {
        let known = ["frames".to_string(), "store".to_string()];
        let read = |line: &str| {
            let args: Vec<String> = line.split_whitespace().map(String::from).collect();
            Asked::read(&args, &known).map(|asked| (asked.targets.len(), asked.minutes))
        };
        assert_eq!(read("").unwrap(), (2, 5));
        assert_eq!(read("store --minutes 60").unwrap(), (1, 60));
        assert!(read("stores").unwrap_err().to_string().contains("frames"));
        assert!(read("--minutes").is_err() && read("--minutes 0").is_err());
    }

    #[test]
    fn figures_are_read_from_what_libfuzzer_says() {
        let said = "#2 INITED\nstat::number_of_executed_units: 4096\n\
                    stat::average_exec_per_sec:     2048\nstat::new_units_added: 1\n";
        let figures = Done {
            executions: 4096,
            a_second: 2048,
        };
        assert_eq!(done(said), Some(figures));
        assert_eq!(done("Killed"), None);
    }
}
