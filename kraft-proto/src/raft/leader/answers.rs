//! What peers answer, believed as far as it can be true, and put to their progress.

use crate::hard_state::Trust;
use crate::ids::{LogIndex, LogPosition};
use crate::incarnations::{Moment, Speaker};
use crate::message::{Envelope, HeartbeatReply, Watermarks};
use crate::progress::Progress;
use crate::raft::{Raft, RoleState};

impl Raft {
    /// The peer that answers, if what it says is of an incarnation and store that count.
    fn answering(&mut self, envelope: &Envelope) -> Option<&mut Progress> {
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let moment = Moment {
            last: self.log.last(),
            round: leader.round,
            now: self.now,
        };
        let peer = leader.peer_mut(envelope.from)?;
        match peer.hear(envelope.store, envelope.incarnation, moment) {
            Speaker::Current | Speaker::New => {}
            Speaker::Contested | Speaker::Older | Speaker::Stale => return None,
        }
        leader.peer_mut(envelope.from)
    }

    /// No peer holds more of this leader's log than there is.
    fn believable(&self, watermarks: Watermarks) -> Watermarks {
        let last = self.log.last();
        Watermarks {
            written: watermarks.written.min(last),
            synced: watermarks.synced.min(watermarks.written).min(last),
        }
    }

    pub(in crate::raft) fn handle_matched(&mut self, envelope: &Envelope, watermarks: Watermarks) {
        let watermarks = self.believable(watermarks);
        let synced = self.log.position_at(watermarks.synced);
        if let Some(peer) = self.answering(envelope) {
            peer.matched(watermarks, synced);
            peer.replicate();
        }
    }

    pub(in crate::raft) fn handle_rejected(
        &mut self,
        envelope: &Envelope,
        rejected: LogIndex,
        hint: LogPosition,
        trust: Trust,
    ) {
        let retry = self.last_not_after(hint).index;
        let gone = self.compacted.index;
        if let Some(peer) = self.answering(envelope) {
            peer.incarnations.refused(rejected, trust);
            peer.rejected(rejected, retry, gone);
        }
    }

    pub(in crate::raft) fn handle_heartbeat_reply(
        &mut self,
        envelope: &Envelope,
        reply: &HeartbeatReply,
    ) {
        let watermarks = self.believable(reply.watermarks);
        let synced = self.log.position_at(watermarks.synced);
        let last = self.log.last();
        let RoleState::Leader(leader) = &self.role else {
            return;
        };
        // Nobody has answered a round that was never sent.
        let round = reply.round.min(leader.round);
        if let Some(peer) = self.answering(envelope) {
            peer.trust = reply.trust;
            peer.matched(watermarks, synced);
            peer.heartbeat_answered(round, reply.received, last);
        }
    }
}
