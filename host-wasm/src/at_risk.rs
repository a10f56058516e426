//! Acknowledged and not committed: what a failure could still take from somebody who was told.

use std::collections::BTreeMap;
use std::time::Duration;

use kraft_proto::{Instant, LogIndex, LogPosition, Term};

/// Writes acknowledged before commit: their lengths, and since when.
#[derive(Default)]
pub struct AtRisk {
    writes: BTreeMap<LogPosition, Told>,
    bytes: usize,
}

struct Told {
    bytes: usize,
    at: Instant,
}

impl AtRisk {
    /// The client of a write of so many bytes heard now.
    pub fn acknowledge(&mut self, now: Instant, position: LogPosition, bytes: usize) {
        if self
            .writes
            .insert(position, Told { bytes, at: now })
            .is_none()
        {
            self.bytes += bytes;
        }
    }

    /// Everything through `upto`, and of its term or earlier, is decided.
    pub fn commit(&mut self, upto: LogPosition) {
        while let Some(first) = self.writes.first_entry() {
            if *first.key() > upto {
                return;
            }
            self.bytes -= first.remove().bytes;
        }
    }

    /// What `term` acknowledged beyond `committed_upto` is lost, or nobody can tell.
    pub fn settle(&mut self, term: Term, committed_upto: LogIndex) {
        let first = LogPosition::new(term, committed_upto.next());
        let last = LogPosition::new(term, LogIndex(u64::MAX));
        let gone: Vec<_> = self.writes.range(first..=last).map(|(at, _)| *at).collect();
        for position in gone {
            if let Some(told) = self.writes.remove(&position) {
                self.bytes -= told.bytes;
            }
        }
    }

    /// How many writes.
    pub fn entries(&self) -> usize {
        self.writes.len()
    }

    /// How many bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// For how long the one at risk the longest has been.
    pub fn age(&self, now: Instant) -> Duration {
        let oldest = self.writes.values().map(|told| told.at).min();
        oldest.map_or(Duration::ZERO, |at| now.since(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(term: u64, index: u64) -> LogPosition {
        LogPosition::new(Term(term), LogIndex(index))
    }

    #[test]
    fn commit_takes_the_risk_away_and_its_age_is_that_of_the_oldest() {
        let now = Instant::from_millis;
        let mut risk = AtRisk::default();
        for index in 1..=6 {
            risk.acknowledge(now(index), at(1, index), 10);
        }
        risk.commit(at(1, 2));
        let age = Duration::from_millis(7);
        assert_eq!((risk.entries(), risk.bytes()), (4, 40));
        assert_eq!(risk.age(now(10)), age);
        risk.settle(Term(1), LogIndex(4));
        assert_eq!((risk.entries(), risk.bytes()), (2, 20));
        risk.commit(at(2, 7));
        assert_eq!((risk.entries(), risk.bytes()), (0, 0));
        assert_eq!(risk.age(now(10)), Duration::ZERO);
    }
}
