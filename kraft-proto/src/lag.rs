//! How far behind a peer is in time, from two marks: no list of entries and their times is kept.
//!
//! How many entries a peer lacks is in the leader's [`PeerStatus`](crate::PeerStatus); for how long it
//! has, a host finds out by looking again and again, as often as it shows figures.

use core::time::Duration;

use crate::ids::LogIndex;
use crate::raft::PeerStatus;
use crate::time::Instant;

/// One peer's lag, and for how long it has not told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The end of the log when the mark was set.
    mark: LogIndex,
    set: Instant,
    /// The age of what the peer lacks, when last looked at.
    age: Option<Duration>,
    /// When the peer last told what it holds, and how long ago that was when last looked at.
    told: Instant,
    silence: Duration,
}

impl Lag {
    /// A peer that has told nothing yet. Begin anew with every term: what was known in one before is
    /// not known any more.
    pub fn new(now: Instant) -> Self {
        Self {
            mark: LogIndex::ZERO,
            set: now,
            age: None,
            told: now,
            silence: Duration::ZERO,
        }
    }

    /// For how long the oldest entry that the peer lacks has been there, at most, and at least since
    /// the last mark it reached; zero if it lacks none. As of the last look; `None` while it is not
    /// known what the peer holds.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// For how long the peer has not told what it holds, as of the last look. One that is there and
    /// can be fed tells it with every heartbeat it answers.
    pub fn silence(&self) -> Duration {
        self.silence
    }

    /// Looks at the peer; the leader's log ends at `last`.
    pub fn look(&mut self, now: Instant, peer: &PeerStatus, last: LogIndex) {
        if let (Some(heard), Some(_)) = (peer.heard, peer.watermarks) {
            self.told = self.told.max(heard);
        }
        self.silence = now.since(self.told);
        self.age = peer
            .watermarks
            .map(|watermarks| self.lacking(now, watermarks.written, last));
    }

    fn lacking(&mut self, now: Instant, held: LogIndex, last: LogIndex) -> Duration {
        if held >= self.mark || held >= last {
            self.mark = last;
            self.set = now;
        }
        match held >= last {
            true => Duration::ZERO,
            false => now.since(self.set),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_stands_still_falls_behind_and_one_that_keeps_up_does_not() {
        let mut lag = Lag::new(Instant::ZERO);
        let at = Instant::from_millis;
        let equal = lag.lacking(at(10), LogIndex(5), LogIndex(5));
        assert_eq!(equal, Duration::ZERO);
        for tick in 2..50 {
            lag.lacking(at(tick * 10), LogIndex(5), LogIndex(5 + tick));
        }
        let stuck = lag.lacking(at(500), LogIndex(5), LogIndex(60));
        assert_eq!(stuck, Duration::from_millis(480));
        let mut steady = Lag::new(Instant::ZERO);
        let mut worst = Duration::ZERO;
        for tick in 2..50 {
            let age = steady.lacking(at(tick * 10), LogIndex(tick - 1), LogIndex(tick));
            worst = worst.max(age);
        }
        assert!(worst <= Duration::from_millis(20), "{worst:?}");
    }
}
