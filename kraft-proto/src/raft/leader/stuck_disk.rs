//! A leader whose own disk is stuck hands over: the others' disks may be fine, and what it alone
//! has to hold (`LeaderOnly`, `All`) would wait for ever.
//!
//! Only if the others can elect without it, as its own vote would wait for that disk too:
//!
//! 1. of three, node 3 is suspect, and leader 1's disk is stuck; 2 and 3 still commit what it proposes;
//! 2. it has node 2 campaign: one clean vote and one of a suspect, which is not enough;
//! 3. nobody leads until the disk goes on.

use crate::hard_state::Trust;
use crate::ids::NodeId;
use crate::progress::Progress;
use crate::quorum;
use crate::raft::{Raft, RoleState};
use crate::timers::Timer;

impl Raft {
    /// Starts the clock of what the disk owes longest, anew whenever that changes.
    pub(in crate::raft) fn watch_disk(&mut self) {
        let owed = self.writes.owed();
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        if leader.disk_owes == owed {
            return;
        }
        leader.disk_owes = owed;
        match owed {
            (0, 0) => self.timers.stop(Timer::DiskStall),
            _ => self.restart_disk_watch(),
        }
    }

    /// The disk has reported nothing for too long. If nobody takes over, it is asked again later.
    pub(in crate::raft) fn handle_disk_stall(&mut self) {
        if let Some(to) = self.best_target().filter(|_| self.others_can_elect()) {
            self.begin_transfer(to);
        }
        self.restart_disk_watch();
    }

    /// Whether the votes of others who answered one of the last rounds would do.
    fn others_can_elect(&self) -> bool {
        let RoleState::Leader(leader) = &self.role else {
            return false;
        };
        let answered = |peer: &&Progress| peer.round_answered + 2 >= leader.round;
        let votes = |id: NodeId| leader.peer(id).filter(answered);
        quorum::elects(
            &self.members,
            |id| votes(id).is_some(),
            |id| votes(id).is_some_and(|peer| peer.trust != Trust::Suspect),
        )
    }

    fn restart_disk_watch(&mut self) {
        let stuck = self.now.after(self.config.durability.disk_stall);
        self.timers.set(Timer::DiskStall, stuck);
    }
}
