//! The heart: one node of Raft (Raft figure 2), its inputs and its transitions.
//!
//! Each input changes the state and returns; [`Raft::poll_output`] then tells what follows from it.

mod candidate;
mod duty;
mod follower;
mod leader;
mod poll;
mod status;
mod trust;
mod waiting;

use core::fmt;

use heapless::Deque;
use serde::{Deserialize, Serialize};

use crate::acks::{Early, Unsettled};
use crate::classes::Classes;
use crate::config::{Config, ConfigError};
use crate::durability::Durability;
use crate::entry::Run;
use crate::hard_state::HardState;
use crate::ids::{LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::limits::{
    INDEX_MAX, MEMBERS_MAX, REPLIES_MAX, RUN_ENTRIES_MAX, TERM_JUMP_MAX, TERM_MAX,
};
use crate::log::{Log, TermAt};
use crate::members::Members;
use crate::message::{Ballot, Envelope, Message};
use crate::modes::{Class, CommitMode, FsyncMode, Held};
use crate::output::{Fate, ReadTicket, Receipt, Rest};
use crate::recovery::Recovery;
use crate::time::Instant;
use crate::timers::{Timer, Timers};
use crate::wire::{Frame, Taken};
use crate::writes::Writes;

use candidate::Candidate;
pub use duty::Duty;
use follower::Follower;
use leader::Leader;
use poll::Told;
pub use status::{PeerStatus, Status};
pub use waiting::{WAITING_MAX, Waiting};

/// One node of a cluster: bytes, clocks, disks and sockets are its host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raft {
    config: Config,
    members: Members,
    hard: HardState,
    writes: Writes,
    log: Log,
    classes: Classes,
    commit: LogPosition,
    role: RoleState,
    duty: Duty,
    /// Copies through here were relied on while merely written, in this life.
    relied_upto: LogIndex,
    unsettled: Unsettled,
    timers: Timers,
    replies: Deque<Reply, REPLIES_MAX>,
    /// Election timeouts in a row without a leader.
    silent_timeouts: u32,
    /// Batches of reads opened so far.
    tickets: u64,
    told: Told,
    dropped: Dropped,
    now: Instant,
}

/// What a node does in its term, with what exists only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nothing is allocated: the largest role is the size"
)]
enum RoleState {
    Follower(Follower),
    PreCandidate(Candidate),
    Candidate(Candidate),
    Leader(Leader),
}

/// An answer that waits for the hard state it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reply {
    to: NodeId,
    term: Term,
    answer: Answer,
}

/// What is answered to a node that this one does not follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Answer {
    PreVote(Ballot),
    Vote(Ballot),
    Rejected {
        rejected: LogIndex,
        hint: LogPosition,
    },
}

impl Answer {
    fn message(&self) -> Message {
        match *self {
            Self::PreVote(ballot) => Message::PreVoteReply { ballot },
            Self::Vote(ballot) => Message::VoteReply { ballot },
            Self::Rejected { rejected, hint } => Message::Rejected { rejected, hint },
        }
    }
}

/// A proposal that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proposed {
    /// Where its entries stand.
    pub run: Run,
    /// The acknowledgement to wait for: how many,
    pub mode: CommitMode,
    /// and how firmly. Stronger than asked where a setting of the node says so.
    pub held: Held,
    /// Voters at the time.
    pub voters: u8,
}

/// Why nothing was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposeError {
    /// This node does not lead; here is who does, if it knows.
    NotLeader(Option<NodeId>),
    /// This node won an election and has not opened its term yet. Ask again soon.
    NotReady,
    /// No entries, or more than [`RUN_ENTRIES_MAX`] at once.
    Count,
    /// `AtLeast(0)`, or more nodes than there are voters.
    AtLeast {
        /// How many were asked for.
        asked: u8,
        /// How many voters there are.
        voters: u8,
    },
    /// Too many entries wait for this node's disk.
    DiskBusy,
    /// Too many entries are acknowledged early and not committed.
    AtRisk,
    /// The log has reached the end of the protocol's range.
    Exhausted,
    /// This node has been stopped, or replaced by a newer life of its store.
    Stopped,
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => {
                write!(f, "not the leader, nothing was written: ask node {leader}")
            }
            Self::NotLeader(None) => f.write_str(
                "not the leader, nothing was written: no leader is known yet, ask again soon",
            ),
            Self::NotReady => f.write_str(
                "the leader has not opened its term yet, nothing was written: ask again soon",
            ),
            Self::Count => write!(
                f,
                "nothing was written: a proposal holds 1 to {RUN_ENTRIES_MAX} entries"
            ),
            Self::AtLeast { asked, voters } => write!(
                f,
                "nothing was written: AT_LEAST_{asked} cannot be met by {voters} voters"
            ),
            Self::DiskBusy => f.write_str(
                "nothing was written: too many entries wait for the disk, ask again later",
            ),
            Self::AtRisk => f.write_str(
                "nothing was written: too many acknowledged entries are not committed yet, \
                 ask again later or for SYNC at fsync COMMIT",
            ),
            Self::Exhausted => f.write_str("nothing was written: the log is at its end"),
            Self::Stopped => f.write_str("this node is stopping, nothing was written: ask another"),
        }
    }
}

