//! All mutants there are, and those a seed draws.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::shell;
use crate::workshop::Workshop;

/// One change, as `cargo mutants` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Mutant {
    /// `FILE:LINE:COLUMN: WHAT`.
    pub name: String,
    /// The file it changes.
    pub file: String,
    /// Where.
    pub span: Span,
    /// What stands there then.
    pub replacement: String,
    /// The function that it is in; constants are in none.
    pub function: Option<Function>,
    /// The line it changes.
    #[serde(skip)]
    line: String,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Function {
    /// From its documentation to its closing brace.
    pub span: Span,
}

/// From here to there, the end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Span {
    pub start: Place,
    pub end: Place,
}

/// A place in a file, both numbers from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Mutant {
    /// What it is called in the list of reasons: by what it changes, not by where that stands.
    pub fn key(&self) -> String {
        let mut parts = self.name.splitn(4, ':');
        let file = parts.next().unwrap_or_default();
        let what = parts.nth(2).unwrap_or_default();
        format!("{file}:{what} | {}", self.line)
    }
}

/// Every mutant of the files of `.cargo/mutants.toml`.
pub fn all(workshop: &Workshop) -> Result<Vec<Mutant>> {
    let mut list = workshop.cargo(&["mutants", "--list", "--json", "--package=kraft-proto"]);
    let json = shell::output(&mut list)?;
    let mut mutants: Vec<Mutant> =
        serde_json::from_str(&json).context("`cargo mutants --list --json` was not understood")?;
    for mutant in &mut mutants {
        let text = workshop.read(&mutant.file)?;
        let line = text.lines().nth(mutant.span.start.line.saturating_sub(1));
        mutant.line = line.unwrap_or_default().trim().to_string();
    }
    // Two changes of one name cannot be told apart, and are the same to a reader.
    mutants.dedup_by(|one, other| one.name == other.name);
    ensure!(!mutants.is_empty(), "there is nothing to mutate");
    Ok(mutants)
}

/// So many of them, the same from the same seed (splitmix64, Fisher and Yates).
pub fn draw(all: &[Mutant], seed: u64, count: usize) -> Vec<&Mutant> {
    let mut state = seed;
    let mut below = |bound: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound
    };
    let mut drawn: Vec<&Mutant> = all.iter().collect();
    for at in 0..count.min(drawn.len()) {
        let other = at + below(drawn.len() - at);
        drawn.swap(at, other);
    }
    drawn.truncate(count);
    drawn
}

/// A text as a regular expression that matches just that.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize) -> Vec<Mutant> {
        let place = Place { line: 1, column: 1 };
        let span = Span {
            start: place,
            end: place,
        };
        let numbered = |number| Mutant {
            name: format!("a.rs:{number}:1: replace < with <= in f"),
            file: "a.rs".to_string(),
            span,
            replacement: "<=".to_string(),
            function: None,
            line: "a < b".to_string(),
        };
        (0..count).map(numbered).collect()
    }

    #[test]
    fn a_seed_draws_the_same_again_and_each_once() {
        let all = some(50);
        let drawn = draw(&all, 3, 20);
        assert_eq!(drawn, draw(&all, 3, 20));
        assert_ne!(drawn, draw(&all, 4, 20));
        let mut names: Vec<&str> = drawn.iter().map(|mutant| mutant.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 20);
        assert_eq!(draw(&all, 3, 99).len(), 50);
    }

    #[test]
    fn a_mutant_keeps_its_key_when_its_line_moves() {
        let [one, other] = &some(2)[..] else { panic!() };
        assert_eq!(one.key(), other.key());
        assert_eq!(one.key(), "a.rs: replace < with <= in f | a < b");
    }

    #[test]
    fn an_escaped_name_has_no_operators_left() {
        assert_eq!(escaped("f<T>() -> a::b | c"), r"f<T>\(\) \-> a::b \| c");
    }
}
