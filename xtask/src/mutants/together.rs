//! Many mutants in one build of a copy of the core, run one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::ledger::Outcome;
use super::sample::Mutant;
use super::woven::{SWITCH, VARIABLE, weave};
use crate::shell;
use crate::workshop::Workshop;

/// Tests end within this many times what they take unchanged, or they hang.
const PATIENCE: u32 = 10;
const PATIENCE_MIN: Duration = Duration::from_secs(20);

/// Memory of a test program at most, in KiB: a mutant that fills it ends.
const MEMORY_KIB: u64 = 4 << 20;

/// What the build holds.
pub struct Together<'m> {
    mutants: Vec<&'m Mutant>,
    unviable: BTreeSet<u32>,
    woven: BTreeSet<u32>,
    programs: BTreeMap<String, PathBuf>,
}

/// One suite: its test programs, and the tests it leaves out.
pub struct Suite {
    /// None: all there are.
    pub programs: Option<&'static [&'static str]>,
    pub skipped: &'static [&'static str],
}

impl<'m> Together<'m> {
    /// Builds a copy of the core with all of these in it.
    pub fn build(workshop: &Workshop, mutants: &[&'m Mutant]) -> Result<Self> {
        let mut together = Self {
            mutants: mutants.to_vec(),
            unviable: BTreeSet::new(),
            woven: BTreeSet::new(),
            programs: BTreeMap::new(),
        };
        let tree = workshop.root.join("target/mutants/tree");
        copy(workshop, &tree)?;
        loop {
            let lines = together.write(workshop, &tree)?;
            let wrong = together.check(workshop, &tree, &lines)?;
            if wrong.is_empty() {
                break;
            }
            println!("{} do not compile", wrong.len());
            together.unviable.extend(wrong);
        }
        together.programs = compile(workshop, &tree)?;
        println!(
            "{} of {} mutants in one build",
            together.woven.len(),
            mutants.len()
        );
        Ok(together)
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, &'m Mutant)> {
        (1..).zip(self.mutants.iter().copied())
    }

    /// Writes the changed files; returns on which lines of which file each mutant stands.
    fn write(&mut self, workshop: &Workshop, tree: &Path) -> Result<Lines> {
        let mut lines = Lines::new();
        let files: BTreeSet<&str> = self.mutants.iter().map(|m| m.file.as_str()).collect();
        for file in files {
            let here: Vec<(u32, &Mutant)> = self
                .numbered()
                .filter(|(number, m)| m.file == file && !self.unviable.contains(number))
                .collect();
            let woven = weave(&workshop.read(file)?, &here);
            self.woven
                .extend(woven.lines.iter().map(|(number, _)| number));
            lines.insert(file.to_string(), woven.lines);
            fs::write(tree.join(file), woven.text)?;
        }
        let lib = "kraft-proto/src/lib.rs";
        fs::write(tree.join(lib), workshop.read(lib)? + SWITCH)?;
        Ok(lines)
    }

    /// Those that the compiler complains of.
    fn check(&mut self, workshop: &Workshop, tree: &Path, lines: &Lines) -> Result<BTreeSet<u32>> {
        let mut command = cargo(workshop, tree, &["check", "--message-format=json"]);
        #[expect(clippy::disallowed_methods, reason = "it builds: no test waits here")]
        let output = command.stderr(Stdio::null()).output()?;
        let mut wrong = BTreeSet::new();
        for message in messages(&output.stdout, "compiler-message") {
            let message = &message["message"];
            if message["level"] != "error" {
                continue;
            }
            for span in message["spans"].as_array().into_iter().flatten() {
                let (file, line) = (span["file_name"].as_str(), span["line_start"].as_u64());
                let here = file.and_then(|file| lines.get(file)).into_iter().flatten();
                let line = line.unwrap_or_default() as usize;
                wrong.extend(here.filter(|(_, at)| at.contains(&line)).map(|(n, _)| n));
            }
        }
        self.woven.retain(|number| !wrong.contains(number));
        ensure!(
            output.status.success() || !wrong.is_empty(),
            "the woven core does not compile, and no mutant is to blame: look at {}",
            tree.display()
        );
        Ok(wrong)
    }

    /// What became of each mutant in this suite, told as it is known; those that are not in the
    /// build are left out.
    pub fn run(
        &self,
        suite: &Suite,
        asked: &[&Mutant],
        mut tell: impl FnMut(&Mutant, Outcome) -> Result<()>,
    ) -> Result<()> {
        let began = Instant::now();
        let unchanged = self.outcome(suite, 0, Duration::from_secs(600))?;
        ensure!(
            unchanged == Outcome::Missed,
            "the suite fails without a mutant: {unchanged:?}"
        );
        let patience = PATIENCE_MIN.max(began.elapsed() * PATIENCE);
        println!(
            "unchanged, the suite takes {:.1} s",
            began.elapsed().as_secs_f64()
        );
        for (number, mutant) in self.numbered() {
            if !asked.iter().any(|asked| asked.name == mutant.name) {
                continue;
            }
            if self.unviable.contains(&number) {
                tell(mutant, Outcome::Unviable)?;
            } else if self.woven.contains(&number) {
                tell(mutant, self.outcome(suite, number, patience)?)?;
            }
        }
        Ok(())
    }

    fn outcome(&self, suite: &Suite, number: u32, patience: Duration) -> Result<Outcome> {
        let end = Instant::now() + patience;
        for (name, program) in &self.programs {
            if suite
                .programs
                .is_some_and(|only| !only.contains(&name.as_str()))
            {
                continue;
            }
            let mut command = bounded(program);
            for test in suite.skipped {
                command.args(["--skip", test]);
            }
            command.env(VARIABLE, number.to_string());
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            #[expect(clippy::disallowed_methods, reason = "here it gets its end")]
            let mut child = command.spawn().context("a test program does not start")?;
            let status = loop {
                if let Some(status) = child.try_wait()? {
                    break status;
                }
                if Instant::now() > end {
                    child.kill()?;
                    child.wait()?;
                    return Ok(Outcome::Timeout);
                }
                thread::sleep(Duration::from_millis(10));
            };
            if !status.success() {
                return Ok(Outcome::Caught);
            }
        }
        Ok(Outcome::Missed)
    }
}

/// By file.
type Lines = BTreeMap<String, Vec<(u32, std::ops::Range<usize>)>>;

/// The core and a workspace of its own, beside the workspace it came from.
fn copy(workshop: &Workshop, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    for path in workshop.files()? {
        if path.starts_with("kraft-proto") {
            let to = tree.join(&path);
            fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
            fs::copy(workshop.root.join(&path), to)?;
        }
    }
    let mut manifest: toml::Table = workshop.read("Cargo.toml")?.parse()?;
    let workspace = manifest
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut);
    let workspace = workspace.context("Cargo.toml has a workspace")?;
    workspace.insert("members".into(), vec!["kraft-proto"].into());
    workspace.remove("default-members");
    manifest.remove("profile");
    fs::write(tree.join("Cargo.toml"), manifest.to_string())?;
    fs::copy(workshop.root.join("Cargo.lock"), tree.join("Cargo.lock"))?;
    Ok(())
}

