//! The newest part of the log's shape: which term wrote which stretch, and nothing of what was written.
//!
//! It is a window on the log that the host holds whole. What lies below it is asked of the host
//! ([`Output::Recall`](crate::Output::Recall)), and nothing there is known here.

mod bytes;

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, Term};
use crate::limits::{INDEX_MAX, TERM_RUNS_MAX};

pub(crate) use bytes::Written;

/// Entries of one term: from `first` to where the next run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct TermRun {
    term: Term,
    /// The index of its first entry in the upper bits, and in the lower two what that entry is for;
    /// the others are commands. In one number, as there are many runs and an index leaves room.
    opening: u64,
}

const _: () = assert!(INDEX_MAX <= u64::MAX >> KIND_BITS);
const KIND_BITS: u32 = 2;

impl TermRun {
    const fn new(term: Term, first: LogIndex, kind: EntryKind) -> Self {
        let kind = match kind {
            EntryKind::Command => 0,
            EntryKind::NoOp => 1,
            EntryKind::Configuration => 2,
        };
        Self {
            term,
            opening: first.0 << KIND_BITS | kind,
        }
    }

    const fn first(&self) -> LogIndex {
        LogIndex(self.opening >> KIND_BITS)
    }

    /// What the first entry is for.
    const fn kind(&self) -> EntryKind {
        match self.opening & ((1 << KIND_BITS) - 1) {
            0 => EntryKind::Command,
            1 => EntryKind::NoOp,
            _ => EntryKind::Configuration,
        }
    }
}

/// The newest term runs of a log, and always its last entry.
///
/// Invariants:
/// 1. first indexes of the runs strictly ascend, and terms do not go back;
/// 2. a run of its predecessor's term opens with an entry that is no command;
/// 3. the first run begins right after `base`; without runs the log ends at `base`;
/// 4. there are at most `window` runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Log {
    /// The entry below the window: its own term is known, nothing before it is.
    base: LogPosition,
    runs: Vec<TermRun, TERM_RUNS_MAX>,
    last: LogIndex,
    /// How many runs are kept.
    window: u8,
}

/// What is known of the term at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TermAt {
    Known(Term),
    /// Below the window: the host knows.
    Below,
    /// Beyond the end.
    Absent,
}

/// Entries of one term that stand next to each other, as far as they are known to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub term: Term,
    pub first: LogIndex,
    pub last: LogIndex,
}

impl Stretch {
    /// One entry alone.
    pub const fn of(at: LogPosition) -> Self {
        Self {
            term: at.term,
            first: at.index,
            last: at.index,
        }
    }
}

impl Log {
    pub fn empty() -> Self {
        Self {
            base: LogPosition::ZERO,
            runs: Vec::new(),
            last: LogIndex::ZERO,
            window: TERM_RUNS_MAX as u8,
        }
    }

    /// The same log with no more than `window` runs kept, 1 to [`TERM_RUNS_MAX`].
    pub fn within(mut self, window: u8) -> Self {
        self.window = window.clamp(1, TERM_RUNS_MAX as u8);
        while self.runs.len() > usize::from(self.window) {
            self.leave_oldest();
        }
        self
    }

    pub fn window(&self) -> u8 {
        self.window
    }

    pub fn last(&self) -> LogIndex {
        self.last
    }

    pub fn last_position(&self) -> LogPosition {
        LogPosition::new(self.last_term(), self.last)
    }

    fn last_term(&self) -> Term {
        self.runs.last().map_or(self.base.term, |run| run.term)
    }

    /// The entry below the window: the last whose successors are all known.
    pub fn base(&self) -> LogPosition {
        self.base
    }

    pub fn runs_free(&self) -> usize {
        usize::from(self.window) - self.runs.len()
    }

    pub fn runs_len(&self) -> usize {
        self.runs.len()
    }

    /// The run that holds `index`, as a place in the table.
    fn run_at(&self, index: LogIndex) -> Option<usize> {
        if index <= self.base.index || index > self.last {
            return None;
        }
        // Nearly every question is about the newest term.
        match self.runs.last() {
            Some(run) if run.first() <= index => Some(self.runs.len() - 1),
            _ => Some(self.runs.partition_point(|run| run.first() <= index) - 1),
        }
    }

