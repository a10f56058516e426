//! Why an endpoint could not be opened.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cert::{CertError, PeerIdentity};

/// A transport could not be bound: no port is taken and nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address cannot be had.
    #[error(
        "cannot receive at {listen}: {source}; the port was not opened. Choose a free address of this machine"
    )]
    Socket {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate is for someone else.
    #[error(
        "this is {wanted}, but its certificate is for {found}; the port was not opened. Give it its own certificate"
    )]
    Identity {
        /// Whom it is bound for.
        wanted: Box<PeerIdentity>,
        /// Whom the certificate names.
        found: Box<PeerIdentity>,
    },
    /// The certificate is a client's where a node's is needed.
    #[error(
        "the certificate is for {found}, and only nodes listen; the port was not opened. Give it a node's certificate"
    )]
    NotANode {
        /// Whom the certificate names.
        found: Box<PeerIdentity>,
    },
    /// The certificates do not make a TLS configuration.
    #[error(transparent)]
    Certificates(#[from] CertError),
    /// A time is out of the range QUIC knows.
    #[error(
        "a time of {0:?} is longer than QUIC allows; the port was not opened. Choose a shorter one"
    )]
    Time(Duration),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers; the port was not opened")]
    Random,
}