fn cargo(workshop: &Workshop, tree: &Path, args: &[&str]) -> Command {
    let mut command = workshop.cargo(args);
    command.current_dir(tree).arg("--target-dir");
    command.arg(workshop.root.join("target/mutants/build"));
    // Tests run hundreds of times: quick ones are worth a slower build.
    for profile in ["DEV", "TEST"] {
        command.env(format!("CARGO_PROFILE_{profile}_DEBUG"), "0");
        command.env(format!("CARGO_PROFILE_{profile}_OPT_LEVEL"), "1");
    }
    command
}

/// Builds every test program; returns them by name.
fn compile(workshop: &Workshop, tree: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut command = cargo(workshop, tree, &["test", "--lib", "--tests", "--no-run"]);
    let json = shell::output(command.arg("--message-format=json"))?;
    let mut programs = BTreeMap::new();
    for artifact in messages(json.as_bytes(), "compiler-artifact") {
        let name = artifact["target"]["name"].as_str();
        if let (Some(name), Some(program)) = (name, artifact["executable"].as_str()) {
            programs.insert(name.to_string(), PathBuf::from(program));
        }
    }
    ensure!(!programs.is_empty(), "there is no test");
    Ok(programs)
}

fn messages(output: &[u8], reason: &str) -> Vec<Value> {
    let lines = output.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    messages
        .filter(|message| message["reason"] == reason)
        .collect()
}

/// A test program that cannot take all the memory there is.
fn bounded(program: &Path) -> Command {
    if cfg!(unix) {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"")]);
        shell.arg(program);
        return shell;
    }
    Command::new(program)
}
