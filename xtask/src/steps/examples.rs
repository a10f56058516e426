//! Examples that end by themselves: the core's, the store's and the node's. What talks to a cluster that
//! runs is run by the tests of `host-native`.

use std::env;

use anyhow::{Context, Result};

use crate::report::Done;
use crate::shell;
use crate::workshop::Workshop;

pub fn step(workshop: &Workshop) -> Result<Done> {
    let packages = workshop.metadata()?;
    let folder = workshop.programs()?.join("examples");
    let mut ran = 0;
    for name in ["kraft-proto", "kraft-storage", "host-native"] {
        let package = packages
            .our(name)
            .with_context(|| format!("{name} is gone"))?;
        for example in package.targets.iter().filter(|target| target.is("example")) {
            let program = format!("{}{}", example.name, env::consts::EXE_SUFFIX);
            shell::watch(&mut workshop.command(folder.join(program)), |_| ())?;
            ran += 1;
        }
    }
    Ok(Done::checked(ran, "examples run"))
}
