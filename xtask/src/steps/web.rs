//! The live page: its types, and the files that a browser loads.

use anyhow::{Context, Result, ensure};

use super::{package, tools, wasm};
use crate::npm;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// The folder of the page.
const FOLDER: &str = "web-demo";

/// Builds the page into `web-demo/dist`, and first what it stands on: both wasm modules and the package for
/// JavaScript. What has not changed is not made again.
pub fn step(workshop: &Workshop) -> Result<Done> {
    wasm::step(workshop)?;
    package::compile(workshop)?;
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
    ensure!(
        ["index.html", "live.html"]
            .iter()
            .all(|page| dist.join(page).is_file()),
        "no page came of it"
    );
    let files = std::fs::read_dir(dist.join("assets"))
        .context("the page has no assets")?
        .count();
    Ok(Done::checked(files, "files of the page beside it"))
}

/// Builds the page, presses every button of both its modes, and tells every story.
pub fn test(workshop: &Workshop) -> Result<Done> {
    for browser in [&tools::CHROMIUM, &tools::FIREFOX] {
        println!("{}", tools::browser(workshop, browser)?);
    }
    step(workshop)?;
    let counted = package::run(workshop, "web-demo/test")?;
    Ok(Done::tests(
        counted,
        "tests of the page in Chromium and Firefox",
    ))
}
