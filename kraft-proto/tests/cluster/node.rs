//! A node that is up: its core, the manners of its disk, and what it told its host.

use std::collections::{BTreeMap, VecDeque};

use kit::Kept;
use kraft_proto::{
    EntryKind, Force, Instant, LogIndex, LogPosition, NodeId, Output, Question, Raft, Unsynced,
    Write, WriteKind,
};

use super::History;
use super::messages::Packet;
use super::store::{Store, Synced, payload};

/// How a node's disk treats what it is asked to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Everything is forced at once, asked for or not.
    Prompt,
    /// Everything is written at once, and forced where that is asked for.
    AsAsked,
    /// Everything is written at once, and nothing forced until [`Cluster::sync`].
    Held,
    /// The log is written at once, and not forced until [`Cluster::sync`]; hard state is forced at
    /// once.
    LogHeld,
    /// The log is not even written until [`Cluster::write`] or [`Cluster::sync`]; hard state is
    /// forced at once.
    Busy,
}

pub struct Node {
    pub raft: Raft,
    pub disk: Disk,
    /// Log writes a busy disk has not taken.
    pub queued: VecDeque<Write>,
    /// Written and not forced, and what the disk holds once they are.
    pub unsynced: Vec<(Unsynced, Synced)>,
    /// What was handed to the disk: what, and whether to force it.
    pub writes: Vec<(WriteKind, Force)>,
    pub outputs: Vec<Output>,
    pub bytes: BTreeMap<LogPosition, Vec<u8>>,
    /// Snapshots it made or took, as the core's bytes of them.
    pub snapshots: BTreeMap<LogPosition, Vec<u8>>,
    /// Snapshots it was asked for are sent at once, or by [`Cluster::send_snapshot`].
    pub serving: Serving,
    /// The runs of its log, by the writes it handed out.
    pub history: History,
    /// What it asked of that, and whether it is answered at once or by [`Cluster::answer`].
    pub asked: Vec<Question>,
    pub answering: Answering,
    pub applied: LogIndex,
}

/// When a host says which run stands at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    AtOnce,
    WhenTold,
}

/// When a node sends the snapshots it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    AtOnce,
    WhenTold,
}

impl Node {
    pub fn new(raft: Raft, store: &Store) -> Self {
        Self {
            raft,
            disk: Disk::Prompt,
            queued: VecDeque::new(),
            unsynced: Vec::new(),
            writes: Vec::new(),
            outputs: Vec::new(),
            bytes: store
                .written
                .log
                .positions()
                .map(|(at, entry)| (at, entry.data.clone()))
                .collect(),
            snapshots: store
                .written
                .snapshot
                .iter()
                .map(|kept| (kept.last, kept.core.clone()))
                .collect(),
            serving: Serving::AtOnce,
            history: History::of(store.written.log.runs()),
            asked: Vec::new(),
            answering: Answering::AtOnce,
            applied: store.written.log.base().index,
        }
    }

    /// What stands at an index of its log, as the core knows or its host.
    pub fn position_at(&self, index: LogIndex) -> Option<LogPosition> {
        let run = self.raft.run_from(index, 1);
        let run = run.or_else(|| self.history.run_at(index))?;
        Some(LogPosition::new(run.term, index))
    }

    /// A snapshot of what is applied, kept.
    pub fn snapshot(&mut self, index: LogIndex) -> LogPosition {
        let at = self.position_at(index).unwrap();
        let snapshot = self.raft.snapshot_at(at).unwrap();
        let kept = Kept::of(&snapshot);
        assert_eq!(kept.decode(), snapshot);
        self.snapshots.insert(kept.last, kept.core);
        kept.last
    }

    /// The message that brings a snapshot at hand.
    pub fn snapshot_packet(&self, to: NodeId, last: LogPosition) -> Option<Packet> {
        let envelope = self.raft.snapshot_message(to, last)?;
        Some(Packet::new(envelope, |at| self.snapshots[&at].clone()))
    }

    /// The operating system takes a write.
    pub fn take(&mut self, write: Write, store: &mut Store, now: Instant) {
        let (kind, force) = (write.kind(), write.force());
        let held = |position| match kind {
            WriteKind::Entries(run) => {
                let bytes = self.bytes.get(&position).cloned();
                let bytes = bytes.unwrap_or_else(|| panic!("no bytes of {position}"));
                if run.kind == EntryKind::Command {
                    assert_eq!(bytes, payload(position), "the bytes of another entry");
                }
                bytes
            }
            WriteKind::Snapshot(_) => {
                let bytes = self.snapshots.get(&position).cloned();
                bytes.unwrap_or_else(|| panic!("no bytes of the snapshot at {position}"))
            }
            _ => Vec::new(),
        };
        store.written.write(kind, held);
        let (receipt, unsynced) = write.written();
        self.raft.handle_stored(now, receipt);
        self.unsynced.push((unsynced, store.snapshot(kind)));
        let hard = matches!(kind, WriteKind::HardState(_));
        let same_lane = |synced: &Synced| matches!(synced, Synced::Hard(_)) == hard;
        match self.disk {
            Disk::Prompt => self.force(store, now, |_| true),
            Disk::AsAsked if force == Force::Now => self.force(store, now, same_lane),
            Disk::LogHeld | Disk::Busy if hard => self.force(store, now, same_lane),
            Disk::AsAsked | Disk::Held | Disk::LogHeld | Disk::Busy => {}
        }
    }

    /// Forces those unsynced writes that `which` names, in order.
    pub fn force(&mut self, store: &mut Store, now: Instant, which: impl Fn(&Synced) -> bool) {
        for (unsynced, synced) in std::mem::take(&mut self.unsynced) {
            if which(&synced) {
                store.sync(synced);
                self.raft.handle_stored(now, unsynced.synced());
            } else {
                self.unsynced.push((unsynced, synced));
            }
        }
    }
}
