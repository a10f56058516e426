//! What happens in a world, as oracles and traces see it. Nodes are places, from 0 on.

use kraft_proto::{
    Answer, CommitMode, Envelope, Fate, HardState, Held, LogIndex, LogPosition, Role, Run, Unkept,
};

use super::entry::Entry;
use super::members::Sets;
use super::sessions::{Applied, Request};

/// How an incarnation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its process died.
    Killed,
    /// Its power was cut.
    PowerCut,
    /// It was stopped in order.
    Stopped,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A node starts with the log its disk recovered.
    Started {
        node: usize,
        life: u64,
        log: &'a [Entry],
    },
    /// A node ended; it led this term.
    Ended {
        node: usize,
        end: End,
        led: Option<u64>,
    },
    /// The power of a node went, running or not.
    PowerCut { node: usize, life: u64 },
    /// A running node is not suspect.
    Trusted { node: usize },
    /// A suspect was re-admitted.
    Readmitted { node: usize },
    /// A node that is no member any more comes back with an empty disk.
    Replaced { node: usize },
    /// The log of a node's core is another from the place `from` on.
    Log {
        node: usize,
        from: usize,
        log: &'a [Entry],
        sets: Sets,
    },
    /// A node's role.
    Role {
        node: usize,
        role: Role,
        term: u64,
        log: &'a [Entry],
        sets: Sets,
    },
    /// A disk holds a run.
    Held { node: usize, held: Held, run: Run },
    /// A message leaves; what the sender's disk knows then.
    Sent {
        envelope: &'a Envelope,
        saved: HardState,
        /// How many messages, itself among them, caused it one after the other.
        chain: u32,
    },
    /// The leader of a term hears a peer's incarnation.
    Heard { term: u64, from: usize, life: u64 },
    /// A node in `term` knows that its log is committed through `upto`.
    Committed {
        node: usize,
        term: u64,
        log: &'a [Entry],
        from: usize,
        upto: usize,
    },
    /// A leader's acknowledgement, and the voters it must be counted in.
    Acked {
        node: usize,
        deciding: Sets,
        mode: CommitMode,
        held: Held,
        upto: LogPosition,
    },
    /// What became of the early acknowledgements a node gave in a term.
    Settled {
        node: usize,
        term: u64,
        committed_upto: LogIndex,
        unkept: Unkept,
        early: &'a [LogPosition],
    },
    /// What a node says became of an entry.
    Told {
        node: usize,
        of: LogPosition,
        fate: Fate,
    },
    /// A client is answered.
    Answered {
        node: usize,
        answer: Answer<u64>,
        deciding: Sets,
    },
    /// A client that had its early answer hears what commit made of it.
    Awaited { answer: Answer<u64> },
    /// A node has applied a session's request.
    Applied {
        node: usize,
        index: u64,
        request: Request,
        applied: Applied,
    },
    /// A session's client is answered.
    Replied { request: Request, answer: u64 },
    /// A client asks for a read, which is to see the entry at `after` too.
    ReadAsked { id: u64, after: Option<LogPosition> },
    /// A read that was ready at `index` is served from the first `applied` entries; what the node
    /// says of the entry it was to see.
    ReadServed {
        node: usize,
        id: u64,
        index: u64,
        applied: u64,
        fate: Option<Fate>,
    },
    /// A read is not served.
    ReadFailed { id: u64 },
    /// How much a node and its links hold.
    Memory { node: usize, held: Memory },
    /// Faults are over and everything has come to rest, or nothing does.
    Rest { outcome: Result<(), &'a str> },
}

/// How much a node holds.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Writes its disk was handed.
    pub disk_queued: usize,
    /// Clients that wait.
    pub waits: usize,
    /// Terms whose early acknowledgements are not settled.
    pub early_terms: usize,
    /// Bytes its core encodes to.
    pub core_bytes: usize,
}
