//! Why there is no connection, or no answer.

use std::time::Duration;

use kraft_wire::quic::{BindError, ConnectionRefusal};

/// There is no connection, and nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address means nothing.
    #[error("cannot look up {address}: {detail}; nothing was sent. Check the address, host:port")]
    Address {
        /// The address.
        address: String,
        /// What went wrong.
        detail: String,
    },
    /// Nobody answered.
    #[error(
        "nobody answered at {address} within {after:?}; nothing was sent. Check that the node runs there, or try another one"
    )]
    Timeout {
        /// The address.
        address: String,
        /// How long we waited.
        after: Duration,
    },
    /// One of the two sides refused the other.
    #[error("no connection with {address}: {refusal}")]
    Refused {
        /// The address.
        address: String,
        /// Why.
        refusal: ConnectionRefusal,
    },
    /// No socket could be opened on this side.
    #[error(transparent)]
    Local(#[from] BindError),
}

/// There is no answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It never left this process: it had no effect.
    #[error(
        "the call was not sent: {reason}; it had no effect. Send it again, here or to another node"
    )]
    NotSent {
        /// What happened to the connection.
        reason: String,
    },
    /// It was sent, and then the answer was lost: it may have had its effect or not, and may still
    /// have it.
    #[error(
        "the call was sent and its outcome is unknown: {reason}. Ask for its fate, or repeat it under the same session number"
    )]
    OutcomeUnknown {
        /// What happened to the connection.
        reason: String,
    },
    /// It is longer than a frame may be.
    #[error(
        "a call of {bytes} bytes was not sent: {max} is the most; it had no effect. Send less at a time"
    )]
    TooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// The answer is longer than a frame may be. What the call asked for was done.
    #[error(
        "the call was carried out, but its answer is longer than a frame may be and was not sent. Ask for less at a time"
    )]
    AnswerTooLarge,
    /// The parts of the answer came faster than they were taken; the rest was dropped.
    #[error(
        "parts of the answer came faster than they were taken; the rest was dropped. Ask again from where it broke off"
    )]
    TooSlow,
}
