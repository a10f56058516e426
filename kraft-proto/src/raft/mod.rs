//! The heart: one node of Raft (Raft figure 2), its inputs and its transitions.
//!
//! Each input changes the state and returns; [`Raft::poll_output`] then tells what follows from it.
//!
//! | figure 2 | here |
//! | --- | --- |
//! | currentTerm, votedFor; log\[\] | `hard`; `log`, a window on its terms: the bytes, and what is older, are the host's (`history.rs`) |
//! | commitIndex; lastApplied | `commit`; applying is the host's |
//! | nextIndex\[\], matchIndex\[\] | `leader.rs`, one `Progress` a peer |
//! | AppendEntries | `leader/sends.rs` sends, `follower.rs` receives, `comparison.rs` compares, `leader/answers.rs` hears what came of it |
//! | RequestVote | `candidate.rs` sends, `follower.rs` receives |
//! | rules for all servers | `receive`, `adopt_term`, below |
//! | rules for followers, candidates, leaders | the file of each role |
//! | members, transfer, reads (§6, §8, thesis) | `membership.rs` and `left_out.rs`, `transfer.rs`, `follower_reads.rs` |
//! | InstallSnapshot (§7, figure 13) | `snapshots.rs`, and `leader/snapshots.rs` |
//!
//! What figure 2 has not: `admission.rs`, whose messages are taken; `trust.rs`, whose votes count in full after a power cut; `lifecycle.rs`, how a
//! node ends; `waiting.rs`, why nothing moves.

mod admission;
mod candidate;
mod comparison;
mod dropped;
mod follower;
mod follower_reads;
mod history;
mod leader;
mod left_out;
mod lifecycle;
mod membership;
mod poll;
mod proposal;
mod replies;
mod snapshots;
mod status;
mod transfer;
mod trust;
mod waiting;

use heapless::Vec;
use serde::Serialize;

use crate::acks::Unsettled;
use crate::classes::Classes;
use crate::config::{Config, ConfigError};
use crate::configurations::Configurations;
use crate::entry::Run;
use crate::hard_state::HardState;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, Term};
use crate::limits::{INCARNATION_MAX, INDEX_MAX, MEMBERS_MAX, REPLIES_MAX, TERM_MAX};
use crate::log::Log;
use crate::members::Members;
use crate::message::{Ballot, Message};
use crate::modes::{Class, FsyncMode};
use crate::output::{Maker, Receipt};
use crate::recall::Recalled;
use crate::recovery::{Hint, Recovery};
use crate::time::Instant;
use crate::timers::{Timer, Timers};
use crate::wire::{Frame, Taken};
use crate::writes::Writes;

use candidate::Candidate;
use dropped::Drop;
use lifecycle::Lifecycle;
use replies::Reply;

pub use dropped::Dropped;
use follower::Follower;
use leader::Leader;
pub use membership::MembersProposeError;
use poll::Emitted;
pub use proposal::{ProposeError, Proposed, ReadError};
pub use snapshots::{CompactError, SnapshotError};
pub use status::{PeerStatus, Status};
pub use transfer::TransferError;
pub use waiting::{WAITING_MAX, Waiting};

/// One node of a cluster: bytes, clocks, disks and sockets are its host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Raft {
    config: Config,
    members: Members,
    configurations: Configurations,
    /// A committed configuration that leaves this node out stands here, by the word of a member; 0 if
    /// none does.
    left_out_at: LogIndex,
    hard: HardState,
    writes: Writes,
    log: Log,
    /// How many times the log was cut, or replaced by a snapshot.
    cuts: u64,
    /// What the host told of it below the window.
    recalled: Recalled,
    classes: Classes,
    commit: LogPosition,
    /// Entries through here are in a snapshot, and not in the log any more. Zero: there is none.
    compacted: LogPosition,
    role: RoleState,
    lifecycle: Lifecycle,
    /// What this incarnation was called before its disk was found to have gone back.
    set_back: Option<Incarnation>,
    /// Copies through here were relied on while merely written, in this incarnation.
    relied_upto: LogIndex,
    unsettled: Unsettled,
    timers: Timers,
    /// The oldest first.
    replies: Vec<Reply, REPLIES_MAX>,
    /// Election timeouts in a row without a leader.
    silent_timeouts: u32,
    /// Batches of reads opened so far.
    tickets: u64,
    told: Emitted,
    dropped: Dropped,
    /// With leases on: no vote for anybody before this.
    withheld_until: Instant,
    now: Instant,
}

