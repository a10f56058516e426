//! Every test and every script that `PROOF.md` names is there.

use anyhow::{Result, ensure};

use crate::workshop::Workshop;

/// The page that says which test tells which story.
const PROOF: &str = "tests/PROOF.md";

/// The folder of the tests, which is no subject of scripts.
const OWN_FILES: &str = "tests";

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
    for script in page.split('`').skip(1).step_by(2).filter_map(script_name) {
        ensure!(
            scripts.iter().any(|path| path == script),
            "{PROOF} names the script {script}, which is not in tests/testdata"
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

/// The script that a piece of code in the text names: `elections/pre-vote.txt`, say.
fn script_name(code: &str) -> Option<&str> {
    let (subject, name) = code.split_once('/')?;
    let is_name = |word: &str| {
        word.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit())
    };
    let is_script = is_name(subject) && name.strip_suffix(".txt").is_some_and(is_name);
    (is_script && subject != OWN_FILES).then_some(code)
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
            script_name("elections/pre-vote.txt"),
            Some("elections/pre-vote.txt")
        );
        assert_eq!(script_name("tests/mutants.txt"), None);
        assert_eq!(script_name("copies.rs"), None);
    }
}
