//! What the core asks of its host, and the only way to report that a write is held.

use serde::{Deserialize, Serialize};

use crate::entry::{EntryKind, Run};
use crate::hard_state::HardState;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::members::ConfigurationBytes;
use crate::message::Envelope;
use crate::modes::{Class, CommitMode, Held};
pub use crate::recall::Question;

/// One thing for the host to do. Exhaustive on purpose: a host answers every arm.
#[expect(
    clippy::large_enum_variant,
    reason = "there is no heap to put a configuration's bytes on, and they come once a change"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this. It may be lost, late or doubled.
    Send {
        /// The strongest commit mode inside: a transport's priority.
        mode: CommitMode,
        /// What to send. For an append the host adds the entries' bytes, found by position; if it
        /// no longer has exactly those, it drops the message.
        envelope: Envelope,
    },
    /// This node appended an entry that no client proposed: keep its bytes under its position, like those
    /// of a proposal. It comes before every write and message that names the entry.
    OwnEntry {
        /// Where it stands.
        at: LogPosition,
        /// What it is for; never [`EntryKind::Command`].
        kind: EntryKind,
        /// What it holds: nothing, unless it is a configuration.
        bytes: ConfigurationBytes,
    },
    /// Write this. In order, never dropped; see [`Write`].
    Write(Write),
    /// Proposals of term `upto.term` through `upto.index` that asked for `mode` at `held` have it.
    Ack {
        /// How many hold them.
        mode: CommitMode,
        /// How firmly.
        held: Held,
        /// The last of them.
        upto: LogPosition,
    },
    /// Everything through here is committed: apply it.
    Commit {
        /// The last committed entry.
        upto: LogPosition,
    },
    /// The snapshot that ends here is on this node's disk, in place of the log before it: replace the
    /// state machine by it. Everything it covers is committed; what follows it is told by
    /// [`Output::Commit`], and none of that before this.
    Restored {
        /// The last entry it covers.
        upto: LogPosition,
    },
    /// This peer needs entries that are gone here: send it a snapshot that covers at least `upto`, the
    /// newest or one made now, under a [message](crate::Raft::snapshot_message). Said again from
    /// time to time while the peer lacks it: a host that is still sending goes on with that.
    Snapshot {
        /// Who needs it.
        to: NodeId,
        /// How far it must reach at least.
        upto: LogIndex,
    },
    /// What became of early acknowledgements this node gave as leader of `term`. Comes before the
    /// [`Output::Commit`] that proves it.
    Settled {
        /// The term it led.
        term: Term,
        /// Entries of that term through here are committed.
        committed_upto: LogIndex,
        /// What became of those beyond.
        unkept: Unkept,
    },
    /// A linearizable read may be served, or cannot be. A ticket that was not handed out here is
    /// that of followers' reads, and concerns nobody here.
    Read {
        /// Which.
        ticket: ReadTicket,
        /// How it ended.
        outcome: ReadOutcome,
    },
    /// The node's role changed, or whom it follows.
    Role {
        /// What it is now.
        role: Role,
        /// In which term.
        term: Term,
        /// The leader, where it is known.
        leader: Option<NodeId>,
    },
    /// The members in force are others, or known to be committed by now, or a member says that this node
    /// is none any more. [`Raft::members`](crate::Raft::members) shows those in this node's own log.
    Members {
        /// Where the entry of their configuration stands; 0 for the one the cluster began with.
        at: LogIndex,
        /// Whether it is known to be committed: one that is not may be cut off.
        agreed: Agreed,
        /// What this node is in it.
        own: Standing,
    },
    /// Which run stands at an index of the log? The host answers by
    /// [`Raft::handle_recalled`](crate::Raft::handle_recalled), from every [`Write`] handed out so far:
    /// at once, later, or not at all if it cannot. Nothing but what needs that run waits for it.
    Recall {
        /// To be given back with the answer.
        question: Question,
        /// Which entry is asked about.
        index: LogIndex,
    },
    /// A newer incarnation of this store is running: a copy of it, or this very node started twice. Drop
    /// this node at once and write nothing more. It says nothing else any more.
    Superseded {
        /// The newer incarnation.
        by: Incarnation,
    },
}

/// Whether a configuration is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Agreed {
    /// It counts, and may yet be cut off: the one before comes back then.
    Pending,
    /// It is committed.
    Committed,
}

/// What a node is in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// It votes.
    Voter,
    /// It receives the log without a vote.
    Learner,
    /// It is no member, or its store is not the member's. It asks for no votes once that is committed,
    /// hears of nothing written since, and can be stopped.
    LeftOut,
}

