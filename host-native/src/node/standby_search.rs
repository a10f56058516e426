//! Who could lead instead of a node whose disk is full, and when the others are asked.

use kraft_proto::{Instant, NodeId};
use tokio::sync::mpsc;

/// Who could lead instead, and how that is found out.
pub(super) struct StandbySearch {
    /// Takes the one that has room and most of the log.
    pub(super) found: mpsc::UnboundedSender<NodeId>,
    pub(super) ask_at: Instant,
}

impl StandbySearch {
    pub fn new(found: mpsc::UnboundedSender<NodeId>) -> Self {
        Self {
            found,
            ask_at: Instant::ZERO,
        }
    }
}
