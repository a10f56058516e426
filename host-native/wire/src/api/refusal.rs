//! Why nothing was written or read, and what to do next.

use std::fmt;

use kraft_proto::Busy;
use kraft_proto::ids::{LogIndex, LogPosition, NodeId, Term};
use kraft_proto::modes::Class;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::moment::{MOMENT_AGE_S_MAX, MOMENT_UNREAD_S_MAX};
use super::words;
use crate::key_value::Unfit;

/// Why a node refused a request. Nothing was written or read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestRefusal {
    /// The write or the scan does not fit.
    #[error(transparent)]
    Unfit(Unfit),
    /// No such number of voters can hold it.
    #[error("AT_LEAST_{n} of {voters} voters cannot be: ask for 1 to {voters}")]
    AtLeastOutOfRange {
        /// How many were asked for.
        n: u8,
        /// How many there are.
        voters: u8,
    },
    /// A zone of the key asks for more.
    #[error("{asked} is weaker than the floor of zone {zone:?}, {floor}: ask for at least that")]
    Floor {
        /// The zone's key pattern.
        zone: String,
        /// What it asks for.
        #[serde(with = "words::class")]
        floor: Class,
        /// What the request asked for.
        #[serde(with = "words::class")]
        asked: Class,
    },
    /// The node has as much to do as it takes on.
    #[error("the node is busy: {bound} at its limit of {limit}; try again")]
    Busy {
        /// Of what.
        bound: Bound,
        /// How much it takes on.
        limit: u64,
    },
    /// As much is acknowledged early and not committed as may be, and the cluster refuses more of that at once.
    #[error(
        "not written: {bound} at the limit of {limit}. Ask for SYNC and COMMIT, or try again later"
    )]
    AtRiskFull {
        /// Of what.
        bound: Bound,
        /// How much may be.
        limit: u64,
    },
    /// The node's disk has too little room left.
    #[error(
        "the disk is full: {free} bytes free, {reserve} are kept back; make room and try again"
    )]
    DiskFull {
        /// Bytes free.
        free: u64,
        /// Bytes it keeps back.
        reserve: u64,
    },
    /// The node is about to transfer leadership, or just lost it.
    #[error("leadership is moving; try again")]
    LeadershipTransfer,
    /// The node won an election and has not opened its term yet.
    #[error("the node was elected just now and is not ready; try again")]
    NotReady,
    /// The node could not confirm in time that it still leads.
    #[error("no majority answered the leader in time; try again when the cluster is healthy")]
    NoMajority,
    /// The log has reached the end of the protocol's range.
    #[error("the log has reached the end of its range: start a new cluster")]
    LogExhausted,
    /// The node is stopping.
    #[error("the node is stopping; ask another")]
    Stopping,
    /// The request's number is too far below its session's highest. Whether an earlier copy of it
    /// was applied, cannot be told any more.
    #[error("the request's number is older than the last 64 of its session")]
    RequestTooOld {
        /// The lowest number of the session that can still be told apart.
        lowest: u64,
    },
    /// The session was forgotten, or is too old to be told from a forgotten one. Whether an earlier
    /// copy of the request was applied, cannot be told any more.
    #[error("the request's session is expired; open a new one at index {open_at}")]
    SessionExpired {
        /// The index a session opened now should name.
        open_at: LogIndex,
    },
    /// No entry can stand there.
    #[error("no entry stands at {position}: terms and indexes start at 1")]
    NoSuchEntry {
        /// Where.
        position: LogPosition,
    },
    /// The request's id is an earlier write's, and this is another one.
    #[error(
        "the request's id was another write's: to send that one again, send the very same; for a new write leave the id \
         out"
    )]
    RequestWasAnotherWrite,
    /// The node was started without its test switch.
    #[error("the node was started without its test switch")]
    TestSwitchOff,
    /// The client speaks another version.
    #[error("the client speaks protocol version {theirs}, the node {ours}: upgrade the older")]
    Version {
        /// The client's.
        theirs: u8,
        /// The node's.
        ours: u8,
    },
    /// The bytes are no request.
    #[error("the node could not read the request: {why}")]
    Malformed {
        /// What is wrong with them.
        why: String,
    },
    /// Leadership cannot be transferred like this.
    #[error("{why}")]
    NoTransfer {
        /// Why not.
        why: String,
    },
    /// The node to lead did not take over in time. The old leader leads on.
    #[error("node {node} did not take over within an election timeout: the leader leads on")]
    NotTakenOver {
        /// Which.
        node: NodeId,
    },
    /// The members stay as they are.
    #[error("the members stay as they are: {why}")]
    MembersStay {
        /// Why.
        why: String,
    },
    /// The members stay as they are, as the cluster would be weaker.
    #[error("the members stay as they are: {why}. If that is meant, add --force")]
    MembersWeaker {
        /// What would be lost.
        why: String,
    },
    /// The member has not caught up: it stays as it is.
    #[error("node {node} has not caught up, and stays as it is: {}; ask again when it has", behind(*.lag_entries))]
    NotCaughtUp {
        /// Which.
        node: NodeId,
        /// Entries that it lacks; none while it has not told this leader.
        lag_entries: Option<u64>,
    },
    /// The write that is to be seen was lost.
    #[error(
        "the write at {position} was lost, and no read sees it: it was acknowledged before it was committed"
    )]
    WriteLost {
        /// Where it stood.
        position: LogPosition,
    },
    /// There is no such snapshot.
    #[error("no snapshot: {why}")]
    NoSnapshot {
        /// Why not.
        why: String,
    },
    /// Another change of the members is on its way.
    #[error("another change of the members is on its way; try again")]
    MembersChanging,
    /// The node keeps no such moment.
    #[error(
        "the moment that was read is not kept any more: a node lets it go with its client's connection, after \
         {MOMENT_UNREAD_S_MAX} s without a read, after {MOMENT_AGE_S_MAX} s, and for other clients where it keeps too \
         many; begin again"
    )]
    MomentGone,
}