impl core::error::Error for ProposeError {}

/// Why no read was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// This node does not lead; here is who does, if it knows.
    NotLeader(Option<NodeId>),
    /// This node has been stopped, or replaced by a newer life of its store.
    Stopped,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => {
                write!(f, "not the leader, nothing was read: ask node {leader}")
            }
            Self::NotLeader(None) => {
                f.write_str("not the leader, nothing was read: no leader is known yet")
            }
            Self::Stopped => f.write_str("this node is stopping, nothing was read: ask another"),
        }
    }
}

impl core::error::Error for ReadError {}

/// Why a message was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drop {
    Misaddressed,
    ForeignStore,
    SecondLeader,
    Malformed,
    Busy,
    Replies,
    Ignored,
}

/// Messages dropped since the node started, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Meant for another node, or sent by this one.
    pub misaddressed: u64,
    /// From a store other than the member's.
    pub foreign_store: u64,
    /// From a second leader of one term: a broken or hostile peer.
    pub second_leader: u64,
    /// Contradicting itself.
    pub malformed: u64,
    /// Entries that did not fit before the disk caught up.
    pub busy: u64,
    /// Answers that did not fit.
    pub replies: u64,
    /// Candidates ignored because a leader is heard.
    pub candidates: u64,
}

impl Raft {
    /// Starts a node from what its store recovered.
    ///
    /// Its first output is a write of its hard state: each start is a new life.
    pub fn new(config: Config, recovery: Recovery, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let Recovery {
            hard,
            log,
            members,
            boot,
            gap,
        } = recovery;
        if gap {
            return Err(ConfigError::Gap);
        }
        // Entries may reach the disk before the term they came in.
        let term = hard.term.max(log.last_position().term);
        if log.last().0 > INDEX_MAX || term.0 > TERM_MAX {
            return Err(ConfigError::Exhausted);
        }
        let hard = HardState {
            incarnation: hard.incarnation.next(),
            term,
            vote: hard.vote.filter(|_| term == hard.term),
            trust: hard.trust.at_start(boot),
        };
        let mut writes = Writes::recovered(hard.incarnation, log.last());
        writes.change_word();
        let mut raft = Self {
            told: Told::new(hard.term),
            config,
            members,
            hard,
            writes,
            log,
            classes: Classes::new(),
            commit: LogPosition::ZERO,
            role: RoleState::Follower(Follower::new(None, now)),
            duty: Duty::Active,
            relied_upto: LogIndex::ZERO,
            unsettled: Unsettled::new(),
            timers: Timers::new(),
            replies: Deque::new(),
            silent_timeouts: 0,
            tickets: 0,
            dropped: Dropped::default(),
            now,
        };
        raft.restart_election_timer();
        raft.settle();
        Ok(raft)
    }

    /// Accepts `count` entries of one class into the log of this leader.
    ///
    /// The host keeps their bytes under the positions it gets back until a
    /// [`Write`](crate::output::Write) names them.
    pub fn propose(
        &mut self,
        now: Instant,
        class: Class,
        count: u32,
    ) -> Result<Proposed, ProposeError> {
        self.begin(now);
        let proposed = self.propose_run(class, count);
        self.settle();
        proposed
    }

    /// Starts a linearizable read on this leader. [`Output::Read`](crate::output::Output::Read)
    /// answers the ticket; reads asked before the next poll share one.
    pub fn read(&mut self, now: Instant) -> Result<ReadTicket, ReadError> {
        self.begin(now);
        let ticket = self.start_read();
        self.settle();
        ticket
    }

    /// Starts an election at once, as after an election timeout.
    pub fn campaign(&mut self, now: Instant) {
        self.begin(now);
        let voter = self.members.is_voter(self.config.id) && self.is_active();
        if voter && !matches!(self.role, RoleState::Leader(_)) {
            self.restart_election_timer();
            self.campaign_as_configured();
        }
        self.settle();
    }

