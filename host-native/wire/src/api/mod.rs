//! What clients and nodes say to each other.
//!
//! One request, one response, each a message of its own:
//!
//! ```text
//! ┌─────────┬──────────┐
//! │ version │ postcard │
//! └─────────┴──────────┘
//! ```
//!
//! Every decoder is total, and reads exactly one encoding of a value. A write says who asks and
//! under which number, so that it can be sent again after a lost connection and still be applied at
//! most once.

mod answer;
mod members;
mod moment;
mod refusal;
mod status;
mod words;

use bytes::Bytes;
use kraft_proto::durability::Fallback;
use kraft_proto::ids::{LogIndex, LogPosition, NodeId, Term};
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_proto::output::Fate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use answer::{Achieved, Answer, NotSaid};
pub use kraft_proto::Grade;
pub use members::{Care, ChangeMembers, Contact, MemberReport, MembersChange, MembersReport};
pub use moment::{MOMENT_AGE_S_MAX, MOMENT_UNREAD_S_MAX, MOMENTS_MAX, MomentId};
pub use refusal::{Bound, RequestRefusal, Retry};
pub use status::{
    AtRisk, Candidacy, DataStatus, DifferingReplica, DiskRoom, DiskStatus, LagStatus, Link,
    MemberStatus, PeerStatus, PlacesStatus, SnapshotStatus, StatusReport, UnkeptAcks, Voting,
};

use crate::codec::{self, DecodeError};
use crate::command::{COMMAND_MAX, RequestId};
use crate::key_value::{KEY_MAX, VALUE_MAX};
use crate::payload::{PAYLOAD_MAX, Payload};
use crate::rows::{SCAN_BYTES_MAX, SCAN_ROWS_MAX};

/// The version of this protocol: the first byte of every message.
pub const VERSION: u8 = 5;

/// The longest message in either direction, in bytes.
pub const MESSAGE_MAX: usize = 6 * 1024 * 1024;

/// Bytes of a snapshot in one answer, at most.
pub const PIECE_MAX: usize = 1024 * 1024;

/// The bounds of a connection that carries messages: one of them, and the header of its call.
pub const FRAME_BYTES_MAX: u32 = MESSAGE_MAX as u32 + 1024;

// A write has its options beside its command; a page may go beyond its bytes by one row, and has
// its lengths beside each row.
const _: () = assert!(COMMAND_MAX <= PAYLOAD_MAX && PAYLOAD_MAX + 1024 <= MESSAGE_MAX);
const _: () =
    assert!(SCAN_BYTES_MAX + KEY_MAX + VALUE_MAX + SCAN_ROWS_MAX as usize * 8 <= PAYLOAD_MAX);

/// What a client asks of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Write. Leader only.
    Write(Write),
    /// Read.
    Query {
        /// What the state machine is asked.
        query: Payload,
        /// How fresh.
        freshness: Freshness,
    },
    /// What became of an entry, as far as this node knows.
    Fate {
        /// Which.
        position: LogPosition,
    },
    /// How this node sees itself and the cluster.
    Status,
    /// The digest of this node's state, to compare with others at the same position.
    Digest,
    /// For demonstrations and tests; refused unless the node was started with its test switch.
    Test(TestSwitch),
    /// Transfer leadership. Leader only; answered once another leads, or none took over.
    Transfer {
        /// To whom; to the one that could take over soonest unless given.
        to: Option<NodeId>,
    },
    /// Answer once an entry is committed, lost or unknown, or the time is up: for who has an early
    /// answer and awaits the stronger one. Any node.
    Await {
        /// Which.
        position: LogPosition,
        /// How long, in milliseconds; a minute at most. Asking again costs nothing.
        timeout_ms: u32,
    },
    /// Who is in the cluster and where, as this node knows it.
    Members,
    /// Change that. Leader only; answered once the change is committed.
    ChangeMembers(ChangeMembers),
    /// Have a snapshot of this node's state at hand. Any node. It is made in the background: ask again with the entry that
    /// [`SnapshotPending`](Response::SnapshotPending) names.
    Snapshot {
        /// It is to cover this entry; the last that is applied now unless given.
        through: Option<LogIndex>,
    },
    /// Bytes of it, as its file has them: at most [`PIECE_MAX`], fewer at its end. Whoever asks for them keeps the snapshot
    /// from being removed for a while.
    SnapshotPiece {
        /// Where it ends.
        last: LogPosition,
        /// From which byte on.
        offset: u64,
    },
    /// Keep the state machine as it is now, to be read in several requests over this connection.
    KeepMoment {
        /// How fresh.
        freshness: Freshness,
    },
    /// Read of a moment that this node keeps.
    QueryMoment {
        /// What the state machine is asked.
        query: Payload,
        /// Of which moment.
        moment: MomentId,
    },
    /// Keep a moment no longer. One that is not kept is no error.
    EndMoment {
        /// Which.
        moment: MomentId,
    },
}

/// A write and the durability asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Who asks, under which number.
    pub request: RequestId,
    /// What to write, as the state machine reads it.
    pub operation: Payload,
    /// How firmly.
    pub options: Options,
    /// Whether a copy of it may have been sent before.
    pub attempt: Attempt,
    /// How long the client waits for the answer, in milliseconds: within it the leader answers, as timed out if
    /// nothing better can be said. Without it the client waits for as long as it takes.
    pub patience_ms: Option<u32>,
}

