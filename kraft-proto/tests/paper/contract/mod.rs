//! The contract of `DURABILITY.md`, every row in every column: what a failure can take after the acknowledgement.
//!
//! Each cell is run in every way its failure can strike five nodes: which nodes, who campaigns first
//! after it, and whether the victims are back before that election. *Survives* means that no way
//! loses the entry, *may lose* that some way does. Every way ends in committed or lost, every node
//! agrees, and a leader that acknowledged what is lost says so.

mod all_lose_power;
mod leader_changes;
mod leader_killed;
mod minority_loses_power;
mod story;

use kraft_proto::durability::Fallback;
use kraft_proto::{Class, CommitMode, FsyncMode, Held};

use story::{End, Failure};

/// A row: how it was acknowledged, and on what evidence.
#[derive(Clone, Copy, Debug)]
struct Row {
    class: Class,
    fallback: Fallback,
    /// Nodes 1 to this one hold the entry when the client hears; the others have never heard of it.
    copies: u64,
}

const fn row(mode: CommitMode, fsync: FsyncMode, copies: u64) -> Row {
    Row {
        class: Class::new(mode, fsync),
        fallback: Fallback::Refuse,
        copies,
    }
}

/// Leader's memory.
const ASYNC: &[Row] = &[
    row(CommitMode::Async, FsyncMode::None, 0),
    row(CommitMode::Async, FsyncMode::Always, 0),
];
/// That many nodes' operating systems.
const FEW_WRITTEN: &[Row] = &[
    row(CommitMode::LeaderOnly, FsyncMode::None, 1),
    row(CommitMode::LeaderOnly, FsyncMode::Batch, 1),
    row(CommitMode::AtLeast(2), FsyncMode::None, 2),
];
/// That many disks.
const FEW_SYNCED: &[Row] = &[
    row(CommitMode::LeaderOnly, FsyncMode::Commit, 1),
    row(CommitMode::AtLeast(2), FsyncMode::Always, 2),
];
/// A majority's operating systems.
const MAJORITY_WRITTEN: &[Row] = &[
    row(CommitMode::Sync, FsyncMode::None, 3),
    row(CommitMode::Sync, FsyncMode::Batch, 3),
    row(CommitMode::AtLeast(3), FsyncMode::None, 3),
    Row {
        fallback: Fallback::ToMajority,
        ..row(CommitMode::All, FsyncMode::None, 3)
    },
];
/// A majority's disks.
const MAJORITY_SYNCED: &[Row] = &[
    row(CommitMode::Sync, FsyncMode::Commit, 3),
    row(CommitMode::AtLeast(3), FsyncMode::Always, 3),
    Row {
        fallback: Fallback::ToMajority,
        ..row(CommitMode::All, FsyncMode::Commit, 3)
    },
];
/// Every voter's operating system.
const ALL_WRITTEN: &[Row] = &[row(CommitMode::All, FsyncMode::Batch, 5)];
/// Every voter's disk.
const ALL_SYNCED: &[Row] = &[
    row(CommitMode::All, FsyncMode::Commit, 5),
    row(CommitMode::All, FsyncMode::Always, 5),
];

/// No way this failure strikes loses what these rows acknowledged.
fn survives(rows: &[Row], failures: Vec<Failure>) {
    for row in rows {
        for failure in &failures {
            let end = story::tell(row, failure);
            assert_eq!(end, End::Committed, "{row:?}, {failure:?}");
        }
    }
}

/// Each of these rows is lost in some way this failure strikes.
fn may_lose(rows: &[Row], failures: Vec<Failure>) {
    for row in rows {
        let ends = failures.iter().map(|failure| story::tell(row, failure));
        let lost = ends.filter(|end| *end == End::Lost).count();
        assert!(lost > 0, "{row:?} survives all of these");
    }
}

/// How an entry of this row is held when its client hears.
fn evidence(row: &Row) -> Held {
    match row.class.mode {
        CommitMode::Async => Held::Accepted,
        _ => row.class.fsync.held(),
    }
}
