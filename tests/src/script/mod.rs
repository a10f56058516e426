//! Scenario scripts: commands to a small world of driven nodes, each with its expected output.
//!
//! ```text
//! # Lines like this tell the story.
//! > cluster 3 fsync_mode=NONE
//! > finish
//! what is expected to be said
//! ```
//!
//! | command | does |
//! | --- | --- |
//! | `cluster N [field=value …]` | starts nodes 1 to N as voters, with these fields of `new` |
//! | `finish` | lets disks and network finish everything; shows what matters |
//! | `sync NODES` | every write of these nodes is on the disk |
//! | `mark NODES` | their hard states are; entries are not |
//! | `deliver A>B …` | the messages in flight from A to B arrive |
//! | `lose A>B …` | they do not |
//! | `isolate NODES`, `rejoin NODES` | whatever these send and are sent is lost |
//! | `tick NODES [n]` | time passes for these nodes |
//! | `kill NODES`, `cut-power NODES` | they stop; what was written, or only what was synced, survives |
//! | `start NODES [field=value …]` | they start again from what survived |
//! | `disk NODE term …` | before it starts: one entry of each of these terms is on its disk |
//! | `campaign NODE`, `read NODE id [term.index]`, `fate NODE term.index`, `state NODE`, `log NODES` | as the driver has them |
//! | `transfer NODE [to]` | it hands leadership to another |
//! | `propose NODE id data [MODE] [FSYNC]` | likewise |
//! | `conf NODE add N remove N learner N …` | one change of the members, or several at once |
//! | `members NODES` | who is in the cluster, as these know |
//! | `compact NODES index` | these take a snapshot of what they have applied, and drop their log through there |
//! | `hand A>B kind {…}` | a message written by hand |
//! | `repeat N command; command; …` | these N times, `#` being the round; only what is refused is shown |
//! | `json {…}` | a request as it is, and the reply as it is |
//!
//! NODES is a list such as `1,3`, or `*` for all that run; in `A>B` either may be `*`.

mod command;
mod show;
mod world;

use std::fmt::Write as _;

use world::World;

/// Runs a script and returns it with the output that really came.
pub fn replay(script: &str) -> String {
    let mut world = World::default();
    let mut replayed = String::new();
    for line in script.lines() {
        match line.strip_prefix("> ") {
            Some(command) => {
                let _ = writeln!(replayed, "{line}");
                for said in command::carry_out(&mut world, command) {
                    let _ = writeln!(replayed, "{said}");
                }
            }
            None if line.is_empty() || line.starts_with('#') => {
                let _ = writeln!(replayed, "{line}");
            }
            // What was expected: what really came stands there already.
            None => {}
        }
    }
    replayed
}