/// What became of early acknowledgements that commit did not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unkept {
    /// Gone: commit proves that other entries stand there.
    Lost,
    /// A snapshot took the place of the log, and its history does not tell.
    Unknown,
}

/// What a node does in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Answers leaders and candidates.
    Follower,
    /// Asks whether an election could be won.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Takes proposals.
    Leader,
}

/// A batch of linearizable reads. Reads asked in the same moment share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadTicket(pub u64);

/// How a batch of reads ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReadOutcome {
    /// Serve it once everything through here is applied.
    Ready(LogIndex),
    /// The node is no longer sure to lead, or lost sight of its leader. Nothing was read; ask again.
    Failed,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// It is committed.
    Committed,
    /// Not decided yet, as far as this node knows.
    Pending,
    /// Commit proves that it is gone.
    Lost,
    /// A snapshot stands for that part of the log, and nobody kept which term wrote it.
    Unknown,
}

/// A fate, or what decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// This is known.
    Known(Fate),
    /// The run at this index decides: [`Raft::fate_given`](crate::Raft::fate_given) takes it.
    Recall(LogIndex),
}

/// What a [`Write`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WriteKind {
    /// Replace the hard state. Always forced, and completes by itself.
    HardState(HardState),
    /// Append these entries. If the log reaches beyond `first`, what is there from `first` on is
    /// replaced.
    Entries(Run),
    /// Replace the state and the whole log by the snapshot that ends here, as one: after a crash there
    /// is either the old log or the snapshot, and nothing of the old log behind it. Entries written
    /// later stand there. Always forced.
    Snapshot(LogPosition),
    /// Nothing new: force what is already written.
    Force,
}

/// Whether the disk must be forced now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Force {
    /// When the host likes; report it as written when the write call completed.
    Later,
    /// Now: force it and report it as synced.
    Now,
}

/// Work for the disk, in order and never dropped.
///
/// It is reported back by turning it into a [`Receipt`], in one step or two:
///
/// ```text
/// write.synced() ─► Receipt                       (written and forced at once)
/// write.written() ─► (Receipt, Unsynced);  unsynced.synced() ─► Receipt
/// ```
///
/// A receipt of a log write covers every earlier log write. There is no "it failed": a node whose
/// disk fails is dropped and recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a write that is dropped leaves the node waiting for it"]
pub struct Write {
    pub(crate) class: Class,
    pub(crate) kind: WriteKind,
    pub(crate) force: Force,
    pub(crate) stamp: Stamp,
}

/// The node that made a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Maker {
    pub id: NodeId,
    pub store: StoreId,
    pub incarnation: Incarnation,
}

/// Which write of which node and incarnation, and how far the log reaches with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub maker: Maker,
    pub stream: Stream,
    pub seq: u64,
    pub upto: LogIndex,
}

/// The two orders in which writes complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Stream {
    HardState,
    Log,
}

impl Write {
    /// What to write.
    pub fn kind(&self) -> WriteKind {
        self.kind
    }

    /// Whether to force it now.
    pub fn force(&self) -> Force {
        self.force
    }

    /// The strongest class among its entries.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The write call completed: the operating system has it.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// fn store(node: &mut Raft, write: Write) {
    ///     // The operating system takes it.
    ///     let (receipt, unsynced) = write.written();
    ///     node.handle_stored(Instant::ZERO, receipt);
    ///     // The disk has it.
    ///     node.handle_stored(Instant::ZERO, unsynced.synced());
    /// }
    /// ```
    pub fn written(self) -> (Receipt, Unsynced) {
        let receipt = Receipt {
            stamp: self.stamp,
            held: Held::Written,
        };
        (receipt, Unsynced { stamp: self.stamp })
    }

    /// It is written and forced.
    pub fn synced(self) -> Receipt {
        Receipt {
            stamp: self.stamp,
            held: Held::Synced,
        }
    }
}

/// A write that is held by the operating system and not yet forced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "once the write is forced, only this says so to the node"]
pub struct Unsynced {
    stamp: Stamp,
}

impl Unsynced {
    /// It is forced now.
    pub fn synced(self) -> Receipt {
        Receipt {
            stamp: self.stamp,
            held: Held::Synced,
        }
    }
}

/// Proof that a [`Write`] is held. Nothing else makes one.
///
/// It proves something only to the [`Raft`](crate::Raft) that made the write: handed to one of another
/// node, of another store or of another incarnation, it says nothing. A process that runs several nodes, of
/// many clusters or groups, may have one disk report for all.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the node waits for it: hand it to `Raft::handle_stored`"]
pub struct Receipt {
    pub(crate) stamp: Stamp,
    pub(crate) held: Held,
}
