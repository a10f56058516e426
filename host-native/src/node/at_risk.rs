//! Acknowledged and not committed: what a failure could still take from somebody who was told.

use std::collections::BTreeMap;

use kraft_proto::{CommitMode, LogIndex, LogPosition, Term};

/// Writes acknowledged before commit, with their lengths, which only the host knows.
#[derive(Debug, Default)]
pub(super) struct AtRisk {
    writes: BTreeMap<LogPosition, (usize, CommitMode)>,
    bytes: usize,
}

impl AtRisk {
    /// A write of `bytes` was acknowledged early.
    pub fn acknowledge(&mut self, position: LogPosition, bytes: usize, mode: CommitMode) {
        if self.writes.insert(position, (bytes, mode)).is_none() {
            self.bytes += bytes;
        }
    }

    /// Everything through `upto`, and of its term or earlier, is decided.
    pub fn commit(&mut self, upto: LogPosition) {
        while let Some(first) = self.writes.first_entry() {
            if *first.key() > upto {
                return;
            }
            self.bytes -= first.remove().0;
        }
    }

    /// Takes what `term` acknowledged beyond `committed_upto`: it is lost, or nobody can tell.
    pub fn settle(&mut self, term: Term, committed_upto: LogIndex) -> Vec<CommitMode> {
        let first = LogPosition::new(term, committed_upto.next());
        let last = LogPosition::new(term, LogIndex(u64::MAX));
        let gone: Vec<_> = self.writes.range(first..=last).map(|(at, _)| *at).collect();
        let mut modes = Vec::with_capacity(gone.len());
        for position in gone {
            if let Some((bytes, mode)) = self.writes.remove(&position) {
                self.bytes -= bytes;
                modes.push(mode);
            }
        }
        modes
    }

    /// How many writes.
    pub fn entries(&self) -> usize {
        self.writes.len()
    }

    /// How many bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(term: u64, index: u64) -> LogPosition {
        LogPosition::new(Term(term), LogIndex(index))
    }

    #[test]
    fn commit_takes_the_risk_away_and_loss_is_counted_by_mode() {
        let mut risk = AtRisk::default();
        for index in 1..=6 {
            risk.acknowledge(at(1, index), 10, CommitMode::LeaderOnly);
        }
        risk.commit(at(1, 2));
        assert_eq!((risk.entries(), risk.bytes()), (4, 40));
        let lost = risk.settle(Term(1), LogIndex(4));
        assert_eq!(lost, [CommitMode::LeaderOnly; 2]);
        risk.commit(at(2, 7));
        assert_eq!((risk.entries(), risk.bytes()), (0, 0));
    }
}
