//! The leader: its office, its heartbeats, and what follows from who holds what.

mod acks;
mod answers;
mod lease;
mod proposals;
mod reads;
mod sends;
mod snapshots;
mod stuck_disk;
mod transfer;

use core::time::Duration;

use heapless::Vec;
use serde::Serialize;

use super::{Raft, RoleState};
use crate::acks::Acks;
use crate::config::CheckQuorum;
use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, NodeId};
use crate::limits::MEMBERS_MAX;
use crate::members::Members;
use crate::message::Watermarks;
use crate::modes::{Class, CommitMode, FsyncMode, Held};
use crate::progress::{Heard, News, Progress};
use crate::quorum;
use crate::reads::Reads;
use crate::time::Instant;
use crate::timers::Timer;
use crate::writes::Writes;

use lease::Tenure;
use reads::Askers;
use transfer::Transfer;

/// Everybody but the leader. One that its newest configuration leaves out is led by the one before,
/// which is the same with it.
const PEERS_MAX: usize = MEMBERS_MAX - 1;

/// What exists only while leading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Leader {
    /// The entry that opened the term.
    pub no_op: LogIndex,
    pub peers: Vec<Progress, PEERS_MAX>,
    pub acks: Acks,
    pub reads: Reads,
    /// Rounds of heartbeats so far.
    round: u64,
    /// Entries through here may be sent; those beyond wait for company.
    release: LogIndex,
    /// `Async` entries waiting.
    waiting: u32,
    /// Everybody is to force their log through here.
    force_upto: LogIndex,
    /// The last entry acknowledged in a mode that promises it to later leaders.
    promised: LogIndex,
    transfer: Option<Transfer>,
    /// Followers that wait for a read index.
    askers: Askers,
    tenure: Tenure,
    /// What this node's own disk owes longest.
    disk_owes: (u64, u64),
}

impl Leader {
    fn new(members: &Members, own: NodeId, next: LogIndex) -> Self {
        let mut peers = Vec::new();
        for member in members.iter().filter(|member| member.id != own) {
            // As many slots as there are others.
            let _ = peers.push(Progress::new(member.id, member.store, next));
        }
        Self {
            no_op: next,
            peers,
            acks: Acks::new(),
            reads: Reads::new(),
            round: 0,
            release: next.prev(),
            waiting: 0,
            force_upto: LogIndex::ZERO,
            promised: LogIndex::ZERO,
            transfer: None,
            askers: Askers::new(),
            tenure: Tenure::new(),
            disk_owes: (0, 0),
        }
    }

    pub fn peer(&self, id: NodeId) -> Option<&Progress> {
        self.peers.iter().find(|peer| peer.id == id)
    }

    fn peer_mut(&mut self, id: NodeId) -> Option<&mut Progress> {
        self.peers.iter_mut().find(|peer| peer.id == id)
    }

    /// Another round of heartbeats is sent.
    fn begin_round(&mut self, now: Instant) {
        self.round += 1;
        self.tenure.watch(self.round, now);
        for peer in &mut self.peers {
            peer.beat = News::Due;
        }
    }

    fn release(&mut self, upto: LogIndex) {
        self.release = upto;
        self.waiting = 0;
    }
}

/// How far `id` holds the log: the leader itself by its writes, a peer by what it reported. A voter
/// of the configuration before that is no peer any more reports nothing.
fn held_by(peers: &[Progress], own: (NodeId, &Writes), id: NodeId, held: Held) -> LogIndex {
    let (leader, writes) = own;
    let watermarks = match peers.iter().find(|peer| peer.id == id) {
        Some(peer) => peer.counted(),
        None if id == leader => Watermarks {
            written: writes.written(),
            synced: writes.synced(),
        },
        None => Watermarks::default(),
    };
    match held {
        Held::Synced => watermarks.synced,
        Held::Accepted | Held::Written => watermarks.written,
    }
}

impl Raft {
    /// How far a member holds the log, as this leader knows.
    pub(super) fn held_by_member(&self, id: NodeId, held: Held) -> LogIndex {
        match &self.role {
            RoleState::Leader(leader) => {
                held_by(&leader.peers, (self.config.id, &self.writes), id, held)
            }
            _ => LogIndex::ZERO,
        }
    }

