//! Whether this node may have forgotten copies that somebody relied on, and how it is trusted again.
//!
//! A copy is *relied on* when a class that promises its entry to later leaders counts it while it is
//! merely written. Raft's own safety does not rest on such copies; acknowledgements do. The rules
//! here, each with the story that breaks its looser form (`tests/testdata/suspects` tells them):
//!
//! 1. **Dirty is synced before the first relied-on copy is reported or counted.** Otherwise the
//!    power fails in between, and the node starts clean without the copy.
//! 2. **Suspect outlives every start and stop until re-admission.** Otherwise the second start
//!    washes away what the first one knew.
//! 3. **A leader counts nothing of an earlier life, and re-admits at its last index at that time.**
//!    Its commit index would not do: relaxed acknowledgements lie above it.
//! 4. **That point counts only for the life and the term it was given in.** Otherwise a late
//!    heartbeat re-admits a node that forgot more since.
//! 5. **The node must have matched this leader in this term, and synced through there.** The length
//!    of its own log proves nothing: another history may be as long.
//! 6. **Re-admission leads to dirty, not to clean:** copies taken meanwhile may lie unsynced beyond
//!    the point.

use super::dropped::Drop;
use super::{Raft, RoleState};
use crate::hard_state::Trust;
use crate::ids::LogIndex;
use crate::message::{Finding, Known};
use crate::timers::Timer;

impl Raft {
    /// Copies through `upto` will be counted while merely written: rule 1.
    pub(super) fn rely_on(&mut self, upto: LogIndex) {
        if upto <= self.writes.synced() {
            return;
        }
        self.relied_upto = self.relied_upto.max(upto);
        self.timers.stop(Timer::Quiet);
        if self.hard.trust == Trust::Clean {
            self.change_trust(Trust::Dirty);
        }
    }

    /// How far this node's written copies may be counted by those who rely on them: all the way
    /// once its disk says that a power cut would take some.
    pub(super) fn counted_written(&self) -> LogIndex {
        let synced = self.writes.synced();
        let marked = self.hard.trust != Trust::Clean && self.writes.trust_is_synced();
        match marked || self.relied_upto <= synced {
            true => self.writes.written(),
            false => synced,
        }
    }

    /// The log is cut: what lay beyond is nobody's copy any more.
    pub(super) fn rely_no_further_than(&mut self, index: LogIndex) {
        self.relied_upto = self.relied_upto.min(index);
    }

    /// The leader says what it knows of this node: rules 3 and 4.
    pub(super) fn handle_known(&mut self, known: Known) {
        if known.store != self.config.store {
            return;
        }
        let own = self.hard.incarnation;
        let newer = known.incarnation.number > own.number;
        if let Some(notice) = known.notice.filter(|notice| notice.life == own) {
            match notice.finding {
                Finding::WentBack => self.be_set_back(known.incarnation.number),
                Finding::Superseded if newer => self.be_superseded(known.incarnation),
                Finding::Superseded => self.count(Drop::Malformed),
            }
        } else if known.incarnation == own
            && self.hard.trust == Trust::Suspect
            && let RoleState::Follower(follower) = &mut self.role
        {
            follower.readmit_upto = Some(known.readmit_upto);
        }
    }

    /// Moves on with what the disk has reported by now.
    pub(super) fn review_trust(&mut self) {
        if self.hard.superseded.is_some() {
            return;
        }
        match self.hard.trust {
            Trust::Clean => {}
            Trust::Dirty => self.review_dirty(),
            Trust::Suspect => self.review_suspect(),
        }
    }

    /// Everything relied on is synced: if that lasts, the disk may say so.
    fn review_dirty(&mut self) {
        if self.relied_upto > self.writes.synced() {
            return;
        }
        if self.is_stopping() {
            self.handle_quiet();
        } else {
            let quiet = self.now.after(self.config.durability.lazy_flush);
            self.timers.start(Timer::Quiet, quiet);
        }
    }

    /// No relied-on copy lay unsynced for a while.
    pub(super) fn handle_quiet(&mut self) {
        if self.hard.trust == Trust::Dirty && self.relied_upto <= self.writes.synced() {
            self.change_trust(Trust::Clean);
        }
    }

    /// Re-admission by a leader, or by leading: rules 5 and 6.
    fn review_suspect(&mut self) {
        let readmitted = match &self.role {
            RoleState::Follower(follower) => follower.readmit_upto.is_some_and(|upto| {
                // As soon as it matches, not when the background flush comes around.
                self.writes.force(upto.min(follower.matched));
                self.writes.synced().min(follower.matched) >= upto
            }),
            // Elected with enough clean votes, its log holds every relied-on copy; elected with
            // every vote, it holds the best that is left.
            RoleState::Leader(leader) => self.writes.synced() >= leader.barrier,
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => false,
        };
        if readmitted {
            self.change_trust(Trust::Dirty);
        }
    }

    fn change_trust(&mut self, trust: Trust) {
        self.hard.trust = trust;
        self.writes.change_trust();
    }
}
