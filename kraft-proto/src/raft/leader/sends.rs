//! What a leader says to its peers, derived when it is asked for: appends first, then heartbeats.

use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, NodeId, Term};
use crate::message::{Append, Envelope, Heartbeat, Message};
use crate::modes::CommitMode;
use crate::output::Output;
use crate::progress::News;
use crate::raft::history::Place;
use crate::raft::{Raft, RoleState};
use crate::recall::Asking;

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
            if let Some(asked) = self.recall_for(place) {
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
        let news = peer.commit == News::Due && commit > LogIndex::ZERO;
        let due = if peer.beat == News::Due && round > 0 {
            peer.beat = News::Given;
            Some(round)
        } else if idle && news && peer.watermarks().written >= commit {
            // News of commit that nothing else carries, and that asks for no answer.
            Some(0)
        } else {
            None
        };
        let round = due?;
        peer.commit = News::Given;
        let to = peer.id;
        let message = Message::Heartbeat(Heartbeat {
            commit,
            round,
            force_upto,
            readmission: peer.readmission(self.now, self.config.election_timeout_max),
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
        let (commit, gone) = (self.commit.index, self.compacted.index);
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let release = leader.release.min(self.log.last());
        let peer = &mut leader.peers[place];
        let probing = peer.is_probing();
        if !peer.may_send(self.config.appends_in_flight_max) || (peer.next() > release && !probing)
        {
            return None;
        }
        let first = peer.next();
        // What an earlier incarnation had synced is asked for although the log there is gone.
        let claim = peer.claim_to_check().filter(|_| first <= gone);
        if first <= gone && claim.is_none() {
            peer.needs_snapshot(gone);
            return None;
        }
        let feed = match claim {
            Some(prev) => Feed::Known(prev, nothing_behind(prev)),
            None => self.known_from(place, first, release),
        };
        let voters = self.members.voters_min();
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let peer = &mut leader.peers[place];
        let (prev, run) = match feed {
            Feed::Known(prev, run) => (prev, run),
            Feed::Recall(index) => {
                peer.asking.want(index);
                return None;
            }
            Feed::Follow(term, index) => {
                peer.keep_prev(term);
                peer.asking.want(index);
                return None;
            }
        };
        let demands = self.classes.demands(first, run.last(), voters);
        peer.asking = Asking::nothing();
        peer.sent(run);
        peer.commit = News::Given;
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

    /// What an append from `first` names, through `release` at most: the entry before, and one run.
    fn known_from(&self, place: usize, first: LogIndex, release: LogIndex) -> Feed {
        let RoleState::Leader(leader) = &self.role else {
            return Feed::Recall(first);
        };
        let peer = &leader.peers[place];
        let prev = match (peer.prev_term(), self.known_at(first.prev())) {
            (Some(term), _) => LogPosition::new(term, first.prev()),
            (None, Place::Known(there)) => LogPosition::new(there.term, first.prev()),
            (None, Place::Below | Place::Absent) => return Feed::Recall(first.prev()),
        };
        if first > release {
            return Feed::Known(prev, nothing_behind(prev));
        }
        let count = self.classes.cut(first, release).since(prev.index);
        let count = count.min(u64::from(self.config.append_entries_max)) as u32;
        let below = || {
            let run = self.recalled.run_at(first)?.after(first.prev());
            let count = run.count.min(count);
            Some(Run { count, ..run })
        };
        match self.log.run_from(first, count).or_else(below) {
            Some(run) => Feed::Known(prev, run),
            None => Feed::Follow(prev.term, first),
        }
    }

    /// Asks the host for the run a peer is to be fed from.
    fn recall_for(&mut self, place: usize) -> Option<Output> {
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let index = leader.peers[place].asking.poll()?;
        let question = self.question(index);
        Some(Output::Recall { question, index })
    }
}

/// What an append holds that only asks.
fn nothing_behind(prev: LogPosition) -> Run {
    Run {
        term: prev.term,
        kind: EntryKind::Command,
        first: prev.index.next(),
        count: 0,
    }
}

/// What an append names, or the index whose run tells.
enum Feed {
    Known(LogPosition, Run),
    Recall(LogIndex),
    /// The term of the entry before is known, and is to be kept.
    Follow(Term, LogIndex),
}
