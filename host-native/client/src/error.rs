//! What a client could not do, what it did not do, and what to do next.

use std::time::Duration;

use kraft_wire::api::RequestRefusal;
use kraft_wire::cert::CertError;
use kraft_wire::command::RequestId;
use kraft_wire::key_value::Unfit;
use thiserror::Error;

/// Why a client has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No address to ask was given.
    #[error("no address was given; nothing was sent: name the client address of at least one node")]
    NoAddress,
    /// The cluster refused the request, or it was not even sent. Nothing was written or read.
    #[error("refused: {0}. Nothing was written or read")]
    Refused(RequestRefusal),
    /// No leader took the write in time. Nothing was written.
    #[error(
        "no leader took the write within {} ms: {last}. Nothing was written: try again, or see \
         what `kraft status` says",
        waited.as_millis()
    )]
    NotWritten {
        /// How long was tried.
        waited: Duration,
        /// What the last attempt met.
        last: String,
    },
    /// A copy of the write left this client and no answer came.
    #[error(
        "request {request} has no answer: {last}. It may be written or not: send it again under \
         the same request id, and it is applied at most once, or read the key"
    )]
    OutcomeUnknown {
        /// The request, to send it again.
        request: RequestId,
        /// What the last attempt met.
        last: String,
    },
    /// Nobody answered in time what writes nothing.
    #[error("no answer within {} ms: {last}. {asked}", waited.as_millis())]
    NotRead {
        /// What was asked for.
        asked: Asked,
        /// How long was tried.
        waited: Duration,
        /// What the last attempt met.
        last: String,
    },
    /// No node could be connected to.
    #[error(
        "no node of the cluster could be reached within {} ms: {last}. Nothing was sent: start the nodes, or name their \
         addresses in the client's configuration",
        waited.as_millis()
    )]
    Unreachable {
        /// How long was tried.
        waited: Duration,
        /// What the attempts met.
        last: String,
    },
    /// It was stopped before it was sent.
    #[error("interrupted before it was sent; nothing was written")]
    Interrupted,
    /// As many writes are on their way as a client keeps. This one was not sent.
    #[error(
        "{in_flight} writes are on their way already; this one was not sent: wait for some of them"
    )]
    Busy {
        /// How many are on their way.
        in_flight: usize,
    },
}

/// What a request that writes nothing asks for, and with it what is so when no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Asked {
    /// Keys and values.
    #[error("Nothing was read: try again, or see what `kraft status` says")]
    Data,
    /// What became of a write.
    #[error(
        "What became of the write is not known here: ask again, or another node with `kraft fate --node`"
    )]
    Fate,
    /// How one node is.
    #[error("How that node is, is not known: look at its log")]
    Node,
    /// That another node leads.
    #[error("Leadership may have moved or not: see what `kraft status` says")]
    Transfer,
    /// A snapshot, or bytes of one.
    #[error("Nothing more was read of it: try again")]
    Snapshot,
    /// Who is in the cluster.
    #[error("Who is in the cluster is not known here: try again")]
    Members,
    /// That others are in the cluster, or elsewhere.
    #[error("The members may have been changed or not: see what `kraft member list` says")]
    MembersChange,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ClientOpenError {
    /// The certificate cannot be used.
    #[error(transparent)]
    Credentials(#[from] CertError),
    /// None of the members can be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<Unfit> for ClientError {
    fn from(unfit: Unfit) -> Self {
        Self::Refused(unfit.into())
    }
}
