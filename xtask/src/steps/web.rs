//! The live page: its types, and the files that a browser loads.

use anyhow::{Context, Result, ensure};

use super::{package, tools, wasm};
use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// The folder of the page.
const FOLDER: &str = "web-demo";

/// Builds the page into `web-demo/dist`, from the package for JavaScript as it was built before.
pub fn step(workshop: &Workshop) -> Result<Done> {
    ensure!(
        wasm::is_made(workshop, "host-wasm") && workshop.root.join("host-wasm/dist").is_dir(),
        "the package it stands on is not built: cargo xtask wasm, then cargo xtask package"
    );
    tools::node(workshop)?;
    npm::install(workshop, FOLDER)?;
    let folder = workshop.root.join(FOLDER);
    let node = |script: &str, args: &[&str]| {
        let mut command = npm::node(workshop, script);
        command.args(args).current_dir(&folder);
        command
    };
    shell::run(&mut node("node_modules/typescript/bin/tsc", &["--noEmit"]))?;
    shell::run(&mut node("node_modules/vite/bin/vite.js", &["build"]))?;
    let dist = folder.join("dist");
    ensure!(dist.join("index.html").is_file(), "no page came of it");
    let files = std::fs::read_dir(dist.join("assets"))
        .context("the page has no assets")?
        .count();
    Ok(Done::checked(files, "files of the page beside it"))
}

/// Presses every button of the built page, and tells every story.
pub fn test(workshop: &Workshop) -> Result<Done> {
    for browser in [&tools::CHROMIUM, &tools::FIREFOX] {
        println!("{}", tools::browser(workshop, browser)?);
    }
    ensure!(
        workshop.root.join(FOLDER).join("dist/index.html").is_file(),
        "the page is not built: cargo xtask web"
    );
    npm::install(workshop, FOLDER)?;
    // Its launcher starts the browsers.
    npm::install(workshop, "host-wasm")?;
    let counted = package::run(workshop, "web-demo/test")?;
    Ok(Done::tests(
        counted,
        "tests of the page in Chromium and Firefox",
    ))
}
