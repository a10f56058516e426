//! How long nobody else can lead (Raft thesis §6.4.1), for reads that ask nobody. Off unless
//! [`Lease`] is on. Each rule with the story that breaks its looser form:
//!
//! 1. **A vote is withheld by the clock, whatever term is adopted meanwhile.** 1. Node 2 answers leader
//!    1; 2. an old answer of node 3 shows it a higher term, and it forgets the leader; 3. it votes for
//!    node 3, which leads and takes a write; 4. node 1 still counts on node 2's answer, and a read
//!    misses the write.
//! 2. **A start withholds it for the longest timeout:** the incarnation before may have answered just now.
//! 3. **The lease counts from before its round was sent,** not from when the answers came.
//! 4. **Who has sent `TimeoutNow` has none for the rest of its term:** the voters answer the target at
//!    once, and the word may arrive long after this leader gave the transfer up.
//! 5. **It is shorter than the timeout by what two clocks may drift apart.**
//! 6. **It ends with the configuration it was given in:** those who gave it may be no voters any more,
//!    and bind nobody.

use core::time::Duration;

use serde::Serialize;

use super::Leader;
use crate::config::Lease;
use crate::quorum;
use crate::raft::{Raft, RoleState};
use crate::time::Instant;

/// Whether a leader may still have a lease in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Claim {
    Kept,
    GivenUp,
}

/// What a leader knows of its time in office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Tenure {
    /// The round that is watched; 0 if none is.
    round: u64,
    /// When it was begun.
    since: Instant,
    /// Nobody else leads before this.
    until: Instant,
    claim: Claim,
}

impl Tenure {
    pub fn new() -> Self {
        Self {
            round: 0,
            since: Instant::ZERO,
            until: Instant::ZERO,
            claim: Claim::Kept,
        }
    }

    /// A round is about to be sent. One is watched at a time.
    pub fn watch(&mut self, round: u64, now: Instant) {
        if self.round == 0 {
            self.round = round;
            self.since = now;
        }
    }

    /// Another node is told to campaign.
    pub fn end(&mut self) {
        self.claim = Claim::GivenUp;
    }
}

impl Leader {
    /// Other members count from now on: rule 6.
    pub(in crate::raft) fn void_lease(&mut self) {
        self.tenure.round = 0;
        self.tenure.until = Instant::ZERO;
    }
}

impl Raft {
    /// With leases on, votes for nobody so long.
    pub(in crate::raft) fn withhold_votes(&mut self, time: Duration) {
        if self.config.lease != Lease::Off {
            self.withheld_until = self.withheld_until.max(self.now.after(time));
        }
    }

    /// Whether some leader may count on this node's vote going to nobody.
    pub(in crate::raft) fn withholds_votes(&self) -> bool {
        self.now < self.withheld_until
    }

    /// How long a round of heartbeats that a majority answered keeps others from leading.
    fn lease_length(&self) -> Option<Duration> {
        let Lease::On { drift_permille } = self.config.lease else {
            return None;
        };
        let drift = u64::from(drift_permille);
        let shortest = self.config.election_timeout_min.as_micros() as u64;
        Some(Duration::from_micros(
            shortest * (1000 - drift) / (1000 + drift),
        ))
    }

    /// Renews the lease once a majority has answered the round that is watched.
    pub(in crate::raft) fn review_lease(&mut self) {
        let Some(length) = self.lease_length() else {
            return;
        };
        let own = self.config.id;
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        let round = leader.tenure.round;
        let answered = |id| {
            let peer = leader.peer(id);
            id == own || peer.is_some_and(|peer| peer.round_answered >= round)
        };
        if round > 0 && quorum::has_majority(&self.members, answered) {
            let until = leader.tenure.since.after(length);
            leader.tenure.until = leader.tenure.until.max(until);
            leader.tenure.round = 0;
        }
    }

    /// Whether nobody else can have led by now.
    pub(super) fn holds_lease(&self) -> bool {
        match &self.role {
            RoleState::Leader(leader) => {
                let tenure = &leader.tenure;
                tenure.claim == Claim::Kept && self.now < tenure.until
            }
            _ => false,
        }
    }
}
