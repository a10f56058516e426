//! Batches of linearizable reads on their way (ReadIndex: Raft thesis §6.4).

use heapless::Vec;
use serde::Serialize;

use crate::ids::LogIndex;
use crate::limits::READ_BATCHES_MAX;
use crate::output::ReadTicket;

/// Reads that share one round of heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Batch {
    ticket: ReadTicket,
    /// Commit must get here first: everything acknowledged before the reads is then applied.
    target: LogIndex,
    /// The round that confirms it; still open to further reads when [`OPEN`].
    round: u64,
}

/// No round: the batch has not set out.
const OPEN: u64 = u64::MAX;

/// Rounds of a follower, whose leader confirms: the leader was asked, and it answered.
pub(crate) const ASKED: u64 = 0;
pub(crate) const ANSWERED: u64 = 1;

/// Only the last batch may be open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reads {
    /// The oldest first.
    batches: Vec<Batch, READ_BATCHES_MAX>,
}

impl Reads {
    pub fn new() -> Self {
        Self {
            batches: Vec::new(),
        }
    }

    /// Adds a read to the open batch, or opens one with the `fresh` ticket.
    pub fn join(&mut self, fresh: ReadTicket, target: LogIndex) -> ReadTicket {
        if let Some(batch) = self.batches.last_mut()
            && batch.round == OPEN
        {
            batch.target = batch.target.max(target);
            return batch.ticket;
        }
        let batch = Batch {
            ticket: fresh,
            target,
            round: OPEN,
        };
        // Not full: the last slot is only ever taken by an open batch.
        let _ = self.batches.push(batch);
        fresh
    }

    /// Whether an open batch may set out.
    pub fn may_start(&self) -> bool {
        !self.batches.is_full() && self.batches.last().is_some_and(|b| b.round == OPEN)
    }

    /// Closes the open batch: `round` confirms it.
    pub fn start(&mut self, round: u64) {
        if let Some(batch) = self.batches.last_mut() {
            batch.round = round;
        }
    }

    /// Takes the oldest batch whose round is confirmed and whose target is committed.
    pub fn take_ready(
        &mut self,
        confirmed: impl Fn(u64) -> bool,
        commit: LogIndex,
    ) -> Option<(ReadTicket, LogIndex)> {
        let batch = *self.batches.first()?;
        let ready = batch.target <= commit && batch.round != OPEN && confirmed(batch.round);
        ready.then(|| {
            self.batches.remove(0);
            (batch.ticket, batch.target)
        })
    }

    /// The newest batch whose question has no answer.
    pub fn newest_asked(&self) -> Option<ReadTicket> {
        let asked = self.batches.iter().rev().find(|b| b.round == ASKED);
        asked.map(|batch| batch.ticket)
    }

    /// The leader's answer for the batches asked about through `ticket`.
    pub fn answered(&mut self, ticket: ReadTicket, index: LogIndex) {
        for batch in &mut self.batches {
            if batch.ticket <= ticket && batch.round == ASKED {
                batch.target = index;
                batch.round = ANSWERED;
            }
        }
    }

    /// Takes any batch: nobody can confirm it any more.
    pub fn take_any(&mut self) -> Option<ReadTicket> {
        (!self.batches.is_empty()).then(|| self.batches.remove(0).ticket)
    }
}
