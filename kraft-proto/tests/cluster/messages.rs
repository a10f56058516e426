//! Messages made up by a test. Each kind is built in one place.

use kraft_proto::{
    Append, CommitMode, EntryKind, Envelope, FsyncMode, Heartbeat, HeartbeatReply, Incarnation,
    LogIndex, LogPosition, Members, Message, NodeId, Nonce, Run, StoreId, Term, Trust, Watermarks,
};

use super::store::payload;

/// A message on its way, with the bytes it was sent with.
#[derive(Clone, Debug)]
pub struct Packet {
    pub envelope: Envelope,
    pub frame: Vec<u8>,
}

impl Packet {
    /// Encodes a message; `bytes` are those of the entry at a position.
    pub fn new(envelope: Envelope, bytes: impl Fn(LogPosition) -> Vec<u8>) -> Self {
        let frame = kit::framed(&envelope, |at| Some(bytes(at))).unwrap();
        Self { envelope, frame }
    }

    /// A made-up message whose entries carry the bytes proposed at their positions.
    pub fn made_up(envelope: Envelope) -> Self {
        Self::new(envelope, payload)
    }
}

/// A message of the first incarnation of a node on its own store.
pub fn envelope(from: u64, to: u64, term: u64, message: Message) -> Envelope {
    Envelope {
        from: NodeId(from),
        to: NodeId(to),
        store: StoreId(from),
        incarnation: Incarnation::new(1, Nonce(1)),
        term: Term(term),
        message,
    }
}

/// An append of one run, forced as class Commit is.
pub fn append(prev: LogPosition, run: Run, commit: u64) -> Append {
    Append {
        prev,
        kind: run.kind,
        run_term: run.term,
        count: run.count,
        commit: LogIndex(commit),
        force_upto: run.last(),
        written_upto: LogIndex::ZERO,
        relied_upto: LogIndex::ZERO,
        mode: CommitMode::Sync,
        fsync: FsyncMode::Commit,
    }
}

pub fn heartbeat(commit: u64, round: u64) -> Message {
    Message::Heartbeat(Heartbeat {
        commit: LogIndex(commit),
        round,
        force_upto: LogIndex::ZERO,
        readmission: None,
    })
}

pub fn heartbeat_reply(round: u64, received: u64, watermarks: Watermarks) -> Message {
    Message::HeartbeatReply(HeartbeatReply {
        round,
        received: LogIndex(received),
        watermarks,
        trust: Trust::Clean,
    })
}

pub fn watermarks(written: u64, synced: u64) -> Watermarks {
    Watermarks {
        written: LogIndex(written),
        synced: LogIndex(synced),
    }
}

/// A stretch of a history: its term, its first entry, and what that is for.
pub type Stretch = (u64, u64, EntryKind);

/// The core's bytes of a snapshot through `last`: nothing is forgotten, and each term begins with
/// its no-op at the index beside it.
pub fn history(terms: &[(u64, u64)], last: u64, members: &Members) -> Vec<u8> {
    let stretch = |(term, first): &(u64, u64)| (*term, *first, EntryKind::NoOp);
    let stretches: Vec<Stretch> = terms.iter().map(stretch).collect();
    written_history(last, (0, 0), &stretches, 0, members)
}

/// Any numbers in the form of a history, as `WIRE.md` has it.
pub fn written_history(
    last: u64,
    base: (u64, u64),
    stretches: &[Stretch],
    members_at: u64,
    members: &Members,
) -> Vec<u8> {
    kit::history_bytes(last, base, stretches, members_at, &members.to_bytes())
}

/// A snapshot of a leader.
pub fn snapshot(from: u64, to: u64, term: u64, last: LogPosition, core: &[u8]) -> Packet {
    let envelope = envelope(from, to, term, Message::Snapshot { last });
    Packet::new(envelope, |_| core.to_vec())
}