/// What a node does in its term, with what exists only then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

impl Raft {
    /// Starts a node from what its store recovered.
    ///
    /// Its first output is a write of its hard state: each start is a new incarnation. `nonce`: drawn at
    /// random for this start and no other, by which a disk that went back to an older copy of itself
    /// is noticed.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let members = Members::new([NodeId(1)], []).unwrap();
    /// let config = Config::new(NodeId(1), StoreId(7), 42);
    /// let nonce = Nonce(9); // drawn at random for this start
    /// let mut node = Raft::new(config, Recovery::bootstrap(members), nonce, Instant::ZERO).unwrap();
    /// assert!(matches!(node.poll_output(), Some(Output::Write(_))));
    /// ```
    pub fn new(
        config: Config,
        recovery: Recovery,
        nonce: Nonce,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        if !now.is_within_reach() {
            return Err(ConfigError::Clock);
        }
        let Recovery {
            hard,
            log,
            members,
            configurations,
            snapshot,
            hint,
            boot,
            flaw,
        } = recovery;
        if let Some(flaw) = flaw {
            return Err(flaw);
        }
        // Entries may reach the disk before the term they came in.
        let term = hard.term.max(log.last_position().term);
        let incarnations_left = hard.incarnation.number < INCARNATION_MAX;
        if log.last().0 > INDEX_MAX || term.0 > TERM_MAX || !incarnations_left {
            return Err(ConfigError::Exhausted);
        }
        // A copy that was told of its twin may be the twin's own disk by now.
        if let Some(by) = hard.superseded.filter(|by| *by != hard.incarnation) {
            return Err(ConfigError::Superseded { by });
        }
        let hard = HardState {
            incarnation: hard.incarnation.next(nonce),
            term,
            vote: hard.vote.filter(|_| term == hard.term),
            trust: hard.trust.at_start(boot),
            superseded: None,
        };
        let in_flight_max = config.writes_in_flight_max;
        let maker = Maker {
            id: config.id,
            store: config.store,
            incarnation: hard.incarnation,
        };
        let mut writes = Writes::recovered(maker, log.last(), in_flight_max);
        writes.change_vote_state();
        let mut raft = Self {
            told: Emitted::new(hard.term, snapshot.index),
            left_out_at: LogIndex::ZERO,
            config,
            members,
            configurations,
            hard,
            writes,
            log: log.within(config.term_runs_max),
            cuts: 0,
            recalled: Recalled::new(),
            classes: Classes::new(),
            commit: snapshot,
            compacted: snapshot,
            role: RoleState::Follower(Follower::new(None, now)),
            lifecycle: Lifecycle::Active,
            set_back: None,
            relied_upto: LogIndex::ZERO,
            unsettled: Unsettled::new(),
            timers: Timers::new(),
            replies: Vec::new(),
            silent_timeouts: 0,
            tickets: 0,
            dropped: Dropped::default(),
            withheld_until: Instant::ZERO,
            now,
        };
        match hint {
            Hint::Found(known) if known.index > snapshot.index => raft.commit = known,
            Hint::Found(_) | Hint::None => {}
            Hint::Missing(_) => raft.count(Drop::Hint),
        }
        raft.told.know_members(raft.standing());
        raft.withhold_votes(raft.config.election_timeout_max);
        raft.restart_election_timer();
        raft.advance();
        Ok(raft)
    }

