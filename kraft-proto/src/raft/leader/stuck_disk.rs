//! A leader whose own disk is stuck hands over: the others' disks may be fine, and what it alone
//! has to hold (`LeaderOnly`, `All`) would wait for ever.

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
        if let Some(to) = self.best_target() {
            self.hand_over(to);
        }
        self.restart_disk_watch();
    }

    fn restart_disk_watch(&mut self) {
        let stuck = self.now.after(self.config.durability.disk_stall);
        self.timers.set(Timer::DiskStall, stuck);
    }
}
