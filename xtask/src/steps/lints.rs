//! Format, lints and documentation: cargo's own checks, with warnings as errors.

use std::ffi::OsStr;

use anyhow::{Result, ensure};

use super::tools;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

pub fn fmt(workshop: &Workshop) -> Result<Done> {
    tools::component(workshop, "rustfmt", "fmt")?;
    shell::run(&mut workshop.cargo(&["fmt", "--all", "--check"]))?;
    let files = workshop.files()?;
    let sources = files
        .iter()
        .filter(|path| path.extension() == Some(OsStr::new("rs")));
    Ok(Done::checked(sources.count(), "source files"))
}

pub fn clippy(workshop: &Workshop) -> Result<Done> {
    tools::component(workshop, "clippy", "clippy")?;
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    shell::run(&mut workshop.cargo(&args))?;
    let targets = workshop
        .metadata()?
        .ours()
        .map(|package| package.targets.len());
    Ok(Done::checked(
        targets.sum(),
        "libraries, programs, tests and examples linted",
    ))
}

pub fn doc(workshop: &Workshop) -> Result<Done> {
    let mut doc = workshop.cargo(&["doc", "--no-deps", "--workspace", "--locked"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-Dwarnings"))?;
    let metadata = workshop.metadata()?;
    let mut libraries = 0;
    for package in metadata.ours() {
        for target in package.targets.iter().filter(|target| target.is("lib")) {
            let page = metadata
                .target_directory
                .join("doc")
                .join(target.name.replace('-', "_"));
            ensure!(
                page.join("index.html").is_file(),
                "{} was not documented",
                target.name
            );
            libraries += 1;
        }
    }
    Ok(Done::checked(libraries, "libraries documented"))
}
