//! Who leads, as far as this node knows, and what it looks after while it is the one that does.

mod absence;
mod standby;

use std::time::Duration;

use kraft_proto::{Instant, NodeId, ReadOutcome, ReadTicket, Role, Term};
use tokio::sync::mpsc;

use absence::Absence;
pub(super) use standby::Candidate;
use standby::StandbySearch;

/// How long a leader whose certificate has expired waits before it tries again to transfer leadership.
const RETRY_TRANSFER: Duration = Duration::from_secs(5);

/// Who leads, as far as this node knows.
#[derive(Debug)]
pub(super) struct Office {
    role: Role,
    term: Term,
    leader: Option<NodeId>,
    /// Since when no leader is known.
    vacant_since: Instant,
    /// Whether it stood still, and may lead by mistake.
    absence: Absence,
    standby: StandbySearch,
    /// When a leader with an expired certificate tries to transfer leadership next.
    expired_retry_at: Instant,
}

impl Office {
    /// As the core has it at the start. Nodes that could lead instead come out of `found`.
    pub fn new(
        status: &kraft_proto::Status,
        now: Instant,
        found: mpsc::UnboundedSender<NodeId>,
    ) -> Self {
        Self {
            role: status.role,
            term: status.term,
            leader: status.leader,
            vacant_since: Instant::ZERO,
            absence: Absence::none(now),
            standby: StandbySearch::new(found),
            expired_retry_at: Instant::ZERO,
        }
    }

    /// The core says who leads.
    pub fn change(&mut self, now: Instant, role: Role, term: Term, leader: Option<NodeId>) {
        if role == Role::Leader {
            tracing::info!("leading term {term}");
        } else if self.leader != leader || self.leads() {
            match leader {
                Some(leader) => tracing::info!("following node {leader} in term {term}"),
                None => tracing::info!("no leader in term {term}"),
            }
        }
        if self.leader.is_some() {
            self.vacant_since = now;
        }
        self.absence.forget();
        (self.role, self.term, self.leader) = (role, term, leader);
    }

    /// Whether this node leads.
    pub fn leads(&self) -> bool {
        self.role == Role::Leader
    }

    /// In which term.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Who leads.
    pub fn leader(&self) -> Option<NodeId> {
        self.leader
    }

    /// For how long no leader has been known.
    pub fn vacant_for(&self, now: Instant) -> Duration {
        match self.leader {
            Some(_) => Duration::ZERO,
            None => now.since(self.vacant_since),
        }
    }

    /// Whether this node was absent and has not heard yet that it still leads.
    pub fn is_unsure(&self) -> bool {
        self.absence.is_doubted()
    }

    /// How a read ended: one may have been asked to learn whether this node still leads.
    pub fn hear(&mut self, ticket: ReadTicket, outcome: ReadOutcome) {
        self.absence.hear(ticket, outcome);
    }

    /// Whether a leader whose certificate has expired is to try to transfer leadership now.
    pub fn retries_when_expired(&mut self, now: Instant) -> bool {
        let due = self.leads() && now >= self.expired_retry_at;
        if due {
            self.expired_retry_at = now.after(RETRY_TRANSFER);
        }
        due
    }
}
