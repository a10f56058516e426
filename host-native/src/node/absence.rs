//! What a process does that did not run when it should have: it was stopped, or the machine slept.

use std::time::Duration;

use kraft_proto::Instant;

use super::engine::Engine;

/// The shortest absence worth a line in the log.
const NOTABLE: Duration = Duration::from_millis(200);

impl Engine {
    /// Notices that this process did not run since `before`, when it looked last: it was stopped, or
    /// the machine is overloaded. Returns what time it is.
    ///
    /// A leader then has to hear the others before it takes writes. What it heard before it stood
    /// still carries it over the next check of its quorum, so that only the one after that tells:
    ///
    /// 1. node 1 leads, hears node 2, and is stopped;
    /// 2. nodes 2 and 3 elect node 2;
    /// 3. node 1 goes on: by its checks it leads for one more election timeout. A write that it
    ///    acknowledged by itself in that time would be lost.
    pub(super) fn notice_absence(&mut self, before: Instant) -> Instant {
        let now = self.now();
        let absent = now.since(before);
        let timing = &self.parts.config.timing;
        let election = timing.election_timeout_min;
        // The others count from the last heartbeat they heard, which this node sent up to one
        // interval before it stood.
        if absent >= election.saturating_sub(timing.heartbeat) {
            self.unsure_until = now.after(election);
        }
        if absent >= election.max(NOTABLE) {
            tracing::warn!(
                "this process did not run for {:.1} s: it was stopped, or the machine is overloaded",
                absent.as_secs_f64()
            );
        }
        now
    }

    /// Whether it was absent and has not heard yet that it still leads.
    pub(super) fn is_unsure(&self) -> bool {
        self.now() < self.unsure_until
    }
}
