//! A follower compares what its leader sends with its own log (Raft §5.3), below the window by what its
//! host recalls.
//!
//! *Unknown is neither equal nor different.* What cannot be compared yet is dropped in silence, and the
//! host asked; once the answer is there, the leader hears where the logs agree or part, and sends again:
//!
//! 1. a follower with a log of many terms cannot tell whether it has the entry before an append;
//! 2. it refuses, so the leader goes back, before entries that the follower has and others count on it;
//! 3. taken from there, they would be cut off and sent anew: for a while a majority is one short.

use core::time::Duration;

use serde::Serialize;

use super::history::Place;
use super::replies::{Answer, Reply};
use super::{Raft, RoleState};
use crate::entry::Run;
use crate::ids::{LogIndex, LogPosition};
use crate::output::Output;
use crate::recall::Asking;
use crate::time::Instant;

/// What is compared, and what the host is asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Comparison {
    subject: Option<Subject>,
    pub asking: Asking,
    /// When it was asked.
    asked: Instant,
}

/// What waits for the host's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Subject {
    /// An append of a run behind an entry.
    Append { prev: LogPosition, run: Run },
    /// A snapshot that ends here.
    Snapshot(LogPosition),
}

impl Subject {
    /// The lowest entry it is about.
    fn from(&self) -> LogIndex {
        match self {
            Self::Append { prev, .. } => prev.index,
            Self::Snapshot(last) => last.index,
        }
    }
}

impl Subject {
    /// The highest.
    fn upto(&self) -> LogIndex {
        match self {
            Self::Append { prev, run } => prev.index.max(run.last()),
            Self::Snapshot(last) => last.index,
        }
    }
}

/// How an append compares with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The logs agree through `keep`; what follows there, if anything, gives way to `fresh`.
    Agrees { keep: LogPosition, fresh: Run },
    /// The log has another entry before the run, or none; they may agree at `hint`.
    Differs { hint: LogPosition },
    /// The logs agree through `keep`, and the run at `index` decides.
    Unknown { keep: LogIndex, index: LogIndex },
}

impl Comparison {
    pub const fn new() -> Self {
        Self {
            subject: None,
            asking: Asking::nothing(),
            asked: Instant::ZERO,
        }
    }

    /// The log is another.
    pub fn void(&mut self) {
        *self = Self::new();
    }

    /// The log agrees with the leader's through here: who waits for less waits no more.
    pub fn matched(&mut self, through: LogIndex) {
        if self
            .subject
            .is_some_and(|subject| subject.upto() <= through)
        {
            self.subject = None;
            self.asking = Asking::nothing();
        }
    }

    /// The leader lives, and the host may have been asked in vain. Not at every heartbeat: reads have
    /// leaders send many.
    pub fn ask_again(&mut self, now: Instant, heartbeat: Duration) {
        if now.since(self.asked) >= heartbeat {
            self.asking.ask_again();
        }
    }
}

impl Raft {
    /// How far the log is known to agree with this leader's: what is committed agrees with every later
    /// leader's (Leader Completeness, Raft §5.4.3).
    pub(super) fn agreed_upto(&self) -> LogIndex {
        match &self.role {
            RoleState::Follower(follower) => follower.matched.max(self.commit.index),
            _ => self.commit.index,
        }
    }

    /// Compares an append of `run` behind `prev` with the log.
    pub(super) fn compare(&self, prev: LogPosition, run: Run) -> Compared {
        let agreed = self.agreed_upto();
        if prev.index >= self.commit.index {
            match self.known_at(prev.index) {
                Place::Known(there) if there.term == prev.term => {}
                Place::Known(_) | Place::Absent => return self.differs(prev),
                Place::Below if prev.index <= agreed => {}
                Place::Below => {
                    return Compared::Unknown {
                        keep: agreed,
                        index: prev.index,
                    };
                }
            }
        }
        let mut keep = prev;
        if agreed > keep.index && !run.is_empty() {
            keep = match agreed.min(run.last()) {
                at if at == self.commit.index => self.commit,
                at => LogPosition::new(run.term, at),
            };
        }
        loop {
            let fresh = run.after(keep.index);
            if fresh.is_empty() {
                return Compared::Agrees { keep, fresh };
            }
            match self.known_at(fresh.first) {
                Place::Known(there) if there.term == run.term => {
                    keep = LogPosition::new(run.term, there.last.min(run.last()));
                }
                Place::Known(_) | Place::Absent => return Compared::Agrees { keep, fresh },
                Place::Below => {
                    return Compared::Unknown {
                        keep: keep.index,
                        index: fresh.first,
                    };
                }
            }
        }
    }