    /// Takes a message. The entries it returns are promised to be held once their write is
    /// reported: keep their bytes.
    pub fn handle_message<'b>(&mut self, now: Instant, frame: &Frame<'b>) -> Taken<'b> {
        self.begin(now);
        let taken = match self.duty {
            Duty::Active => self.receive(frame),
            Duty::Stopping | Duty::Superseded { .. } => Taken::nothing(),
        };
        self.settle();
        taken
    }

    /// Takes the host's word that a write is held.
    pub fn handle_stored(&mut self, now: Instant, receipt: Receipt) {
        self.begin(now);
        self.writes.handle(&receipt);
        self.settle();
    }

    /// Does what is due. Call it at [`Raft::poll_timeout`], or later.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin(now);
        for timer in Timer::ALL {
            if !self.timers.take_due(timer, self.now) {
                continue;
            }
            match timer {
                Timer::Election => self.handle_election_timeout(),
                Timer::Heartbeat => self.handle_heartbeat_due(),
                Timer::CheckQuorum => self.handle_check_quorum(),
                Timer::AsyncBatch => self.handle_async_batch(),
                Timer::FsyncBatch | Timer::LazyFlush => self.writes.force(self.log.last()),
                Timer::Quiet => self.handle_quiet(),
            }
        }
        self.settle();
    }

    /// When [`Raft::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.timers.earliest()
    }

    /// What became of the entry at a position, as far as commit proves it here.
    ///
    /// An overwritten entry is not lost for that: another leader may bring it back (Raft figure 8).
    /// Only commit decides.
    pub fn fate(&self, of: LogPosition) -> Fate {
        if of.index > self.commit.index {
            return match of.term < self.commit.term {
                true => Fate::Lost,
                false => Fate::Pending,
            };
        }
        match self.log.term_at(of.index) {
            TermAt::Known(term) if term == of.term => Fate::Committed,
            TermAt::Known(_) => Fate::Lost,
            TermAt::Forgotten | TermAt::Absent => Fate::Unknown,
        }
    }

    /// The durability options it runs with.
    pub fn durability(&self) -> &Durability {
        &self.config.durability
    }

    /// Who is in the cluster.
    pub fn members(&self) -> &Members {
        &self.members
    }

    fn begin(&mut self, now: Instant) {
        // A clock that steps back stands still instead.
        self.now = self.now.max(now);
    }

    /// Brings what follows from the state up to date: elections won, commit, flushes due.
    fn settle(&mut self) {
        self.count_votes();
        self.advance_leader();
        self.review_trust();
        self.schedule_flushes();
        self.told.rewind(self.duty);
    }

    /// Starts and stops the clocks of unforced entries.
    fn schedule_flushes(&mut self) {
        if self.is_active() && self.writes.leaves_unforced(self.log.last()) {
            let lazy = self.now.after(self.config.durability.lazy_flush);
            self.timers.start(Timer::LazyFlush, lazy);
        } else {
            self.timers.stop(Timer::LazyFlush);
            self.timers.stop(Timer::FsyncBatch);
        }
    }

    /// Whether entries of `term` can be added without forgetting any that the disk was not handed
    /// yet: nothing could name those to it any more.
    fn has_term_run_for(&self, term: Term) -> bool {
        self.log.last_position().term == term
            || self.log.runs_free() > 0
            || self.log.oldest_end() <= self.writes.emitted()
    }

    /// Remembers the class of entries just added, and counts those that share a flush.
    fn note_class(&mut self, run: Run, class: Class) {
        let voters = self.members.voters_min();
        self.classes
            .push(run.first, class, self.commit.index, voters);
        if class.fsync == FsyncMode::Batch {
            let enough = self.config.durability.batch_fsync_count;
            if self.writes.count_batch(run.count, enough) {
                self.writes.force(run.last());
            } else {
                let interval = self.config.durability.batch_fsync_interval;
                self.timers
                    .start(Timer::FsyncBatch, self.now.after(interval));
            }
        }
    }

    fn receive<'b>(&mut self, frame: &Frame<'b>) -> Taken<'b> {
        let envelope = frame.envelope();
        if let Err(reason) = self.admit(envelope) {
            self.count(reason);
            return Taken::nothing();
        }
        match &envelope.message {
            Message::PreVote { last } => {
                self.handle_pre_vote(envelope, *last);
                return Taken::nothing();
            }
            Message::PreVoteReply { ballot } if envelope.term > self.hard.term => {
                self.handle_pre_vote_reply(envelope, *ballot);
                if *ballot != Ballot::Refused {
                    return Taken::nothing();
                }
            }
            Message::Vote { .. } if self.ignores_candidates() => {
                self.count(Drop::Ignored);
                return Taken::nothing();
            }
            _ => {}
        }
        if envelope.term > self.hard.term {
            self.adopt_term(envelope.term);
        } else if envelope.term < self.hard.term {
            self.answer_stale(envelope);
            return Taken::nothing();
        }
        match &envelope.message {
            Message::Append(append) => return self.handle_append(frame, append),
            Message::Vote { last } => self.handle_vote(envelope, *last),
            Message::VoteReply { ballot } => self.handle_vote_reply(envelope, *ballot),
            Message::Matched(holding) => self.handle_matched(envelope, *holding),
            Message::Rejected { rejected, hint } => {
                self.handle_rejected(envelope, *rejected, *hint);
            }
            Message::Heartbeat(beat) => self.handle_heartbeat(envelope, beat),
            Message::HeartbeatReply(reply) => self.handle_heartbeat_reply(envelope, reply),
            Message::PreVote { .. } | Message::PreVoteReply { .. } => {}
        }
        Taken::nothing()
    }

    fn admit(&self, envelope: &Envelope) -> Result<(), Drop> {
        if envelope.to != self.config.id || envelope.from == self.config.id {
            return Err(Drop::Misaddressed);
        }
        if envelope.term.0.saturating_sub(self.hard.term.0) > TERM_JUMP_MAX {
            return Err(Drop::Malformed);
        }
        let bound = self.members.iter().find(|m| m.id == envelope.from);
        match bound.map(|member| member.store) {
            Some(store) if store != StoreId::ANY && store != envelope.store => {
                Err(Drop::ForeignStore)
            }
            _ => Ok(()),
        }
    }

    /// Tells a node of an earlier term about this one (Raft §5.1).
    fn answer_stale(&mut self, envelope: &Envelope) {
        let answer = match envelope.message {
            Message::Vote { .. } => Answer::Vote(Ballot::Refused),
            Message::Append(append) => Answer::Rejected {
                rejected: append.prev.index,
                hint: self.commit,
            },
            Message::Heartbeat(_) => Answer::Rejected {
                rejected: LogIndex::ZERO,
                hint: self.commit,
            },
            _ => return,
        };
        self.reply(Reply {
            to: envelope.from,
            term: self.hard.term,
            answer,
        });
    }

    /// A higher term was heard of (Raft §5.1).
    fn adopt_term(&mut self, term: Term) {
        self.hard.term = term;
        self.hard.vote = None;
        self.writes.change_word();
        self.replies.clear();
        self.become_follower(None);
    }

    fn become_follower(&mut self, leader: Option<NodeId>) {
        let led = matches!(self.role, RoleState::Leader(_));
        if let RoleState::Leader(leader) = &mut self.role {
            while let Some(ticket) = leader.reads.take_any() {
                self.told.read_failed(ticket);
            }
        }
        self.role = RoleState::Follower(Follower::new(leader, self.now));
        for timer in [Timer::Heartbeat, Timer::CheckQuorum, Timer::AsyncBatch] {
            self.timers.stop(timer);
        }
        if led || !self.timers.is_set(Timer::Election) {
            self.restart_election_timer();
        }
    }

    fn lose_sight_of_leader(&mut self) {
        self.role = RoleState::Follower(Follower::new(None, self.now));
    }

    fn restart_election_timer(&mut self) {
        let words = [self.hard.term.0, u64::from(self.silent_timeouts)];
        let deadline = self.config.election_deadline(self.now, words);
        self.timers.set(Timer::Election, deadline);
    }

    /// Owes an answer. Beyond the limit it is lost, as on a network.
    fn reply(&mut self, reply: Reply) {
        if self.replies.push_back(reply).is_err() {
            self.count(Drop::Replies);
        }
    }

    fn count(&mut self, reason: Drop) {
        let dropped = &mut self.dropped;
        let counter = match reason {
            Drop::Misaddressed => &mut dropped.misaddressed,
            Drop::ForeignStore => &mut dropped.foreign_store,
            Drop::SecondLeader => &mut dropped.second_leader,
            Drop::Malformed => &mut dropped.malformed,
            Drop::Busy => &mut dropped.busy,
            Drop::Replies => &mut dropped.replies,
            Drop::Ignored => &mut dropped.candidates,
        };
        *counter = counter.saturating_add(1);
    }

    /// What commit says of the early acknowledgements of a term this node led.
    fn settled(&self, early: &Early) -> Option<(LogIndex, Option<Rest>)> {
        if self.commit.term <= early.term {
            let all = self.commit.term == early.term && self.commit.index >= early.acked;
            return all.then_some((early.acked, None));
        }
        if early.term < self.log.base().term {
            return Some((LogIndex::ZERO, Some(Rest::Unknown)));
        }
        let kept = self.log.end_of_term(early.term).unwrap_or_default();
        let kept = kept.min(self.commit.index);
        Some((kept, (kept < early.acked).then_some(Rest::Lost)))
    }
}

const _: () = assert!(size_of::<Raft>() <= 8 * 1024);
const _: () = assert!(MEMBERS_MAX <= u8::MAX as usize);
