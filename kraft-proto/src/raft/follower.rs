//! The follower: believes one leader at a time, holds what it sends, and says how firmly.

use serde::Serialize;

use super::comparison::{Compared, Comparison};
use super::dropped::Drop;
use super::follower_reads::FollowerReads;
use super::history::Place;
use super::replies::{Answer, Reply};
use super::{Raft, RoleState};
use crate::config::CheckQuorum;
use crate::durability::OnPowerLoss;
use crate::entry::Run;
use crate::hard_state::Trust;
use crate::ids::{LogIndex, LogPosition, NodeId, Term};
use crate::limits::INDEX_MAX;
use crate::message::{Append, Ballot, Envelope, Heartbeat, Watermarks};
use crate::modes::{Class, FsyncMode};
use crate::time::Instant;
use crate::wire::{Frame, Taken};

/// Whether an answer is owed although nothing new is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Acknowledgement {
    Due,
    Given,
}

/// What a follower knows of its leader's term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Follower {
    pub leader: Option<NodeId>,
    /// When it was last heard.
    heard: Instant,
    /// How far the log is known to agree with this leader's in this term, held or not.
    pub matched: LogIndex,
    /// Copies through here count for somebody while merely written.
    written_upto: LogIndex,
    /// Entries through here count only when synced.
    force_upto: LogIndex,
    /// Once it matches and is synced through here, this node is no suspect any more.
    pub readmit_upto: Option<LogIndex>,
    reported: Watermarks,
    answer: Acknowledgement,
    /// The newest round of heartbeats not answered yet.
    pub round: Option<u64>,
    /// Reads whose index the leader is asked for.
    pub reads: FollowerReads,
    /// What waits to be compared with the log.
    pub comparison: Comparison,
    /// A learner that hears no leader asks a voter whether it is still a member, see `left_out`.
    pub asks_standing: bool,
}

impl Follower {
    pub fn new(leader: Option<NodeId>, now: Instant) -> Self {
        Self {
            leader,
            heard: now,
            matched: LogIndex::ZERO,
            written_upto: LogIndex::ZERO,
            force_upto: LogIndex::ZERO,
            readmit_upto: None,
            reported: Watermarks::default(),
            answer: Acknowledgement::Given,
            round: None,
            reads: FollowerReads::new(),
            comparison: Comparison::new(),
            asks_standing: false,
        }
    }

    /// What may be acknowledged of the log that agrees with the leader's.
    ///
    /// Written copies are reported only where some class counts them: above what is being forced,
    /// or where they count while merely written.
    pub fn watermarks(&self, written: LogIndex, synced: LogIndex) -> Watermarks {
        let written = written.min(self.matched);
        let synced = synced.min(self.matched);
        let counted = if written > self.force_upto {
            written
        } else {
            written.min(self.written_upto)
        };
        Watermarks {
            written: counted.max(synced),
            synced,
        }
    }

    /// The leader is to hear what is held, although nothing new is.
    pub fn owe_answer(&mut self) {
        self.answer = Acknowledgement::Due;
    }

    /// What to report now, if there is news or an answer is owed.
    pub fn report(&mut self, written: LogIndex, synced: LogIndex) -> Option<Watermarks> {
        self.leader?;
        let watermarks = self.watermarks(written, synced);
        let news =
            watermarks.written > self.reported.written || watermarks.synced > self.reported.synced;
        if !news && self.answer == Acknowledgement::Given {
            return None;
        }
        self.answer = Acknowledgement::Given;
        self.reported = watermarks;
        Some(watermarks)
    }
}

impl Raft {
    /// Whether a leader was heard within the shortest election timeout: then no other is needed
    /// (Raft thesis §4.2.3).
    pub(super) fn hears_leader(&self) -> bool {
        match &self.role {
            RoleState::Leader(_) => true,
            RoleState::Follower(follower) => {
                let silence = self.now.since(follower.heard);
                follower.leader.is_some() && silence < self.config.election_timeout_min
            }
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => false,
        }
    }

    /// This node's yes.
    fn consent(&self) -> Ballot {
        let available = self.config.durability.on_power_loss == OnPowerLoss::Available;
        if self.hard.trust == Trust::Suspect && !available {
            Ballot::GrantedBySuspect
        } else {
            Ballot::Granted
        }
    }

