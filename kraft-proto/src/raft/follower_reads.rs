//! Linearizable reads of a follower (Raft thesis §6.4): its leader tells from where on they see
//! everything. What a leader does about its own and about these is in `leader/reads.rs`.
//!
//! A question or its answer may be lost: it is asked again with every round of heartbeats, for the
//! newest reads and with them all before. Losing sight of the leader fails them.

use core::time::Duration;

use serde::Serialize;

use super::{Raft, ReadError, RoleState};
use crate::ids::{Incarnation, LogIndex, LogPosition};
use crate::message::{Envelope, Message};
use crate::output::{Fate, ReadTicket, Verdict};
use crate::reads::{ANSWERED, ASKED, Reads};
use crate::time::Instant;

/// Whether the leader is to be asked, again or for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Question {
    Due,
    Sent,
}

/// The reads of a follower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FollowerReads {
    batches: Reads,
    /// The last entry that any of them is to see.
    after: LogPosition,
    question: Question,
    /// When it was sent last.
    asked: Instant,
}

impl FollowerReads {
    pub fn new() -> Self {
        Self {
            batches: Reads::new(),
            after: LogPosition::ZERO,
            question: Question::Sent,
            asked: Instant::ZERO,
        }
    }

    /// The leader lives: what it has not answered for the time of a heartbeat it may not have heard.
    ///
    /// Not at every heartbeat: the question itself has the leader send some.
    pub fn ask_again(&mut self, now: Instant, heartbeat: Duration) {
        if now.since(self.asked) >= heartbeat {
            self.question = Question::Due;
        }
    }
}

impl Raft {
    /// Starts a linearizable read that sees the entry at `after` too.
    pub(super) fn start_read(&mut self, after: LogPosition) -> Result<ReadTicket, ReadError> {
        if !self.is_active() {
            return Err(ReadError::Stopped);
        }
        if self.fate(after) == Verdict::Known(Fate::Lost) {
            return Err(ReadError::Lost(after));
        }
        if after.term > self.hard.term {
            return Err(ReadError::NoSuchEntry(after));
        }
        let fresh = ReadTicket(self.tickets);
        let ticket = match &mut self.role {
            RoleState::Leader(_)
                if after.term == self.hard.term && after.index > self.log.last() =>
            {
                return Err(ReadError::NoSuchEntry(after));
            }
            RoleState::Leader(_) => self.join_read(fresh, after),
            RoleState::Follower(follower) if follower.leader.is_some() => {
                follower.reads.after = follower.reads.after.max(after);
                follower.reads.batches.join(fresh, LogIndex::ZERO)
            }
            _ => return Err(ReadError::NoLeader),
        };
        if ticket == fresh {
            self.tickets += 1;
        }
        Ok(ticket)
    }

    /// Nobody can confirm the reads on their way any more.
    pub(super) fn fail_reads(&mut self) {
        let reads = match &mut self.role {
            RoleState::Leader(leader) => &mut leader.reads,
            RoleState::Follower(follower) => &mut follower.reads.batches,
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => return,
        };
        while let Some(ticket) = reads.take_any() {
            self.told.read_failed(ticket);
        }
    }

    /// The question of a follower with reads, if it is to be asked.
    pub(super) fn poll_read_index(&mut self) -> Option<Envelope> {
        let RoleState::Follower(follower) = &mut self.role else {
            return None;
        };
        let leader = follower.leader?;
        let reads = &mut follower.reads;
        if reads.batches.may_start() {
            reads.batches.start(ASKED);
            reads.question = Question::Due;
        }
        if reads.question == Question::Sent {
            return None;
        }
        reads.question = Question::Sent;
        reads.asked = self.now;
        let ReadTicket(ticket) = reads.batches.newest_asked()?;
        let after = reads.after;
        let message = Message::ReadIndex { ticket, after };
        Some(self.envelope(leader, self.hard.term, message))
    }

    /// The leader was sure that it led, and read at `index`.
    ///
    /// Only the incarnation that asked may believe it: numbers begin anew with each, and an answer from
    /// before a start would let a read miss what was written since.
    pub(super) fn handle_read_index_reply(
        &mut self,
        envelope: &Envelope,
        incarnation: Incarnation,
        ticket: u64,
        index: LogIndex,
    ) {
        if let RoleState::Follower(follower) = &mut self.role
            && follower.leader == Some(envelope.from)
            && incarnation == self.hard.incarnation
        {
            follower.reads.batches.answered(ReadTicket(ticket), index);
        }
    }

    /// The next batch of reads that may be served.
    pub(super) fn poll_read(&mut self) -> Option<(ReadTicket, LogIndex)> {
        match &mut self.role {
            RoleState::Leader(_) => self.poll_led_read(),
            RoleState::Follower(follower) => {
                let answered = |round| round == ANSWERED;
                let commit = self.commit.index;
                follower.reads.batches.take_ready(answered, commit)
            }
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => None,
        }
    }
}