    /// The log has another entry at `prev`, or none: where the two may still agree.
    fn differs(&self, prev: LogPosition) -> Compared {
        let limit = LogPosition::new(prev.term, prev.index.prev());
        let hint = self.last_not_after(limit);
        Compared::Differs {
            hint: match hint.index > self.commit.index {
                true => hint,
                false => self.commit,
            },
        }
    }

    /// The append is dropped until the host has said what stands at `index`. The one that reaches back
    /// furthest is waited for: its leader sends the others again after it.
    pub(super) fn await_append(&mut self, prev: LogPosition, run: Run, index: LogIndex) {
        self.wait_to_compare(Subject::Append { prev, run }, index);
    }

    /// The same for a snapshot.
    pub(super) fn await_snapshot(&mut self, last: LogPosition) {
        self.wait_to_compare(Subject::Snapshot(last), last.index);
    }

    fn wait_to_compare(&mut self, subject: Subject, index: LogIndex) {
        if let RoleState::Follower(follower) = &mut self.role {
            let comparison = &mut follower.comparison;
            let waiting = comparison.subject.as_ref();
            if waiting.is_none_or(|waiting| subject.from() <= waiting.from()) {
                comparison.subject = Some(subject);
                comparison.asking.want(index);
            }
        }
    }

    /// The host has answered: the comparison goes on, and ends in a word to the leader.
    pub(super) fn resume_comparison(&mut self) {
        let RoleState::Follower(follower) = &mut self.role else {
            return;
        };
        match follower.comparison.subject.take() {
            None => {}
            Some(Subject::Append { prev, run }) => self.resume_append(prev, run),
            Some(Subject::Snapshot(last)) => {
                if let Place::Known(there) = self.known_at(last.index)
                    && there.term == last.term
                {
                    self.agree_through(last);
                }
            }
        }
    }

    fn resume_append(&mut self, prev: LogPosition, run: Run) {
        match self.compare(prev, run) {
            Compared::Unknown { keep, index } => {
                self.match_through(keep);
                self.await_append(prev, run, index);
            }
            Compared::Agrees { keep, .. } => {
                self.match_through(keep.index);
                if let RoleState::Follower(follower) = &mut self.role {
                    follower.owe_answer();
                }
            }
            Compared::Differs { hint } => self.refuse(prev, hint),
        }
    }

    /// What the host is to be asked for a comparison.
    pub(super) fn poll_recall(&mut self) -> Option<Output> {
        let RoleState::Follower(follower) = &mut self.role else {
            return None;
        };
        let index = follower.comparison.asking.poll()?;
        follower.comparison.asked = self.now;
        let question = self.question(index);
        Some(Output::Recall { question, index })
    }

    /// The log agrees with this leader's through here.
    pub(super) fn match_through(&mut self, index: LogIndex) {
        if let RoleState::Follower(follower) = &mut self.role {
            follower.matched = follower.matched.max(index);
        }
    }

    /// The leader's append does not match.
    pub(super) fn refuse(&mut self, prev: LogPosition, hint: LogPosition) {
        let RoleState::Follower(follower) = &self.role else {
            return;
        };
        if let Some(to) = follower.leader {
            self.reply(Reply {
                to,
                answer: Answer::Rejected {
                    rejected: prev.index,
                    hint,
                },
            });
        }
    }
}
