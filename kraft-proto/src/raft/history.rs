//! The log's shape as this node knows it: the window, positions it has from elsewhere, and what its
//! host recalls. Every change of the log passes here.

use super::dropped::Drop;
use super::{Raft, RoleState};
use crate::acks::Early;
use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, Term};
use crate::log::{Stretch, TermAt};
use crate::output::{Fate, Unkept, Verdict};
use crate::recall::{Asking, Question};
use crate::time::Instant;

/// What is known of a place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Entries of one term stand there.
    Known(Stretch),
    /// The host knows: it lies below the window.
    Below,
    /// The log does not reach there.
    Absent,
}

impl Raft {
    /// What became of the entry at a position, as far as commit proves it here; or the index whose
    /// run decides it, for [`Raft::fate_given`].
    ///
    /// An overwritten entry is not lost for that: another leader may bring it back (Raft figure 8).
    /// Only commit decides.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let position = node.propose(Instant::ZERO, Class::default(), 1).unwrap().run.last_position();
    /// assert_eq!(node.fate(position), Verdict::Known(Fate::Pending));
    /// drain(&mut node);
    /// assert_eq!(node.fate(position), Verdict::Known(Fate::Committed));
    /// ```
    pub fn fate(&self, of: LogPosition) -> Verdict {
        if of.index > self.commit.index {
            return Verdict::Known(match of.term < self.commit.term {
                true => Fate::Lost,
                false => Fate::Pending,
            });
        }
        let there = match self.known_at(of.index) {
            Place::Known(there) => there,
            // A term that is newer than the one at some later entry is no term of an entry here.
            _ if of.term > self.commit.term.min(self.log.base().term) => {
                return Verdict::Known(Fate::Lost);
            }
            // Until the snapshot is handed to the host, its log there is another history.
            _ if self.compacted.index > self.writes.emitted() => {
                return Verdict::Known(Fate::Pending);
            }
            _ => return Verdict::Recall(of.index),
        };
        Verdict::Known(match there.term == of.term {
            true => Fate::Committed,
            false => Fate::Lost,
        })
    }

    /// The same, given the run that stands at that index in the host's log or in the history it keeps
    /// beside a snapshot; `None` where it has none: then the fate is unknown.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = leader();
    /// // Nothing has to be recalled of a log that is in the window.
    /// assert_eq!(node.fate_given(node.last(), None), Fate::Committed);
    /// ```
    pub fn fate_given(&self, of: LogPosition, there: Option<Run>) -> Fate {
        match (self.fate(of), there) {
            (Verdict::Known(fate), _) => fate,
            (Verdict::Recall(index), Some(run)) if self.fits(self.committed_of(run), index) => {
                match run.term == of.term {
                    true => Fate::Committed,
                    false => Fate::Lost,
                }
            }
            (Verdict::Recall(_), _) => Fate::Unknown,
        }
    }

    /// The same for a host that has its history at hand: it is asked only where that decides.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = leader();
    /// let history = History::<Vec<Run>>::default(); // of every write that it handed out
    /// let fate = node.fate_with(node.last(), |index| history.run_at(index));
    /// assert_eq!(fate, Fate::Committed);
    /// ```
    pub fn fate_with(
        &self,
        of: LogPosition,
        history: impl FnOnce(LogIndex) -> Option<Run>,
    ) -> Fate {
        match self.fate(of) {
            Verdict::Known(fate) => fate,
            Verdict::Recall(index) => self.fate_given(of, history(index)),
        }
    }

    /// Takes the host's answer to an [`Output::Recall`](crate::Output::Recall): the run of one term and
    /// one kind that holds that index, by every [`Write`](crate::output::Write) handed out so far; the
    /// longer, the fewer questions. It may come late, more than once, or never.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// fn answer(node: &mut Raft, output: &Output, history: &History<Vec<Run>>) {
    ///     if let Output::Recall { question, index } = output
    ///         && let Some(run) = history.run_at(*index)
    ///     {
    ///         node.handle_recalled(Instant::ZERO, *question, run);
    ///     }
    /// }
    /// ```
    pub fn handle_recalled(&mut self, now: Instant, question: Question, run: Run) {
        self.begin(now);
        let current = self.question(question.index) == question;
        if current && self.is_active() && self.awaits(question.index) {
            match self.fits(run, question.index) {
                true => self.learn(question.index, run),
                false => self.count(Drop::Recall),
            }
        }
        self.advance();
    }

    pub(super) fn question(&self, index: LogIndex) -> Question {
        Question {
            incarnation: self.hard.incarnation,
            cuts: self.cuts,
            index,
        }
    }

    fn awaits(&self, index: LogIndex) -> bool {
        let waits = |asking: &Asking| asking.pending() == Some(index);
        match &self.role {
            RoleState::Leader(leader) => leader.peers.iter().any(|peer| waits(&peer.asking)),
            RoleState::Follower(follower) => waits(&follower.comparison.asking),
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => false,
        }
    }

