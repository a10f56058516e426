//! What a client could not do, what it did not do, and what to do next.

use std::time::Duration;

use thiserror::Error;

use crate::api::{Answer, Grade, Refusal};
use crate::cert::CertError;
use crate::command::RequestId;
use crate::config::ConfigError;
use crate::pair::Unfit;

/// Why a client has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No address to ask was given.
    #[error("no address was given; nothing was sent: name the client address of at least one node")]
    NoAddress,
    /// The cluster refused the request, or it was not even sent. Nothing was written or read.
    #[error("refused: {0}. Nothing was written or read")]
    Refused(Refusal),
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
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The configuration lacks what a client needs.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Credentials(#[from] CertError),
    /// None of the members can be reached.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Exit codes of the `kraft` command.
pub mod exit {
    /// Acknowledged as asked, or read.
    pub const AS_ASKED: u8 = 0;
    /// The command line makes no sense.
    pub const USAGE: u8 = 1;
    /// Acknowledged weaker than asked, as the fallback allowed.
    pub const FALLBACK: u8 = 3;
    /// The time was up; the entry lives on.
    pub const TIMED_OUT: u8 = 4;
    /// Nothing was written.
    pub const NOT_WRITTEN: u8 = 5;
    /// It may be written or not.
    pub const OUTCOME_UNKNOWN: u8 = 6;
}

impl Answer {
    /// The exit code of the `kraft` command.
    pub const fn exit_code(&self) -> u8 {
        match self.grade {
            Grade::AsAsked => exit::AS_ASKED,
            Grade::Fallback => exit::FALLBACK,
            Grade::TimedOut => exit::TIMED_OUT,
            Grade::Lost => exit::NOT_WRITTEN,
            Grade::Unknown => exit::OUTCOME_UNKNOWN,
        }
    }
}

impl ClientError {
    /// The exit code of the `kraft` command.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoAddress => exit::USAGE,
            Self::Refused(_)
            | Self::NotWritten { .. }
            | Self::NotRead { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted
            | Self::Busy { .. } => exit::NOT_WRITTEN,
            Self::OutcomeUnknown { .. } => exit::OUTCOME_UNKNOWN,
        }
    }
}

/// The exit code of the `kraft` command for the result of a write.
pub fn exit_code(result: &Result<Answer, ClientError>) -> u8 {
    match result {
        Ok(answer) => answer.exit_code(),
        Err(error) => error.exit_code(),
    }
}

impl From<Unfit> for ClientError {
    fn from(unfit: Unfit) -> Self {
        Self::Refused(unfit.into())
    }
}
