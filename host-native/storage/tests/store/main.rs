//! What a store promises, one test a promise.
//!
//! | file | about |
//! | --- | --- |
//! | `entries` | Entries: what is written is read, and what a log may be made of. |
//! | `torn` | What is torn, cut off, damaged or missing when a store opens. |
//! | `directory` | The directory: formatted once, of one member, for one process. |
//! | `failures` | Disks that fail: an fsync, a write, no room. |

mod directory;
mod entries;
mod failures;
mod torn;

use std::path::PathBuf;

use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::ids::{LogIndex, Term};
use kraft_storage::testing::FaultFs;
use kraft_storage::testing::bench::{dir, try_open};
use kraft_storage::{Fs, StoreOpenError};

fn open_error(fs: &FaultFs) -> StoreOpenError {
    try_open(fs).err().unwrap()
}

fn run(term: u64, kind: EntryKind, first: u64, count: u32) -> Run {
    Run {
        term: Term(term),
        kind,
        first: LogIndex(first),
        count,
    }
}

/// The file of the segment that is written to, and its records' bytes.
fn active_segment(fs: &FaultFs) -> PathBuf {
    let log = dir().join("log");
    let holds_records = |name: &String| {
        let content = fs.content(&log.join(name)).unwrap();
        content.starts_with(b"kraftseg") && content[4096..].iter().any(|byte| *byte != 0)
    };
    let names = fs.list(&log).unwrap();
    log.join(names.into_iter().rfind(holds_records).unwrap())
}
