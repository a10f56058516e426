//! Outputs, derived from the state by comparing it with what was told already.

use serde::Serialize;

use super::left_out::Membership;
use super::{Lifecycle, Raft, RoleState};
use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, NodeId, Term};
use crate::limits::RUN_ENTRIES_MAX;
use crate::message::{Envelope, HeartbeatReply, Message};
use crate::modes::{Class, CommitMode, FsyncMode};
use crate::output::{
    Agreed, Force, Output, ReadOutcome, ReadTicket, Role, Standing, Write, WriteKind,
};
use crate::writes::Isolated;

/// The kinds of output, in the order they are told. What comes later follows from the same input
/// and may rest on what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Stage {
    /// That, once the disk knows it, and nothing else any more.
    Superseded,
    OwnEntry,
    Role,
    Settled,
    Commit,
    Members,
    Ack,
    Read,
    HardState,
    Log,
    Recall,
    Send,
    Nothing,
}

impl Stage {
    const fn next(self) -> Self {
        match self {
            Self::Superseded => Self::Superseded,
            Self::OwnEntry => Self::Role,
            Self::Role => Self::Settled,
            Self::Settled => Self::Commit,
            Self::Commit => Self::Members,
            Self::Members => Self::Ack,
            Self::Ack => Self::Read,
            Self::Read => Self::HardState,
            Self::HardState => Self::Log,
            Self::Log => Self::Recall,
            Self::Recall => Self::Send,
            Self::Send | Self::Nothing => Self::Nothing,
        }
    }
}

/// Whether the host was told of the newer incarnation that took this one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Superseded {
    Untold,
    Told,
}

/// What the host was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Emitted {
    role: (Role, Term, Option<NodeId>),
    commit: LogIndex,
    /// Batches of reads in this span failed and were not told yet.
    reads_failed: Option<(ReadTicket, ReadTicket)>,
    /// What it knows of the members.
    members: Membership,
    superseded: Superseded,
    /// Where entries of the core's own stand that the host has no bytes of yet.
    own: Span,
    stage: Stage,
}

/// Some part of the log; empty where it begins behind its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Span {
    first: LogIndex,
    last: LogIndex,
}

impl Span {
    /// An entry has an index from 1 on.
    fn is_empty(self) -> bool {
        self.first > self.last || self.first == LogIndex::ZERO
    }
}

impl Emitted {
    /// The host knows of commit as far as the snapshot it started from.
    pub fn new(term: Term, commit: LogIndex) -> Self {
        Self {
            role: (Role::Follower, term, None),
            commit,
            members: (LogIndex::ZERO, Agreed::Committed, Standing::Voter),
            reads_failed: None,
            superseded: Superseded::Untold,
            own: Span::default(),
            stage: Stage::OwnEntry,
        }
    }

    /// An entry of the core's own was appended at `index`.
    pub fn own_entry(&mut self, index: LogIndex) {
        if self.own.is_empty() {
            self.own.first = index;
        }
        self.own.last = index;
    }

    /// The log was cut behind `keep`.
    pub fn cut(&mut self, keep: LogIndex) {
        self.own.last = self.own.last.min(keep);
    }

    /// How far the host knows of commit.
    pub fn committed(&self) -> LogIndex {
        self.commit
    }

    /// The host knows of the members what it recovered.
    pub fn know_members(&mut self, members: Membership) {
        self.members = members;
    }

    /// An input came: everything is to be looked at again.
    pub fn rewind(&mut self, lifecycle: Lifecycle) {
        self.stage = match lifecycle {
            Lifecycle::Active | Lifecycle::Stopping => Stage::OwnEntry,
            Lifecycle::Superseded => Stage::Superseded,
        };
    }

    /// Tickets fail in the order they were given.
    pub fn read_failed(&mut self, ticket: ReadTicket) {
        let first = self.reads_failed.map_or(ticket, |(first, _)| first);
        self.reads_failed = Some((first, ticket));
    }

    fn take_failed_read(&mut self) -> Option<ReadTicket> {
        let (first, last) = self.reads_failed?;
        self.reads_failed = (first < last).then_some((ReadTicket(first.0 + 1), last));
        Some(first)
    }
}

