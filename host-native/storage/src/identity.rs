//! Whose data a directory holds, and which start of the operating system wrote it.

use std::fmt;
use std::str::FromStr;

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::{NodeId, StoreId};

/// Whose data this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The member whose log it is.
    pub node: NodeId,
    /// This very store: a disk that was wiped and formatted again has another.
    pub store: StoreId,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "node {} of cluster {} (store {:016x})",
            self.node, self.cluster, self.store.0
        )
    }
}

/// Whose data the caller means to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    #[default]
    Anyone,
    /// This member of this cluster, on whichever store it was formatted.
    Member {
        /// The cluster.
        cluster: ClusterId,
        /// The member.
        node: NodeId,
    },
    /// Exactly this store.
    Exactly(Identity),
}

impl Expect {
    /// Whether a store of `found` is the one meant.
    pub fn admits(&self, found: &Identity) -> bool {
        match *self {
            Self::Anyone => true,
            Self::Member { cluster, node } => found.cluster == cluster && found.node == node,
            Self::Exactly(identity) => *found == identity,
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("any node"),
            Self::Member { cluster, node } => write!(f, "node {node} of cluster {cluster}"),
            Self::Exactly(identity) => identity.fmt(f),
        }
    }
}

/// One start of the operating system: what its page cache held is gone in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BootId(pub u128);

/// The text is not a UUID as the operating system writes its boot id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a boot id: 32 hexadecimal digits, with or without dashes")]
pub struct NotABootId;

impl FromStr for BootId {
    type Err = NotABootId;

    /// Reads the form of `/proc/sys/kernel/random/boot_id`.
    fn from_str(text: &str) -> Result<Self, NotABootId> {
        hex_u128(&text.trim().replace('-', "")).map(Self)
    }
}

/// Whether the operating system was restarted since the hard state was last saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// No: whatever was written is still in its page cache.
    Same,
    /// Yes: what was not forced may be gone.
    Changed,
    /// It cannot be told, so it must be treated like [`Boot::Changed`].
    Unknown,
}

impl Boot {
    /// Compares the boot that saved with the one that runs now.
    pub fn between(saved: Option<BootId>, now: Option<BootId>) -> Self {
        match (saved, now) {
            (Some(saved), Some(now)) if saved == now => Self::Same,
            (Some(_), Some(_)) => Self::Changed,
            _ => Self::Unknown,
        }
    }
}

fn hex_u128(text: &str) -> Result<u128, NotABootId> {
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(NotABootId);
    }
    u128::from_str_radix(text, 16).map_err(|_| NotABootId)
}
