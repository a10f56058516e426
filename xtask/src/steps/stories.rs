//! Every test and every script that `PROOF.md` names is there.

use anyhow::{Result, ensure};

use crate::workshop::Workshop;

/// The page that says which test tells which story.
const PROOF: &str = "tests/PROOF.md";

/// Names shorter than this are words of the text.
const NAME_MIN: usize = 15;

/// Checks every name, and returns how many there were.
pub fn stories(workshop: &Workshop) -> Result<usize> {
    let page = workshop.read(PROOF)?;
    let mut sources = String::new();
    let mut scripts = Vec::new();
    for path in workshop.files()? {
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".rs") {
            sources += &workshop.read(&name)?;
        } else if let Some(script) = name.strip_prefix("tests/testdata/") {
            scripts.push(script.to_owned());
        }
    }
    let mut count = 0;
    for test in page.split('`').skip(1).step_by(2).filter_map(test_name) {
        ensure!(
            sources.contains(&format!("fn {test}(")),
            "{PROOF} names the test {test}, which is not there"
        );
        count += 1;
    }
    for number in page.lines().filter_map(told_by).flat_map(script_numbers) {
        ensure!(
            scripts.iter().any(|script| script.starts_with(&number)),
            "{PROOF} names script {number}, which is not in tests/testdata"
        );
        count += 1;
    }
    Ok(count)
}

/// The test that a piece of code in the text names, if it names one.
fn test_name(code: &str) -> Option<&str> {
    let name = code.rsplit("::").next()?;
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (is_name && name.len() >= NAME_MIN && name.contains('_')).then_some(name)
}

/// The second column of a table of two.
fn told_by(line: &str) -> Option<&str> {
    let mut cells = line.strip_prefix("| ")?.split(" | ");
    let told = cells.nth(1)?;
    cells.next().is_none().then_some(told)
}

/// `61-` of a cell that begins with `61`.
fn script_numbers(cell: &str) -> Option<String> {
    let number = cell.split([',', ' ']).next()?;
    let is_script = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_script.then(|| format!("{number}-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_scripts_are_told_from_other_words() {
        assert_eq!(
            test_name("copies.rs::a_late_refusal_is_ignored"),
            Some("a_late_refusal_is_ignored")
        );
        assert_eq!(test_name("cargo xtask core"), None);
        assert_eq!(test_name("contract/"), None);
        assert_eq!(
            script_numbers(told_by("| a rule | 61, `x` |").unwrap()),
            Some("61-".into())
        );
        assert_eq!(told_by("| a | b | c | d |"), None);
    }
}
