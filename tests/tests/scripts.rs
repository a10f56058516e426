//! Scenarios a person should read, with the output they are expected to have.
//!
//! `KRAFT_BLESS=1 cargo test -p tests --test scripts` writes what really came into the scripts; read
//! the difference before it is committed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder beside the scripts' that has none: what the explorer found.
const NO_SCRIPTS: &str = "explore";

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of scripts");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

/// Every script: a file of a folder that is named by its subject.
fn scripts() -> Vec<PathBuf> {
    let folders = inside(&testdata()).into_iter();
    let subjects = folders.filter(|path| path.is_dir() && !path.ends_with(NO_SCRIPTS));
    let mut scripts: Vec<PathBuf> = subjects.flat_map(|folder| inside(&folder)).collect();
    scripts.sort();
    scripts
}

/// `elections/pre-vote`.
fn name(script: &Path) -> String {
    let inside = script.strip_prefix(testdata()).expect("a script's path");
    let name = inside.to_str().and_then(|name| name.strip_suffix(".txt"));
    name.expect("a script ends in .txt")
        .replace(std::path::MAIN_SEPARATOR, "/")
}

/// The first line in which two texts differ.
fn first_difference(expected: &str, came: &str) -> String {
    let mut lines = expected.lines().zip(came.lines()).enumerate();
    let Some((place, (expected, came))) = lines.find(|(_, (expected, came))| expected != came)
    else {
        return "one of them goes on".to_owned();
    };
    format!(
        "line {}\n  expected: {expected}\n  came:     {came}",
        place + 1
    )
}

#[test]
fn every_scenario_goes_as_written() {
    let bless = env::var_os("KRAFT_BLESS").is_some();
    let mut wrong = Vec::new();
    let scripts = scripts();
    assert!(scripts.len() > 5, "the scenarios are not here");
    for path in &scripts {
        let expected = fs::read_to_string(path).expect("a script");
        let came = tests::script::replay(&expected);
        if came == expected {
            continue;
        }
        if bless {
            fs::write(path, came).expect("a script is written");
            continue;
        }
        let difference = first_difference(&expected, &came);
        wrong.push(format!("{}, {difference}", name(path)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} scenarios", scripts.len());
}

/// The names of the scripts, as the first column of a table in the README has them.
fn listed(readme: &str) -> Vec<String> {
    let cells = readme.lines().filter_map(|line| line.split('|').nth(1));
    let codes = cells.filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'));
    let mut names: Vec<String> = codes.map(str::to_owned).collect();
    names.sort();
    names
}

#[test]
fn the_readme_lists_every_script_once() {
    let readme = fs::read_to_string(testdata().join("README.md")).expect("the README");
    let mut names: Vec<String> = scripts().iter().map(|path| name(path)).collect();
    names.sort();
    assert_eq!(listed(&readme), names);
    println!("{} scripts in the README", names.len());
}
