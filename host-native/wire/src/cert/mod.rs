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
mod cluster;
mod credentials;
mod error;
mod files;
mod identity;
mod info;

pub use authority::{CA_CERTIFICATE_FILE, CA_KEY_FILE, ClusterCa, Issued, usual_validity};
pub use cluster::{random_cluster_id, server_name};
pub use credentials::Credentials;
pub use error::{CertError, IdentityError};
pub use identity::{ClientName, PeerIdentity, Role};
pub use info::{CertificateInfo, Owner, left, validity};

#[cfg(test)]
mod tests;
