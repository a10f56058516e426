//! Mutants: the core with one thing changed, and whether a test notices.
//!
//! `cargo mutants` makes them; here a sample is drawn by a seed that is printed, and what earlier
//! runs found is kept, so that one that was stopped goes on where it was. Nearly all of a sample is
//! woven into one build ([`woven`]), where `cargo mutants` builds each by itself; it does the rest:
//!
//! ```text
//! all mutants ─ seed ─► sample ─► fast suite ─ missed ─► every suite of the core ─ missed ─► survivor
//!  .cargo/mutants.toml               │ caught               │ caught                  reason in
//!                                    ▼                      ▼                    tests/mutants.txt
//!                          target/mutants/SOURCES   …/SOURCES-TESTS                or a failure
//! ```

mod ledger;
mod reasons;
mod sample;
mod together;
mod woven;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::workshop::Workshop;
use ledger::{Ledger, Outcome};
use sample::Mutant;
use together::{Suite, Together};

/// Where what survives for a reason is listed.
const REASONS: &str = "tests/mutants.txt";

const USAGE: &str = "usage: cargo xtask mutants [--seed S] [--sample N]";

/// One suite, as a stage of the way of a mutant.
struct Round {
    name: &'static str,
    suite: Suite,
}

/// The suite of `.cargo/mutants.toml`: seconds.
const FAST: Round = Round {
    name: "fast",
    suite: Suite {
        programs: Some(&[
            "kraft_proto",
            "limits",
            "paper",
            "set_back",
            "term_runs",
            "waits",
        ]),
        skipped: &[
            "contract::minority_loses_power",
            "contract::all_lose_power",
            "safety::every_leader_has_everything_committed_before",
            "replication::lost_messages_delay_and_do_not_livelock",
            "a_proposal_beyond_what_waits_for_the_disk_is_refused_and_later_taken",
        ],
    },
};

/// Every suite of the core.
const WHOLE: Round = Round {
    name: "whole",
    suite: Suite {
        programs: None,
        skipped: &[],
    },
};

/// Draws, runs what no earlier run answered, and counts.
pub fn run(workshop: &Workshop, args: &[String]) -> Result<()> {
    let asked = Asked::read(args)?;
    installed(workshop)?;
    let all = sample::all(workshop)?;
    let drawn = sample::draw(&all, asked.seed, asked.sample);
    println!(
        "{} mutants of {}, drawn with --seed {}",
        drawn.len(),
        all.len(),
        asked.seed
    );
    let sources = digest(workshop, &["kraft-proto/src", ".cargo/mutants.toml"])?;
    let tests = digest(workshop, &["kraft-proto/tests"])?;
    let mut folders = Folders {
        workshop,
        drawn: &drawn,
        built: None,
    };
    let sources = format!("{sources:016x}");
    let with_tests = format!("{sources}-{tests:016x}");
    let fast = folders.together(&FAST, &sources, &drawn)?;
    let missed: Vec<&Mutant> = drawn
        .iter()
        .copied()
        .filter(|mutant| fast.get(&mutant.name) == Some(&Outcome::Missed))
        .collect();
    println!("the fast suite misses {} of them", missed.len());
    let mut whole = folders.together(&WHOLE, &with_tests, &missed)?;
    let others: Vec<&Mutant> = drawn
        .iter()
        .copied()
        .filter(|mutant| !fast.contains_key(&mutant.name))
        .collect();
    whole.extend(folders.alone(&sources, &others)?);
    conclude(workshop, &drawn, |mutant| {
        let outcome = whole.get(&mutant.name).or(fast.get(&mutant.name));
        outcome.copied()
    })
}

/// What the command line asks for.
struct Asked {
    seed: u64,
    sample: usize,
}

impl Asked {
    fn read(args: &[String]) -> Result<Self> {
        let mut asked = Self {
            seed: 1,
            sample: 200,
        };
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let value = words.next().context(USAGE)?;
            match word.as_str() {
                "--seed" => asked.seed = value.parse().context(USAGE)?,
                "--sample" => asked.sample = value.parse().context(USAGE)?,
                other => bail!("{other}: unknown\n{USAGE}"),
            }
        }
        ensure!(asked.sample > 0, "a sample of none shows nothing");
        Ok(asked)
    }
}

fn installed(workshop: &Workshop) -> Result<()> {
    ensure!(
        shell::works(&mut workshop.cargo(&["mutants", "--version"])),
        "`cargo mutants` is missing: `cargo install cargo-mutants --locked` (it takes minutes)"
    );
    Ok(())
}

/// The answers there are, and the build that gives more.
struct Folders<'m> {
    workshop: &'m Workshop,
    drawn: &'m [&'m Mutant],
    built: Option<Together<'m>>,
}

