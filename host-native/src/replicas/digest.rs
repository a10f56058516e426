//! A running digest over the entries a replica has applied.

use std::collections::VecDeque;

use kraft_proto::ids::{LogIndex, LogPosition};

/// Every so many entries the digest is remembered, and told to the peers.
pub const MARK_EVERY: u64 = 10_000;

/// Of the newest entries it is remembered after each.
const RECENT_MAX: usize = 4096;

/// Marks remembered, the newest: half a MiB, which reaches 655 million entries back.
const MARKS_MAX: usize = 65_536;

/// FNV-1a, 64 bits: the same on every machine, and a difference in what went in never goes out again
/// by what is added behind it.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The digest at one entry: it covers position and payload checksum of every entry after `start`.
///
/// Two replicas that applied the same entries after the same start have the same value there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The entry before the first that is covered; 0 for the whole log.
    pub start: LogIndex,
    /// The last that is covered.
    pub at: LogIndex,
    /// The digest.
    pub value: u64,
}

/// The digest of a replica as it applies entries, and what it was.
#[derive(Clone, Debug)]
pub struct RunningDigest {
    start: LogIndex,
    at: LogIndex,
    value: u64,
    /// After each of the newest entries, through `at`.
    recent: VecDeque<u64>,
    /// After each multiple of [`MARK_EVERY`] behind `start`, the newest of them.
    marks: VecDeque<u64>,
}

impl RunningDigest {
    /// Nothing is applied after `start`.
    pub fn after(start: LogIndex) -> Self {
        Self {
            start,
            at: start,
            value: BASIS,
            recent: VecDeque::new(),
            marks: VecDeque::new(),
        }
    }

    /// It was this, and goes on from there.
    pub fn resume(digest: Digest) -> Self {
        Self {
            at: digest.at,
            value: digest.value,
            recent: VecDeque::from([digest.value]),
            ..Self::after(digest.start)
        }
    }

    /// The entry at `position` was applied, whose payload has this checksum.
    ///
    /// # Panics
    /// If `position` does not follow the last one.
    pub fn add(&mut self, position: LogPosition, checksum: u32) {
        assert_eq!(position.index, self.at.next(), "an entry was left out");
        let index = position.index.0.to_le_bytes();
        let (term, checksum) = (position.term.0.to_le_bytes(), checksum.to_le_bytes());
        for byte in index.into_iter().chain(term).chain(checksum) {
            self.value = (self.value ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        self.at = position.index;
        keep(&mut self.recent, self.value, RECENT_MAX);
        if self.at.0.is_multiple_of(MARK_EVERY) {
            keep(&mut self.marks, self.value, MARKS_MAX);
        }
    }

    /// The digest of everything applied.
    pub fn now(&self) -> Digest {
        self.of(self.at, self.value)
    }

    /// The entry before the first that is covered.
    pub fn start(&self) -> LogIndex {
        self.start
    }

    /// The digest as it was at `index`; `None` where it is not remembered, or not reached yet.
    pub fn at(&self, index: LogIndex) -> Option<Digest> {
        let back = self.at.0.checked_sub(index.0)? as usize;
        if let Some(place) = self.recent.len().checked_sub(back + 1) {
            return Some(self.of(index, self.recent[place]));
        }
        let mark = index.0.is_multiple_of(MARK_EVERY) && index > self.start;
        let back = (mark.then_some(self.at.0 / MARK_EVERY - index.0 / MARK_EVERY))? as usize;
        let place = self.marks.len().checked_sub(back + 1)?;
        Some(self.of(index, self.marks[place]))
    }

    /// The digest at the newest multiple of [`MARK_EVERY`].
    pub fn newest_mark(&self) -> Option<Digest> {
        let index = LogIndex(self.at.0 / MARK_EVERY * MARK_EVERY);
        self.marks.back().map(|&value| self.of(index, value))
    }

    /// The digest at the mark in the middle between two entries, ends excluded.
    pub fn middle_mark(&self, after: LogIndex, before: LogIndex) -> Option<Digest> {
        let first = after.0 / MARK_EVERY + 1;
        let last = before.0.checked_sub(1)? / MARK_EVERY;
        let middle = (first <= last).then(|| first + (last - first) / 2)?;
        self.at(LogIndex(middle * MARK_EVERY))
    }

    fn of(&self, at: LogIndex, value: u64) -> Digest {
        let start = self.start;
        Digest { start, at, value }
    }
}

fn keep(values: &mut VecDeque<u64>, value: u64, most: usize) {
    if values.len() == most {
        values.pop_front();
    }
    values.push_back(value);
}

#[cfg(test)]
mod tests {
    use kraft_proto::ids::Term;

    use super::*;

    fn applied(entries: u64, checksum: impl Fn(u64) -> u32) -> RunningDigest {
        let mut digest = RunningDigest::after(LogIndex::ZERO);
        for index in 1..=entries {
            digest.add(LogPosition::new(Term(1), LogIndex(index)), checksum(index));
        }
        digest
    }

    #[test]
    fn the_same_entries_have_the_same_digest_and_one_other_is_seen_ever_after() {
        let one = applied(5_000, |index| index as u32);
        let same = applied(5_000, |index| index as u32);
        let other = applied(5_000, |index| index as u32 ^ u32::from(index == 100));
        assert_eq!(one.now(), same.now());
        assert_ne!(one.now(), other.now());
        let mut term = applied(99, |index| index as u32);
        term.add(LogPosition::new(Term(2), LogIndex(100)), 100);
        assert_ne!(applied(100, |index| index as u32).now(), term.now());
    }

    #[test]
    fn it_is_remembered_after_the_newest_entries_and_at_every_mark() {
        let digest = applied(34_999, |index| index as u32);
        let known = [
            10_000,
            20_000,
            30_000,
            34_999,
            34_999 - RECENT_MAX as u64 + 1,
        ];
        for index in known {
            let then = applied(index, |index| index as u32).now();
            assert_eq!(digest.at(LogIndex(index)), Some(then), "{index}");
        }
        for unknown in [0, 9_999, 10_001, 30_001, 35_000, 40_000, u64::MAX] {
            assert_eq!(digest.at(LogIndex(unknown)), None, "{unknown}");
        }
        assert_eq!(digest.newest_mark().unwrap().at, LogIndex(30_000));
        assert_eq!(applied(9_999, |_| 0).newest_mark(), None);
    }

    #[test]
    fn a_middle_lies_strictly_between() {
        let digest = applied(50_000, |_| 0);
        let middle = |after, before| {
            let mark = digest.middle_mark(LogIndex(after), LogIndex(before));
            mark.map(|mark| mark.at.0)
        };
        assert_eq!(middle(0, 50_000), Some(20_000));
        assert_eq!(middle(0, 20_000), Some(10_000));
        assert_eq!(middle(10_000, 20_000), None);
        assert_eq!(middle(9_999, 10_001), Some(10_000));
        assert_eq!(middle(7, 7), None);
        assert_eq!(middle(0, 0), None);
        assert_eq!(middle(60_000, u64::MAX), None, "beyond what was applied");
    }

    #[test]
    fn no_more_than_so_much_is_remembered() {
        let mut values = VecDeque::new();
        for value in 0..10 {
            keep(&mut values, value, 4);
        }
        assert_eq!(values, [6, 7, 8, 9]);
    }
}
