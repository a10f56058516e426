//! What a process does that did not run when it should have: it was stopped, or the machine slept.

use std::time::Duration;

use kraft_proto::{Instant, Raft, ReadOutcome, ReadTicket};

use super::Office;
use crate::config::Timing;

/// The shortest absence worth a line in the log.
const NOTABLE: Duration = Duration::from_millis(200);

/// When this process looked at the clock last, and whether it doubts that it still leads.
#[derive(Debug)]
pub(super) struct Absence {
    looked_at: Instant,
    doubt: Doubt,
}

/// Whether a leader knows that nobody took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// It does, as far as any leader can.
    None,
    /// It is to ask the others.
    Due,
    /// It asked: this read is served once a majority has answered a round that was sent after.
    Asked(ReadTicket),
}

impl Absence {
    /// It runs as of now.
    pub fn none(now: Instant) -> Self {
        Self {
            looked_at: now,
            doubt: Doubt::None,
        }
    }

    /// Looks at the clock. For how long it did not run, where others may lead since.
    fn look(&mut self, now: Instant, timing: &Timing) -> Option<Duration> {
        let absent = now.since(self.looked_at);
        self.looked_at = now;
        // The others count from the last heartbeat that they heard, which this node sent up to one
        // interval before it stood.
        let short = absent < timing.election_timeout_min.saturating_sub(timing.heartbeat);
        (!short).then_some(absent)
    }

    /// How a read ended: the one that was asked for tells whether this node still leads.
    pub fn hear(&mut self, ticket: ReadTicket, outcome: ReadOutcome) {
        if self.doubt == Doubt::Asked(ticket) {
            self.doubt = match outcome {
                ReadOutcome::Ready(_) => Doubt::None,
                ReadOutcome::Failed => Doubt::Due,
            };
        }
    }

    /// It leads or follows anew: who won an election since has no doubt.
    pub fn forget(&mut self) {
        self.doubt = Doubt::None;
    }

    /// Whether it doubts that it still leads.
    pub fn is_doubted(&self) -> bool {
        self.doubt != Doubt::None
    }
}

impl Office {
    /// Notices that this process did not run for a while: it was stopped, or the machine is overloaded.
    ///
    /// A leader then asks the others before it takes writes. What it heard before it stood, and what
    /// they sent before they elected another and it reads only now, would carry it over its next checks:
    ///
    /// 1. node 1 leads, hears node 2, and is stopped;
    /// 2. nodes 2 and 3 elect node 2;
    /// 3. node 1 goes on, and reads an answer that node 2 gave before. By its checks it leads for one or
    ///    two more election timeouts. A write that it acknowledged by itself in that time would be lost.
    ///
    /// It looks before each request of a client, and not once for all that came together: it may be
    /// stopped between two of them.
    pub fn notice_absence(&mut self, now: Instant, timing: &Timing, raft: &mut Raft) {
        if let Some(absent) = self.absence.look(now, timing) {
            if self.leads() {
                self.absence.doubt = Doubt::Due;
            }
            if absent >= NOTABLE {
                tracing::warn!(
                    "this process did not run for {:.1} s: it was stopped, or the machine is overloaded",
                    absent.as_secs_f64()
                );
            }
        }
        if self.absence.doubt == Doubt::Due
            && let Ok(ticket) = raft.read(now)
        {
            self.absence.doubt = Doubt::Asked(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_lead_once_it_stood_for_nearly_an_election_timeout() {
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
    }
}
