//! Who is who: one certificate authority per cluster, and the name each certificate carries.
//!
//! ```text
//! ClusterCa ──issue──► Issued ──write──► node-3.pem, node-3.key ──load──► Credentials
//!                                                                            │
//!                    PeerIdentity ◄── what the other side's certificate says ┘
//! ```
//!
//! Every certificate holds exactly one `kraft://` name, saying which cluster it belongs to and
//! whether it is a node or a client. Everything else in it is for other programs.

mod authority;
mod credentials;
mod error;
mod files;
mod identity;
mod info;

pub use authority::{CA_CERTIFICATE_FILE, CA_KEY_FILE, ClusterCa, Issued, usual_validity};
pub use credentials::Credentials;
pub use error::{CertError, IdentityError};
pub use identity::{ClientName, PeerIdentity, Role};
pub use info::{CertificateInfo, Owner};
pub(crate) use info::{left, validity};

pub use crate::cluster_id::ClusterId;

#[cfg(test)]
mod tests;
