//! Peers that a leader cannot feed from its log, and what it asks its host to do for them.
//!
//! 1. **A snapshot is asked for only where it is committed,** and that was told to the host. One that
//!    is to be made needs members that are known there as well: a leader may hold a configuration of
//!    which it has yet to learn that it is committed.
//! 2. **It is asked for once, and again when an election timeout of heartbeats brought no word of it,
//!    though the peer answers:** it may have been lost on the way. A host that is still sending goes on.
//! 3. **Only a log that reaches as far ends it.** A late answer to an append would have the leader try
//!    entries that are gone.

use crate::output::Output;
use crate::raft::{Raft, RoleState};

impl Raft {
    /// Asks the host to send a peer a snapshot, if that is due.
    pub(super) fn snapshot_for(&mut self, place: usize) -> Option<Output> {
        let (gone, told) = (self.compacted.index, self.told.committed());
        let members_known = told >= self.configurations.before_at();
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let round = leader.round;
        let peer = leader.peers.get_mut(place)?;
        let upto = peer.snapshot_due()?.max(gone);
        if upto > told || !(members_known || upto <= gone) {
            return None;
        }
        peer.snapshot_asked(upto, round);
        Some(Output::Snapshot { to: peer.id, upto })
    }

    /// How many rounds of heartbeats a snapshot has until it is asked for again.
    pub(super) fn snapshot_rounds(&self) -> u64 {
        let heartbeat = self.config.heartbeat.as_micros().max(1);
        let timeout = self.config.election_timeout_max.as_micros();
        u64::try_from(timeout / heartbeat)
            .unwrap_or(u64::MAX)
            .max(1)
    }
}