    /// This node's yes to itself.
    pub(super) fn own_ballot(&self) -> Ballot {
        self.consent()
    }

    pub(super) fn handle_pre_vote(&mut self, envelope: &Envelope, last: LogPosition) {
        let grants = envelope.term > self.hard.term
            && last >= self.log.last_position()
            && !self.hears_leader()
            && !self.withholds_votes();
        let (term, ballot) = if grants {
            (envelope.term, self.consent())
        } else {
            (self.hard.term, Ballot::Refused)
        };
        self.reply(Reply {
            to: envelope.from,
            answer: Answer::PreVote(term, ballot),
        });
    }

    /// Whether voters that hear a leader ignore this candidate.
    pub(super) fn ignores_candidates(&self) -> bool {
        self.config.check_quorum == CheckQuorum::On && self.hears_leader()
    }

    /// RequestVote (Raft figure 2). The candidate's term is this node's term by now.
    pub(super) fn handle_vote(&mut self, envelope: &Envelope, last: LogPosition) {
        let free = match (&self.role, self.hard.vote) {
            (_, Some(voted)) => voted == envelope.from,
            (RoleState::Follower(follower), None) => follower.leader.is_none(),
            (RoleState::PreCandidate(_), None) => true,
            (_, None) => false,
        };
        let ballot = if free && last >= self.log.last_position() {
            if self.hard.vote.is_none() {
                self.hard.vote = Some(envelope.from);
                self.writes.change_vote_state();
            }
            self.restart_election_timer();
            self.consent()
        } else {
            Ballot::Refused
        };
        self.reply(Reply {
            to: envelope.from,
            answer: Answer::Vote(ballot),
        });
    }

    /// The sender leads this term: follow it. `None` if this node leads the term itself.
    pub(super) fn follow(&mut self, leader: NodeId) -> Option<()> {
        match &mut self.role {
            RoleState::Leader(_) => {
                self.count(Drop::SecondLeader);
                return None;
            }
            RoleState::Follower(follower) if follower.leader == Some(leader) => {
                follower.heard = self.now;
            }
            RoleState::Follower(follower) if follower.leader.is_some() => {
                self.count(Drop::SecondLeader);
                return None;
            }
            _ => self.role = RoleState::Follower(Follower::new(Some(leader), self.now)),
        }
        self.silent_timeouts = 0;
        self.withhold_votes(self.config.election_timeout_min);
        self.restart_election_timer();
        Some(())
    }