    fn learn(&mut self, index: LogIndex, run: Run) {
        let done = match &self.role {
            RoleState::Follower(_) => self.agreed_upto(),
            _ => LogIndex::ZERO,
        };
        self.recalled.learn(run, done);
        match &mut self.role {
            RoleState::Leader(leader) => {
                let peers = leader.peers.iter_mut();
                for peer in peers.filter(|peer| peer.asking.pending() == Some(index)) {
                    peer.asking = Asking::nothing();
                }
            }
            RoleState::Follower(follower) => {
                follower.comparison.asking = Asking::nothing();
                self.resume_comparison();
            }
            RoleState::PreCandidate(_) | RoleState::Candidate(_) => {}
        }
    }

    /// Whether a host's run may stand at `index`: it holds that, and contradicts nothing known.
    fn fits(&self, run: Run, index: LogIndex) -> bool {
        let holds = run.first > LogIndex::ZERO
            && run.first <= index
            && index <= run.last()
            && run.last() <= self.log.last()
            && run.term > Term::ZERO;
        let agrees = |at: LogPosition| match at.index {
            i if i < run.first => at.term <= run.term,
            i if i > run.last() => at.term >= run.term,
            _ => at.term == run.term,
        };
        let ends = [run.first, run.last()].into_iter();
        let mut ends = ends.filter_map(|end| self.log.position_at(end));
        let known = [
            LogPosition::ZERO,
            self.commit,
            self.compacted,
            self.log.base(),
        ];
        holds && known.into_iter().all(agrees) && ends.all(agrees)
    }

    /// Whether an entry may stand at this place of the log, by all that is known of it.
    pub(super) fn may_stand_at(&self, at: LogPosition) -> bool {
        match self.known_at(at.index) {
            Place::Known(there) => there.term == at.term,
            Place::Absent => false,
            Place::Below => self.fits(
                Run {
                    term: at.term,
                    kind: EntryKind::Command,
                    first: at.index,
                    count: 1,
                },
                at.index,
            ),
        }
    }

    /// The committed part of a host's run: the rest may have been replaced here, and not there yet.
    fn committed_of(&self, run: Run) -> Run {
        let committed = self.commit.index.since(run.first.prev());
        Run {
            count: committed.min(u64::from(run.count)) as u32,
            ..run
        }
    }

    /// What is known of a place without asking anybody.
    pub(super) fn known_at(&self, index: LogIndex) -> Place {
        if let Some(stretch) = self.log.stretch_at(index) {
            return Place::Known(stretch);
        }
        let marks = [LogPosition::ZERO, self.commit, self.compacted];
        if let Some(mark) = marks.into_iter().find(|mark| mark.index == index) {
            return Place::Known(Stretch::of(mark));
        }
        match (self.recalled.stretch_at(index), self.log.term_at(index)) {
            (_, TermAt::Absent) => Place::Absent,
            (Some(stretch), _) => Place::Known(stretch),
            (None, TermAt::Below | TermAt::Known(_)) => Place::Below,
        }
    }

    /// The last entry at or before `limit.index` whose term is no later than `limit.term`: where
    /// two logs may still agree (Raft §5.3, the term-skipping back-off). Where that lies below what is
    /// known, a bound: no later entry is one.
    pub(super) fn last_not_after(&self, limit: LogPosition) -> LogPosition {
        let mut index = limit.index.min(self.log.last());
        loop {
            match self.known_at(index) {
                Place::Known(there) if there.term <= limit.term => {
                    return LogPosition::new(there.term, index);
                }
                Place::Known(there) => index = there.first.prev(),
                Place::Below | Place::Absent => return LogPosition::new(limit.term, index),
            }
        }
    }

    /// Adds a run right behind the log.
    pub(super) fn extend_log(&mut self, run: Run) {
        self.log.extend(run);
        self.unsettled.extended(run);
    }

    /// Drops everything behind `keep`, which is known to stand there.
    pub(super) fn cut_log(&mut self, keep: LogPosition) {
        self.log.truncate(keep);
        self.unsettled.cut(keep);
        self.classes.truncate(keep.index);
        self.writes.truncate(keep.index);
        self.told.cut(keep.index);
        self.rely_no_further_than(keep.index);
        self.fall_back(keep.index);
        self.void_recalled();
    }

    /// The log is another: nothing the host recalled of it before counts.
    pub(super) fn void_recalled(&mut self) {
        self.cuts += 1;
        self.recalled.void();
        if let RoleState::Follower(follower) = &mut self.role {
            follower.comparison.void();
        }
    }

    /// Whether a run of `term` can be added without having one leave the window that the disk was not
    /// handed yet: nothing could name that to it any more.
    pub(super) fn has_term_run_for(&self, term: Term, kind: EntryKind) -> bool {
        self.log.continues(term, kind)
            || self.log.runs_free() > 0
            || self.log.oldest_end() <= self.writes.emitted()
    }

    /// What commit says of the early acknowledgements of a term this node led.
    pub(super) fn settled(&self, early: &Early) -> Option<(LogIndex, Option<Unkept>)> {
        if self.commit.term <= early.term {
            let all = self.commit.term == early.term && self.commit.index >= early.acked;
            return all.then_some((early.acked, None));
        }
        let Some(end) = early.end() else {
            return Some((LogIndex::ZERO, Some(Unkept::Unknown)));
        };
        let kept = end.min(self.commit.index);
        Some((kept, (kept < early.acked).then_some(Unkept::Lost)))
    }
}
