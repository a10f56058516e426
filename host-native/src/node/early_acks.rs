//! Acknowledged and not committed: what a failure could still take from somebody who was told, and what
//! one took.

use std::collections::BTreeMap;

use kraft_proto::{CommitMode, LogIndex, LogPosition, Term, Unkept};
use kraft_wire::api::{AtRisk, UnkeptAcks};

use crate::metrics::Metrics;

/// Writes acknowledged before commit, with their lengths, which only the host knows; and what became of
/// those that commit did not keep.
#[derive(Debug, Default)]
pub(super) struct EarlyAcks {
    writes: BTreeMap<LogPosition, (usize, CommitMode)>,
    bytes: usize,
    unkept: UnkeptAcks,
}

impl EarlyAcks {
    /// A write of `bytes` was acknowledged before it was committed.
    pub fn note(&mut self, position: LogPosition, bytes: usize, mode: CommitMode) {
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

    /// What `term` acknowledged beyond `committed_upto` is not kept: it is lost, or nobody can tell.
    pub fn settle(
        &mut self,
        term: Term,
        committed_upto: LogIndex,
        unkept: Unkept,
        metrics: &Metrics,
    ) {
        let modes = self.take_unkept(term, committed_upto);
        if modes.is_empty() {
            return;
        }
        tracing::warn!(
            "{} acknowledged writes of term {term} after index {committed_upto} are {}",
            modes.len(),
            match unkept {
                Unkept::Lost => "lost",
                Unkept::Unknown => "beyond what this node can tell",
            }
        );
        let count = match unkept {
            Unkept::Lost => &mut self.unkept.lost,
            Unkept::Unknown => &mut self.unkept.unknown,
        };
        *count += modes.len() as u64;
        for mode in modes {
            match unkept {
                Unkept::Lost => metrics.acks_lost(mode, 1),
                Unkept::Unknown => metrics.acks_unknown(mode, 1),
            }
        }
    }

    fn take_unkept(&mut self, term: Term, committed_upto: LogIndex) -> Vec<CommitMode> {
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

    /// What a failure could still take.
    pub fn at_risk(&self) -> AtRisk {
        AtRisk {
            entries: self.writes.len() as u64,
            bytes: self.bytes as u64,
        }
    }

    /// What became of acknowledgements since the start that commit did not keep.
    pub fn unkept(&self) -> UnkeptAcks {
        self.unkept
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
        let mut acks = EarlyAcks::default();
        for index in 1..=6 {
            acks.note(at(1, index), 10, CommitMode::LeaderOnly);
        }
        acks.commit(at(1, 2));
        let risk = acks.at_risk();
        assert_eq!((risk.entries, risk.bytes), (4, 40));
        let lost = acks.take_unkept(Term(1), LogIndex(4));
        assert_eq!(lost, [CommitMode::LeaderOnly; 2]);
        acks.commit(at(2, 7));
        let risk = acks.at_risk();
        assert_eq!((risk.entries, risk.bytes), (0, 0));
    }
}
