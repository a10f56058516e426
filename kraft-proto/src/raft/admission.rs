//! Whose messages a node takes.

use super::dropped::Drop;
use super::{Raft, RoleState};
use crate::ids::{Incarnation, StoreId};
use crate::limits::{INCARNATION_JUMP_MAX, INCARNATION_MAX, TERM_JUMP_MAX};
use crate::message::{Envelope, Message};
use crate::progress::Progress;

impl Raft {
    pub(super) fn admit(&self, envelope: &Envelope) -> Result<(), Drop> {
        if envelope.to != self.config.id || envelope.from == self.config.id {
            return Err(Drop::Misaddressed);
        }
        if envelope.term.0.saturating_sub(self.hard.term.0) > TERM_JUMP_MAX
            || !self.believes_life(envelope)
        {
            return Err(Drop::Malformed);
        }
        if self.believes_anyone(&envelope.message) {
            return Ok(());
        }
        let bound = self.members.iter().find(|m| m.id == envelope.from);
        match bound.map(|member| member.store) {
            None => Err(Drop::Stranger),
            Some(store) if store != StoreId::ANY && store != envelope.store => {
                Err(Drop::ForeignStore)
            }
            Some(_) => Ok(()),
        }
    }

    /// Whether the incarnations that a message tells of, the sender's and this node's own, can be reached from
    /// those that are known: nobody is started so often.
    ///
    /// 1. one frame says that node 3 speaks in the last incarnation there is;
    /// 2. its leader believes it, and hears nothing more of the incarnation that runs.
    fn believes_life(&self, envelope: &Envelope) -> bool {
        let reached = |incarnation: Incarnation, known: Incarnation| {
            let further = incarnation.number.saturating_sub(known.number);
            incarnation.number <= INCARNATION_MAX && further <= INCARNATION_JUMP_MAX
        };
        let spoken = envelope.incarnation;
        let before = match &self.role {
            RoleState::Leader(leader) => leader.peer(envelope.from).map(Progress::newest_life),
            _ => None,
        };
        let before = before.filter(|incarnation| incarnation.number > 0);
        let own = match &envelope.message {
            Message::Heartbeat(beat) => beat.readmission.map(|known| known.incarnation),
            _ => None,
        };
        // Incarnations count from 1.
        spoken.number > 0
            && reached(spoken, before.unwrap_or(spoken))
            && own.is_none_or(|incarnation| reached(incarnation, self.hard.incarnation))
    }
}
