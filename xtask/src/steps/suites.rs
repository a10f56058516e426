//! Every test of the workspace, counted.

use std::env;

use anyhow::Result;

use crate::report::Done;
use crate::shell;
use crate::workshop::{Length, Workshop};

pub fn step(workshop: &Workshop) -> Result<Done> {
    let mut test = workshop.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    // The settings of somebody's own cluster are not the tests' business.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            test.env_remove(name);
        }
    }
    if workshop.length == Length::Long {
        test.env("XTASK_LONG", "1");
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
