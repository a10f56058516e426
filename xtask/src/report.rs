//! What ran, how long it took, and how much it exercised.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workshop::Workshop;

/// One named step.
pub struct Step {
    /// What `cargo xtask` calls it.
    pub name: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// Does it, and says how much was exercised.
    pub run: fn(&Workshop) -> Result<Done>,
}

/// How much a step exercised.
#[derive(Debug)]
pub struct Done {
    /// How many; zero is a failure.
    pub count: usize,
    /// Of what.
    pub what: String,
    /// How many the closing line counts: each test by itself, any other step as one.
    pub passed: usize,
}

impl Done {
    /// A step that counts as one in the closing line.
    pub fn checked(count: usize, what: impl Into<String>) -> Self {
        Self {
            count,
            what: what.into(),
            passed: 1,
        }
    }

    /// Tests, each counted by itself.
    pub fn tests(count: usize, what: impl Into<String>) -> Self {
        Self {
            count,
            what: what.into(),
            passed: count,
        }
    }
}

/// The steps run so far.
pub struct Report {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
    started: Instant,
}

impl Report {
    /// Nothing has run.
    pub fn new() -> Self {
        Self {
            lines: Vec::new(),
            passed: 0,
            failed: 0,
            started: Instant::now(),
        }
    }

    /// Runs one step and says how it went; false when it failed.
    pub fn run(&mut self, step: &Step, workshop: &Workshop) -> bool {
        println!("\n== {}: {}", step.name, step.about);
        let began = Instant::now();
        let outcome = (step.run)(workshop).and_then(something);
        let took = seconds(began.elapsed());
        let said = match &outcome {
            Ok(done) => {
                self.passed += done.passed;
                format!("{} {}", done.count, done.what)
            }
            Err(problem) => {
                self.failed += 1;
                eprintln!("\n{problem:#}\n");
                eprintln!(
                    "step `{}` failed after {took}; to run only it again:",
                    step.name
                );
                eprintln!("    cargo xtask {}", step.name);
                "FAILED".to_string()
            }
        };
        self.lines
            .push(format!("  {:<10} {took:>8}  {said}", step.name));
        outcome.is_ok()
    }

    /// Prints what was exercised, then the closing line.
    pub fn close(self) -> ExitCode {
        println!("\n== done in {}", seconds(self.started.elapsed()));
        for line in &self.lines {
            println!("{line}");
        }
        println!("\n{} passed, {} failed", self.passed, self.failed);
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn something(done: Done) -> Result<Done> {
    if done.count == 0 {
        bail!(
            "0 {}: a step that exercised nothing proves nothing",
            done.what
        );
    }
    Ok(done)
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_exercised_nothing_failed() {
        assert!(something(Done::checked(1, "files")).is_ok());
        assert!(something(Done::tests(0, "tests")).is_err());
    }
}