    /// The votes suffice (Raft §5.2).
    pub(super) fn become_leader(&mut self) {
        let next = self.log.last().next();
        self.role = RoleState::Leader(Leader::new(&self.members, self.config.id, next));
        self.classes.clear();
        self.silent_timeouts = 0;
        self.timers.stop(Timer::Election);
        self.timers
            .set(Timer::Heartbeat, self.now.after(self.config.heartbeat));
        if self.config.check_quorum == CheckQuorum::On {
            let check = self.now.after(self.config.election_timeout_min);
            self.timers.set(Timer::CheckQuorum, check);
        }
        self.open_term(next);
    }

    /// Writes the no-op: the entry of this term that commits all before it (Raft §5.4.2, §8).
    fn open_term(&mut self, index: LogIndex) {
        if let RoleState::Leader(leader) = &mut self.role {
            leader.release(index);
        }
        let run = Run {
            term: self.hard.term,
            kind: EntryKind::NoOp,
            first: index,
            count: 1,
        };
        self.extend_log(run);
        self.told.own_entry(index);
        self.note_class(run, Class::new(CommitMode::Sync, FsyncMode::Commit));
        self.writes.force(index);
    }

    pub(super) fn handle_heartbeat_due(&mut self) {
        let snapshot_rounds = self.snapshot_rounds();
        if let RoleState::Leader(leader) = &mut self.role {
            leader.begin_round(self.now);
            leader.release(self.log.last());
            leader.repeat_order();
            for peer in &mut leader.peers {
                peer.mark_heartbeat(leader.round, snapshot_rounds);
                peer.asking.ask_again();
            }
            self.timers.stop(Timer::AsyncBatch);
            self.timers
                .set(Timer::Heartbeat, self.now.after(self.config.heartbeat));
        }
    }

    /// Steps down unless a majority was heard since the last check (Raft thesis §6.2), or the check
    /// comes an election timeout too late: what was heard before says nothing of now.
    ///
    /// 1. a leader's process is stopped, or its machine sleeps; another is elected;
    /// 2. it goes on, having heard everybody just before it was stopped;
    /// 3. by that it would pass its next check, and acknowledge `LeaderOnly` writes of its old term
    ///    all the while: each of them lost.
    pub(super) fn handle_check_quorum(&mut self, overdue: Duration) {
        if overdue >= self.config.election_timeout_min {
            self.become_follower(None);
            return;
        }
        let own = self.config.id;
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        let heard = |id| {
            let peer = leader.peer(id);
            id == own || peer.is_some_and(|peer| peer.heard == Heard::Yes)
        };
        if !quorum::has_majority(&self.members, heard) {
            self.become_follower(None);
            return;
        }
        for peer in &mut leader.peers {
            peer.heard = Heard::No;
        }
        let check = self.now.after(self.config.election_timeout_min);
        self.timers.set(Timer::CheckQuorum, check);
    }

    /// A leader that was away accepts nothing on the strength of what it knew before.
    pub(super) fn leave_office_if_absent(&mut self) {
        let overdue = self.timers.overdue(Timer::CheckQuorum, self.now);
        if overdue >= self.config.election_timeout_min {
            self.timers.stop(Timer::CheckQuorum);
            self.handle_check_quorum(overdue);
        }
    }

    /// What follows from what is held by now: the commit index, in entries of this term only (Raft
    /// §5.3, §5.4.2).
    pub(super) fn advance_leader(&mut self) {
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        if self.commit.index == self.log.last() {
            return;
        }
        let own = (self.config.id, &self.writes);
        let synced = quorum::held_by_majority(&self.members, |id| {
            held_by(&leader.peers, own, id, Held::Synced)
        });
        if synced > self.commit.index && synced >= leader.no_op {
            self.commit = LogPosition::new(self.hard.term, synced);
            for peer in &mut leader.peers {
                peer.commit = News::Due;
            }
        }
    }
}
