//! What a leader says to its peers, derived when it is asked for: appends first, then heartbeats.

use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, NodeId};
use crate::message::{Append, Envelope, Heartbeat, Message};
use crate::modes::CommitMode;
use crate::output::Output;
use crate::raft::{Raft, RoleState};

impl Raft {
    /// The next message to a peer.
    pub(in crate::raft) fn poll_leader_message(&mut self) -> Option<Output> {
        if let Some(envelope) = self.poll_timeout_now() {
            let mode = CommitMode::All;
            return Some(Output::Send { mode, envelope });
        }
        let RoleState::Leader(leader) = &self.role else {
            return None;
        };
        let (round, force_upto) = (leader.round, leader.force_upto);
        for place in 0..leader.peers.len() {
            if let Some((mode, envelope)) = self.message_for(place, round, force_upto) {
                return Some(Output::Send { mode, envelope });
            }
            if let Some(asked) = self.snapshot_for(place) {
                return Some(asked);
            }
        }
        None
    }

    fn message_for(
        &mut self,
        place: usize,
        round: u64,
        force_upto: LogIndex,
    ) -> Option<(CommitMode, Envelope)> {
        if let Some(append) = self.append_for(place, force_upto) {
            let to = self.peer_id(place)?;
            let envelope = self.envelope(to, self.hard.term, Message::Append(append));
            return Some((append.mode, envelope));
        }
        let commit = self.commit.index;
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let peer = &mut leader.peers[place];
        let idle = !peer.is_probing() && peer.in_flight() == 0;
        let due = if peer.round_sent < round {
            peer.round_sent = round;
            Some(round)
        } else if idle && peer.commit_told < commit && peer.holding().written >= commit {
            // News of commit that nothing else carries, and that asks for no answer.
            Some(0)
        } else {
            None
        };
        let round = due?;
        peer.commit_told = peer.commit_told.max(commit);
        let to = peer.id;
        let message = Message::Heartbeat(Heartbeat {
            commit,
            round,
            force_upto,
            known: peer.known(self.now, self.config.election_timeout_max),
        });
        Some((CommitMode::All, self.envelope(to, self.hard.term, message)))
    }

    fn peer_id(&self, place: usize) -> Option<NodeId> {
        match &self.role {
            RoleState::Leader(leader) => Some(leader.peers.get(place)?.id),
            _ => None,
        }
    }

    /// The next append to a peer, if one is due and may be in flight.
    fn append_for(&mut self, place: usize, force_upto: LogIndex) -> Option<Append> {
        let voters = self.members.voters_min();
        let (commit, gone) = (self.commit.index, self.gone_through());
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let release = leader.release.min(self.log.last());
        let peer = &mut leader.peers[place];
        if !peer.may_send(self.config.appends_in_flight_max)
            || (peer.next() > release && !peer.is_probing())
        {
            return None;
        }
        let first = peer.next();
        let claimed = peer.claim_to_check();
        let known = self.log.position_at(first.prev());
        let Some(prev) = claimed.or(known.filter(|_| first > gone)) else {
            peer.needs_snapshot(gone);
            return None;
        };
        let last = if first <= release && first > gone {
            self.classes.cut(first, release)
        } else {
            first.prev()
        };
        let count = last
            .since(prev.index)
            .min(u64::from(self.config.append_entries_max)) as u32;
        let run = self.log.run_from(first, count).unwrap_or(Run {
            term: prev.term,
            kind: EntryKind::Command,
            first,
            count: 0,
        });
        let demands = self.classes.demands(first, run.last(), voters);
        peer.sent(run.last());
        peer.commit_told = peer.commit_told.max(commit);
        Some(Append {
            prev,
            kind: run.kind,
            run_term: run.term,
            count: run.count,
            commit,
            force_upto: demands.force_upto.max(force_upto),
            written_upto: demands.written_upto,
            relied_upto: demands.relied_upto,
            mode: demands.class.mode,
            fsync: demands.class.fsync,
        })
    }
}
