//! What became of mutants: the answers of earlier runs, whole or stopped halfway.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::sample::Mutant;

/// What became of one mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A test failed.
    Caught,
    /// No test did.
    Missed,
    /// The tests did not end.
    Timeout,
    /// It does not compile.
    Unviable,
}

/// Each outcome with its file in the folder of `cargo mutants`.
const OUTCOMES: [(&str, Outcome); 4] = [
    ("caught", Outcome::Caught),
    ("missed", Outcome::Missed),
    ("timeout", Outcome::Timeout),
    ("unviable", Outcome::Unviable),
];

/// The answers of one suite about one state of the code.
pub struct Ledger {
    file: PathBuf,
    answers: BTreeMap<String, Outcome>,
}

impl Ledger {
    /// Reads `answers.txt`, and takes over what the latest run of `cargo mutants` left beside it:
    /// its next run begins with empty files.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("answers.txt");
        let mut answers = BTreeMap::new();
        for line in fs::read_to_string(&file).unwrap_or_default().lines() {
            let (word, name) = line.split_once(' ').context("an answer is two words")?;
            let known = OUTCOMES.iter().find(|(known, _)| *known == word);
            let (_, outcome) = known.with_context(|| format!("no outcome is called {word}"))?;
            answers.insert(name.to_string(), *outcome);
        }
        for (word, outcome) in OUTCOMES {
            let latest = folder.join("mutants.out").join(format!("{word}.txt"));
            for name in fs::read_to_string(latest).unwrap_or_default().lines() {
                answers.insert(name.to_string(), outcome);
            }
        }
        let ledger = Self { file, answers };
        ledger.write()?;
        Ok(ledger)
    }

    fn write(&self) -> Result<()> {
        let lines = self.answers.iter().filter_map(|(name, outcome)| {
            let (word, _) = OUTCOMES.iter().find(|(_, known)| known == outcome)?;
            Some(format!("{word} {name}\n"))
        });
        fs::write(&self.file, lines.collect::<String>())
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    /// Keeps an answer.
    pub fn record(&mut self, name: &str, outcome: Outcome) -> Result<()> {
        self.answers.insert(name.to_string(), outcome);
        self.write()
    }

    /// By the name of the mutant.
    pub fn outcomes(&self) -> &BTreeMap<String, Outcome> {
        &self.answers
    }

    /// Those without an answer.
    pub fn missing<'m>(&self, mutants: &[&'m Mutant]) -> Vec<&'m Mutant> {
        let mutants = mutants.iter().copied();
        mutants
            .filter(|mutant| !self.answers.contains_key(&mutant.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_run_loses_no_answer() {
        let folder = std::env::temp_dir().join(format!("kraft-ledger-{}", std::process::id()));
        let out = folder.join("mutants.out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("caught.txt"), "a.rs:1:1: one\n").unwrap();
        assert_eq!(Ledger::open(&folder).unwrap().outcomes().len(), 1);
        // The next run.
        fs::write(out.join("caught.txt"), "").unwrap();
        fs::write(out.join("missed.txt"), "a.rs:2:1: two\n").unwrap();
        let ledger = Ledger::open(&folder).unwrap();
        let outcomes: Vec<Outcome> = ledger.outcomes().values().copied().collect();
        assert_eq!(outcomes, [Outcome::Caught, Outcome::Missed]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
