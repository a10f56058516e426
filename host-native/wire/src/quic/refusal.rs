//! Why two programs do not talk to each other.

use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::ids::NodeId;
use quinn::{ConnectionError, TransportErrorCode, VarInt};

use super::frame::ReadFrameError;
use crate::cert::{IdentityError, Role};

/// The code of a connection that is done with.
pub const CLOSED_IN_ORDER: VarInt = VarInt::from_u32(0);
/// The code of a connection that another one to the same peer replaced.
pub const CLOSED_REPLACED: VarInt = VarInt::from_u32(1);
/// The code of a connection whose other side made no sense.
pub const CLOSED_FAULT: VarInt = VarInt::from_u32(2);
/// The code of a connection to a peer that was taken off the list.
pub const CLOSED_REMOVED: VarInt = VarInt::from_u32(3);
/// The first code of refusals, one a kind.
const CLOSED_REFUSED_FIRST: u32 = 0x10;

/// What the certificates' side of TLS says, as alerts of RFC 8446 §6.2.
const ALERT_CERTIFICATE_EXPIRED: u8 = 45;
const ALERT_CERTIFICATE_REQUIRED: u8 = 116;
const ALERT_NO_APPLICATION_PROTOCOL: u8 = 120;

/// A connection was refused: nothing was exchanged over it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionRefusal {
    /// The other side showed no certificate.
    #[error(
        "no certificate was shown; the connection was refused. Both sides need one of the cluster's certificates"
    )]
    NoCertificate,
    /// A certificate has expired.
    #[error(
        "{0} has expired; the connection was refused. Renew it with `kraft cert renew` where the cluster's authority is, \
         and put it in the place of the old one"
    )]
    Expired(Certificate),
    /// The other side's certificate, or ours in its eyes, is of another authority.
    #[error(
        "the certificates are not of one cluster: {0}; the connection was refused. Issue both from the same authority with `kraft cert issue`"
    )]
    Untrusted(String),
    /// The other side speaks something else, or connected to the wrong port.
    #[error(
        "no protocol in common: {0}; the connection was refused. Peers talk to the peer port, clients to the client port"
    )]
    Protocol(String),
    /// The certificate is signed by the authority and yet says nothing of kraft.
    #[error(
        "the certificate names nobody: {0}; the connection was refused. Issue one with `kraft cert issue`"
    )]
    Nameless(IdentityError),
    /// The version of the other side is unknown here.
    #[error(
        "the other side speaks version {theirs}, this one version {ours}; the connection was refused. Run the same release on both"
    )]
    Version {
        /// Ours.
        ours: u16,
        /// Theirs.
        theirs: u16,
    },
    /// The other side belongs to another cluster.
    #[error(
        "the other side is of cluster {theirs}, this one of {ours}; the connection was refused. Check the addresses and certificates"
    )]
    Cluster {
        /// Ours.
        ours: ClusterId,
        /// Theirs.
        theirs: ClusterId,
    },
    /// The other side's cluster was founded anew, or ours was.
    #[error(
        "the other side is of epoch {theirs} of this cluster, this one of epoch {ours}; the connection was refused. The cluster was founded anew without the side of the lower epoch"
    )]
    Epoch {
        /// Ours.
        ours: Epoch,
        /// Theirs.
        theirs: Epoch,
    },
    /// The certificate is not for this listener.
    #[error(
        "{0} may not use the peers' port; the connection was refused. Connect to the client port"
    )]
    Role(Role),
    /// The other side claims to be a node that its certificate does not name.
    #[error(
        "the other side claims to be node {claimed} with the certificate of node {certified}; the connection was refused. Give it the right certificate"
    )]
    NodeId {
        /// What it said.
        claimed: NodeId,
        /// What its certificate says.
        certified: NodeId,
    },
    /// Another node answered at a peer's address.
    #[error(
        "node {answered} answered at the address of node {dialed}; the connection was refused. Check the peers' addresses"
    )]
    Address {
        /// Whom we called.
        dialed: NodeId,
        /// Who answered.
        answered: NodeId,
    },
    /// The hello makes no sense.
    #[error(
        "the hello could not be read: {0}; the connection was refused. Something else than kraft is talking"
    )]
    Hello(String),
    /// No hello within the time allowed.
    #[error("no hello arrived in time; the connection was dropped and will be tried again")]
    Timeout,
    /// There are as many connections as there may be.
    #[error("too many connections; this one was refused. Try again later")]
    TooMany,
    /// The other side refused, for the reason it gave.
    #[error("the other side refused: {0}")]
    ByPeer(String),
    /// The connection ended before it was of use.
    #[error("the connection failed before the hello: {0}; it will be tried again")]
    Broken(String),
}

/// The kinds of [`ConnectionRefusal`], for counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named after the refusal it counts")]
pub enum ConnectionRefusalKind {
    NoCertificate,
    Untrusted,
    Protocol,
    Nameless,
    Version,
    Cluster,
    Role,
    NodeId,
    Address,
    Hello,
    Timeout,
    TooMany,
    ByPeer,
    Broken,
    Epoch,
    Expired,
}

/// One of the two certificates of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Certificate {
    /// This side's.
    #[error("the certificate of this side")]
    Ours,
    /// The other side's.
    #[error("the certificate of the other side")]
    Theirs,
}

