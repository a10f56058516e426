//! Messages made up by a test. Each kind is built in one place.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Append, CommitMode, Envelope, FsyncMode, Heartbeat, HeartbeatReply, Holding, Incarnation,
    LogIndex, LogPosition, Message, NodeId, Run, StoreId, Term, Trust, entry_prefix,
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
        let mut header = [0; FRAME_HEADER_MAX];
        let mut frame = envelope.encode(&mut header).unwrap().to_vec();
        if let Message::Append(append) = &envelope.message {
            for position in append.run().positions() {
                let entry = bytes(position);
                frame.extend(entry_prefix(entry.len() as u32));
                frame.extend(entry);
            }
        }
        Self { envelope, frame }
    }

    /// A made-up message whose entries carry the bytes proposed at their positions.
    pub fn made_up(envelope: Envelope) -> Self {
        Self::new(envelope, payload)
    }
}

/// A message of the first life of a node on its own store.
pub fn envelope(from: u64, to: u64, term: u64, message: Message) -> Envelope {
    Envelope {
        from: NodeId(from),
        to: NodeId(to),
        store: StoreId(from),
        incarnation: Incarnation(1),
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
        known: None,
    })
}

pub fn heartbeat_reply(round: u64, received: u64, holding: Holding) -> Message {
    Message::HeartbeatReply(HeartbeatReply {
        round,
        received: LogIndex(received),
        holding,
        trust: Trust::Clean,
    })
}

pub fn holding(written: u64, synced: u64) -> Holding {
    Holding {
        written: LogIndex(written),
        synced: LogIndex(synced),
    }
}
