//! What a node must not forget: its term, its vote, its life, and whether it can be trusted.

use serde::{Deserialize, Serialize};

use crate::ids::{Incarnation, NodeId, Term};

/// Whether a node may have forgotten copies of entries that somebody relied on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trust {
    /// Everything it ever reported is forced to its disk.
    #[default]
    Clean,
    /// It reported relied-on copies that a power cut would take.
    Dirty,
    /// A power cut may have taken some of them.
    Suspect,
}

/// The node's word to the cluster (Raft figure 2, *persistent state*): synced before any message
/// that depends on it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term the node has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
    /// How many times its store has been started.
    pub incarnation: Incarnation,
    /// Whether it may have forgotten what it reported.
    pub trust: Trust,
}
