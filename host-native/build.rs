//! Puts the page of `web-demo` into a release build, so that one file is all there is to copy.
//!
//! The page is an extra: without `web-demo/dist`, as in a fresh clone or a published crate, the
//! build goes on and `kraft demo --web` says how to make one. Other builds read it when they run,
//! so that a new page needs no new build.

#[path = "src/web/listing.rs"]
mod listing;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    watch(Path::new("build.rs"));
    watch(Path::new("src/web/listing.rs"));
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let files = match variable("PROFILE")?.as_str() {
        "release" => built(&here.join("../web-demo"))?,
        _ => Vec::new(),
    };
    let out = PathBuf::from(variable("OUT_DIR")?);
    fs::write(out.join("page.rs"), as_rust(&files)?)
}

/// The files of the page below `sources`, none if it is not built.
fn built(sources: &Path) -> io::Result<Vec<listing::Named>> {
    let dist = sources.join("dist");
    if !dist.join(listing::INDEX).is_file() {
        // A path that is not there would count as changed at every build; its parent tells of it.
        if sources.is_dir() {
            watch(sources);
        }
        return Ok(Vec::new());
    }
    watch(&dist);
    listing::files_below(&dist)
}

/// A slice of names and bytes, as Rust.
fn as_rust(files: &[listing::Named]) -> io::Result<String> {
    let mut text = String::from("&[\n");
    for (name, path) in files {
        let path = path.to_str().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the path here is not Unicode")
        })?;
        text += &format!("({name:?}, include_bytes!({path:?})),\n");
    }
    text += "]\n";
    Ok(text)
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|error| io::Error::other(format!("{name}: {error}")))
}
