//! Snapshots (Raft §7): what stands in for a log that is gone, here or at a peer.
//!
//! ```text
//!  a node     snapshot_at ─► host saves it ─► compacted: its log before that is gone
//!  its leader Output::Snapshot ─► host sends it, then snapshot_message ──────────────────┐
//!  a follower host gathers it ─► handle_message ─► Write Snapshot ─► synced ─► Restored ◄─┘
//! ```
//!
//! The rules of a follower, each with the story that breaks its looser form:
//!
//! 1. **What is committed here, or known to match, is not replaced.** Otherwise a late snapshot undoes
//!    entries this node has acknowledged since, and a majority is one short.
//! 2. **A log that has the snapshot's last entry is kept, and all behind it:** those may be copies
//!    that somebody counts.
//! 3. **A log that cannot tell the term there is not replaced until its host has told it:** it may be
//!    the longer of two that agree.
//! 4. **The snapshot takes the log's place at once in memory, as an append would, and on disk in the
//!    order of log writes.** Until that is synced this node holds no more than it did, so what it
//!    acknowledged stays true when it crashes meanwhile.
//! 5. **Nothing behind it is applied before it is:** commit waits to be told until the host has put
//!    the snapshot in place of its state.

use core::fmt;

use super::dropped::Drop;
use super::history::Place;
use super::{Raft, RoleState};
use crate::configurations::Configurations;
use crate::ids::{LogIndex, LogPosition, NodeId};
use crate::limits::INDEX_JUMP_MAX;
use crate::log::TermAt;
use crate::message::{Envelope, Message};
use crate::modes::{Class, CommitMode, FsyncMode};
use crate::output::{Force, Output, Write, WriteKind};
use crate::snapshot::Snapshot;
use crate::wire::{Frame, Taken};
use crate::writes::Isolated;

/// Why there is no snapshot at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There is nothing at index 0.
    Nothing,
    /// No more than this was told as committed.
    NotCommitted(LogIndex),
    /// The log through here is gone: the snapshot that covers it is at hand.
    Compacted(LogIndex),
    /// Who was in the cluster there is not known any more: choose an index behind this.
    Members(LogIndex),
    /// The log has another entry there.
    Mismatch(LogPosition),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no snapshot of nothing: choose an index behind 0"),
            Self::NotCommitted(upto) => write!(
                f,
                "no snapshot there: only entries through {upto} are known to be committed"
            ),
            Self::Compacted(upto) => write!(
                f,
                "no snapshot there: the log through {upto} is gone, use the snapshot that covers it"
            ),
            Self::Members(from) => write!(
                f,
                "no snapshot there: the members are known from {from} on, choose an index there or later"
            ),
            Self::Mismatch(of) => write!(f, "no snapshot there: {of} is no entry of this log"),
        }
    }
}

impl core::error::Error for SnapshotError {}

/// Why a log is not compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompactError {
    /// No more than this was told as committed.
    NotCommitted(LogIndex),
    /// The disk holds no more than this.
    NotSynced(LogIndex),
    /// The log has another entry there.
    Mismatch(LogPosition),
}

impl fmt::Display for CompactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCommitted(upto) => write!(
                f,
                "the log is kept: only entries through {upto} are known to be committed"
            ),
            Self::NotSynced(upto) => write!(
                f,
                "the log is kept: a snapshot must not run ahead of it, and the disk holds it \
                 through {upto}"
            ),
            Self::Mismatch(of) => write!(f, "the log is kept: {of} is no entry of it"),
        }
    }
}

impl core::error::Error for CompactError {}

