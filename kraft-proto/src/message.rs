//! What nodes say to each other.
//!
//! `WIRE.md` is normative for the bytes; this is the meaning.
//!
//! # What a class asks of a follower
//!
//! A leader knows the class of each entry, and a follower is not told it. An [`Append`] has three marks
//! instead, each an index: what it asks for counts for every entry through that index.
//!
//! | the entry's class | mark that it moves | what the follower does |
//! | --- | --- | --- |
//! | fsync `COMMIT` or `ALWAYS` | `force_upto` | it forces its log through there, and reports the copies once they are synced |
//! | fsync `NONE` or `BATCH`, in a mode that counts followers and asks fewer voters than a majority (a small `AT_LEAST_n`) | `written_upto` | it reports the copies as soon as they are written, although a stronger entry behind them is still being forced |
//! | fsync `NONE` or `BATCH`, in a mode that asks a majority or more (`SYNC`, `ALL`, a large `AT_LEAST_n`) | `written_upto` and `relied_upto` | it marks its disk *dirty* first, and then reports the written copies |
//! | `ASYNC` and `LEADER_ONLY`, fsync `NONE` or `BATCH` | none | it writes the entry, and forces it with the next that asks for that or after `lazy_force` |
//!
//! A leader that wants its whole log forced, for a read or because too much is at risk, raises
//! `force_upto` beyond the entries of one append; heartbeats carry that mark too.

use serde::{Deserialize, Serialize};

use crate::entry::{EntryKind, Run};
use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::modes::{Class, CommitMode, FsyncMode};

/// A message with its addresses and the incarnation of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends.
    pub from: NodeId,
    /// Who is meant.
    pub to: NodeId,
    /// The sender's store.
    pub store: StoreId,
    /// The sender's incarnation: a message of an earlier one no longer counts.
    pub incarnation: Incarnation,
    /// The sender's term; for [`Message::PreVote`] and its grant the term it would campaign in.
    pub term: Term,
    /// What is said.
    pub message: Message,
}

/// Whether a vote is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ballot {
    /// Yes, by a node that knows it forgot nothing.
    Granted,
    /// Yes, by a node that may have forgotten entries: it counts for the majority, not as clean.
    GrantedBySuspect,
    /// No.
    Refused,
}

/// How long a log is held, on each medium, as far as it is known to match the leader's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Watermarks {
    /// Written through here: acknowledged for classes that count written copies.
    pub written: LogIndex,
    /// Forced through here. Never beyond `written`.
    pub synced: LogIndex,
}

impl Watermarks {
    /// The longer of each.
    pub(crate) fn max_of(self, other: Self) -> Self {
        Self {
            written: self.written.max(other.written),
            synced: self.synced.max(other.synced),
        }
    }
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Would you vote for me? Costs nobody a term (Raft thesis §9.6).
    PreVote {
        /// The end of the candidate's log.
        last: LogPosition,
    },
    /// The answer to [`Message::PreVote`].
    PreVoteReply {
        /// Yes or no.
        ballot: Ballot,
    },
    /// RequestVote (Raft §5.2).
    Vote {
        /// The end of the candidate's log.
        last: LogPosition,
    },
    /// The answer to [`Message::Vote`].
    VoteReply {
        /// Yes or no.
        ballot: Ballot,
    },
    /// AppendEntries (Raft §5.3) of one run; an empty run asks whether the logs match at `prev`.
    Append(Append),
    /// The answer to an append that matched: what is held.
    Matched(Watermarks),
    /// The answer to an append that did not match.
    Rejected {
        /// The `prev` index that was refused, so that a late answer is known for one.
        rejected: LogIndex,
        /// Where to try next: the last entry of a term no later than `prev`'s, and its term; where its
        /// log does not tell yet, a bound: the logs do not agree beyond that index, nor in a later term.
        hint: LogPosition,
        /// Whether the sender may have forgotten what it reported.
        trust: Trust,
    },
    /// The leader lives. It promises nothing about the receiver's log.
    Heartbeat(Heartbeat),
    /// The answer to [`Message::Heartbeat`].
    HeartbeatReply(HeartbeatReply),
    /// You have my whole log: campaign at once (Raft thesis §3.10).
    TimeoutNow,
    /// RequestVote of a candidate whom the leader told to campaign: hearing that leader is no reason
    /// to ignore it. Answered by [`Message::VoteReply`].
    TransferVote {
        /// The end of the candidate's log.
        last: LogPosition,
    },
    /// From where on does a read see everything? A follower asks its leader.
    ReadIndex {
        /// The sender's own number of these reads: the answer is for them and all before.
        ticket: u64,
        /// They are to see this entry too, if it is of the leader's term; zero: none in particular.
        after: LogPosition,
    },
    /// The answer to [`Message::ReadIndex`], once the leader is sure that it led when it was asked.
    ReadIndexReply {
        /// The incarnation that asked: numbers begin anew with every start.
        incarnation: Incarnation,
        /// Its number.
        ticket: u64,
        /// Apply everything through here first.
        index: LogIndex,
    },
    /// InstallSnapshot (Raft §7), once the receiver's host has all of it: the bytes of the core's
    /// [`Snapshot`](crate::Snapshot) follow as the frame's one entry. The host's own are none of the
    /// core's business: they travel beside the frame, and before it.
    Snapshot {
        /// The last entry it covers.
        last: LogPosition,
    },
    /// You are no member any more: the answer to a candidate that a committed configuration leaves out.
    /// It is true in every term.
    LeftOut {
        /// The store that is meant: another one may be a member under the same id.
        store: StoreId,
        /// Where the configuration that says so stands.
        at: LogIndex,
    },
}

