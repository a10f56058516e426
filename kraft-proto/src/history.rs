//! Which term wrote which stretch of a log: what a host answers [`Output::Recall`] from.
//!
//! The core keeps a window on its newest terms, and its host has all of them. A host hands each write
//! that it takes from the core to a [`History`], and finds there what it is asked for.
//!
//! ```
//! use kraft_proto::{EntryKind, History, LogIndex, Run, Term, WriteKind};
//!
//! let run = |term, first, count| Run {
//!     term: Term(term),
//!     kind: EntryKind::Command,
//!     first: LogIndex(first),
//!     count,
//! };
//! let mut history = History::<Vec<Run>>::default();
//! history.take(WriteKind::Entries(run(1, 1, 5)));
//! history.take(WriteKind::Entries(run(2, 4, 1))); // in place of 4 and 5
//! assert_eq!(history.run_at(LogIndex(3)), Some(run(1, 1, 3)));
//! assert_eq!(history.run_at(LogIndex(4)), Some(run(2, 4, 1)));
//! assert_eq!(history.run_at(LogIndex(5)), None);
//! ```
//!
//! [`Output::Recall`]: crate::Output::Recall

use crate::entry::{EntryKind, Run};
use crate::ids::LogIndex;
use crate::output::WriteKind;

/// The runs of a log in order, each of one term and one kind.
///
/// The memory is the host's: a `Vec<Run>`, or anything else that grows. It holds one run a term and
/// configuration, not one an entry.
#[derive(Clone, Debug, Default)]
pub struct History<R> {
    /// The first `len` are the log's; those behind are room that a truncation left.
    runs: R,
    len: usize,
}

impl<R: AsRef<[Run]> + AsMut<[Run]> + Extend<Run>> History<R> {
    /// The runs of a log as it was recovered, in order.
    pub fn of(runs: impl IntoIterator<Item = Run>) -> Self
    where
        R: Default,
    {
        let mut history = Self::default();
        runs.into_iter().for_each(|run| history.push(run));
        history
    }

    /// Takes note of a write. A snapshot stands for all there was before it.
    pub fn take(&mut self, write: WriteKind) {
        match write {
            WriteKind::HardState(_) | WriteKind::Force => {}
            WriteKind::Snapshot(_) => self.len = 0,
            WriteKind::Entries(run) => self.push(run),
        }
    }

    /// Adds a run, in place of what stood there from its first entry on.
    pub fn push(&mut self, run: Run) {
        self.len = self.runs().partition_point(|old| old.first < run.first);
        if let Some(last) = self.len.checked_sub(1) {
            let last = &mut self.runs.as_mut()[last];
            last.count = last.count.min(run.first.since(last.first) as u32);
            let joins = last.kind == run.kind && last.term == run.term;
            let count = last.count.checked_add(run.count);
            if joins
                && run.kind == EntryKind::Command
                && last.last().next() == run.first
                && let Some(count) = count
            {
                last.count = count;
                return;
            }
        }
        match self.runs.as_mut().get_mut(self.len) {
            Some(room) => *room = run,
            None => self.runs.extend([run]),
        }
        self.len += 1;
    }

    /// The run that holds an index.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let behind = self.runs().partition_point(|run| run.first <= index);
        let run = self.runs().get(behind.checked_sub(1)?)?;
        (index <= run.last()).then_some(*run)
    }

    /// All runs, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs.as_ref()[..self.len]
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::ids::{LogPosition, Term};

    fn run(term: u64, first: u64, count: u32) -> Run {
        Run {
            term: Term(term),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    #[test]
    fn runs_join_are_replaced_and_found() {
        let mut history = History::<Vec<Run>>::default();
        for written in [run(1, 1, 2), run(1, 3, 3), run(2, 6, 2), run(3, 4, 1)] {
            history.take(WriteKind::Entries(written));
        }
        assert_eq!(history.run_at(LogIndex(0)), None);
        assert_eq!(history.run_at(LogIndex(3)), Some(run(1, 1, 3)));
        assert_eq!(history.run_at(LogIndex(4)), Some(run(3, 4, 1)));
        assert_eq!(history.run_at(LogIndex(5)), None);
        let end = LogPosition::new(Term(9), LogIndex(9));
        history.take(WriteKind::Snapshot(end));
        assert_eq!(history.run_at(LogIndex(3)), None);
    }
}
