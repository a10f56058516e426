//! The real data some tests load: packages of the npm registry, pinned by `tests/package-lock.json`.

use anyhow::{Result, ensure};

use super::tools;
use crate::npm;
use crate::report::Done;
use crate::workshop::Workshop;

/// American zip codes with their places, one row each.
const ZIPCODES: &str = "tests/node_modules/vega-datasets/data/zipcodes.csv";

/// Rows below its heading.
const ZIPCODES_ROWS: usize = 42_049;

pub fn step(workshop: &Workshop) -> Result<Done> {
    tools::node(workshop)?;
    npm::install(workshop, "tests")?;
    let rows = workshop.read(ZIPCODES)?.lines().count().saturating_sub(1);
    ensure!(
        rows == ZIPCODES_ROWS,
        "{ZIPCODES} has {rows} rows, not {ZIPCODES_ROWS}"
    );
    Ok(Done::checked(rows, "rows of real data"))
}
