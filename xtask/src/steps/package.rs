//! The package for JavaScript: its types, and its tests under Node and in a browser.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{tools, wasm};
use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// The folder of the package.
const FOLDER: &str = "host-wasm";

/// Milliseconds that one test may take, on a busy machine.
const TEST_MAX: &str = "--test-timeout=900000";

/// Types, and the tests that need no browser.
pub fn node(workshop: &Workshop) -> Result<Done> {
    compile(workshop)?;
    let counted = run(workshop, "host-wasm/dist/test")?;
    Ok(Done::tests(counted, "tests of the package under Node"))
}

/// The tests that need one: a file for each.
pub fn browser(workshop: &Workshop) -> Result<Done> {
    for browser in [&tools::CHROMIUM, &tools::FIREFOX] {
        println!("{}", tools::browser(workshop, browser)?);
    }
    compile(workshop)?;
    let folder = "host-wasm/dist/test/browser";
    let chromium = run_files(workshop, &[format!("{folder}/chromium.test.js")])?;
    let firefox = run_files(workshop, &[format!("{folder}/firefox.test.js")])?;
    Ok(Done::tests(
        chromium + firefox,
        format!("tests of the package: {chromium} in Chromium, {firefox} in Firefox"),
    ))
}

/// What the tarball has of the repository's top folder, which `npm pack` does not reach.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// JavaScript of the TypeScript; every complaint is an error.
pub fn compile(workshop: &Workshop) -> Result<()> {
    ensure!(
        wasm::is_made(workshop, FOLDER),
        "the wasm is not built: cargo xtask wasm"
    );
    tools::node(workshop)?;
    npm::install(workshop, FOLDER)?;
    for licence in LICENCES {
        let copy = workshop.root.join(FOLDER).join(licence);
        std::fs::copy(workshop.root.join(licence), copy).context(licence)?;
    }
    let dist = workshop.root.join(FOLDER).join("dist");
    if dist.is_dir() {
        std::fs::remove_dir_all(&dist).context("what was compiled before cannot be removed")?;
    }
    let mut compile = npm::node(workshop, "host-wasm/node_modules/typescript/bin/tsc");
    shell::run(compile.args(["--project", FOLDER]))
}

/// Runs the test files of a folder, and counts.
pub fn run(workshop: &Workshop, folder: &str) -> Result<usize> {
    let mut files = test_files(&workshop.root.join(folder))?;
    ensure!(!files.is_empty(), "{folder} has no tests");
    files.sort();
    let files: Vec<String> = files
        .iter()
        .map(|file| format!("{folder}/{file}"))
        .collect();
    run_files(workshop, &files)
}

/// Runs these, one after the other, and counts.
fn run_files(workshop: &Workshop, files: &[String]) -> Result<usize> {
    let mut test = npm::node(workshop, "--test");
    // A test that waits for what does not come is named, and ends.
    test.args(["--test-reporter=tap", "--test-concurrency=1", TEST_MAX])
        .args(files);
    let mut counted = Counted::default();
    shell::watch(&mut test, |line| counted.take(line))?;
    ensure!(
        counted.failed == 0 && counted.skipped == 0,
        "{} failed, {} skipped",
        counted.failed,
        counted.skipped
    );
    Ok(counted.passed)
}

fn test_files(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name();
        let name = OsStr::to_string_lossy(&name).into_owned();
        if name.ends_with(".test.js") {
            files.push(name);
        }
    }
    Ok(files)
}

/// What the closing lines of TAP say.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Counted {
    fn take(&mut self, line: &str) {
        let count = |name: &str| line.strip_prefix(name)?.trim().parse::<usize>().ok();
        if let Some(passed) = count("# pass ") {
            self.passed = passed;
        }
        for name in ["# fail ", "# cancelled "] {
            self.failed += count(name).unwrap_or(0);
        }
        if let Some(skipped) = count("# skipped ") {
            self.skipped = skipped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_read_and_others_are_not() {
        let mut counted = Counted::default();
        for line in [
            "ok 1 - # pass 9",
            "# pass 7",
            "# fail 1",
            "# cancelled 2",
            "# skipped 3",
        ] {
            counted.take(line);
        }
        let read = Counted {
            passed: 7,
            failed: 3,
            skipped: 3,
        };
        assert_eq!(counted, read);
    }
}
