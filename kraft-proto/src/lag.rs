//! How far behind a peer is in time, from two marks: no list of entries and their times is kept.
//!
//! How many entries a peer lacks is in the leader's [`PeerStatus`](crate::PeerStatus); for how long it
//! has, a host finds out by looking again and again, as often as it shows figures.

use core::time::Duration;

use crate::ids::LogIndex;
use crate::time::Instant;

/// One peer's lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The end of the log when the mark was set.
    mark: LogIndex,
    set: Instant,
    /// The age of what the peer lacks, when last looked at.
    age: Duration,
}

impl Lag {
    /// A peer that lacks nothing yet.
    pub fn new(now: Instant) -> Self {
        Self {
            mark: LogIndex::ZERO,
            set: now,
            age: Duration::ZERO,
        }
    }

    /// As of the last look.
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The peer holds the log through `held`, which ends at `last`. Returns for how long the oldest
    /// entry it lacks has been there: at most that, and at least since the last mark it reached.
    pub fn look(&mut self, now: Instant, held: LogIndex, last: LogIndex) -> Duration {
        if held >= last {
            self.mark = last;
            self.set = now;
            self.age = Duration::ZERO;
        } else {
            if held >= self.mark {
                self.mark = last;
                self.set = now;
            }
            self.age = now.since(self.set);
        }
        self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_stands_still_falls_behind_and_one_that_keeps_up_does_not() {
        let mut lag = Lag::new(Instant::ZERO);
        let at = Instant::from_millis;
        assert_eq!(lag.look(at(10), LogIndex(5), LogIndex(5)), Duration::ZERO);
        for tick in 2..50 {
            lag.look(at(tick * 10), LogIndex(5), LogIndex(5 + tick));
        }
        let stuck = lag.look(at(500), LogIndex(5), LogIndex(60));
        assert_eq!(stuck, Duration::from_millis(480));
        let mut steady = Lag::new(Instant::ZERO);
        let mut worst = Duration::ZERO;
        for tick in 2..50 {
            let age = steady.look(at(tick * 10), LogIndex(tick - 1), LogIndex(tick));
            worst = worst.max(age);
        }
        assert!(worst <= Duration::from_millis(20), "{worst:?}");
    }
}
