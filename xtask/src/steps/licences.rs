//! Licences and sources of everything kraft depends on, held to `deny.toml`.
//!
//! cargo-deny is asked too when it is installed; it must not be needed to hear about a licence.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::metadata::Package;
use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

pub fn step(workshop: &Workshop) -> Result<Done> {
    let rules = Rules::read(&workshop.read("deny.toml")?)?;
    let metadata = workshop.metadata()?;
    let mut complaints = rules.held_against(&metadata.packages);
    let mut count = metadata.packages.len();
    for folder in npm::FOLDERS {
        let file = format!("{folder}/package-lock.json");
        let lock = NpmLock::read(&workshop.read(&file)?).context(file.clone())?;
        complaints.extend(lock.complaints(&file, &rules));
        count += lock.packages.len() - 1;
    }
    ensure!(
        complaints.is_empty(),
        "deny.toml does not allow:\n{}",
        complaints.join("\n")
    );
    if shell::works(&mut workshop.cargo(&["deny", "--version"])) {
        shell::run(&mut workshop.cargo(&["deny", "check", "licenses", "bans", "sources"]))?;
    }
    Ok(Done::checked(count, "packages checked"))
}

/// The part of `deny.toml` that needs nothing but `cargo metadata`.
#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
    allow_git: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

impl Rules {
    fn read(text: &str) -> Result<Self> {
        let rules: Self = toml::from_str(text).context("deny.toml")?;
        for licence in &rules.licenses.allow {
            Licensee::parse(licence).with_context(|| format!("deny.toml: {licence:?}"))?;
        }
        Ok(rules)
    }

    /// What these packages break, a line each.
    fn held_against(&self, packages: &[Package]) -> Vec<String> {
        let mut complaints = Vec::new();
        for package in packages {
            let mut complain = |what: String| {
                complaints.push(format!("  {} {}: {what}", package.name, package.version))
            };
            if let Err(why) = self.licence(package.license.as_deref()) {
                complain(why);
            }
            if let Some(source) = &package.source
                && !self.allows_source(source)
            {
                complain(format!("it comes from {source}"));
            }
            if let Some(ban) = self.bans.deny.iter().find(|ban| ban.name == package.name) {
                complain(format!("it is banned: {}", ban.reason));
            }
        }
        complaints
    }

    fn licence(&self, expression: Option<&str>) -> Result<(), String> {
        let text = expression.ok_or("it names no licence")?;
        let parsed = Expression::parse_mode(text, ParseMode::LAX)
            .map_err(|_| format!("its licence {text:?} is no SPDX expression"))?;
        let allowed = parsed.evaluate(|asked| {
            let ours = self
                .licenses
                .allow
                .iter()
                .filter_map(|one| Licensee::parse(one).ok());
            ours.into_iter().any(|licence| licence.satisfies(asked))
        });
        if allowed {
            Ok(())
        } else {
            Err(format!("its licence is {text}"))
        }
    }

    fn allows_source(&self, source: &str) -> bool {
        match source.split_once('+') {
            Some(("registry", index)) => self.sources.allow_registry.iter().any(|one| one == index),
            Some(("git", from)) => {
                let repository = from.split(['?', '#']).next().unwrap_or(from);
                self.sources.allow_git.iter().any(|one| one == repository)
            }
            _ => false,
        }
    }
}

/// The part of npm's lock file that is checked.
#[derive(Deserialize)]
struct NpmLock {
    /// By folder; the empty one is ourselves.
    packages: BTreeMap<String, NpmPackage>,
}

#[derive(Deserialize)]
struct NpmPackage {
    license: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
}

impl NpmLock {
    fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("a lock file of npm")
    }

    /// What its packages break: the licences of `deny.toml`, a missing checksum, or a place of
    /// origin, which would bind everybody to one registry host.
    fn complaints(&self, file: &str, rules: &Rules) -> Vec<String> {
        let mut complaints = Vec::new();
        for (folder, package) in self
            .packages
            .iter()
            .filter(|(folder, _)| !folder.is_empty())
        {
            let mut complain = |what: &str| complaints.push(format!("  {file}: {folder}: {what}"));
            if let Err(why) = rules.licence(package.license.as_deref()) {
                complain(&why);
            }
            if package.integrity.is_none() {
                complain("it has no checksum");
            }
            if package.resolved.is_some() {
                complain("it names a registry host");
            }
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn rules() -> Rules {
        Rules::read(include_str!("../../../deny.toml")).unwrap()
    }

    fn complaints(name: &str, license: Option<&str>, source: Option<&str>) -> Vec<String> {
        let package = Package {
            name: name.into(),
            version: "1.0.0".into(),
            license: license.map(Into::into),
            source: source.map(Into::into),
            dependencies: Vec::new(),
            targets: Vec::new(),
        };
        rules().held_against(&[package])
    }

    #[test]
    fn a_permissive_licence_passes_in_old_spelling_too() {
        for licence in [
            "MIT",
            "MIT/Apache-2.0",
            "Unlicense OR MIT",
            "(MIT OR Apache-2.0) AND ISC",
        ] {
            assert!(
                complaints("fine", Some(licence), Some(CRATES_IO)).is_empty(),
                "{licence}"
            );
        }
    }

    #[test]
    fn a_disallowed_licence_fails() {
        for licence in [
            "GPL-3.0-only",
            "MIT AND EPL-2.0",
            "AGPL-3.0-or-later OR SSPL-1.0",
            "Mine",
        ] {
            let found = complaints("bad", Some(licence), Some(CRATES_IO));
            assert!(
                found.len() == 1 && found[0].contains(licence),
                "{licence}: {found:?}"
            );
        }
        assert_eq!(complaints("bare", None, Some(CRATES_IO)).len(), 1);
    }

    #[test]
    fn a_source_outside_the_registry_fails() {
        let git = "git+https://example.org/a.git?branch=main#0123abc";
        assert_eq!(complaints("fork", Some("MIT"), Some(git)).len(), 1);
        assert_eq!(
            complaints("else", Some("MIT"), Some("registry+https://example.org/i")).len(),
            1
        );
        assert!(complaints("ours", Some("MIT"), None).is_empty());
    }

    #[test]
    fn a_git_source_passes_when_it_is_named() {
        let mut rules = rules();
        rules
            .sources
            .allow_git
            .push("https://example.org/a.git".into());
        assert!(rules.allows_source("git+https://example.org/a.git?branch=main#0123abc"));
    }

    #[test]
    fn a_banned_crate_fails_with_its_reason() {
        let found = complaints("openssl-sys", Some("MIT"), Some(CRATES_IO));
        assert!(found[0].contains("rustls"), "{found:?}");
    }

    #[test]
    fn npm_packages_need_a_licence_a_checksum_and_no_host() {
        let lock = |fields: &str| {
            let text = format!(r#"{{"packages": {{"": {{}}, "node_modules/a": {{{fields}}}}}}}"#);
            NpmLock::read(&text)
                .unwrap()
                .complaints("package-lock.json", &rules())
                .len()
        };
        assert_eq!(lock(r#""license": "ISC", "integrity": "sha512-x""#), 0);
        assert_eq!(
            lock(r#""license": "GPL-2.0-only", "integrity": "sha512-x""#),
            1
        );
        assert_eq!(
            lock(r#""license": "ISC", "resolved": "https://example.org/a.tgz""#),
            2
        );
    }
}
