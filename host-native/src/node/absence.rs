//! What a process does that did not run when it should have: it was stopped, or the machine slept.

use std::time::Duration;

use kraft_proto::Instant;

use super::engine::Engine;
use crate::config::Timing;

/// The shortest absence worth a line in the log.
const NOTABLE: Duration = Duration::from_millis(200);

/// When this process looked at the clock last, and until when it doubts that it still leads.
#[derive(Debug)]
pub(super) struct Absence {
    looked_at: Instant,
    unsure_until: Instant,
}

impl Absence {
    /// It runs as of now.
    pub fn none(now: Instant) -> Self {
        Self {
            looked_at: now,
            unsure_until: Instant::ZERO,
        }
    }

    /// Looks at the clock. For how long it did not run, where that is long enough to matter.
    fn look(&mut self, now: Instant, timing: &Timing) -> Option<Duration> {
        let absent = now.since(self.looked_at);
        self.looked_at = now;
        // The others count from the last heartbeat that they heard, which this node sent up to one
        // interval before it stood.
        if absent < timing.election_timeout_min.saturating_sub(timing.heartbeat) {
            return None;
        }
        self.unsure_until = now.after(timing.election_timeout_min);
        Some(absent)
    }
}

impl Engine {
    /// Notices that this process did not run for a while: it was stopped, or the machine is overloaded.
    ///
    /// A leader then has to hear the others before it takes writes. What it heard before it stood
    /// still carries it over the next check of its quorum, so that only the one after that tells:
    ///
    /// 1. node 1 leads, hears node 2, and is stopped;
    /// 2. nodes 2 and 3 elect node 2;
    /// 3. node 1 goes on: by its checks it leads for one more election timeout. A write that it
    ///    acknowledged by itself in that time would be lost.
    ///
    /// It looks before each request of a client, and not once for all that came together: it may be
    /// stopped between two of them.
    pub(super) fn notice_absence(&mut self) {
        let now = self.now();
        let absent = self.absence.look(now, &self.parts.config.timing);
        if let Some(absent) = absent.filter(|absent| *absent >= NOTABLE) {
            tracing::warn!(
                "this process did not run for {:.1} s: it was stopped, or the machine is overloaded",
                absent.as_secs_f64()
            );
        }
    }

    /// Whether it was absent and has not heard yet that it still leads.
    pub(super) fn is_unsure(&self) -> bool {
        self.now() < self.absence.unsure_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stood_for_nearly_an_election_timeout_doubts_and_who_was_a_little_late_does_not() {
        let timing = Timing {
            election_timeout_min: Duration::from_millis(150),
            election_timeout_max: Duration::from_millis(300),
            heartbeat: Duration::from_millis(50),
        };
        let at = |ms: u64| Instant::from_micros(ms * 1000);
        let mut absence = Absence::none(at(0));
        assert_eq!(absence.look(at(99), &timing), None);
        // Its last heartbeat may have left 50 ms before it stood.
        let absent = absence.look(at(199), &timing);
        assert_eq!(absent, Some(Duration::from_millis(100)));
        assert_eq!(absence.unsure_until, at(349));
    }
}