    pub fn term_at(&self, index: LogIndex) -> TermAt {
        if let Some(place) = self.run_at(index) {
            return TermAt::Known(self.runs[place].term);
        }
        match index {
            i if i == self.base.index => TermAt::Known(self.base.term),
            i if i < self.base.index => TermAt::Below,
            _ => TermAt::Absent,
        }
    }

    pub fn position_at(&self, index: LogIndex) -> Option<LogPosition> {
        match self.term_at(index) {
            TermAt::Known(term) => Some(LogPosition::new(term, index)),
            _ => None,
        }
    }

    /// The last index of the run in `place`.
    fn end_of(&self, place: usize) -> LogIndex {
        match self.runs.get(place + 1) {
            Some(next) => next.first().prev(),
            None => self.last,
        }
    }

    /// The stretch around `index`, as far as the window tells.
    pub fn stretch_at(&self, index: LogIndex) -> Option<Stretch> {
        match self.run_at(index) {
            Some(place) => Some(Stretch {
                term: self.runs[place].term,
                first: self.runs[place].first(),
                last: self.end_of(place),
            }),
            None => (index == self.base.index).then_some(Stretch::of(self.base)),
        }
    }

    /// The last index of `term`, 0 if the log holds none of it; `None` where the window does not tell.
    pub fn end_of_term(&self, term: Term) -> Option<LogIndex> {
        let behind = self.runs.partition_point(|run| run.term <= term);
        match behind.checked_sub(1) {
            Some(place) if self.runs[place].term == term => Some(self.end_of(place)),
            _ if term == self.base.term => Some(self.base.index),
            _ => (term > self.base.term).then_some(LogIndex::ZERO),
        }
    }

    /// The longest run of one term and one kind that starts at `first`, at most `count_max` long.
    pub fn run_from(&self, first: LogIndex, count_max: u32) -> Option<Run> {
        let place = self.run_at(first)?;
        let run = &self.runs[place];
        let (kind, left) = if run.first() == first && run.kind() != EntryKind::Command {
            (run.kind(), 1)
        } else {
            (EntryKind::Command, self.end_of(place).since(first.prev()))
        };
        Some(Run {
            term: run.term,
            kind,
            first,
            count: left.min(u64::from(count_max)) as u32,
        })
    }

    /// Whether an entry of this term and kind goes on with the last run.
    pub fn continues(&self, term: Term, kind: EntryKind) -> bool {
        let newest = self.runs.last();
        kind == EntryKind::Command && newest.is_some_and(|run| run.term == term)
    }

    /// Appends a run right after the end. The caller has checked that its term does not go back.
    pub fn extend(&mut self, run: Run) {
        debug_assert_eq!(run.first, self.last.next());
        debug_assert!(run.term >= self.last_term());
        if run.is_empty() {
            return;
        }
        if !self.continues(run.term, run.kind) {
            if self.runs_free() == 0 {
                self.leave_oldest();
            }
            let opened = TermRun::new(run.term, run.first, run.kind);
            if self.runs.push(opened).is_err() {
                unreachable!("a slot was freed just now");
            }
        }
        self.last = run.last();
    }

    /// The last entry of the oldest run in the window: what leaves it next.
    pub fn oldest_end(&self) -> LogIndex {
        match self.runs.is_empty() {
            true => self.last,
            false => self.end_of(0),
        }
    }

    fn leave_oldest(&mut self) {
        self.base = LogPosition::new(self.runs[0].term, self.end_of(0));
        self.runs.remove(0);
    }

    /// Drops everything after `keep`, which the caller knows to stand there. Below the window that is
    /// all that is known of the log from then on.
    pub fn truncate(&mut self, keep: LogPosition) {
        if keep.index >= self.last {
            return;
        }
        while self.runs.last().is_some_and(|run| run.first() > keep.index) {
            self.runs.pop();
        }
        if keep.index < self.base.index {
            self.base = keep;
        }
        self.last = keep.index;
    }