impl Raft {
    /// What the core must know of a snapshot of the state after the entry `at`. The host keeps its
    /// bytes beside its state machine's. Its history is the newest of the log's window before there; a
    /// host that keeps all beside it can tell every [fate](Raft::fate_given) below.
    ///
    /// # Errors
    ///
    /// There is none at that index, and the error says why.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = leader();
    /// let snapshot = node.snapshot_at(node.commit()).unwrap();
    /// let mut buffer = [0; limits::SNAPSHOT_BYTES_MAX];
    /// let bytes = snapshot.encode(&mut buffer).unwrap();
    /// assert_eq!(Snapshot::decode(bytes), Ok(snapshot.clone()));
    /// ```
    pub fn snapshot_at(&self, at: LogPosition) -> Result<Snapshot, SnapshotError> {
        let index = at.index;
        if index == LogIndex::ZERO {
            return Err(SnapshotError::Nothing);
        }
        if index > self.told.committed() {
            return Err(SnapshotError::NotCommitted(self.told.committed()));
        }
        if index < self.compacted.index {
            return Err(SnapshotError::Compacted(self.compacted.index));
        }
        if !self.may_stand_at(at) {
            return Err(SnapshotError::Mismatch(at));
        }
        let unknown = SnapshotError::Members(self.configurations.before_at());
        let members = self.configurations.at_index(&self.members, index);
        let (members, members_at) = members.ok_or(unknown)?;
        let mut log = self.log.clone();
        log.truncate(at);
        Snapshot::of(log, members.clone(), members_at).ok_or(unknown)
    }

    /// The host's word that entries through `upto` can no longer be read from its log: it has a
    /// snapshot that ends there or later, synced.
    ///
    /// # Errors
    ///
    /// The log is not to be dropped that far, and the error says why.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let upto = node.commit();
    /// // A snapshot through `upto` is synced: the entries before may go.
    /// node.compacted(upto).unwrap();
    /// assert_eq!(node.status().compacted, upto);
    /// ```
    pub fn compacted(&mut self, upto: LogPosition) -> Result<(), CompactError> {
        if upto.index <= self.compacted.index {
            return Ok(());
        }
        if upto.index > self.told.committed() {
            return Err(CompactError::NotCommitted(self.told.committed()));
        }
        if upto.index > self.writes.synced() {
            return Err(CompactError::NotSynced(self.writes.synced()));
        }
        if !self.may_stand_at(upto) {
            return Err(CompactError::Mismatch(upto));
        }
        self.compacted = upto;
        self.advance();
        Ok(())
    }

    /// The message that brings a snapshot to a peer of this leader: to be sent once the host's own
    /// bytes of it are there, and followed by those of the core's [`Snapshot`] as its one entry.
    ///
    /// `None` where this node may not send it now: it does not lead, its disk owes it its word, or
    /// it does not know `last` to be committed.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let [leader, follower, _] = cluster();
    /// let envelope = leader.snapshot_message(follower.id(), leader.commit()).unwrap();
    /// assert_eq!(envelope.message, Message::Snapshot { last: leader.commit() });
    /// assert_eq!(follower.snapshot_message(leader.id(), follower.commit()), None);
    /// ```
    pub fn snapshot_message(&self, to: NodeId, last: LogPosition) -> Option<Envelope> {
        let RoleState::Leader(leader) = &self.role else {
            return None;
        };
        leader.peer(to)?;
        let committed = last.index > LogIndex::ZERO
            && last.index <= self.commit.index
            && self.may_stand_at(last);
        let message = Message::Snapshot { last };
        (committed && self.writes.vote_state_is_synced() && self.is_active())
            .then(|| self.envelope(to, self.hard.term, message))
    }

    /// How many entries through `last` are to be handed to the host as entries.
    pub(super) fn unwritten_through(&self, last: LogIndex) -> u64 {
        last.since(self.writes.emitted().max(self.compacted.index))
    }