    /// Takes a message. The entries it returns are promised to be held once their write is
    /// reported: keep their bytes.
    ///
    /// `now` is read from the clock when the message is handed in: with [`Lease`](crate::Lease) on, a
    /// `now` from before it arrived has this node vote sooner than its leader counts on.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let [mut leader, mut follower, _] = cluster();
    /// leader.propose(Instant::ZERO, Class::default(), 1).unwrap();
    /// let append = drain(&mut leader).into_iter().find_map(|output| match output {
    ///     Output::Send { envelope, .. } if envelope.to == follower.id() => Some(envelope),
    ///     _ => None,
    /// });
    /// let mut bytes = Vec::new();
    /// append.unwrap().frame(&mut bytes, |_| Some("a greeting")).unwrap();
    ///
    /// let frame = Frame::decode(&bytes).unwrap();
    /// let taken = follower.handle_message(Instant::ZERO, &frame);
    /// for (position, bytes) in taken.entries() {
    ///     assert_eq!((position, bytes), (leader.last(), &b"a greeting"[..]));
    /// }
    /// ```
    pub fn handle_message<'b>(&mut self, now: Instant, frame: &Frame<'b>) -> Taken<'b> {
        self.begin(now);
        let taken = match self.lifecycle {
            Lifecycle::Active => self.receive(frame),
            Lifecycle::Stopping | Lifecycle::Superseded => Taken::nothing(),
        };
        self.advance();
        taken
    }

    /// Takes the host's word that a write is held.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = started(1, 1);
    /// node.campaign(Instant::ZERO);
    /// let mut outputs = std::iter::from_fn(|| node.poll_output());
    /// let vote = outputs.find_map(|output| match output {
    ///     Output::Write(write) => Some(write),
    ///     _ => None,
    /// });
    /// // The disk has it: only now is the node elected.
    /// node.handle_stored(Instant::ZERO, vote.unwrap().synced());
    /// assert_eq!(node.role(), Role::Leader);
    /// ```
    pub fn handle_stored(&mut self, now: Instant, receipt: Receipt) {
        self.begin(now);
        self.writes.handle(&receipt);
        self.advance();
    }

    /// Does what is due. Call it at [`Raft::poll_timeout`], or later: after a long sleep everything is
    /// overdue, and done once. A `now` that no clock gets to, such as [`Instant::NEVER`], is not
    /// believed by this or any other call: it is counted, and time stands still.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = started(1, 1);
    /// // Nobody was heard for an election timeout.
    /// let due = node.poll_timeout();
    /// node.handle_timeout(due);
    /// drain(&mut node);
    /// assert_eq!(node.role(), Role::Leader);
    /// ```
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin(now);
        for timer in Timer::ALL {
            let overdue = self.timers.overdue(timer, self.now);
            if !self.timers.take_due(timer, self.now) {
                continue;
            }
            match timer {
                Timer::Election => self.handle_election_timeout(),
                Timer::Heartbeat => self.handle_heartbeat_due(),
                Timer::CheckQuorum => self.handle_check_quorum(overdue),
                Timer::AsyncBatch => self.handle_async_batch(),
                Timer::FsyncBatch | Timer::LazyForce => self.writes.force(self.log.last()),
                Timer::Quiet => self.handle_quiet(),
                Timer::Transfer => self.give_up_handover(),
                Timer::DiskStall => self.handle_disk_stall(),
            }
        }
        self.advance();
    }

    /// When [`Raft::handle_timeout`] is due.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = started(1, 3);
    /// assert!(node.poll_timeout() > Instant::ZERO, "it waits for a leader first");
    /// ```
    pub fn poll_timeout(&self) -> Instant {
        self.timers.earliest()
    }

    /// What time it is. A clock that steps back stands still instead, and so does one that says what
    /// no clock gets to: believed, that would put every deadline where none comes.
    fn begin(&mut self, now: Instant) {
        if now.is_within_reach() {
            self.now = self.now.max(now);
        } else {
            self.count(Drop::Clock);
        }
    }

    /// Brings what follows from the state up to date: elections won, commit, forces due.
    fn advance(&mut self) {
        self.count_votes();
        self.advance_leader();
        self.advance_members();
        self.review_trust();
        self.review_handover();
        self.watch_disk();
        self.review_lease();
        self.schedule_forces();
        self.told.rewind(self.lifecycle);
    }

    /// Starts and stops the clocks of unforced entries.
    fn schedule_forces(&mut self) {
        if self.is_active() && self.writes.leaves_unforced(self.log.last()) {
            let lazy = self.now.after(self.config.durability.lazy_force);
            self.timers.start(Timer::LazyForce, lazy);
        } else {
            self.timers.stop(Timer::LazyForce);
            self.timers.stop(Timer::FsyncBatch);
        }
    }

    /// Remembers the class of entries just added, and counts those that share a force.
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
            if matches!(reason, Drop::Stranger | Drop::ForeignStore) {
                self.tell_who_is_left_out(envelope);
            }
            return Taken::nothing();
        }
        match &envelope.message {
            Message::LeftOut { store, at } => {
                self.handle_left_out(*store, *at);
                return Taken::nothing();
            }
            Message::PreVote { last }
                if *last < self.log.last_position() && self.tell_who_is_left_out(envelope) =>
            {
                return Taken::nothing();
            }
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
            Message::Vote { .. } if self.ignores_candidates() || self.withholds_votes() => {
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
            Message::Snapshot { last } => return self.handle_snapshot(frame, *last),
            Message::Vote { last } | Message::TransferVote { last } => {
                self.handle_vote(envelope, *last);
            }
            Message::TimeoutNow => self.handle_timeout_now(envelope),
            Message::ReadIndex { ticket, after } => {
                self.handle_read_index(envelope, *ticket, *after);
            }
            Message::ReadIndexReply {
                incarnation,
                ticket,
                index,
            } => self.handle_read_index_reply(envelope, *incarnation, *ticket, *index),
            Message::VoteReply { ballot } => self.handle_vote_reply(envelope, *ballot),
            Message::Matched(watermarks) => self.handle_matched(envelope, *watermarks),
            Message::Rejected {
                rejected,
                hint,
                trust,
            } => self.handle_rejected(envelope, *rejected, *hint, *trust),
            Message::Heartbeat(beat) => self.handle_heartbeat(envelope, beat),
            Message::HeartbeatReply(reply) => self.handle_heartbeat_reply(envelope, reply),
            Message::PreVote { .. } | Message::PreVoteReply { .. } | Message::LeftOut { .. } => {}
        }
        Taken::nothing()
    }

    /// A higher term was heard of (Raft §5.1).
    fn adopt_term(&mut self, term: Term) {
        self.hard.term = term;
        self.hard.vote = None;
        self.writes.change_vote_state();
        self.replies.clear();
        self.become_follower(None);
    }

    fn become_follower(&mut self, leader: Option<NodeId>) {
        let led = matches!(self.role, RoleState::Leader(_));
        self.fail_reads();
        self.role = RoleState::Follower(Follower::new(leader, self.now));
        for timer in Timer::OF_A_LEADER {
            self.timers.stop(timer);
        }
        if led || !self.timers.is_set(Timer::Election) {
            self.restart_election_timer();
        }
    }

    fn restart_election_timer(&mut self) {
        let words = [self.hard.term.0, u64::from(self.silent_timeouts)];
        let deadline = self.config.election_deadline(self.now, words);
        self.timers.set(Timer::Election, deadline);
    }
}

const _: () = assert!(size_of::<Raft>() <= 8 * 1024);
const _: () = assert!(MEMBERS_MAX <= u8::MAX as usize);
