//! The newest entries' bytes, in memory: what is on its way to the disk, to peers, and into the
//! state machine.

use std::collections::VecDeque;

use bytes::Bytes;
use kraft_proto::{LogIndex, LogPosition, Run, Term};

/// Consecutive entries, the newest of the log. Older ones are read back from the disk.
#[derive(Debug)]
pub(super) struct EntryCache {
    /// The index of the first entry kept.
    first: LogIndex,
    entries: VecDeque<Kept>,
    bytes: usize,
    /// Bytes of all entries that were put before the first kept, since the last gap.
    gone: u64,
}

#[derive(Debug)]
struct Kept {
    term: Term,
    payload: Bytes,
    /// Bytes of all entries through this one, since the last gap.
    through: u64,
}

impl EntryCache {
    /// Nothing kept; the next entry is the one after `last`.
    pub fn after(last: LogIndex) -> Self {
        Self {
            first: last.next(),
            entries: VecDeque::new(),
            bytes: 0,
            gone: 0,
        }
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the entries kept after `index`.
    pub fn bytes_after(&self, index: LogIndex) -> u64 {
        let end = self.entries.back().map_or(self.gone, |kept| kept.through);
        let upto = match self.offset(index) {
            Some(offset) => self.entries.get(offset).map_or(end, |kept| kept.through),
            None => self.gone,
        };
        end - upto
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
                for dropped in self.entries.drain(offset..) {
                    self.bytes -= dropped.payload.len();
                }
            }
            // Before all that is kept, or after a gap: start anew from here.
            _ => *self = Self::after(position.index.prev()),
        }
        self.bytes += payload.len();
        let before = self.entries.back().map_or(self.gone, |kept| kept.through);
        self.entries.push_back(Kept {
            term: position.term,
            through: before + payload.len() as u64,
            payload,
        });
    }

    /// The bytes at exactly this position.
    pub fn get(&self, position: LogPosition) -> Option<&Bytes> {
        let kept = self.entries.get(self.offset(position.index)?)?;
        (kept.term == position.term).then_some(&kept.payload)
    }

    /// All of a run, if all of it is kept.
    pub fn run(&self, run: Run) -> Option<Vec<Bytes>> {
        run.positions()
            .map(|position| self.get(position).cloned())
            .collect()
    }

    /// The first entries of a run, as far as they are kept: as many as make about `bytes_max`.
    pub fn front(&self, run: Run, bytes_max: usize) -> Vec<Bytes> {
        let mut front = Vec::with_capacity(run.count as usize);
        let mut bytes = 0;
        for position in run.positions() {
            let Some(payload) = self.get(position) else {
                break;
            };
            if bytes > 0 && bytes + payload.len() > bytes_max {
                break;
            }
            bytes += payload.len();
            front.push(payload.clone());
        }
        front
    }

    /// Forgets the oldest entries through `upto` until at most `bytes_max` are kept.
    pub fn shrink(&mut self, upto: LogIndex, bytes_max: usize) {
        while self.bytes > bytes_max && self.first <= upto {
            let Some(dropped) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= dropped.payload.len();
            self.gone = dropped.through;
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
        let mut cache = EntryCache::after(LogIndex(4));
        for index in 5..9 {
            cache.put(at(1, index), Bytes::from_static(b"old"));
        }
        cache.put(at(2, 6), Bytes::from_static(b"new"));
        assert_eq!(cache.get(at(1, 5)).unwrap(), "old");
        assert_eq!(cache.get(at(1, 6)), None);
        assert_eq!(cache.get(at(2, 6)).unwrap(), "new");
        assert_eq!(
            cache.get(at(1, 7)),
            None,
            "replaced along with what it followed"
        );
        assert_eq!(cache.bytes(), 6);
    }

    #[test]
    fn the_oldest_go_first_and_never_beyond_what_is_done() {
        let mut cache = EntryCache::after(LogIndex(0));
        for index in 1..=10 {
            cache.put(at(1, index), Bytes::from_static(b"0123456789"));
        }
        cache.shrink(LogIndex(4), 0);
        assert_eq!(cache.get(at(1, 4)), None);
        assert!(cache.get(at(1, 5)).is_some());
        assert_eq!(cache.bytes(), 60);
    }
    #[test]
    fn bytes_after_an_entry_are_those_of_the_entries_behind_it() {
        let mut cache = EntryCache::after(LogIndex(0));
        for index in 1..=10 {
            cache.put(at(1, index), Bytes::from_static(b"0123456789"));
        }
        let after = |cache: &EntryCache, index| cache.bytes_after(LogIndex(index));
        assert_eq!(
            [0, 4, 10, 12].map(|index| after(&cache, index)),
            [100, 60, 0, 0]
        );
        cache.shrink(LogIndex(4), 0);
        assert_eq!([0, 4, 9].map(|index| after(&cache, index)), [60, 60, 10]);
        cache.put(at(2, 6), Bytes::from_static(b"01234"));
        assert_eq!([4, 5, 6].map(|index| after(&cache, index)), [15, 5, 0]);
        cache.shrink(LogIndex(6), 0);
        assert_eq!([4, 6].map(|index| after(&cache, index)), [0, 0]);
    }
}
