//! Linearizable reads of a leader (ReadIndex: Raft thesis §6.4), which see what was acknowledged
//! before them on written copies too.

use crate::ids::LogIndex;
use crate::output::ReadTicket;
use crate::quorum;
use crate::raft::{Raft, ReadError, RoleState};

impl Raft {
    /// Starts a linearizable read.
    pub(in crate::raft) fn start_read(&mut self) -> Result<ReadTicket, ReadError> {
        let next_ticket = ReadTicket(self.tickets);
        let RoleState::Leader(leader) = &mut self.role else {
            return Err(match &self.role {
                _ if !self.is_active() => ReadError::Stopped,
                RoleState::Follower(follower) => ReadError::NotLeader(follower.leader),
                _ => ReadError::NotLeader(None),
            });
        };
        let barrier = leader.barrier.unwrap_or(self.log.last().next());
        let target = barrier.max(leader.relied_acked).max(self.commit.index);
        if target > self.commit.index {
            leader.force_upto = leader.force_upto.max(target);
            self.writes.force(target);
        }
        let ticket = leader.reads.join(next_ticket, target);
        if ticket == next_ticket {
            self.tickets += 1;
        }
        Ok(ticket)
    }

    /// The next batch of reads that may be served.
    pub(in crate::raft) fn poll_read(&mut self) -> Option<(ReadTicket, LogIndex)> {
        let own = self.config.id;
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        if leader.reads.may_start() {
            leader.round += 1;
            leader.reads.start(leader.round);
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
        leader.reads.take_ready(confirmed, self.commit.index)
    }
}
