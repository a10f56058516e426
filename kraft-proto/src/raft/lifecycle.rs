//! Whether a node takes part: it does, until it is told to stop or has been replaced.

use serde::Serialize;

use super::{Raft, RoleState};
use crate::hard_state::Trust;
use crate::ids::Incarnation;
use crate::limits::INCARNATION_MAX;
use crate::time::Instant;

/// Whether a node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) enum Lifecycle {
    /// It does.
    Active,
    /// It says and takes nothing more, and waits for its disk: see [`Raft::stop`].
    Stopping,
    /// A newer incarnation of its store runs elsewhere: the hard state says which. This one must end, once its
    /// disk knows that it may not start again: nothing it says is believed.
    Superseded,
}

impl Raft {
    /// Prepares a clean stop: leaves office, takes nothing more, and has everything forced.
    ///
    /// Go on with [`Raft::poll_output`] and [`Raft::handle_stored`] until [`Raft::is_stopped`]; then
    /// drop the node. One that is dropped earlier, or without this, has only crashed: it may start
    /// suspect where a clean stop would have left it clean.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// node.stop(Instant::ZERO);
    /// drain(&mut node);
    /// assert!(node.is_stopped());
    /// ```
    pub fn stop(&mut self, now: Instant) {
        self.begin(now);
        if self.lifecycle == Lifecycle::Active {
            self.become_follower(None);
            self.replies.clear();
            self.timers.stop_all();
            self.writes.force(self.log.last());
            self.lifecycle = Lifecycle::Stopping;
        }
        self.advance();
    }

    /// Whether a stop has done what it can: everything taken is synced, and the hard state says
    /// what is true by then. A superseded node has nothing left to do once its disk knows that it is.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = leader();
    /// assert!(!node.is_stopped());
    /// ```
    pub fn is_stopped(&self) -> bool {
        match self.lifecycle {
            Lifecycle::Active => false,
            Lifecycle::Stopping => {
                self.writes.synced() >= self.log.last()
                    && self.hard.trust != Trust::Dirty
                    && self.writes.hard_state_is_synced()
            }
            Lifecycle::Superseded => self.writes.hard_state_is_synced(),
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.lifecycle == Lifecycle::Active
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lifecycle == Lifecycle::Stopping
    }

    /// A newer incarnation of this store runs: two nodes on one identity, and this is the older.
    ///
    /// The disk remembers it and the number of the incarnation stays. Else every start that is refused counts
    /// one more, until the copy is taken for the newer of the two.
    pub(super) fn be_superseded(&mut self, by: Incarnation) {
        self.hard.superseded = Some(by);
        self.writes.change_vote_state();
        self.become_follower(None);
        self.replies.clear();
        self.timers.stop_all();
        self.lifecycle = Lifecycle::Superseded;
    }

    /// This node's disk went back to an older copy of itself; incarnations through number `heard` are known
    /// of. It goes on as a new incarnation that may have forgotten what it reported.
    ///
    /// Number and trust change in one write. Were the number synced first and the power gone, the
    /// next start would be clean under a number that nobody contradicts.
    pub(super) fn be_set_back(&mut self, heard: u64) {
        let RoleState::Follower(follower) = &self.role else {
            return;
        };
        let leader = follower.leader;
        let was = self.hard.incarnation;
        let Some(number) = was.number.max(heard).checked_add(1) else {
            return;
        };
        if number > INCARNATION_MAX {
            return;
        }
        self.set_back = Some(was);
        self.hard.incarnation.number = number;
        self.hard.trust = Trust::Suspect;
        self.writes.change_vote_state();
        self.writes.change_trust();
        // Votes among them were given as by a node that forgot nothing.
        self.replies.clear();
        self.become_follower(leader);
    }
}
