//! What of the log below its window the host was asked for, and what it answered.
//!
//! The log inside the core is a window ([`crate::log`]); its host holds every run. One who needs a run
//! below the window (a peer far behind, a comparison on a follower) asks for it and goes on when the
//! answer is there. The rules, each with the story that breaks its looser form:
//!
//! 1. **An answer counts only for the log that was asked about.** A cut, a snapshot and a start void
//!    every question and whatever is kept of the answers. Otherwise: a follower asks what stands at 5;
//!    the log is cut to 4 and other entries come; the late answer says which term stood there before,
//!    and entries that differ pass for equal.
//! 2. **An answer must fit what is known.** A broken disk must not have the core tell its peers of
//!    entries that no log has: one that contradicts a known position is dropped and counted.
//! 3. **One question at a time for each need, and asked again only after a heartbeat's time.** A
//!    pending one holds up nobody but its own peer or comparison.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::entry::Run;
use crate::ids::{Incarnation, LogIndex};
use crate::limits::INDEX_MAX;
use crate::log::Stretch;

/// A question to the host: which run stands at an index of the log as it is now.
///
/// Equal questions have the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Question {
    pub(crate) incarnation: Incarnation,
    /// How many times the log was cut before it was asked.
    pub(crate) cuts: u64,
    pub(crate) index: LogIndex,
}

impl Question {
    /// Which entry is asked about.
    pub const fn index(&self) -> LogIndex {
        self.index
    }
}

/// Runs kept of those the host told. Whoever asked goes on as soon as the answer is there, so few do.
const KEPT: usize = 4;

/// Runs below the window, as the host told them of the log as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recalled {
    runs: Vec<Run, KEPT>,
}

impl Recalled {
    pub const fn new() -> Self {
        Self { runs: Vec::new() }
    }

    /// The run around `index`, if it was told.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let mut runs = self.runs.iter();
        let found = runs.find(|run| run.first <= index && index <= run.last());
        found.copied()
    }

    /// The same as entries of one term.
    pub fn stretch_at(&self, index: LogIndex) -> Option<Stretch> {
        self.run_at(index).map(|run| Stretch {
            term: run.term,
            first: run.first,
            last: run.last(),
        })
    }

    /// Takes the host's answer, which fits what is known. Runs that end by `done` are of no use any
    /// more; of the others the lowest is kept, as all else waits for it, and the oldest makes room:
    ///
    /// 1. a leader sends sixteen appends of as many terms, which follow each other;
    /// 2. the first is dropped while the host is asked, and then each of the others;
    /// 3. when the first is sent again, its answer has made room for theirs, and so on for ever.
    pub fn learn(&mut self, run: Run, done: LogIndex) {
        let useful = |kept: &Run| kept.last() > done && kept.first != run.first;
        self.runs.retain(useful);
        if self.runs.is_full() {
            let lowest = self.runs.iter().map(|kept| kept.first).min();
            let oldest = self.runs.iter().position(|kept| Some(kept.first) != lowest);
            self.runs.remove(oldest.unwrap_or(0));
        }
        // A slot was freed just now.
        let _ = self.runs.push(run);
    }

    /// The log is another: rule 1.
    pub fn void(&mut self) {
        self.runs.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Due,
    Yes,
}

/// The one question of a peer or of a comparison: the index in the upper bits, and in the lower two
/// whether it was asked. In one number, as there is one for each peer and an index leaves room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asking(u64);

const _: () = assert!(INDEX_MAX <= u64::MAX >> ASKED_BITS);
const ASKED_BITS: u32 = 2;

impl Asking {
    const fn new(index: LogIndex, asked: Asked) -> Self {
        Self(index.0 << ASKED_BITS | asked as u64)
    }

    pub const fn nothing() -> Self {
        Self::new(LogIndex::ZERO, Asked::No)
    }

    const fn index(self) -> LogIndex {
        LogIndex(self.0 >> ASKED_BITS)
    }

    const fn is(self, asked: Asked) -> bool {
        self.0 & ((1 << ASKED_BITS) - 1) == asked as u64
    }

    /// What is waited for.
    pub fn pending(&self) -> Option<LogIndex> {
        (!self.is(Asked::No)).then_some(self.index())
    }

    /// The run at `index` is needed, and no other.
    pub fn want(&mut self, index: LogIndex) {
        if self.pending() != Some(index) {
            *self = Self::new(index, Asked::Due);
        }
    }

    /// What the host is to be asked now.
    pub fn poll(&mut self) -> Option<LogIndex> {
        if !self.is(Asked::Due) {
            return None;
        }
        *self = Self::new(self.index(), Asked::Yes);
        Some(self.index())
    }

    /// The answer may never come: it is asked again.
    pub fn ask_again(&mut self) {
        if self.is(Asked::Yes) {
            *self = Self::new(self.index(), Asked::Due);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryKind;
    use crate::ids::Term;

    fn run(term: u64, first: u64, count: u32) -> Run {
        Run {
            term: Term(term),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    #[test]
    fn a_question_is_asked_once_until_it_is_to_be_asked_again() {
        let mut asking = Asking::nothing();
        assert_eq!((asking.pending(), asking.poll()), (None, None));
        asking.want(LogIndex(7));
        assert_eq!(asking.poll(), Some(LogIndex(7)));
        asking.want(LogIndex(7));
        assert_eq!(asking.poll(), None);
        asking.ask_again();
        assert_eq!(asking.poll(), Some(LogIndex(7)));
        asking.want(LogIndex(6));
        assert_eq!(asking.poll(), Some(LogIndex(6)));
        asking.want(LogIndex(INDEX_MAX));
        assert_eq!(asking.poll(), Some(LogIndex(INDEX_MAX)));
        asking = Asking::nothing();
        asking.ask_again();
        assert_eq!(asking.poll(), None);
    }

    #[test]
    fn the_lowest_answer_and_the_newest_are_kept_until_they_are_done_with() {
        let mut recalled = Recalled::new();
        for term in 1..=KEPT as u64 + 1 {
            recalled.learn(run(term, term * 10, 10), LogIndex::ZERO);
        }
        assert_eq!(recalled.run_at(LogIndex(19)), Some(run(1, 10, 10)));
        assert_eq!(recalled.run_at(LogIndex(20)), None);
        assert_eq!(recalled.run_at(LogIndex(30)), Some(run(3, 30, 10)));
        recalled.learn(run(9, 90, 10), LogIndex(19));
        assert_eq!(recalled.run_at(LogIndex(19)), None);
        assert_eq!(recalled.run_at(LogIndex(39)), Some(run(3, 30, 10)));
        recalled.void();
        assert_eq!(recalled.stretch_at(LogIndex(39)), None);
    }
}
