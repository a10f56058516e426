//! Linearizable reads at the leader (ReadIndex: Raft thesis §6.4), its own and those of followers.
//!
//! **They see every entry that was promised to later leaders before them,** whether it is committed or
//! not, and whatever copies it was acknowledged on:
//!
//! 1. of three voters, 1 and 2 hold an `AtLeast(2)`·`Commit` entry on their disks; a fourth voter has
//!    been proposed meanwhile, so it is acknowledged and takes three of four to commit;
//! 2. a read asked now would be served before that entry, though no later leader lacks it.

use heapless::Vec;
use serde::Serialize;

use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId};
use crate::limits::REMOTE_READS_MAX;
use crate::message::Envelope;
use crate::output::ReadTicket;
use crate::quorum;
use crate::raft::dropped::Drop;
use crate::raft::replies::{Answer, Reply};
use crate::raft::{Raft, RoleState};

/// A follower that waits for a read index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Asker {
    from: NodeId,
    incarnation: Incarnation,
    /// Its own number.
    asked: u64,
    /// The batch here that its reads joined.
    ticket: ReadTicket,
}

/// Followers that wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Askers(Vec<Asker, REMOTE_READS_MAX>);

impl Askers {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether a question, or a later one of the same incarnation, is on its way already.
    fn has(&self, from: NodeId, incarnation: Incarnation, asked: u64) -> bool {
        let mut askers = self.0.iter();
        askers.any(|a| a.from == from && a.incarnation == incarnation && a.asked >= asked)
    }

    fn take(&mut self, ticket: ReadTicket) -> Option<Asker> {
        let place = self.0.iter().position(|asker| asker.ticket == ticket)?;
        Some(self.0.swap_remove(place))
    }
}

impl Raft {
    /// Adds a read to the open batch, or opens one with the `fresh` ticket.
    pub(in crate::raft) fn join_read(
        &mut self,
        fresh: ReadTicket,
        after: LogPosition,
    ) -> ReadTicket {
        let RoleState::Leader(leader) = &mut self.role else {
            return fresh;
        };
        let mut target = leader.no_op.max(leader.promised).max(self.commit.index);
        if after.term == self.hard.term {
            target = target.max(after.index.min(self.log.last()));
        }
        if target > self.commit.index {
            leader.force_upto = leader.force_upto.max(target);
            if target > leader.release {
                leader.release(target);
            }
            self.writes.force(target);
        }
        leader.reads.join(fresh, target)
    }

    /// A follower asks from where on its reads see everything.
    pub(in crate::raft) fn handle_read_index(
        &mut self,
        envelope: &Envelope,
        asked: u64,
        after: LogPosition,
    ) {
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        let (from, incarnation) = (envelope.from, envelope.incarnation);
        if leader.peer(from).is_none() || leader.askers.has(from, incarnation, asked) {
            return;
        }
        if leader.askers.0.is_full() {
            self.count(Drop::Busy);
            return;
        }
        let fresh = ReadTicket(self.tickets);
        let ticket = self.join_read(fresh, after);
        if ticket == fresh {
            self.tickets += 1;
        }
        if let RoleState::Leader(leader) = &mut self.role {
            let asker = Asker {
                from,
                incarnation,
                asked,
                ticket,
            };
            // Not full, as was asked above.
            let _ = leader.askers.0.push(asker);
        }
    }

    /// The next batch of reads that may be served; followers in it are answered.
    pub(in crate::raft) fn poll_led_read(&mut self) -> Option<(ReadTicket, LogIndex)> {
        let own = self.config.id;
        let leased = self.holds_lease();
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        if leader.reads.may_start() {
            if leased {
                // Nobody else has led by now: as if a round sent now had come back at once.
                leader.reads.start(0);
            } else {
                leader.begin_round(self.now);
                leader.reads.start(leader.round);
            }
        }
        if self.commit.term != self.hard.term {
            return None;
        }
        let peers = &leader.peers;
        let confirmed = |round| {
            quorum::has_majority(&self.members, |id| {
                id == own
                    || peers
                        .iter()
                        .any(|peer| peer.id == id && peer.round_answered >= round)
            })
        };
        let (ticket, index) = leader.reads.take_ready(confirmed, self.commit.index)?;
        self.answer_askers(ticket, index);
        Some((ticket, index))
    }

    fn answer_askers(&mut self, of: ReadTicket, index: LogIndex) {
        while let RoleState::Leader(leader) = &mut self.role
            && let Some(asker) = leader.askers.take(of)
        {
            self.reply(Reply {
                to: asker.from,
                answer: Answer::ReadIndex {
                    incarnation: asker.incarnation,
                    ticket: asker.asked,
                    index,
                },
            });
        }
    }
}
