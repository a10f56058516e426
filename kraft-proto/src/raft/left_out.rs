//! Who is left out of the cluster, and how it hears of that.
//!
//! A leader feeds the members of its newest configuration, so a voter that is removed never gets the
//! entry that says so. It asks for votes instead, and is told:
//!
//! ```text
//!  a voter that was removed: PreVote or Vote ─► any member that knows of it: LeftOut ─► it is quiet
//! ```
//!
//! A learner asks for no votes, so it would never hear. Where it hears no leader for an election timeout
//! it sends one voter a pre-vote, another one each time, whose answer elects nobody: a learner is never
//! a candidate.
//!
//! 1. **Only a committed configuration is told of, and only that is believed.** One that may be cut off
//!    removes nobody: the vote of who is to leave may be needed until then (thesis §4.2.2).
//! 2. **It is said of a store.** Another one may have joined under the same id.
//! 3. **A newer configuration voids it,** as a node that left may have joined again since; so does a
//!    commit that reaches as far: then the node knows better than it was told.
//! 4. **Whose log is no shorter is answered as a candidate:** it may be a member that this node has not
//!    heard of, which needs its vote.

use super::replies::{Answer, Reply};
use super::{Raft, RoleState};
use crate::ids::{LogIndex, StoreId};
use crate::limits::INDEX_JUMP_MAX;
use crate::members::Members;
use crate::message::{Envelope, Message};
use crate::output::{Agreed, Standing};
use crate::raft::dropped::Drop;

/// What a host is told of the members: where their configuration stands, and what this node is.
pub(super) type Membership = (LogIndex, Agreed, Standing);

impl Raft {
    /// Tells a candidate that a committed configuration leaves it out, if that is so; whether it did.
    pub(super) fn tell_who_is_left_out(&mut self, envelope: &Envelope) -> bool {
        let asks = matches!(
            envelope.message,
            Message::PreVote { .. } | Message::Vote { .. } | Message::TransferVote { .. }
        );
        let at = self.configurations.at();
        let agreed = at > LogIndex::ZERO && !self.awaits_configuration();
        if !asks || !agreed || self.is_seated(&self.members, envelope) {
            return false;
        }
        self.reply(Reply {
            to: envelope.from,
            answer: Answer::LeftOut {
                store: envelope.store,
                at,
            },
        });
        true
    }

    /// A learner that heard no leader for an election timeout asks a voter, once.
    pub(super) fn ask_standing_if_learner(&mut self) {
        let learns = self.standing().2 == Standing::Learner;
        if let RoleState::Follower(follower) = &mut self.role {
            follower.asks_standing = learns;
        }
    }

    /// The question of a learner that hears no leader, to the voter whose turn it is.
    pub(super) fn poll_standing_question(&mut self) -> Option<Envelope> {
        let RoleState::Follower(follower) = &mut self.role else {
            return None;
        };
        if !core::mem::take(&mut follower.asks_standing) {
            return None;
        }
        let voters = self.members.voters();
        let turn = (self.silent_timeouts as usize).checked_rem(voters.len())?;
        let last = self.log.last_position();
        let term = self.hard.term.next()?;
        Some(self.envelope(voters.iter().nth(turn)?, term, Message::PreVote { last }))
    }

    fn is_seated(&self, members: &Members, envelope: &Envelope) -> bool {
        let member = members.iter().find(|member| member.id == envelope.from);
        member.is_some_and(|m| m.store == StoreId::ANY || m.store == envelope.store)
    }

    /// A member says that a committed configuration leaves this node out.
    pub(super) fn handle_left_out(&mut self, store: StoreId, at: LogIndex) {
        if store != self.config.store {
            self.count(Drop::Misaddressed);
            return;
        }
        if at.since(self.log.last()) > INDEX_JUMP_MAX {
            self.count(Drop::Malformed);
            return;
        }
        self.left_out_at = self.left_out_at.max(at);
        let campaigns = matches!(
            self.role,
            RoleState::PreCandidate(_) | RoleState::Candidate(_)
        );
        if campaigns && self.is_left_out() {
            self.become_follower(None);
        }
    }

    /// Whether this node goes by the word of a member that it is left out: rule 3.
    pub(super) fn is_left_out(&self) -> bool {
        let (newest, commit) = (self.configurations.at(), self.commit.index);
        self.left_out_at >= newest && self.left_out_at > commit
    }

    /// What the host is to know of the members.
    pub(super) fn standing(&self) -> Membership {
        if self.is_left_out() {
            return (self.left_out_at, Agreed::Committed, Standing::LeftOut);
        }
        let bound = self.members.iter().find(|m| m.id == self.config.id);
        let seated = |store| store == StoreId::ANY || store == self.config.store;
        let own = match bound.is_some_and(|member| seated(member.store)) {
            false => Standing::LeftOut,
            true if self.members.is_voter(self.config.id) => Standing::Voter,
            true => Standing::Learner,
        };
        let agreed = match self.awaits_configuration() {
            true => Agreed::Pending,
            false => Agreed::Committed,
        };
        (self.configurations.at(), agreed, own)
    }
}