impl Raft {
    /// The next thing to do, if any. Call it until it returns `None`, or whenever there is time:
    /// what is not polled yet is not lost, and later outputs say everything that is true by then.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = started(1, 1);
    /// node.campaign(Instant::ZERO);
    /// while let Some(output) = node.poll_output() {
    ///     match output {
    ///         Output::Write(write) => node.handle_stored(Instant::ZERO, write.synced()),
    ///         Output::Send { envelope, .. } => println!("to {}: {:?}", envelope.to, envelope.message),
    ///         Output::Commit { upto } => println!("apply everything through {upto}"),
    ///         other => println!("{other:?}"),
    ///     }
    /// }
    /// assert_eq!(node.role(), Role::Leader);
    /// ```
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            let output = match self.told.stage {
                Stage::Superseded => return self.poll_superseded(),
                Stage::OwnEntry => self.poll_own_entry(),
                Stage::Role => self.poll_role(),
                Stage::Settled => self.poll_settled(),
                Stage::Commit => self.poll_commit(),
                Stage::Members => self.poll_members(),
                Stage::Ack => {
                    self.poll_ack()
                        .map(|(mode, held, upto)| Output::Ack { mode, held, upto })
                }
                Stage::Read => self.poll_reads(),
                Stage::HardState => self.poll_hard_state(),
                Stage::Log => self.poll_log(),
                Stage::Recall => self.poll_recall(),
                Stage::Send => self.poll_send(),
                Stage::Nothing => return None,
            };
            if output.is_some() {
                return output;
            }
            self.told.stage = self.told.stage.next();
        }
    }

    fn poll_superseded(&mut self) -> Option<Output> {
        let by = self.hard.superseded?;
        if let Some(write) = self.poll_hard_state() {
            return Some(write);
        }
        if !self.writes.hard_state_is_synced() {
            return None;
        }
        let before = core::mem::replace(&mut self.told.superseded, Superseded::Told);
        (before == Superseded::Untold).then_some(Output::Superseded { by })
    }

    /// What the node does, in which term, and whom it follows.
    pub(super) fn role_now(&self) -> (Role, Term, Option<NodeId>) {
        let term = self.hard.term;
        match &self.role {
            RoleState::Follower(follower) => (Role::Follower, term, follower.leader),
            RoleState::PreCandidate(_) => (Role::PreCandidate, term, None),
            RoleState::Candidate(_) => (Role::Candidate, term, None),
            RoleState::Leader(_) => (Role::Leader, term, Some(self.config.id)),
        }
    }

    /// The bytes of the next entry that this node made itself.
    fn poll_own_entry(&mut self) -> Option<Output> {
        while !self.told.own.is_empty() {
            let Span { first, last } = self.told.own;
            let count = last.since(first.prev()).min(u64::from(RUN_ENTRIES_MAX)) as u32;
            // What was not written yet is in the window.
            let Some(run) = self.log.run_from(first, count) else {
                self.told.own = Span::default();
                return None;
            };
            if run.kind == EntryKind::Command {
                self.told.own.first = run.last().next();
                continue;
            }
            self.told.own.first = first.next();
            let at = LogPosition::new(run.term, first);
            let bytes = self.configuration_bytes(at).unwrap_or_default();
            let kind = run.kind;
            return Some(Output::OwnEntry { at, kind, bytes });
        }
        None
    }

    fn poll_role(&mut self) -> Option<Output> {
        let now = self.role_now();
        if now == self.told.role {
            return None;
        }
        self.told.role = now;
        let (role, term, leader) = now;
        Some(Output::Role { role, term, leader })
    }

    fn poll_settled(&mut self) -> Option<Output> {
        if self.unsettled.is_empty() {
            return None;
        }
        loop {
            let mut unsettled = self.unsettled.clone();
            let (early, (committed_upto, unkept)) = unsettled.take(|early| self.settled(early))?;
            self.unsettled = unsettled;
            if let Some(unkept) = unkept {
                return Some(Output::Settled {
                    term: early.term,
                    committed_upto,
                    unkept,
                });
            }
        }
    }

    fn poll_commit(&mut self) -> Option<Output> {
        if self.awaits_restoring() {
            let upto = self.compacted;
            let restored = self.writes.synced() >= upto.index;
            return restored.then(|| {
                self.told.commit = upto.index;
                Output::Restored { upto }
            });
        }
        if self.commit.index <= self.told.commit {
            return None;
        }
        self.told.commit = self.commit.index;
        Some(Output::Commit { upto: self.commit })
    }

    fn poll_members(&mut self) -> Option<Output> {
        let now = self.standing();
        if self.told.members == now {
            return None;
        }
        self.told.members = now;
        let (at, agreed, own) = now;
        Some(Output::Members { at, agreed, own })
    }

    fn poll_reads(&mut self) -> Option<Output> {
        if let Some(ticket) = self.told.take_failed_read() {
            let outcome = ReadOutcome::Failed;
            return Some(Output::Read { ticket, outcome });
        }
        if self.awaits_restoring() {
            // What a read is to see is not in the state that would serve it.
            return None;
        }
        self.poll_read().map(|(ticket, index)| Output::Read {
            ticket,
            outcome: ReadOutcome::Ready(index),
        })
    }

    fn poll_hard_state(&mut self) -> Option<Output> {
        let stamp = self.writes.emit_hard_state()?;
        Some(Output::Write(Write {
            class: Class::new(CommitMode::All, FsyncMode::Always),
            kind: WriteKind::HardState(self.hard),
            force: Force::Now,
            stamp,
        }))
    }

    /// The next log write: everything not handed out yet, as one run, forced if it must be.
    fn poll_log(&mut self) -> Option<Output> {
        if !self.writes.has_room() {
            return None;
        }
        if let Some(snapshot) = self.poll_snapshot_write() {
            return Some(snapshot);
        }
        let voters = self.members.voters_min();
        let first = self.writes.emitted().next();
        let last = self.log.last();
        if first > last {
            return self.poll_force();
        }
        let end = self.classes.cut(first, last);
        let count = end.since(first.prev()).min(u64::from(RUN_ENTRIES_MAX)) as u32;
        let Some(run) = self.log.run_from(first, count) else {
            // Left the window before it was handed out: refused at its proposal by `has_term_run_for`.
            debug_assert!(false, "an unwritten run left the window");
            return None;
        };
        let class = self.classes.demands(first, run.last(), voters).class;
        let alone = match self.classes.class_at(first).fsync {
            FsyncMode::Always => Isolated::Yes,
            _ => Isolated::No,
        };
        let force = self.force_of(run, alone);
        let stamp = self.writes.emit(run.last(), force, alone);
        Some(Output::Write(Write {
            class,
            kind: WriteKind::Entries(run),
            force,
            stamp,
        }))
    }

    /// Whether a write is forced itself: not if a later one, about to follow, forces it along.
    ///
    /// One that stands alone always is, whoever asked: nothing later is handed out before it is
    /// synced, so nothing later can ask for it.
    fn force_of(&self, run: Run, alone: Isolated) -> Force {
        let due = self.writes.must_force(run.last()) && self.writes.forces_through(run.last());
        match due || alone == Isolated::Yes {
            true => Force::Now,
            false => Force::Later,
        }
    }

    fn poll_force(&mut self) -> Option<Output> {
        if !self.writes.must_force_emitted() {
            return None;
        }
        let stamp = self
            .writes
            .emit(self.writes.emitted(), Force::Now, Isolated::No);
        Some(Output::Write(Write {
            class: Class::new(CommitMode::Sync, FsyncMode::Commit),
            kind: WriteKind::Force,
            force: Force::Now,
            stamp,
        }))
    }

    /// The next message. None leaves before the term, vote and incarnation it speaks for are synced.
    fn poll_send(&mut self) -> Option<Output> {
        if !self.writes.vote_state_is_synced() || !self.is_active() {
            return None;
        }
        if !self.replies.is_empty() {
            let reply = self.replies.remove(0);
            let term = reply.answer.term(self.hard.term);
            let message = reply.answer.message(self.hard.trust);
            let envelope = self.envelope(reply.to, term, message);
            return Some(control(envelope));
        }
        if let Some(envelope) = self.poll_report() {
            return Some(control(envelope));
        }
        if let Some(envelope) = self.poll_vote_request() {
            return Some(control(envelope));
        }
        if let Some(envelope) = self.poll_standing_question() {
            return Some(control(envelope));
        }
        self.poll_leader_message()
    }

    /// What a follower tells its leader.
    fn poll_report(&mut self) -> Option<Envelope> {
        if let Some(question) = self.poll_read_index() {
            return Some(question);
        }
        let counted = self.counted_written();
        let RoleState::Follower(follower) = &mut self.role else {
            return None;
        };
        let leader = follower.leader?;
        let message = if let Some(round) = follower.round.take() {
            Message::HeartbeatReply(HeartbeatReply {
                round,
                received: follower.matched,
                watermarks: follower.watermarks(counted, self.writes.synced()),
                trust: self.hard.trust,
            })
        } else {
            Message::Matched(follower.report(counted, self.writes.synced())?)
        };
        Some(self.envelope(leader, self.hard.term, message))
    }
}

/// Control messages go before any append.
fn control(envelope: Envelope) -> Output {
    Output::Send {
        mode: CommitMode::All,
        envelope,
    }
}
