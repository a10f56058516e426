//! The core's examples: programs that end by themselves. A host's examples talk to a cluster, and
//! its own tests run them.

use std::env;

use anyhow::{Context, Result};

use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

pub fn step(workshop: &Workshop) -> Result<Done> {
    let core = workshop
        .metadata()?
        .our("kraft-proto")
        .context("kraft-proto is gone")?;
    let folder = workshop.programs()?.join("examples");
    let mut ran = 0;
    for example in core.targets.iter().filter(|target| target.is("example")) {
        let program = format!("{}{}", example.name, env::consts::EXE_SUFFIX);
        shell::watch(&mut workshop.command(folder.join(program)), |_| ())?;
        ran += 1;
    }
    Ok(Done::checked(ran, "examples run"))
}
