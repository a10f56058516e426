//! QUIC as kraft uses it: mutual TLS always, a hello first, and frames on long-lived streams.

pub mod endpoint;
mod error;
mod frame;
pub mod hello;
mod race;
mod refusal;

pub use error::BindError;
pub use frame::{BadFrame, Batch, FrameReader, PREFIX_BYTES, ReadFrameError};
pub use race::{HEAD_START, Losers, race};
pub use refusal::{
    CLOSED_FAULT, CLOSED_IN_ORDER, CLOSED_REMOVED, CLOSED_REPLACED, Certificate, ConnectionRefusal,
    ConnectionRefusalKind, Outlook,
};