/// The leader lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heartbeat {
    /// How far the leader has committed.
    pub commit: LogIndex,
    /// Counts the leader's rounds of heartbeats within its term; 0 wants no answer.
    pub round: u64,
    /// Force the log through here, as far as it matches.
    pub force_upto: LogIndex,
    /// What the leader knows of the receiver; `None` until it has heard of it in this term.
    pub readmission: Option<Readmission>,
}

/// The answer to a [`Heartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeartbeatReply {
    /// The round that is answered.
    pub round: u64,
    /// How far the log matches this leader's in this term, held or not. For flow control only.
    pub received: LogIndex,
    /// What is held.
    pub watermarks: Watermarks,
    /// Whether the sender may have forgotten what it reported.
    pub trust: Trust,
}

/// What a leader knows of the node it speaks to: the incarnation it counts, and what would re-admit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Readmission {
    /// The store it hears.
    pub store: StoreId,
    /// The newest incarnation of that store it has heard.
    pub incarnation: Incarnation,
    /// The end of the leader's log when it first heard that incarnation, and had stopped counting what
    /// earlier ones held. A suspect of that incarnation that has matched this leader in this term, and
    /// synced through here, has every copy that was ever relied on.
    pub readmit_upto: LogIndex,
    /// What it found out about one of its incarnations, not always the newest.
    pub notice: Option<Notice>,
}

/// What a leader found out about one incarnation of the store that it speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// The incarnation it is about. Every other one ignores it.
    pub incarnation: Incarnation,
    /// What was found.
    pub finding: Finding,
}

/// What was found out about an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Finding {
    /// A newer incarnation of its store answers the leader: two nodes run on one store. The older one stops,
    /// and its disk remembers that.
    Superseded,
    /// Its disk went back to an older copy of itself: an earlier incarnation had synced what this one lacks,
    /// another of the same number was heard, or a newer one that is silent now. It takes a number
    /// above all of them and is suspect, both in one write.
    WentBack,
}

impl Notice {
    pub(crate) const fn new(incarnation: Incarnation, finding: Finding) -> Self {
        Self {
            incarnation,
            finding,
        }
    }
}

/// AppendEntries of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Append {
    /// The entry before the first.
    pub prev: LogPosition,
    /// What the entries are for.
    pub kind: EntryKind,
    /// The term that created them.
    pub run_term: Term,
    /// How many there are.
    pub count: u32,
    /// How far the leader has committed.
    pub commit: LogIndex,
    /// Force the log through here.
    pub force_upto: LogIndex,
    /// Copies through here count for some client while merely written: report them as soon as they
    /// are, and not only once a stronger entry behind them is forced.
    pub written_upto: LogIndex,
    /// Of these, copies through here are relied on by later leaders: mark the disk first. Never
    /// beyond `written_upto`.
    pub relied_upto: LogIndex,
    /// The strongest commit mode among the entries: the priority of the message.
    pub mode: CommitMode,
    /// The strongest fsync mode among the entries.
    pub fsync: FsyncMode,
}

impl Append {
    /// The entries it carries.
    pub const fn run(&self) -> Run {
        Run {
            term: self.run_term,
            kind: self.kind,
            first: self.prev.index.next(),
            count: self.count,
        }
    }

    /// The strongest class among its entries.
    pub const fn class(&self) -> Class {
        Class::new(self.mode, self.fsync)
    }

    /// The same append as two: the first `count` entries, and the rest.
    ///
    /// A host whose frames are bounded sends the halves in order in place of the whole. `None` when
    /// either half would be empty.
    pub fn split_at(&self, count: u32) -> Option<(Self, Self)> {
        if count == 0 || count >= self.count {
            return None;
        }
        let head = Self { count, ..*self };
        let tail = Self {
            prev: head.run().last_position(),
            count: self.count - count,
            ..*self
        };
        Some((head, tail))
    }
}
