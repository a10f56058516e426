//! Backups: a snapshot in a file of its own, looked into, and what a new cluster begins with.
//!
//! A new cluster takes the state and nothing else: who is in it, what its log was and which sessions it had are the old
//! cluster's. It begins behind one entry that nobody wrote, so that its nodes find the state where a snapshot would be.

use std::path::Path;

use kraft_proto::cluster::ClusterId;
use kraft_proto::{
    Config as CoreConfig, EntryKind, HardState, Instant, LogIndex, LogPosition, Members, NodeId,
    Nonce, Raft, Recovery, Run, Snapshot, StoreId, Term,
};
use kraft_storage::{ReadOnlyFs, RealFs, SnapshotDigest, SnapshotFileError, SnapshotReader};

use super::error::NodeError;
use super::snapshots::{Head, Restored, load, write};
use crate::machine::{Replica, Replicated, Size, StateMachine};
use crate::replicas::RunningDigest;

/// What is in a backup.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The cluster it is of.
    pub cluster: ClusterId,
    /// The last entry it covers.
    pub last: LogPosition,
    /// The length of the file, in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub digest: SnapshotDigest,
    /// The members there.
    pub members: Members,
    /// How large the state is.
    pub size: Size,
    /// Client sessions that it remembers.
    pub sessions: u64,
}

/// Reads a backup of a cluster whose state machine is `M` to its end, and verifies every byte of it.
///
/// # Errors
///
/// When it cannot be read, or any byte of it is not what was written.
pub fn inspect<M: StateMachine>(file: &Path) -> Result<Inspection, SnapshotFileError> {
    let (cluster, restored) = read::<M>(file)?;
    let known = restored.known.file;
    Ok(Inspection {
        cluster,
        last: known.last,
        bytes: known.bytes,
        digest: known.digest,
        members: restored.head.core.members().clone(),
        size: restored.replica.size(),
        sessions: restored.replica.sessions(),
    })
}

fn read<M: StateMachine>(file: &Path) -> Result<(ClusterId, Restored), SnapshotFileError> {
    let reader = SnapshotReader::open(&ReadOnlyFs, file)?;
    let cluster = reader.cluster();
    let restored = load(reader, Replicated::<M>::loader_of())?;
    Ok((cluster, restored))
}

/// The state that a new cluster begins with.
pub struct Beginning {
    replica: Box<dyn Replica>,
}

impl Beginning {
    /// That of a backup of a cluster whose state machine is `M`.
    ///
    /// # Errors
    ///
    /// As [`inspect`].
    pub fn from_file<M: StateMachine>(file: &Path) -> Result<Self, SnapshotFileError> {
        let (_, restored) = read::<M>(file)?;
        let replica = restored.replica.begin_anew(first());
        Ok(Self { replica })
    }

    /// Has a data directory that was formatted just now begin with it.
    ///
    /// # Errors
    ///
    /// When the file system refuses; then the directory is of no use.
    pub fn write(&self, data: &Path, members: &Members, node: NodeId) -> Result<(), NodeError> {
        let options = kraft_storage::Options::default();
        let mut opened = kraft_storage::open(data, RealFs::shared(), &options)?;
        let head = Head {
            core: snapshot_of(members, node).ok_or(NodeError::Damaged(first()))?,
            history: vec![first_run()],
            digest: RunningDigest::after(first().index).now(),
        };
        let image = self.replica.image();
        let store = opened.store.snapshots();
        let written = store.write(first(), |to| write(to, &head, image));
        written.map_err(NodeError::Snapshots)?;
        let hard = HardState {
            term: first().term,
            ..opened.hard_state
        };
        opened
            .store
            .save_hard_state(hard)
            .map_err(NodeError::Disk)?;
        opened.store.close().map_err(NodeError::Disk)?;
        Ok(())
    }
}

/// The entry that nobody wrote.
fn first() -> LogPosition {
    first_run().last_position()
}

fn first_run() -> Run {
    Run {
        term: Term(1),
        kind: EntryKind::NoOp,
        first: LogIndex(1),
        count: 1,
    }
}

/// The core's part of a snapshot behind that entry.
fn snapshot_of(members: &Members, node: NodeId) -> Option<Snapshot> {
    let hard = HardState {
        term: first().term,
        ..HardState::default()
    };
    let recovery = Recovery::resume(hard, members.clone())
        .committed(first())
        .run(first_run());
    let config = CoreConfig::new(node, StoreId(1), 1);
    let mut raft = Raft::new(config, recovery, Nonce(1), Instant::ZERO).ok()?;
    while raft.poll_output().is_some() {}
    raft.snapshot_at(first()).ok()
}
