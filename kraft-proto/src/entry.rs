//! A stretch of log entries, named without their bytes.

use serde::{Deserialize, Serialize};

use crate::ids::{LogIndex, LogPosition, Term};

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    /// A command of the host's state machine.
    Command,
    /// The empty entry a leader opens its term with (Raft §5.4.2, §8).
    NoOp,
    /// A configuration of members, encoded by the core.
    Configuration,
}

/// `count` entries of one term and one kind, from `first` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The term that created them.
    pub term: Term,
    /// What they are for.
    pub kind: EntryKind,
    /// Where they begin.
    pub first: LogIndex,
    /// How many there are.
    pub count: u32,
}

impl Run {
    /// The index of the last entry; the one before `first` if the run is empty.
    pub const fn last(&self) -> LogIndex {
        self.first.prev().plus(self.count as u64)
    }

    /// The position of the last entry. Meaningless for an empty run.
    pub const fn last_position(&self) -> LogPosition {
        LogPosition::new(self.term, self.last())
    }

    /// Whether it names no entry.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The positions it names, in order.
    pub fn positions(self) -> impl ExactSizeIterator<Item = LogPosition> + Clone {
        (0..self.count)
            .map(move |offset| LogPosition::new(self.term, self.first.plus(u64::from(offset))))
    }

    /// The part of the run after `index`.
    pub(crate) const fn after(self, index: LogIndex) -> Self {
        let skipped = index.next().since(self.first);
        let skipped = if skipped > self.count as u64 {
            self.count
        } else {
            skipped as u32
        };
        Self {
            first: self.first.plus(skipped as u64),
            count: self.count - skipped,
            ..self
        }
    }
}
