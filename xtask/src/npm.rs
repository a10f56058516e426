//! Packages of the npm registry, pinned by the lock file of each folder that has one.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;
use crate::workshop::Workshop;

/// The folders with npm files, each with a lock file of its own.
pub const FOLDERS: [&str; 3] = ["tests", "host-wasm", "web-demo"];

/// Installs what the lock file of a folder asks for, unless it is there.
pub fn install(workshop: &Workshop, folder: &str) -> Result<()> {
    let lock = format!("{folder}/package-lock.json");
    let installed = format!("{folder}/node_modules/.installed-from");
    let wanted = workshop.read(&lock)?;
    if workshop
        .read(&installed)
        .is_ok_and(|installed| installed == wanted)
    {
        println!("{folder}/node_modules is what the lock file asks for");
        return Ok(());
    }
    let mut install = workshop.command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    install
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(workshop.root.join(folder));
    shell::run(&mut install).with_context(|| format!("the packages of {folder} are missing"))?;
    fs::write(workshop.root.join(&installed), wanted).context("cannot note what was installed")
}

/// Node, with a script of the repository.
pub fn node(workshop: &Workshop, script: &str) -> Command {
    let mut command = workshop.command("node");
    command.arg(script);
    command
}