    /// Where the last configuration in the window stands.
    pub fn last_configuration(&self) -> Option<LogIndex> {
        let mut newest_first = self.runs.iter().rev();
        let found = newest_first.find(|run| run.kind() == EntryKind::Configuration);
        found.map(TermRun::first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(term: u64, first: u64, count: u32) -> Run {
        Run {
            term: Term(term),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    fn log(runs: &[Run]) -> Log {
        let mut log = Log::empty();
        for run in runs {
            log.extend(*run);
        }
        log
    }

    #[test]
    fn terms_are_found_across_runs() {
        let log = log(&[run(1, 1, 3), run(4, 4, 2)]);
        assert_eq!(log.term_at(LogIndex(0)), TermAt::Known(Term(0)));
        assert_eq!(log.term_at(LogIndex(3)), TermAt::Known(Term(1)));
        assert_eq!(log.term_at(LogIndex(4)), TermAt::Known(Term(4)));
        assert_eq!(log.term_at(LogIndex(6)), TermAt::Absent);
    }

    #[test]
    fn the_oldest_run_leaves_a_full_window_but_its_end_is_known() {
        for window in [1, 2, 64] {
            let mut log = Log::empty().within(window);
            for term in 1..=u64::from(window) + 1 {
                log.extend(run(term, term, 1));
            }
            assert_eq!(log.base(), LogPosition::new(Term(1), LogIndex(1)));
            assert_eq!(log.term_at(LogIndex(1)), TermAt::Known(Term(1)));
            assert_eq!(log.term_at(LogIndex(0)), TermAt::Below);
            assert_eq!(log.end_of_term(Term(1)), Some(LogIndex(1)));
            assert_eq!(log.end_of_term(Term(0)), None);
            assert_eq!(log.end_of_term(Term(99)), Some(LogIndex::ZERO));
        }
    }

    #[test]
    fn a_cut_below_the_window_leaves_the_position_there_and_nothing_else() {
        let runs = [run(1, 1, 3), run(2, 4, 3), run(3, 7, 3), run(4, 10, 1)];
        let mut log = log(&runs).within(2);
        assert_eq!(log.base(), LogPosition::new(Term(2), LogIndex(6)));
        let keep = LogPosition::new(Term(1), LogIndex(2));
        log.truncate(keep);
        assert_eq!((log.base(), log.last_position()), (keep, keep));
        assert_eq!(log.term_at(LogIndex(3)), TermAt::Absent);
        assert_eq!(log.term_at(LogIndex(1)), TermAt::Below);
        log.extend(run(5, 3, 1));
        assert_eq!(log.last_position(), LogPosition::new(Term(5), LogIndex(3)));
    }

    #[test]
    fn a_configuration_stands_alone_within_its_term() {
        let configuration = Run {
            kind: EntryKind::Configuration,
            ..run(1, 4, 1)
        };
        let mut log = log(&[run(1, 1, 3), configuration, run(1, 5, 2), run(2, 7, 1)]);
        let read = |log: &Log, first| log.run_from(LogIndex(first), 99);
        assert_eq!(read(&log, 2), Some(run(1, 2, 2)));
        assert_eq!(read(&log, 4), Some(configuration));
        assert_eq!(read(&log, 5), Some(run(1, 5, 2)));
        assert_eq!(log.end_of_term(Term(1)), Some(LogIndex(6)));
        log.leave_oldest();
        assert_eq!(log.end_of_term(Term(1)), Some(LogIndex(6)));
        log.truncate(LogPosition::new(Term(1), LogIndex(4)));
        log.extend(run(1, 5, 1));
        assert_eq!(read(&log, 4), Some(configuration));
        assert_eq!(log.last_position(), LogPosition::new(Term(1), LogIndex(5)));
    }

    #[test]
    fn truncation_drops_whole_runs_and_parts() {
        let mut log = log(&[run(1, 1, 3), run(2, 4, 3)]);
        log.truncate(LogPosition::new(Term(2), LogIndex(5)));
        assert_eq!(log.last_position(), LogPosition::new(Term(2), LogIndex(5)));
        log.truncate(LogPosition::new(Term(1), LogIndex(3)));
        assert_eq!(log.last_position(), LogPosition::new(Term(1), LogIndex(3)));
        log.truncate(LogPosition::ZERO);
        assert_eq!(log.last_position(), LogPosition::ZERO);
    }
}