fn behind(lag_entries: Option<u64>) -> String {
    match lag_entries {
        Some(entries) => format!("it lacks {entries} entries"),
        None => "it has not told its leader yet what it holds".into(),
    }
}

/// What a node takes on only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Entries acknowledged early and not committed.
    EntriesAtRisk,
    /// Their bytes.
    BytesAtRisk,
    /// Entries accepted and not yet handed to the disk.
    UnwrittenEntries,
    /// Their bytes.
    UnwrittenBytes,
    /// Terms led whose early acknowledgements are not settled.
    UnsettledTerms,
    /// Requests that wait for their answer.
    Waits,
    /// Batches of reads that wait for their turn.
    Reads,
    /// Moments kept to be read.
    Moments,
}

/// What a client does about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Ask the same again in a moment.
    Later,
    /// Ask another node.
    Elsewhere,
    /// Ask again in a new session, unless an earlier copy may have been written.
    InSession {
        /// The index the new session names.
        opened_at: LogIndex,
    },
    /// It will not help.
    No,
}

impl RequestRefusal {
    /// Refuses to say what became of an entry where none can be.
    pub const fn check_position(position: LogPosition) -> Result<(), Self> {
        match position.index.0 == LogIndex::ZERO.0 || position.term.0 == Term::ZERO.0 {
            true => Err(Self::NoSuchEntry { position }),
            false => Ok(()),
        }
    }

    /// What a client does about it.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Busy { .. }
            | Self::LeadershipTransfer
            | Self::NotReady
            | Self::MembersChanging => Retry::Later,
            Self::NoMajority | Self::Stopping => Retry::Elsewhere,
            Self::SessionExpired { open_at } => Retry::InSession {
                opened_at: *open_at,
            },
            Self::Unfit(_)
            | Self::AtLeastOutOfRange { .. }
            | Self::Floor { .. }
            | Self::DiskFull { .. }
            | Self::LogExhausted
            | Self::RequestTooOld { .. }
            | Self::RequestWasAnotherWrite
            | Self::NoSuchEntry { .. }
            | Self::TestSwitchOff
            | Self::Version { .. }
            | Self::Malformed { .. }
            | Self::NoTransfer { .. }
            | Self::MembersStay { .. }
            | Self::NoSnapshot { .. }
            | Self::AtRiskFull { .. }
            | Self::WriteLost { .. }
            | Self::MembersWeaker { .. }
            | Self::NotCaughtUp { .. }
            | Self::MomentGone
            | Self::NotTakenOver { .. } => Retry::No,
        }
    }
}

impl From<Busy> for RequestRefusal {
    fn from(busy: Busy) -> Self {
        let bound = match busy.bound {
            kraft_proto::Bound::EntriesAtRisk => Bound::EntriesAtRisk,
            kraft_proto::Bound::UnwrittenEntries
            | kraft_proto::Bound::UnwrittenMembers
            | kraft_proto::Bound::UnwrittenTerms => Bound::UnwrittenEntries,
            kraft_proto::Bound::Waits => Bound::Waits,
        };
        Self::Busy {
            bound,
            limit: busy.limit,
        }
    }
}

impl From<Unfit> for RequestRefusal {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EntriesAtRisk => "entries at risk",
            Self::BytesAtRisk => "bytes at risk",
            Self::UnwrittenEntries => "unwritten entries",
            Self::UnwrittenBytes => "unwritten bytes",
            Self::UnsettledTerms => "terms with unsettled acknowledgements",
            Self::Waits => "waiting requests",
            Self::Reads => "waiting reads",
            Self::Moments => "moments kept to be read",
        })
    }
}
