//! The newest entries' bytes, in memory: what is on its way to the disk, to peers, and into the
//! state machine.

use std::collections::VecDeque;

use bytes::Bytes;
use kraft_proto::{LogIndex, LogPosition, Run, Term};

/// Consecutive entries, the newest of the log. Older ones are read back from the disk.
#[derive(Debug)]
pub(super) struct Tail {
    /// The index of the first entry kept.
    first: LogIndex,
    entries: VecDeque<(Term, Bytes)>,
    bytes: usize,
}

impl Tail {
    /// Nothing kept; the next entry is the one after `last`.
    pub fn after(last: LogIndex) -> Self {
        Self {
            first: last.next(),
            entries: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The index after the newest entry kept.
    pub fn next(&self) -> LogIndex {
        self.first.plus(self.entries.len() as u64)
    }

    fn offset(&self, index: LogIndex) -> Option<usize> {
        (index >= self.first).then(|| index.since(self.first) as usize)
    }

    /// Keeps `payload` at `position`, which follows the newest entry or replaces one and all after
    /// it.
    pub fn put(&mut self, position: LogPosition, payload: Bytes) {
        match self.offset(position.index) {
            Some(offset) if offset <= self.entries.len() => {
                for (_, dropped) in self.entries.drain(offset..) {
                    self.bytes -= dropped.len();
                }
            }
            // Before all that is kept, or after a gap: start anew from here.
            _ => *self = Self::after(position.index.prev()),
        }
        self.bytes += payload.len();
        self.entries.push_back((position.term, payload));
    }

    /// The bytes at exactly this position.
    pub fn get(&self, position: LogPosition) -> Option<&Bytes> {
        let (term, payload) = self.entries.get(self.offset(position.index)?)?;
        (*term == position.term).then_some(payload)
    }

    /// All of a run, if all of it is kept.
    pub fn run(&self, run: Run) -> Option<Vec<Bytes>> {
        run.positions()
            .map(|position| self.get(position).cloned())
            .collect()
    }

    /// Forgets the oldest entries through `upto` until at most `bytes_max` are kept.
    pub fn shrink(&mut self, upto: LogIndex, bytes_max: usize) {
        while self.bytes > bytes_max && self.first <= upto {
            let Some((_, dropped)) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= dropped.len();
            self.first = self.first.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(term: u64, index: u64) -> LogPosition {
        LogPosition::new(Term(term), LogIndex(index))
    }

    #[test]
    fn another_term_at_the_same_index_is_another_entry() {
        let mut tail = Tail::after(LogIndex(4));
        for index in 5..9 {
            tail.put(at(1, index), Bytes::from_static(b"old"));
        }
        tail.put(at(2, 6), Bytes::from_static(b"new"));
        assert_eq!(tail.get(at(1, 5)).unwrap(), "old");
        assert_eq!(tail.get(at(1, 6)), None);
        assert_eq!(tail.get(at(2, 6)).unwrap(), "new");
        assert_eq!(
            tail.get(at(1, 7)),
            None,
            "replaced along with what it followed"
        );
        assert_eq!(tail.bytes(), 6);
    }

    #[test]
    fn the_oldest_go_first_and_never_beyond_what_is_done() {
        let mut tail = Tail::after(LogIndex(0));
        for index in 1..=10 {
            tail.put(at(1, index), Bytes::from_static(b"0123456789"));
        }
        tail.shrink(LogIndex(4), 0);
        assert_eq!(tail.get(at(1, 4)), None);
        assert!(tail.get(at(1, 5)).is_some());
        assert_eq!(tail.bytes(), 60);
    }
}
