//! A store on a disk in memory, as a test begins with one.

use std::path::Path;

use bytes::Bytes;
use kraft_proto::cluster::ClusterId;
use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::hard_state::HardState;
use kraft_proto::ids::{LogIndex, LogPosition, NodeId, StoreId, Term};

use super::fault::FaultFs;
use crate::{DiskError, Founding, Identity, Opened, Options, Store, StoreOpenError, format};

/// Where the store is.
pub fn dir() -> &'static Path {
    Path::new("/data")
}

/// Whose store it is.
pub fn identity() -> Identity {
    Identity {
        cluster: ClusterId(7),
        node: NodeId(1),
        store: StoreId(0xABCD),
    }
}

/// The configuration its cluster began with: this node alone.
pub fn founding() -> Founding {
    Founding::alone(identity().node)
}

/// The smallest segments there are, so that a few entries fill one.
pub fn options() -> Options {
    Options {
        segment_bytes: 64 * 1024,
        ..Options::default()
    }
}

/// A disk with an empty store on it; what it leaves to chance follows from `seed`.
pub fn formatted(seed: u64) -> FaultFs {
    let fs = FaultFs::new(seed);
    format(dir(), &fs, identity(), founding()).expect("a new disk takes a store");
    fs
}

/// Opens the store with [`options`].
pub fn try_open(fs: &FaultFs) -> Result<Opened, StoreOpenError> {
    crate::open(dir(), fs.shared(), &options())
}

/// Opens a store that opens.
pub fn open(fs: &FaultFs) -> Opened {
    try_open(fs).unwrap_or_else(|error| panic!("{error}"))
}

/// Commands of one term.
pub fn commands(term: u64, first: u64, count: u32) -> Run {
    Run {
        term: Term(term),
        kind: EntryKind::Command,
        first: LogIndex(first),
        count,
    }
}

/// The hard state of a node that is in a term, and nothing else.
pub fn in_term(term: u64) -> HardState {
    HardState {
        term: Term(term),
        ..HardState::default()
    }
}

/// What an entry holds: its position, then filling, so many bytes at least.
pub fn payload(at: LogPosition, bytes: usize) -> Bytes {
    let mut payload = format!("{at}:").into_bytes();
    payload.resize(bytes.max(payload.len()), b'x');
    payload.into()
}

/// Appends a run whose entries hold so many bytes each.
pub fn append(store: &mut Store, run: Run, bytes: usize) -> Result<(), DiskError> {
    let payloads: Vec<Bytes> = run.positions().map(|at| payload(at, bytes)).collect();
    store.append(run, &payloads)
}

/// Every entry that opening found, through the reader. Panics at a gap.
pub fn entries(opened: &Opened) -> Vec<(LogPosition, Bytes)> {
    let reader = opened.store.reader();
    let mut entries = Vec::new();
    let mut next = opened.base.index.next();
    for run in &opened.log {
        assert_eq!(run.first, next, "runs leave no gap");
        next = run.last().next();
        let payloads = reader.read(*run, usize::MAX).expect("it was found");
        assert_eq!(payloads.len(), run.count as usize);
        entries.extend(run.positions().zip(payloads));
    }
    assert_eq!(opened.store.last().index.next(), next);
    entries
}
