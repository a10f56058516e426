//! Installs what is missing. Toolchains are never installed: a Rust toolchain and Node are what a
//! person brings.

use std::env;

use anyhow::{Context, Result, bail};

use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// What the core is built for besides the machine at hand.
pub const BARE_TARGETS: [&str; 2] = ["thumbv7em-none-eabihf", "wasm32-unknown-unknown"];

/// The oldest Node that the tests run under.
const NODE_MIN: u32 = 20;

pub fn step(workshop: &Workshop) -> Result<Done> {
    component(workshop, "rustfmt", "fmt")?;
    component(workshop, "clippy", "clippy")?;
    targets(workshop)?;
    let node = node(workshop)?;
    println!("Node {node}");
    for each in [&CHROMIUM, &FIREFOX] {
        println!("{}", browser(workshop, each)?);
    }
    Ok(Done::checked(
        5 + BARE_TARGETS.len(),
        "tools and targets present",
    ))
}

/// Makes sure that `cargo SUBCOMMAND` works.
pub fn component(workshop: &Workshop, component: &str, subcommand: &str) -> Result<()> {
    let mut probe = workshop.cargo(&[subcommand, "--version"]);
    if shell::works(&mut probe) {
        return Ok(());
    }
    rustup(workshop, &["component", "add", component]).with_context(|| {
        format!("`cargo {subcommand}` is missing: install the component {component}")
    })
}

/// Makes sure that the core's targets are installed.
pub fn targets(workshop: &Workshop) -> Result<()> {
    for target in BARE_TARGETS {
        let mut ask = workshop.command("rustc");
        ask.args(["--print", "target-libdir", "--target", target]);
        let libraries = shell::output(&mut ask)?;
        if !std::path::Path::new(libraries.trim()).is_dir() {
            rustup(workshop, &["target", "add", target])
                .with_context(|| format!("the Rust target {target} is missing: install it"))?;
        }
    }
    Ok(())
}

/// Makes sure that Node is there and new enough; returns its version.
pub fn node(workshop: &Workshop) -> Result<String> {
    let Ok(said) = shell::output(workshop.command("node").arg("--version")) else {
        bail!("Node is missing: the tests need Node {NODE_MIN} or later");
    };
    let version = said.trim().trim_start_matches('v');
    let Some(major) = major(version) else {
        bail!("`node --version` said {version:?}, which is no version");
    };
    if major < NODE_MIN {
        bail!("Node {version} is too old: the tests need Node {NODE_MIN} or later");
    }
    Ok(version.to_string())
}

/// A browser that tests drive as it is installed.
pub struct Browser {
    name: &'static str,
    /// What runs it, unless this variable names another.
    program: &'static str,
    named_in: &'static str,
    /// The Debian package.
    package: &'static str,
    /// What it needs besides to say its version.
    switches: &'static [&'static str],
}

pub const CHROMIUM: Browser = Browser {
    name: "Chromium",
    program: "chromium",
    named_in: "KRAFT_CHROMIUM",
    package: "chromium",
    switches: &["--no-sandbox"],
};

pub const FIREFOX: Browser = Browser {
    name: "Firefox",
    program: "firefox-esr",
    named_in: "KRAFT_FIREFOX",
    package: "firefox-esr",
    switches: &[],
};

/// Makes sure that a browser is there, by apt where this may install; returns what it calls itself.
pub fn browser(workshop: &Workshop, browser: &Browser) -> Result<String> {
    let missing = || {
        let Browser {
            name,
            package,
            named_in,
            ..
        } = browser;
        format!(
            "{name} is missing: the browser tests need it. Install the package `{package}`, or \
             name one in {named_in}"
        )
    };
    let named = env::var_os(browser.named_in).unwrap_or_else(|| browser.program.into());
    let version = || {
        let mut ask = workshop.command(&named);
        // As root Firefox refuses a home that belongs to somebody else.
        ask.env("HOME", env::temp_dir());
        shell::output(ask.arg("--version").args(browser.switches))
    };
    if let Ok(said) = version() {
        return Ok(said.trim().to_string());
    }
    let user = shell::output(workshop.command("id").arg("-u")).unwrap_or_default();
    if user.trim() != "0" || !shell::works(workshop.command("apt-get").arg("--version")) {
        bail!(missing());
    }
    let wait = ["-o", "DPkg::Lock::Timeout=300"];
    let mut update = workshop.command("apt-get");
    shell::run(update.args(wait).args(["update", "-qq"])).with_context(missing)?;
    let mut install = workshop.command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args(wait);
    let quietly = ["install", "-y", "-qq", "--no-install-recommends"];
    install.args(quietly).arg(browser.package);
    shell::run(&mut install).with_context(missing)?;
    version()
        .map(|said| said.trim().to_string())
        .with_context(missing)
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

fn rustup(workshop: &Workshop, args: &[&str]) -> Result<()> {
    if !shell::works(workshop.command("rustup").arg("--version")) {
        bail!("rustup is not here, so nothing was installed");
    }
    shell::run(workshop.command("rustup").args(args))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(major("20.20.2"), Some(20));
        assert_eq!(major("nightly"), None);
    }
}