    /// AppendEntries (Raft §5.3) of this term.
    pub(super) fn handle_append<'b>(&mut self, frame: &Frame<'b>, append: &Append) -> Taken<'b> {
        let envelope = frame.envelope();
        let run = append.run();
        if run.last().0 > INDEX_MAX
            || !is_sound(append, envelope.term)
            || self.contradicts_commit(append)
        {
            self.count(Drop::Malformed);
            return Taken::nothing();
        }
        if self.follow(envelope.from).is_none() {
            return Taken::nothing();
        }
        let (keep, fresh) = match self.compare(append.prev, run) {
            Compared::Agrees { keep, fresh } => (keep, fresh),
            Compared::Differs { hint } => {
                self.refuse(append.prev, hint);
                return Taken::nothing();
            }
            Compared::Unknown { keep, index } => {
                self.match_through(keep);
                self.await_append(append.prev, run, index);
                return Taken::nothing();
            }
        };
        if !fresh.is_empty() {
            if keep.term > fresh.term {
                self.count(Drop::Malformed);
                return Taken::nothing();
            }
            let configuration = match self.configuration_in(frame, fresh) {
                Ok(configuration) => configuration,
                Err(reason) => {
                    self.count(reason);
                    return Taken::nothing();
                }
            };
            let waiting = self.unwritten_through(fresh.last());
            let most = u64::from(self.config.unwritten_entries_max);
            if waiting > most || !self.has_term_run_for(fresh.term, fresh.kind) {
                self.count(Drop::Busy);
                return Taken::nothing();
            }
            self.accept(keep, fresh, append.class());
            if let Some(members) = configuration {
                self.enter_configuration(fresh.first, members);
            }
        }
        let matched = append.prev.index.max(run.last()).max(self.commit.index);
        let RoleState::Follower(follower) = &mut self.role else {
            return Taken::nothing();
        };
        let jumped = fresh.first.prev() > follower.matched;
        follower.matched = follower.matched.max(matched);
        follower.comparison.matched(follower.matched);
        follower.written_upto = follower.written_upto.max(append.written_upto);
        follower.force_upto = follower.force_upto.max(append.force_upto);
        if fresh.is_empty() {
            follower.owe_answer();
        } else if jumped {
            // The answer is about these entries and waits for them: what was there before, and is
            // now known to agree, is no news by itself.
            let watermarks = follower.watermarks(self.writes.written(), self.writes.synced());
            follower.reported = watermarks.max_of(follower.reported);
        }
        let matched = follower.matched;
        self.writes.force(append.force_upto.min(matched));
        self.rely_on(append.relied_upto.min(matched));
        self.learn_commit(append.commit);
        Taken {
            run: (!fresh.is_empty()).then_some(fresh),
            entries: frame.entries(),
            snapshot: None,
        }
    }

    /// Whether an append tells of committed entries what is not so: no leader does (Leader
    /// Completeness, Raft §5.4.3). Its other entries would be put behind those that are here:
    ///
    /// 1. entries through 9 of term 3 are committed; an append of term 1 behind 4 brings 5 to 12;
    /// 2. what is committed is skipped, so that 10 to 12 of term 1 are written behind 9 of term 3;
    /// 3. no node starts from such a log again.
    fn contradicts_commit(&self, append: &Append) -> bool {
        let run = append.run();
        let committed = self.commit.index;
        let differs = |index: LogIndex, term| {
            index <= committed
                && matches!(self.known_at(index), Place::Known(known) if known.term != term)
        };
        let of_run = |index: LogIndex| !run.is_empty() && differs(index, run.term);
        differs(append.prev.index, append.prev.term)
            || of_run(run.first)
            || of_run(run.last().min(committed.max(run.first)))
    }

    /// Adds entries of a leader behind the part of the log that agrees, replacing what does not.
    fn accept(&mut self, keep: LogPosition, fresh: Run, class: Class) {
        if fresh.first <= self.log.last() {
            self.cut_log(keep);
        }
        self.extend_log(fresh);
        let fsync = class.fsync.max(self.config.durability.fsync_floor);
        self.note_class(fresh, Class::new(class.mode, fsync));
        if self.config.durability.fsync_floor >= FsyncMode::Commit {
            self.writes.force(fresh.last());
        }
    }

    /// The leader has committed this far; what it matched here is committed here too.
    ///
    /// Bounded by the match with *this* leader: a heartbeat that overtakes an append must not commit
    /// entries of another history.
    pub(super) fn learn_commit(&mut self, commit: LogIndex) {
        let RoleState::Follower(follower) = &self.role else {
            return;
        };
        let upto = commit.min(follower.matched).min(self.log.last());
        // Below the window there is no hurry: whatever this leader commits lies above it.
        if upto > self.commit.index
            && let Some(position) = self.log.position_at(upto)
        {
            self.commit = position;
        }
    }

    pub(super) fn handle_heartbeat(&mut self, envelope: &Envelope, beat: &Heartbeat) {
        if self.follow(envelope.from).is_none() {
            return;
        }
        if let Some(known) = beat.readmission {
            self.handle_readmission(known);
        }
        if let RoleState::Follower(follower) = &mut self.role {
            let comparison = &mut follower.comparison;
            comparison.ask_again(self.now, self.config.heartbeat);
            if beat.round > 0 {
                follower.round = follower.round.max(Some(beat.round));
                follower.reads.ask_again(self.now, self.config.heartbeat);
            }
            self.writes.force(beat.force_upto.min(follower.matched));
        }
        self.learn_commit(beat.commit);
    }
}

/// Whether an append of a leader of `term` can be: its terms do not go back, and entries have one.
fn is_sound(append: &Append, term: Term) -> bool {
    let prev = append.prev;
    let begins = prev.index == LogIndex::ZERO;
    let carried = append.count == 0 || append.run_term >= prev.term.max(Term(1));
    begins == (prev.term == Term::ZERO) && carried && append.run_term.max(prev.term) <= term
}
