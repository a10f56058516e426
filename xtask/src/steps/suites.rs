//! Every test of the workspace, counted.

use std::env;

use anyhow::Result;

use crate::report::Done;
use crate::shell;
use crate::workshop::{Length, Workshop};

pub fn step(workshop: &Workshop) -> Result<Done> {
    // By itself: a build says nothing on its standard output, and may take long on a small machine.
    shell::run(&mut workshop.cargo(&["test", "--workspace", "--locked", "--no-run"]))?;
    let mut test = workshop.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    for (name, _) in env::vars_os() {
        if is_of_a_cluster(&name.to_string_lossy()) {
            test.env_remove(name);
        }
    }
    if workshop.length == Length::Long && env::var_os("KRAFT_SEEDS").is_none() {
        test.env("KRAFT_SEEDS", LONG_SEEDS);
    }
    let mut total = Counted::default();
    let mut suites = 0;
    let mut failed = Vec::new();
    let outcome = shell::watch(&mut test, |line| {
        if let Some(counted) = closing_line(line) {
            total.passed += counted.passed;
            total.failed += counted.failed;
            total.ignored += counted.ignored;
            suites += usize::from(counted.passed > 0);
        }
        failed.extend(failed_test(line).map(str::to_string));
    });
    let failures = format!("{} tests failed: {}", total.failed, failed.join(", "));
    outcome.map_err(|problem| problem.context(failures))?;
    Ok(Done::tests(
        total.passed,
        format!("tests in {suites} suites passed, {} ignored", total.ignored),
    ))
}

/// The tests' own variables: which seeds to run, and whether to tell every step.
const OURS: [&str; 2] = ["KRAFT_SEEDS", "KRAFT_TRACE"];

/// Whether a variable sets up somebody's own cluster, which is not the tests' business.
fn is_of_a_cluster(variable: &str) -> bool {
    variable.starts_with("KRAFT_") && !OURS.contains(&variable)
}

/// The seeds of the random suites when there is time.
const LONG_SEEDS: &str = "0..5000";

/// What one test program said at its end.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn closing_line(line: &str) -> Option<Counted> {
    let (_verdict, counts) = line
        .trim()
        .strip_prefix("test result: ")?
        .split_once(". ")?;
    let mut counted = Counted::default();
    for count in counts.split("; ") {
        match count.split_once(' ') {
            Some((n, "passed")) => counted.passed = n.parse().ok()?,
            Some((n, "failed")) => counted.failed = n.parse().ok()?,
            Some((n, "ignored")) => counted.ignored = n.parse().ok()?,
            _ => {}
        }
    }
    Some(counted)
}

/// Reads `test NAME ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_cluster_stay_outside_and_seeds_come_in() {
        assert!(is_of_a_cluster("KRAFT_CONFIG") && is_of_a_cluster("KRAFT_MODE"));
        assert!(!is_of_a_cluster("KRAFT_SEEDS") && !is_of_a_cluster("PATH"));
    }

    #[test]
    fn a_failed_test_is_named() {
        assert_eq!(failed_test("test a::b ... FAILED"), Some("a::b"));
        assert_eq!(failed_test("test a::b ... ok"), None);
    }

    #[test]
    fn closing_lines_are_read_and_others_are_not() {
        let line = "test result: FAILED. 12 passed; 2 failed; 1 ignored; 0 measured; \
                    3 filtered out; finished in 0.01s";
        assert_eq!(
            closing_line(line),
            Some(Counted {
                passed: 12,
                failed: 2,
                ignored: 1
            })
        );
        assert_eq!(closing_line("test modes::words ... ok"), None);
    }
}
