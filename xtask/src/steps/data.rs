//! The real data some tests load: packages of the npm registry, pinned by `tests/package-lock.json`.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::tools;
use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

/// American zip codes with their places, one row each.
const ZIPCODES: &str = "tests/node_modules/vega-datasets/data/zipcodes.csv";

/// Rows below its heading.
const ZIPCODES_ROWS: usize = 42_049;

pub fn step(workshop: &Workshop) -> Result<Done> {
    tools::node(workshop)?;
    if is_current(workshop) {
        println!("tests/node_modules is what the lock file asks for");
    } else {
        let mut install = workshop.command(if cfg!(windows) { "npm.cmd" } else { "npm" });
        install
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(workshop.root.join("tests"));
        shell::run(&mut install).context("the test data was not installed")?;
        fs::copy(
            workshop.root.join("tests/package-lock.json"),
            workshop.root.join(INSTALLED),
        )
        .context("cannot note what was installed")?;
    }
    let rows = workshop.read(ZIPCODES)?.lines().count().saturating_sub(1);
    ensure!(
        rows == ZIPCODES_ROWS,
        "{ZIPCODES} has {rows} rows, not {ZIPCODES_ROWS}"
    );
    Ok(Done::checked(rows, "rows of real data"))
}

/// A copy of the lock file that was installed.
const INSTALLED: &str = "tests/node_modules/.installed-from";

fn is_current(workshop: &Workshop) -> bool {
    match (
        workshop.read("tests/package-lock.json"),
        workshop.read(INSTALLED),
    ) {
        (Ok(wanted), Ok(installed)) => wanted == installed,
        _ => false,
    }
}