impl ConnectionRefusalKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::NoCertificate,
        Self::Untrusted,
        Self::Protocol,
        Self::Nameless,
        Self::Version,
        Self::Cluster,
        Self::Role,
        Self::NodeId,
        Self::Address,
        Self::Hello,
        Self::Timeout,
        Self::TooMany,
        Self::ByPeer,
        Self::Broken,
        Self::Epoch,
        Self::Expired,
    ];

    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::Untrusted => "untrusted",
            Self::Protocol => "protocol",
            Self::Nameless => "nameless",
            Self::Version => "version",
            Self::Cluster => "cluster",
            Self::Role => "role",
            Self::NodeId => "node_id",
            Self::Address => "address",
            Self::Hello => "hello",
            Self::Timeout => "timeout",
            Self::TooMany => "too_many",
            Self::ByPeer => "by_peer",
            Self::Broken => "broken",
            Self::Epoch => "epoch",
            Self::Expired => "expired",
        }
    }
}

impl ConnectionRefusal {
    /// What it is counted as.
    pub const fn kind(&self) -> ConnectionRefusalKind {
        match self {
            Self::NoCertificate => ConnectionRefusalKind::NoCertificate,
            Self::Untrusted(_) => ConnectionRefusalKind::Untrusted,
            Self::Protocol(_) => ConnectionRefusalKind::Protocol,
            Self::Nameless(_) => ConnectionRefusalKind::Nameless,
            Self::Version { .. } => ConnectionRefusalKind::Version,
            Self::Cluster { .. } => ConnectionRefusalKind::Cluster,
            Self::Role(_) => ConnectionRefusalKind::Role,
            Self::NodeId { .. } => ConnectionRefusalKind::NodeId,
            Self::Address { .. } => ConnectionRefusalKind::Address,
            Self::Hello(_) => ConnectionRefusalKind::Hello,
            Self::Timeout => ConnectionRefusalKind::Timeout,
            Self::TooMany => ConnectionRefusalKind::TooMany,
            Self::ByPeer(_) => ConnectionRefusalKind::ByPeer,
            Self::Broken(_) => ConnectionRefusalKind::Broken,
            Self::Epoch { .. } => ConnectionRefusalKind::Epoch,
            Self::Expired(_) => ConnectionRefusalKind::Expired,
        }
    }

    /// Whether a person has to change something before another attempt can do better.
    pub fn is_lasting(&self) -> bool {
        self.outlook() == Outlook::Lasting
    }

    /// Whether trying again soon may help, or a person has to change something first.
    pub const fn outlook(&self) -> Outlook {
        match self {
            Self::Timeout | Self::TooMany | Self::Broken(_) => Outlook::Passing,
            _ => Outlook::Lasting,
        }
    }

    /// The code a connection is closed with for this reason.
    pub fn close_code(&self) -> VarInt {
        VarInt::from_u32(CLOSED_REFUSED_FIRST + self.kind() as u32)
    }

    /// What an ended connection says about why it was refused.
    pub fn of_connection(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::TransportError(e) => {
                Self::of_tls(e.code, e.reason.clone(), Certificate::Theirs)
            }
            ConnectionError::ConnectionClosed(e) => Self::of_tls(
                e.error_code,
                match said(&e.reason) {
                    Some(reason) => format!("the other side says {reason}"),
                    None => "the other side gives no reason".to_owned(),
                },
                Certificate::Ours,
            ),
            ConnectionError::ApplicationClosed(e)
                if e.error_code.into_inner() >= u64::from(CLOSED_REFUSED_FIRST) =>
            {
                let code = e.error_code.into_inner();
                Self::ByPeer(
                    said(&e.reason)
                        .unwrap_or_else(|| format!("it gives no reason, but code {code}")),
                )
            }
            ConnectionError::TimedOut => Self::Timeout,
            other => Self::Broken(other.to_string()),
        }
    }

    /// What a failed read of the hello says about why it was refused.
    pub fn of_read(error: &ReadFrameError) -> Self {
        match error {
            ReadFrameError::Stream(quinn::ReadError::ConnectionLost(e)) => Self::of_connection(e),
            ReadFrameError::Stream(e) => Self::Broken(e.to_string()),
            ReadFrameError::Bad(e) => Self::Hello(e.to_string()),
        }
    }

    /// What TLS says; if it says that a certificate has expired, `expired` is the one.
    fn of_tls(code: TransportErrorCode, detail: String, expired: Certificate) -> Self {
        const CRYPTO: std::ops::Range<u64> = 0x100..0x200;
        if code == TransportErrorCode::crypto(ALERT_CERTIFICATE_REQUIRED) {
            Self::NoCertificate
        } else if code == TransportErrorCode::crypto(ALERT_CERTIFICATE_EXPIRED) {
            Self::Expired(expired)
        } else if code == TransportErrorCode::crypto(ALERT_NO_APPLICATION_PROTOCOL) {
            Self::Protocol(detail)
        } else if CRYPTO.contains(&u64::from(code)) {
            Self::Untrusted(detail)
        } else {
            Self::Broken(format!("{code}: {detail}"))
        }
    }
}

/// The reason that a connection was closed with, if one was given.
fn said(reason: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(reason).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Whether a refusal can pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// It can.
    Passing,
    /// A person has to change something first.
    Lasting,
}

#[cfg(test)]
mod tests {
    use quinn::ConnectionClose;
    use quinn::TransportErrorCode as Code;

    use super::*;

    #[test]
    fn a_close_without_a_reason_is_said_to_have_none() {
        let closed = |reason: &'static [u8]| {
            let close = ConnectionClose {
                error_code: Code::INTERNAL_ERROR,
                frame_type: None,
                reason: reason.into(),
            };
            ConnectionRefusal::of_connection(&ConnectionError::ConnectionClosed(close)).to_string()
        };
        for nothing in [&b""[..], b"  \n"] {
            let said = closed(nothing);
            assert!(said.contains("the other side gives no reason"), "{said}");
        }
        assert!(closed(b"full").contains("the other side says full"));
    }
}
