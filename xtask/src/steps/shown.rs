//! The commands that our pages show: each exists, and so does every flag it is shown with.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::STEPS;
use super::page::{Block, Page};
use crate::by_hand::PROGRAMS;
use crate::shell;
use crate::workshop::Workshop;

/// Who answers what a command is: the programs themselves, asked once each.
pub struct Commands<'a> {
    workshop: &'a Workshop,
    programs: PathBuf,
    helps: BTreeMap<String, String>,
}

impl<'a> Commands<'a> {
    pub fn new(workshop: &'a Workshop) -> Result<Self> {
        Ok(Self {
            workshop,
            programs: workshop.programs()?,
            helps: BTreeMap::new(),
        })
    }

    /// Checks every command of a page, in its blocks and in its text; returns how many there were.
    pub fn check(&mut self, page: &Page) -> Result<usize> {
        let shown = page.blocks().iter().flat_map(Block::commands).collect();
        let said = page
            .codes()
            .into_iter()
            .map(|code| code.replace(['[', ']'], ""));
        let all: Vec<String> = [shown, said.collect::<Vec<_>>()].concat();
        let mut count = 0;
        for line in all {
            let known = self
                .one(&line)
                .with_context(|| format!("{} shows `{line}`", page.path))?;
            count += usize::from(known);
        }
        Ok(count)
    }

    /// Whether that is a command of ours; an error if it would be, and does not exist.
    fn one(&mut self, line: &str) -> Result<bool> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["kraft", name, rest @ ..] if is_word(name) => {
                let mut help = self.help("kraft", &[name])?;
                if let ([inner, ..], true) = (rest, help.contains("\nCommands:\n")) {
                    help = self.help("kraft", &[name, inner])?;
                }
                offered(line, &help)?;
            }
            ["cargo", "xtask", name, rest @ ..] => self.xtask(line, name, rest)?,
            ["cargo", "test" | "run" | "install", ..] => self.targets(&words)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `cargo xtask …`: a step, or a program with its flags.
    fn xtask(&mut self, line: &str, name: &str, rest: &[&str]) -> Result<()> {
        if ["test", "STEP"].contains(&name) || STEPS.iter().any(|step| step.name == name) {
            return Ok(());
        }
        let Some(program) = PROGRAMS.iter().find(|program| program.name == name) else {
            bail!("`cargo xtask {name}` is no step");
        };
        let help = match program.of_tests() {
            Some((bin, first)) => {
                let words = rest.iter().take_while(|word| is_word(word));
                let words: Vec<&str> = first.iter().chain(words).copied().collect();
                self.help(bin, &words)?
            }
            // One of ours says what it takes where it reads it.
            None => self.source(name)?,
        };
        offered(line, &help)
    }

    /// `cargo test -p tests --test sim`, `cargo run --bin drive`: what is named is there.
    fn targets(&self, words: &[&str]) -> Result<()> {
        for pair in words.windows(2) {
            let [flag, name] = pair else { continue };
            let metadata = self.workshop.metadata()?;
            let kind = match *flag {
                "-p" | "--package" => {
                    ensure!(metadata.our(name).is_some(), "there is no package {name}");
                    continue;
                }
                "--path" => {
                    let folder = self.workshop.root.join(name);
                    ensure!(folder.join("Cargo.toml").exists(), "{name} is no package");
                    continue;
                }
                "--test" => "test",
                "--bin" => "bin",
                "--example" => "example",
                "--" => break,
                _ => continue,
            };
            let is_there =
                |target: &crate::metadata::Target| target.name == *name && target.is(kind);
            let mut all = metadata.ours().flat_map(|package| &package.targets);
            ensure!(all.any(is_there), "there is no {kind} {name}");
        }
        Ok(())
    }

    fn help(&mut self, program: &str, words: &[&str]) -> Result<String> {
        let key = format!("{program} {}", words.join(" "));
        if let Some(help) = self.helps.get(&key) {
            return Ok(help.clone());
        }
        let file = format!("{program}{}", env::consts::EXE_SUFFIX);
        let mut command = self.workshop.command(self.programs.join(file));
        let help = shell::output(command.args(words).arg("--help"))?;
        self.helps.insert(key, help.clone());
        Ok(help)
    }

    /// What our own sources of that program say, in its file or folder.
    fn source(&self, name: &str) -> Result<String> {
        let begins = format!("xtask/src/{}", name.replace('-', "_"));
        let mut all = String::new();
        for path in self.workshop.files()? {
            let path = path.to_string_lossy().replace('\\', "/");
            if path.starts_with(&begins) {
                all += &self.workshop.read(&path)?;
            }
        }
        Ok(all)
    }
}

/// Whether it could be a command's name.
fn is_word(word: &str) -> bool {
    word.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && !word.starts_with('-')
}

fn offered(line: &str, help: &str) -> Result<()> {
    for flag in flags(line) {
        ensure!(offers(help, flag), "it has no {flag}");
    }
    Ok(())
}

fn flags(line: &str) -> impl Iterator<Item = &str> {
    let words = line
        .split(' ')
        .take_while(|word| *word != "--" && *word != "|");
    words
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
}

/// Whether a help text lists that flag, and not just a longer one.
fn offers(help: &str, flag: &str) -> bool {
    let ends = |at: usize| {
        let next = help[at + flag.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '-')
    };
    help.match_indices(flag).any(|(at, _)| ends(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_offered_only_under_its_whole_name() {
        let help = "      --fsync-floor <MODE>\n      --mode <MODE>";
        assert!(offers(help, "--mode") && !offers(help, "--fsync"));
        assert_eq!(
            flags("put a 1 --mode=all -- --not").collect::<Vec<_>>(),
            ["--mode"]
        );
    }

    #[test]
    fn names_of_commands_are_told_from_other_words() {
        assert!(is_word("under-load") && is_word("put"));
        assert!(!is_word("--mode") && !is_word("<version>") && !is_word("SEED"));
    }
}
