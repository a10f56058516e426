//! Whether a node takes part: it does, until it is told to stop or has been replaced.

use serde::{Deserialize, Serialize};

use super::Raft;
use crate::hard_state::Trust;
use crate::ids::Incarnation;
use crate::time::Instant;

/// Whether a node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Duty {
    /// It does.
    Active,
    /// It says and takes nothing more, and waits for its disk: see [`Raft::stop`].
    Stopping,
    /// A newer life of its store runs. This one must end: nothing it says is believed, and its disk
    /// is another's.
    Superseded {
        /// The newer life.
        by: Incarnation,
    },
}

impl Raft {
    /// Prepares a clean stop: leaves office, takes nothing more, and has everything forced.
    ///
    /// Go on with [`Raft::poll_output`] and [`Raft::handle_stored`] until [`Raft::is_stopped`]; then
    /// drop the node. One that is dropped earlier, or without this, has only crashed: it may start
    /// suspect where a clean stop would have left it clean.
    pub fn stop(&mut self, now: Instant) {
        self.begin(now);
        if self.duty == Duty::Active {
            self.become_follower(None);
            self.replies.clear();
            self.timers.stop_all();
            self.writes.force(self.log.last());
            self.duty = Duty::Stopping;
        }
        self.settle();
    }

    /// Whether a stop has done what it can: everything taken is synced, and the hard state says
    /// what is true by then. A superseded node has nothing left to do.
    pub fn is_stopped(&self) -> bool {
        match self.duty {
            Duty::Active => false,
            Duty::Stopping => {
                self.writes.synced() >= self.log.last()
                    && self.hard.trust != Trust::Dirty
                    && self.writes.hard_state_is_synced()
            }
            Duty::Superseded { .. } => true,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.duty == Duty::Active
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.duty == Duty::Stopping
    }

    /// A newer life of this store is known: two nodes run on one identity, and this is the older.
    pub(super) fn be_superseded(&mut self, by: Incarnation) {
        self.become_follower(None);
        self.replies.clear();
        self.timers.stop_all();
        self.duty = Duty::Superseded { by };
    }
}