/// Whether a request may have been sent before under the same number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Attempt {
    /// Its number was never used.
    #[default]
    First,
    /// Its number was: what was written under it has to be known before it is written again.
    Again,
}

/// What a request says of its durability. Each part by itself falls back to the key's zone, then to
/// the cluster's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Options {
    /// How many must hold it.
    pub mode: Option<CommitMode>,
    /// When the disk is forced for it.
    pub fsync: Option<FsyncMode>,
    /// How long its copies may take, in milliseconds, before it is answered as timed out.
    pub timeout_ms: Option<u32>,
    /// What then becomes of an `All` write that a majority holds.
    pub fallback: Option<Fallback>,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Freshness {
    /// It sees every write acknowledged as Sync or stronger before it was asked. Leader only.
    #[default]
    Linearizable,
    /// What this node has applied, however long ago.
    Stale,
    /// It sees as much, and whichever node is asked answers: one that does not lead asks the leader up to where.
    LinearizableHere,
    /// It sees as much, and the entry at this position, too, whatever its class: a client reads its own early
    /// acknowledgements. What that takes is forced. Leader only.
    After(LogPosition),
}

/// What a test may do to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TestSwitch {
    /// Send no entries to peers; everything else goes on.
    HoldAppends,
    /// Send them again.
    ReleaseAppends,
}

/// What a node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// A write has its answer.
    Answered(Answer),
    /// This node does not lead. Nothing was written or read; ask the leader, where it is known.
    Redirect {
        /// The leader.
        leader: Option<Leader>,
    },
    /// Nothing was written or read.
    Refused(RequestRefusal),
    /// What was read.
    View {
        /// What the state machine shows.
        view: Payload,
        /// The last entry the read has seen.
        read_at: LogIndex,
    },
    /// What became of an entry.
    Fate(FateReport),
    /// How the node sees itself and the cluster.
    Status(Box<StatusReport>),
    /// The digest of the node's state.
    Digest(DigestReport),
    /// The test switch is set.
    Switched,
    /// Who leads, after a transfer.
    Leads(LeadsReport),
    /// Who is in the cluster and where.
    Members(Box<MembersReport>),
    /// A snapshot is at hand.
    Snapshot(SnapshotOffer),
    /// It is being made.
    SnapshotPending {
        /// The entry that it is to cover.
        through: LogIndex,
    },
    /// Bytes of it.
    SnapshotPiece(Vec<u8>),
    /// A moment is kept.
    MomentKept {
        /// Which.
        moment: MomentId,
        /// The last entry it has.
        read_at: LogIndex,
    },
    /// A moment is not kept any more.
    MomentEnded,
}

/// A snapshot that can be read from a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotOffer {
    /// Whose.
    pub node: NodeId,
    /// The last entry it covers.
    pub last: LogPosition,
    /// The length of its file, in bytes.
    pub bytes: u64,
}

/// Where to find the leader.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Leader {
    /// Its id.
    pub node: NodeId,
    /// The address on which it takes clients, `host:port`.
    pub address: String,
}

/// What became of an entry, as one node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FateReport {
    /// Which entry.
    pub position: LogPosition,
    /// What became of it.
    #[serde(with = "words::fate")]
    pub fate: Fate,
    /// Who says so.
    pub node: NodeId,
    /// How far that node knows the log to be committed.
    pub commit: LogIndex,
    /// How many vote, as it knows.
    pub voters: u8,
}

/// Who leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeadsReport {
    /// Which node.
    pub leader: NodeId,
    /// In which term.
    pub term: Term,
}

/// The digest of a node's state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DigestReport {
    /// Whose.
    pub node: NodeId,
    /// After which entry. Digests of different positions say nothing about each other.
    pub applied: LogPosition,
    /// SHA-256 over the state and the sessions, in hex.
    pub sha256: String,
    /// Keys.
    pub entries: u64,
}

/// Why a message is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// The other side speaks another version.
    #[error("the message has protocol version {theirs}, this build speaks {VERSION}")]
    Version {
        /// The version it speaks.
        theirs: u8,
    },
    /// The bytes are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Request {
    /// The bytes to send.
    pub fn encode(&self) -> Bytes {
        codec::encode_onto(self, vec![VERSION]).into()
    }

    /// Reads what a client sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        decode(bytes)
    }
}

impl Response {
    /// The bytes to send.
    pub fn encode(&self) -> Bytes {
        codec::encode_onto(self, vec![VERSION]).into()
    }

    /// Reads what a node sent.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        decode(bytes)
    }
}

impl From<MessageError> for RequestRefusal {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Version { theirs } => Self::Version {
                theirs,
                ours: VERSION,
            },
            MessageError::Decode(error) => Self::Malformed {
                why: error.to_string(),
            },
        }
    }
}

fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    match bytes.split_first() {
        Some((&VERSION, message)) => Ok(codec::decode(message, MESSAGE_MAX)?),
        Some((&theirs, _)) => Err(MessageError::Version { theirs }),
        None => Err(DecodeError::Malformed.into()),
    }
}

#[cfg(test)]
mod tests;
