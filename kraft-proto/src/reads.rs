//! Batches of linearizable reads on their way (ReadIndex: Raft thesis §6.4).

use heapless::Deque;
use serde::{Deserialize, Serialize};

use crate::ids::LogIndex;
use crate::limits::READ_BATCHES_MAX;
use crate::output::ReadTicket;

/// Reads that share one round of heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Batch {
    ticket: ReadTicket,
    /// Commit must get here first: everything acknowledged before the reads is then applied.
    target: LogIndex,
    /// The round that confirms it; still open to further reads when `None`.
    round: Option<u64>,
}

/// Only the last batch may be open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reads {
    batches: Deque<Batch, READ_BATCHES_MAX>,
}

impl Reads {
    pub fn new() -> Self {
        Self {
            batches: Deque::new(),
        }
    }

    /// Adds a read to the open batch, or opens one with the `fresh` ticket.
    pub fn join(&mut self, fresh: ReadTicket, target: LogIndex) -> ReadTicket {
        if let Some(batch) = self.batches.back_mut()
            && batch.round.is_none()
        {
            batch.target = batch.target.max(target);
            return batch.ticket;
        }
        let batch = Batch {
            ticket: fresh,
            target,
            round: None,
        };
        // Not full: the last slot is only ever taken by an open batch.
        let _ = self.batches.push_back(batch);
        fresh
    }

    /// Whether an open batch may set out.
    pub fn may_start(&self) -> bool {
        !self.batches.is_full() && self.batches.back().is_some_and(|b| b.round.is_none())
    }

    /// Closes the open batch: `round` confirms it.
    pub fn start(&mut self, round: u64) {
        if let Some(batch) = self.batches.back_mut() {
            batch.round = Some(round);
        }
    }

    /// Takes the oldest batch whose round is confirmed and whose target is committed.
    pub fn take_ready(
        &mut self,
        confirmed: impl Fn(u64) -> bool,
        commit: LogIndex,
    ) -> Option<(ReadTicket, LogIndex)> {
        let batch = *self.batches.front()?;
        let ready = batch.target <= commit && batch.round.is_some_and(confirmed);
        ready.then(|| {
            self.batches.pop_front();
            (batch.ticket, batch.target)
        })
    }

    /// Takes any batch: the leader that opened it is gone.
    pub fn take_any(&mut self) -> Option<ReadTicket> {
        self.batches.pop_front().map(|batch| batch.ticket)
    }
}
