//! The core for bare metal and for wasm, and what it may be made of.

use std::ffi::OsStr;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::tools::{self, BARE_TARGETS};
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// Everything the core depends on, and nothing else.
const DEPENDENCIES: [&str; 3] = ["heapless", "postcard", "serde"];

pub fn step(workshop: &Workshop) -> Result<Done> {
    let sources = sources(workshop)?;
    manifest(&workshop.read("kraft-proto/Cargo.toml")?)?;
    dependencies(workshop)?;
    tools::targets(workshop)?;
    for target in BARE_TARGETS {
        shell::run(&mut workshop.cargo(&[
            "build",
            "--locked",
            "-p",
            "kraft-proto",
            "--target",
            target,
        ]))?;
        features(workshop, target)?;
    }
    let targets = BARE_TARGETS.len();
    Ok(Done::checked(
        targets,
        format!("bare targets built; {sources} sources use neither std nor a heap"),
    ))
}

fn sources(workshop: &Workshop) -> Result<usize> {
    let mut complaints = Vec::new();
    let mut count = 0;
    for path in workshop.files()? {
        if !path.starts_with("kraft-proto/src") || path.extension() != Some(OsStr::new("rs")) {
            continue;
        }
        let name = path.to_string_lossy();
        let text = workshop.read(&name)?;
        if path.ends_with("lib.rs") && !text.lines().any(|line| line.trim() == "#![no_std]") {
            complaints.push(format!("{name}: `#![no_std]` is missing"));
        }
        complaints.extend(
            asks_for_heap(&text)
                .into_iter()
                .map(|what| format!("{name}:{what}")),
        );
        count += 1;
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(count)
}

/// Where a text asks for a heap. It need not be searched for std: bare metal has none to link, so
/// only tests can ask for it.
fn asks_for_heap(text: &str) -> Vec<String> {
    const HEAP: &str = "extern crate alloc";
    let code = |line: &str| line.split("//").next().unwrap_or_default().contains(HEAP);
    let asks = text.lines().enumerate().filter(|(_, line)| code(line));
    asks.map(|(i, _)| format!("{}: `{HEAP}`", i + 1)).collect()
}

/// The core's own lints forbid unsafe code; a crate attribute could be forgotten, a manifest is
/// read.
fn manifest(text: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Manifest {
        lints: Lints,
    }
    #[derive(Deserialize)]
    struct Lints {
        rust: Rust,
    }
    #[derive(Deserialize)]
    struct Rust {
        unsafe_code: Option<String>,
    }
    let manifest: Manifest = toml::from_str(text).context("kraft-proto/Cargo.toml")?;
    match manifest.lints.rust.unsafe_code.as_deref() {
        Some("forbid") => Ok(()),
        other => bail!("kraft-proto/Cargo.toml: unsafe_code is {other:?}, not forbid"),
    }
}

fn dependencies(workshop: &Workshop) -> Result<()> {
    let core = workshop
        .metadata()?
        .our("kraft-proto")
        .context("kraft-proto is gone")?;
    let shipped = core
        .dependencies
        .iter()
        .filter(|one| one.kind.as_deref() != Some("dev"));
    let mut names: Vec<&str> = shipped.map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    ensure!(
        names == DEPENDENCIES,
        "kraft-proto depends on {names:?}, not exactly {DEPENDENCIES:?}"
    );
    Ok(())
}

/// What the core is built from, each with the features it is built with, must be free of `std` and
/// `alloc`: a feature of a dependency would bring either back without a word in our sources.
fn features(workshop: &Workshop, target: &str) -> Result<()> {
    let edges = [
        "tree",
        "--locked",
        "-p",
        "kraft-proto",
        "-e",
        "normal,no-proc-macro",
    ];
    let shape = [
        "--target", target, "--prefix", "none", "--format", "{p}: {f}",
    ];
    let tree = shell::output(workshop.cargo(&edges).args(shape))?;
    let heavy = heavy(&tree);
    ensure!(
        heavy.is_empty(),
        "the core is built with std or a heap:\n{}",
        heavy.join("\n")
    );
    Ok(())
}

fn heavy(tree: &str) -> Vec<&str> {
    let is_heavy = |line: &&str| {
        let features = line.rsplit_once(": ").map_or("", |(_, features)| features);
        features
            .split([',', ' '])
            .any(|one| matches!(one, "std" | "alloc"))
    };
    tree.lines().filter(is_heavy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_is_found_in_code_and_not_in_comments() {
        assert_eq!(
            asks_for_heap("use core::fmt;\n  pub extern crate alloc;"),
            ["2: `extern crate alloc`"]
        );
        assert!(asks_for_heap("//! no `extern crate alloc` here").is_empty());
    }

    #[test]
    fn the_manifest_must_forbid_unsafe_code() {
        assert!(manifest("[lints.rust]\nunsafe_code = \"forbid\"").is_ok());
        assert!(manifest("[lints.rust]\nunsafe_code = \"deny\"").is_err());
        assert!(manifest("[lints.rust]\nmissing_docs = \"warn\"").is_err());
    }

    #[test]
    fn a_heavy_feature_is_found() {
        let tree = "kraft-proto v0.1.0 (/a/std): \nserde v1.0.0: derive,std\npostcard v1.1.3: ";
        assert_eq!(heavy(tree), ["serde v1.0.0: derive,std"]);
    }
}
