//! A leader that hands over: what it waits for, what it says, and when it gives up.
//!
//! 1. **`TimeoutNow` goes out only once the target has the leader's last entry.** Otherwise the
//!    target loses the election it was told to win, and nobody leads meanwhile.
//! 2. **Nothing is proposed meanwhile**, or the target never gets there.
//! 3. **It ends.** A target that died would keep writes out for ever.

use serde::Serialize;

use super::Leader;
use crate::hard_state::Trust;
use crate::ids::NodeId;
use crate::message::{Envelope, Message};
use crate::modes::Held;
use crate::raft::replies::{Answer, Reply};
use crate::raft::{Raft, RoleState};
use crate::timers::Timer;

/// Whether the target was told to take over, since the last heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Order {
    Due,
    Given,
}

/// Leadership on its way to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Transfer {
    to: NodeId,
    order: Order,
}

impl Leader {
    /// Whom leadership is being transferred to.
    pub fn transfer_to(&self) -> Option<NodeId> {
        self.transfer.map(|transfer| transfer.to)
    }

    /// A word may be lost: it is said again with every round of heartbeats.
    pub(super) fn repeat_order(&mut self) {
        if let Some(transfer) = &mut self.transfer {
            transfer.order = Order::Due;
        }
    }
}

impl Raft {
    /// The voter that could take over soonest: of those heard in this term and not suspect the one
    /// that holds most of the log, and of these the one that answered last.
    pub(in crate::raft) fn best_target(&self) -> Option<NodeId> {
        let RoleState::Leader(leader) = &self.role else {
            return None;
        };
        let fit = leader.peers.iter().filter(|peer| {
            self.members.is_voter(peer.id) && peer.was_heard() && peer.trust != Trust::Suspect
        });
        let best = fit.max_by_key(|peer| (peer.watermarks().written, peer.round_answered));
        best.map(|peer| peer.id)
    }

    /// Begins to hand over.
    pub(in crate::raft) fn begin_transfer(&mut self, to: NodeId) {
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        if leader.transfer.is_some() {
            return;
        }
        let order = Order::Due;
        leader.transfer = Some(Transfer { to, order });
        // Nothing waits for company any more.
        leader.release(self.log.last());
        self.timers.stop(Timer::AsyncBatch);
        let patience = self.now.after(self.config.election_timeout_max);
        self.timers.set(Timer::Transfer, patience);
    }

    /// Leaves office: the members do without this node. Whoever could take over soonest is told to do
    /// so, if it has everything; otherwise nobody would lead before an election timeout has passed
    /// (thesis §4.2.2). The word may be lost: then it is as if none had been said.
    pub(in crate::raft) fn leave_for_good(&mut self) {
        let last = self.log.last();
        let has_everything = |id: &NodeId| self.held_by_member(*id, Held::Written) >= last;
        let heir = self.best_target().filter(has_everything);
        self.become_follower(None);
        if let Some(to) = heir {
            self.reply(Reply {
                to,
                answer: Answer::TimeoutNow,
            });
        }
    }

    /// The target did not take over in time: this node leads on, and takes writes again.
    pub(in crate::raft) fn give_up_handover(&mut self) {
        self.timers.stop(Timer::Transfer);
        if let RoleState::Leader(leader) = &mut self.role {
            leader.transfer = None;
        }
    }

    /// A target that votes no more, or turned out to have forgotten something, will not lead.
    pub(in crate::raft) fn review_handover(&mut self) {
        let RoleState::Leader(leader) = &self.role else {
            return;
        };
        let Some(to) = leader.transfer_to() else {
            return;
        };
        let trusted = leader.peer(to).is_some_and(|p| p.trust != Trust::Suspect);
        if !trusted || !self.members.is_voter(to) {
            self.give_up_handover();
        }
    }

    /// Tells the target to take over, once it has everything.
    pub(super) fn poll_timeout_now(&mut self) -> Option<Envelope> {
        let last = self.log.last();
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let Transfer { to, order } = leader.transfer?;
        let caught_up = leader.peer(to)?.watermarks().written >= last;
        if order == Order::Given || !caught_up {
            return None;
        }
        let order = Order::Given;
        leader.transfer = Some(Transfer { to, order });
        leader.tenure.end();
        Some(self.envelope(to, self.hard.term, Message::TimeoutNow))
    }
}
