//! The part of `cargo metadata` that the steps read.

use std::path::PathBuf;

use serde::Deserialize;

/// The workspace and everything it depends on, for every platform.
#[derive(Deserialize)]
pub struct Metadata {
    /// Our packages and all others.
    pub packages: Vec<Package>,
    /// Where cargo builds.
    pub target_directory: PathBuf,
}

/// One package.
#[derive(Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// The SPDX expression of its manifest.
    pub license: Option<String>,
    /// Where it came from; nothing for a package of this workspace.
    pub source: Option<String>,
    pub dependencies: Vec<Dependency>,
    pub targets: Vec<Target>,
}

/// What a manifest asks for.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// Nothing for an ordinary dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

/// Something cargo can build.
#[derive(Deserialize)]
pub struct Target {
    pub name: String,
    pub kind: Vec<String>,
}

impl Metadata {
    /// The packages of this workspace.
    pub fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.source.is_none())
    }

    /// The package of this workspace with that name.
    pub fn our(&self, name: &str) -> Option<&Package> {
        self.ours().find(|package| package.name == name)
    }
}

impl Target {
    /// Whether it is of that kind: `lib`, `bin`, `example`, `test`, …
    pub fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|one| one == kind)
    }
}