impl Folders<'_> {
    fn ledger(&self, code: &str, name: &str) -> Result<(PathBuf, Ledger)> {
        let folder = self
            .workshop
            .root
            .join("target/mutants")
            .join(code)
            .join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let ledger = Ledger::open(&folder)?;
        Ok((folder, ledger))
    }

    /// What became of each of these mutants in this round; those that no earlier run answered are
    /// run, as far as they are in one build.
    fn together(
        &mut self,
        round: &Round,
        code: &str,
        mutants: &[&Mutant],
    ) -> Result<BTreeMap<String, Outcome>> {
        let (_, mut ledger) = self.ledger(code, round.name)?;
        let missing = ledger.missing(mutants);
        println!(
            "{} suite: {} of {} answered by earlier runs",
            round.name,
            mutants.len() - missing.len(),
            mutants.len()
        );
        // Constants are in no function, and no build together has them.
        if missing.iter().any(|mutant| mutant.function.is_some()) {
            let built = match self.built.take() {
                Some(built) => built,
                None => Together::build(self.workshop, self.drawn)?,
            };
            let built = self.built.insert(built);
            built.run(&round.suite, &missing, |mutant, outcome| {
                println!("{outcome:?}: {}", mutant.name);
                ledger.record(&mutant.name, outcome)
            })?;
        }
        Ok(ledger.outcomes().clone())
    }

    /// Those that `cargo mutants` has to build one by one, against every suite of the core.
    fn alone(&self, code: &str, mutants: &[&Mutant]) -> Result<BTreeMap<String, Outcome>> {
        let (folder, mut ledger) = self.ledger(code, "alone")?;
        let missing = ledger.missing(mutants);
        if !missing.is_empty() {
            println!("{} have to be built one by one", missing.len());
            mutate(self.workshop, &folder, &missing)?;
            ledger = Ledger::open(&folder)?;
        }
        Ok(ledger.outcomes().clone())
    }
}

fn mutate(workshop: &Workshop, folder: &Path, mutants: &[&Mutant]) -> Result<()> {
    let mut command = workshop.cargo(&["mutants", "--colors=never", "--output"]);
    command.arg(folder);
    command.args([
        "--no-config",
        "--package=kraft-proto",
        "--minimum-test-timeout=180",
    ]);
    for mutant in mutants {
        command.arg(format!("--re=^{}$", sample::escaped(&mutant.name)));
        // Some kinds of mutants are not chosen by name: no others of other files, then.
        command.arg(format!("--file={}", mutant.file));
    }
    command.args(["--", "--locked", "--lib", "--tests"]);
    // Nobody steps through a mutant, and what is not written need not be linked.
    for profile in ["DEV", "TEST"] {
        command.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "it runs as long as it was told to"
    )]
    let status = command.status().context("`cargo mutants` does not start")?;
    // 2: some were missed, 3: some took too long.
    match status.code() {
        Some(0 | 2 | 3) => Ok(()),
        _ => bail!("`cargo mutants`: {status}"),
    }
}

fn conclude(
    workshop: &Workshop,
    drawn: &[&Mutant],
    outcome_of: impl Fn(&Mutant) -> Option<Outcome>,
) -> Result<()> {
    let reasons = reasons::read(&workshop.read(REASONS)?)?;
    let (mut counts, mut unexplained) = (BTreeMap::new(), Vec::new());
    for mutant in drawn {
        let outcome = outcome_of(mutant);
        *counts.entry(outcome).or_insert(0) += 1;
        match outcome {
            Some(Outcome::Missed) => match reasons.get(&mutant.key()) {
                Some(reason) => println!("survives: {}\n    {reason}", mutant.name),
                None => unexplained.push(*mutant),
            },
            None => println!("not answered: {}", mutant.name),
            Some(_) => {}
        }
    }
    let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    let survived = count(Some(Outcome::Missed));
    println!(
        "{} mutants: {} killed, {} took too long, {} do not compile, {survived} survived \
         ({} of them for a reason in {REASONS})",
        drawn.len(),
        count(Some(Outcome::Caught)),
        count(Some(Outcome::Timeout)),
        count(Some(Outcome::Unviable)),
        survived - unexplained.len()
    );
    ensure!(
        count(None) == 0,
        "{} mutants have no answer: run it again",
        count(None)
    );
    if unexplained.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = unexplained.iter().map(|mutant| mutant.key()).collect();
    bail!(
        "survived; write a test that notices, or the reason into {REASONS}:\n{}",
        keys.join("\n")
    )
}

/// A digest of these folders and files (FNV-1a): answers are for this code only.
fn digest(workshop: &Workshop, places: &[&str]) -> Result<u64> {
    let mut digest = 0xcbf2_9ce4_8422_2325_u64;
    for path in workshop.files()? {
        if !places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        let bytes = fs::read(workshop.root.join(&path))?;
        for byte in path.to_string_lossy().bytes().chain(bytes) {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_and_sample_are_read_and_nothing_else() {
        let read = |line: &str| {
            let args: Vec<String> = line.split_whitespace().map(String::from).collect();
            Asked::read(&args).map(|asked| (asked.seed, asked.sample))
        };
        assert_eq!(read("").unwrap(), (1, 200));
        assert_eq!(read("--sample 3 --seed 7").unwrap(), (7, 3));
        assert!(read("--sample 0").is_err());
        assert!(read("--seeds 1").is_err() && read("--seed").is_err());
    }
}
