//! Where the steps work: the repository, its files, and cargo.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use anyhow::{Context, Result};

use crate::metadata::Metadata;
use crate::shell;

/// How long the suites may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// What every change is held against.
    Short,
    /// The random suites over many more seeds.
    Long,
}

/// The repository and what was asked of it.
pub struct Workshop {
    /// The repository's top folder.
    pub root: PathBuf,
    /// How long the suites may take.
    pub length: Length,
    metadata: OnceCell<Metadata>,
}

/// Folders that hold nothing of ours.
const NOT_OURS: [&str; 5] = [".git", "target", "node_modules", "dist", "pkg"];

impl Workshop {
    /// The repository this program was built from.
    pub fn new(length: Length) -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self {
            root: manifest.parent().unwrap_or(manifest).to_path_buf(),
            length,
            metadata: OnceCell::new(),
        }
    }

    /// A program, started at the top of the repository.
    ///
    /// `cargo xtask` leaves variables about *this* package in the environment. Build scripts watch
    /// some of them and would run again for nothing, so they do not travel.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let about_us = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ];
            if about_us
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// Cargo with these arguments.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(args);
        command
    }

    /// What cargo knows of the workspace and of everything it depends on.
    pub fn metadata(&self) -> Result<&Metadata> {
        if let Some(known) = self.metadata.get() {
            return Ok(known);
        }
        let json =
            shell::output(&mut self.cargo(&["metadata", "--format-version", "1", "--locked"]))?;
        let read = serde_json::from_str(&json).context("`cargo metadata` was not understood")?;
        Ok(self.metadata.get_or_init(|| read))
    }

    /// Builds every program and example, the way the tests have them; returns their folder.
    ///
    /// Examples bring the development dependencies in, so cargo settles on the same features as
    /// for the tests and builds nothing twice.
    pub fn programs(&self) -> Result<PathBuf> {
        shell::run(&mut self.cargo(&["build", "--workspace", "--locked", "--bins", "--examples"]))?;
        Ok(self.metadata()?.target_directory.join("debug"))
    }

    /// A file of the repository, as text.
    pub fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("cannot read {path}"))
    }

    /// The repository's own files, relative to its top, sorted; built and installed ones are left
    /// out.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        walk(&self.root, &mut found).context("cannot list the repository's files")?;
        for path in &mut found {
            if let Ok(inside) = path.strip_prefix(&self.root) {
                *path = inside.to_path_buf();
            }
        }
        found.sort();
        Ok(found)
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && !NOT_OURS.iter().any(|name| entry.file_name() == *name) {
            walk(&entry.path(), found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}
