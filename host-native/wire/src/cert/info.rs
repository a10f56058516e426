//! What a certificate says of itself: whose it is and how long it holds.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kraft_proto::cluster::ClusterId;
use ring::digest::{SHA256, digest};

use super::authority::authority_of;
use super::error::{CertError, IdentityError};
use super::files;
use super::identity::PeerIdentity;

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The authority of a cluster.
    Authority(ClusterId),
    /// A node or a client.
    Peer(PeerIdentity),
}

/// What a certificate says, whether it holds or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whose it is.
    pub owner: Owner,
    /// When it begins to hold.
    pub from: SystemTime,
    /// Until when it holds.
    pub until: SystemTime,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

impl CertificateInfo {
    /// Reads the first certificate of a PEM file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or its certificate is not one of kraft's; the error names it.
    pub fn of_file(file: &Path) -> Result<Self, CertError> {
        let certificates = files::read_certificates(file)?;
        Self::of_der(&certificates[0]).map_err(|source| CertError::Identity {
            file: file.into(),
            source,
        })
    }

    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// When it is none, or not one of kraft's.
    pub fn of_der(der: &[u8]) -> Result<Self, IdentityError> {
        let owner = match authority_of(der) {
            Ok((cluster, _)) => Owner::Authority(cluster),
            Err(_) => Owner::Peer(PeerIdentity::from_certificate(der)?),
        };
        let (from, until) = validity(der)?;
        let sum = digest(&SHA256, der);
        let hex = sum.as_ref().iter().map(|byte| format!("{byte:02x}"));
        Ok(Self {
            owner,
            from,
            until,
            sha256: hex.collect(),
        })
    }

    /// How long it holds from now; zero once it has expired.
    pub fn left(&self) -> Duration {
        left(self.until)
    }
}

/// How long from now until then; zero if it has passed.
pub fn left(until: SystemTime) -> Duration {
    until.duration_since(SystemTime::now()).unwrap_or_default()
}

/// From when and until when a certificate holds.
pub fn validity(der: &[u8]) -> Result<(SystemTime, SystemTime), IdentityError> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).map_err(|_| IdentityError::Malformed)?;
    let validity = certificate.validity();
    let at = |seconds: i64| {
        let since = Duration::from_secs(seconds.unsigned_abs());
        match seconds < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(since),
            false => SystemTime::UNIX_EPOCH.checked_add(since),
        }
    };
    let from = at(validity.not_before.timestamp()).ok_or(IdentityError::Malformed)?;
    // The last second counts (RFC 5280 §4.1.2.5).
    let until = at(validity.not_after.timestamp().saturating_add(1));
    let until = until.ok_or(IdentityError::Malformed)?;
    Ok((from, until))
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(_) => f.write_str("authority"),
            Self::Peer(peer) => peer.role.fmt(f),
        }
    }
}

impl Owner {
    /// The cluster it belongs to.
    pub const fn cluster(&self) -> ClusterId {
        match self {
            Self::Authority(cluster) => *cluster,
            Self::Peer(peer) => peer.cluster,
        }
    }
}
