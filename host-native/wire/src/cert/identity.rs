//! The name a certificate carries.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::NodeId;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;

use super::error::IdentityError;

pub(super) const SCHEME: &str = "kraft://";
const CLIENT_NAME_BYTES_MAX: usize = 64;

/// The name of a client: 1 to 64 of `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientName(Arc<str>);

/// What the owner of a certificate may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A member of the cluster. It may also call other nodes as a client does.
    Node(NodeId),
    /// Someone who uses the cluster.
    Client(ClientName),
}

/// Whom a verified certificate speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    /// The cluster whose authority signed it.
    pub cluster: ClusterId,
    /// Node or client, and which.
    pub role: Role,
}

impl ClientName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ClientName {
    type Err = IdentityError;

    fn from_str(name: &str) -> Result<Self, IdentityError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > CLIENT_NAME_BYTES_MAX || !name.bytes().all(allowed) {
            return Err(IdentityError::Client(name.to_owned()));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => write!(f, "node {id}"),
            Self::Client(name) => write!(f, "client {name}"),
        }
    }
}

impl PeerIdentity {
    /// Reads the name out of a certificate that TLS has verified already.
    ///
    /// # Errors
    ///
    /// When it is no certificate, or does not carry exactly one well-formed kraft name.
    pub fn from_certificate(der: &[u8]) -> Result<Self, IdentityError> {
        match names_in(&parsed(der)?)?.as_slice() {
            [uri] => uri.parse(),
            names => Err(IdentityError::Names(names.len())),
        }
    }
}

/// A certificate's parts.
pub(super) fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, IdentityError> {
    let parsed = x509_parser::parse_x509_certificate(der);
    let (_, certificate) = parsed.map_err(|_| IdentityError::Malformed)?;
    Ok(certificate)
}

/// The names of kraft in a certificate.
pub(super) fn names_in<'a>(
    certificate: &'a X509Certificate<'_>,
) -> Result<Vec<&'a str>, IdentityError> {
    let names = certificate.subject_alternative_name();
    let names = names.map_err(|_| IdentityError::Malformed)?;
    let names = names.map_or(&[][..], |names| &names.value.general_names);
    let ours = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) if uri.starts_with(SCHEME) => Some(*uri),
        _ => None,
    });
    Ok(ours.collect())
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/", self.cluster)?;
        match &self.role {
            Role::Node(id) => write!(f, "node/{id}"),
            Role::Client(name) => write!(f, "client/{name}"),
        }
    }
}

impl FromStr for PeerIdentity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, IdentityError> {
        let wrong = || IdentityError::Name(uri.to_owned());
        let rest = uri.strip_prefix(SCHEME).ok_or_else(wrong)?;
        let mut parts = rest.split('/');
        let cluster = parts.next().ok_or_else(wrong)?.parse()?;
        let role = match (parts.next(), parts.next(), parts.next()) {
            (Some("node"), Some(id), None) => {
                let number: u64 = id.parse().map_err(|_| wrong())?;
                // One spelling for each name: `+3` and `03` are other people's.
                if number.to_string() != id {
                    return Err(wrong());
                }
                Role::Node(NodeId(number))
            }
            (Some("client"), Some(name), None) => Role::Client(name.parse()?),
            _ => return Err(wrong()),
        };
        Ok(Self { cluster, role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_as_it_was_written() {
        for role in [
            Role::Node(NodeId(3)),
            Role::Node(NodeId(u64::MAX)),
            Role::Client("load-1.test".parse().unwrap()),
        ] {
            let identity = PeerIdentity {
                cluster: ClusterId(0xab),
                role,
            };
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
    }

    #[test]
    fn a_name_with_another_spelling_is_nobody() {
        let hex = "0".repeat(32);
        for name in [
            "kraft://".to_owned(),
            "kraft://ab/node/1".to_owned(),
            format!("kraft://{}/node/1", "A".repeat(32)),
            format!("kraft://{hex}/node/01"),
            format!("kraft://{hex}/node/+1"),
            format!("kraft://{hex}/node/1/2"),
            format!("kraft://{hex}/client/"),
            format!("kraft://{hex}/client/a b"),
            format!("kraft://{hex}/admin/1"),
            format!("http://{hex}/node/1"),
        ] {
            assert!(name.parse::<PeerIdentity>().is_err(), "{name}");
        }
    }
}
