//! What a node must not forget: its term, its vote, its incarnation, and whether it can be trusted.

use serde::{Deserialize, Serialize};

use crate::ids::{Incarnation, NodeId, Term};

/// Whether a node may have forgotten copies of entries that somebody relied on.
///
/// ```text
///          before the first relied-on relaxed copy is reported or counted
///       ┌───────────────────────────────────────────────────────────────┐
///       │                                                               ▼
///     Clean ◄────── all of them are synced, and no more came ───────  Dirty ◄──┐
///                                                                       │      │ re-admitted
///                     started, and the power may have been out          │      │ by a leader
///                                                                       ▼      │
///                                                                    Suspect ──┘
/// ```
///
/// A suspect stays one through every start and stop until it is re-admitted, and is then dirty, not
/// clean: what it took meanwhile may lie unsynced beyond the point that re-admitted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trust {
    /// Every relied-on copy it ever reported is forced to its disk.
    #[default]
    Clean,
    /// It may have reported relied-on copies that a power cut would take.
    Dirty,
    /// A power cut may have taken some of them. Its votes are not clean.
    Suspect,
}

impl Trust {
    /// What a node is when it starts, by what its disk says and what happened meanwhile.
    pub(crate) fn at_start(self, boot: Boot) -> Self {
        match (self, boot) {
            (Self::Dirty, Boot::Unknown) => Self::Suspect,
            (kept, _) => kept,
        }
    }
}

/// Whether the operating system that the last incarnation wrote under still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boot {
    /// It does: what was handed to it is there.
    Same,
    /// It may not: what was not synced may be gone.
    Unknown,
}

/// The node's word to the cluster (Raft figure 2, *persistent state*): synced before any message
/// that depends on it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term the node has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
    /// The last start of its store.
    pub incarnation: Incarnation,
    /// Whether it may have forgotten what it reported.
    pub trust: Trust,
    /// The incarnation of this very store that runs elsewhere, where this one was told so: it starts no
    /// more. `None` on every disk that is no copy.
    pub superseded: Option<Incarnation>,
}

impl HardState {
    /// What lets the store of a [superseded](Self::superseded) incarnation start again, once an operator has
    /// seen to it that the other store never does: a number above all that were heard, and suspect,
    /// since the other may have reported copies that this one lacks.
    pub fn reclaimed(self) -> Self {
        let Some(by) = self.superseded else {
            return self;
        };
        let number = self.incarnation.number.max(by.number).saturating_add(1);
        Self {
            incarnation: Incarnation::new(number, self.incarnation.nonce),
            trust: Trust::Suspect,
            superseded: None,
            ..self
        }
    }
}