    /// InstallSnapshot (Raft §7) of this term.
    pub(super) fn handle_snapshot<'b>(
        &mut self,
        frame: &Frame<'b>,
        last: LogPosition,
    ) -> Taken<'b> {
        let envelope = frame.envelope();
        let Some(snapshot) = self.snapshot_in(frame, last) else {
            self.count(Drop::Malformed);
            return Taken::nothing();
        };
        if self.follow(envelope.from).is_none() {
            return Taken::nothing();
        }
        let agreed = self.agreed_upto();
        match self.known_at(last.index) {
            _ if last.index <= agreed => {
                self.agree_through(last);
                return Taken::nothing();
            }
            Place::Known(here) if here.term == last.term => {
                self.agree_through(last);
                return Taken::nothing();
            }
            // Below the window no term is newer than the one at its end.
            Place::Below if last.term <= self.log.base().term => {
                self.await_snapshot(last);
                return Taken::nothing();
            }
            Place::Known(_) | Place::Below | Place::Absent => {}
        }
        self.install(snapshot, agreed);
        Taken {
            snapshot: Some(last),
            ..Taken::nothing()
        }
    }

    /// The snapshot a leader sends; `None` if it contradicts itself, or what is committed here.
    fn snapshot_in(&self, frame: &Frame<'_>, last: LogPosition) -> Option<Snapshot> {
        let bytes = frame.entries().next()?;
        let snapshot = Snapshot::decode(bytes).ok()?;
        let both_know = |index| match (self.log.term_at(index), snapshot.log.term_at(index)) {
            (TermAt::Known(own), TermAt::Known(theirs)) => own == theirs,
            _ => true,
        };
        let configured_at = match self.awaits_configuration() {
            true => self.configurations.before_at(),
            false => self.configurations.at(),
        };
        let fits = match last.index > self.commit.index {
            true => both_know(self.commit.index) && snapshot.members_at >= configured_at,
            false => both_know(last.index),
        };
        let reached = last.index.since(self.log.last()) <= INDEX_JUMP_MAX;
        let sound = snapshot.last() == last && last.term <= frame.envelope().term && reached;
        (sound && fits).then_some(snapshot)
    }

    /// The log has the leader's entries through here already, and they are committed: that is said,
    /// and nothing replaced.
    pub(super) fn agree_through(&mut self, last: LogPosition) {
        let agreed = self.agreed_upto().max(last.index);
        if let RoleState::Follower(follower) = &mut self.role {
            follower.matched = agreed;
            follower.owe_answer();
        }
        if last.index > self.commit.index && self.may_stand_at(last) {
            self.commit = last;
        }
    }

    /// The snapshot takes the place of the log; through `agreed` that stays true on the disk until
    /// the snapshot is there.
    fn install(&mut self, snapshot: Snapshot, agreed: LogIndex) {
        let last = snapshot.last();
        self.void_recalled();
        self.writes.truncate(agreed);
        self.told.cut(LogIndex::ZERO);
        self.rely_no_further_than(agreed);
        self.classes.clear();
        self.log = snapshot.log.within(self.config.term_runs_max);
        self.unsettled.replaced(&self.log);
        self.configurations = Configurations::new(&snapshot.members, snapshot.members_at);
        self.members = snapshot.members;
        self.compacted = last;
        self.commit = last;
        self.writes.force(last.index);
        if let RoleState::Follower(follower) = &mut self.role {
            follower.matched = last.index;
        }
    }

    /// The write of a snapshot that was taken, before any of entries behind it.
    pub(super) fn poll_snapshot_write(&mut self) -> Option<Output> {
        if self.compacted.index <= self.writes.emitted() {
            return None;
        }
        let stamp = self
            .writes
            .emit(self.compacted.index, Force::Now, Isolated::No);
        Some(Output::Write(Write {
            class: Class::new(CommitMode::Sync, FsyncMode::Commit),
            kind: WriteKind::Snapshot(self.compacted),
            force: Force::Now,
            stamp,
        }))
    }

    /// Whether the host is yet to be told of a snapshot that took the log's place: nothing behind it
    /// may be applied before.
    pub(super) fn awaits_restoring(&self) -> bool {
        self.told.committed() < self.compacted.index
    }
}
