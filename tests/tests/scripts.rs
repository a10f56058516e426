//! Scenarios a person should read, with the output they are expected to have.
//!
//! `KRAFT_BLESS=1 cargo test -p tests --test scripts` writes what really came into the scripts; read
//! the difference before it is committed.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let files = fs::read_dir(folder).expect("tests/testdata");
    let mut scripts: Vec<PathBuf> = files
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    scripts.sort();
    scripts
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
        let name = path.file_name().unwrap_or_default().display();
        wrong.push(format!("{name}, {}", first_difference(&expected, &came)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} scenarios", scripts.len());
}

/// The numbers of the scripts, as the first column of a table in the README has them.
fn listed(readme: &str) -> Vec<String> {
    let cells = readme.lines().filter_map(|line| line.split('|').nth(1));
    let words = cells.flat_map(|cell| cell.split(',').map(str::trim));
    let numbers = words.filter(|word| word.len() == 2 && word.bytes().all(|b| b.is_ascii_digit()));
    let mut numbers: Vec<String> = numbers.map(str::to_owned).collect();
    numbers.sort();
    numbers
}

#[test]
fn the_readme_lists_every_script_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let readme = fs::read_to_string(folder.join("README.md")).expect("the README");
    let names = scripts().into_iter().filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some(name.split_once('-')?.0.to_owned())
    });
    let names: Vec<String> = names.collect();
    assert_eq!(listed(&readme), names);
    println!("{} scripts in the README", names.len());
}
