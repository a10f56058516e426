//! Requests that wait for an answer.

use std::collections::HashMap;

use kraft_proto::{Class, Instant, LogIndex, LogPosition, ReadTicket};

use crate::api::{Freshness, Request};
use crate::command::AnsweredBy;
use crate::kv::Effect;
use crate::rpc::Reply;

/// Who waits, as the core's waits know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A write.
    Write(u32),
    /// Somebody who awaits a commit.
    Await(u32),
}

/// Somebody who awaits the commit of an entry.
#[derive(Debug)]
pub(super) struct PendingAwait {
    pub reply: Reply,
    pub position: LogPosition,
}

/// Those who await commits, by the number the core's waits know them by.
#[derive(Debug, Default)]
pub(super) struct PendingAwaits {
    by_number: HashMap<u32, PendingAwait>,
    last: u32,
}

impl PendingAwaits {
    pub fn insert(&mut self, awaiting: PendingAwait) -> Token {
        // Fewer wait at once than there are numbers.
        self.last = self.last.wrapping_add(1);
        self.by_number.insert(self.last, awaiting);
        Token::Await(self.last)
    }

    pub fn remove(&mut self, number: u32) -> Option<PendingAwait> {
        self.by_number.remove(&number)
    }
}

/// A write on its way.
#[derive(Debug)]
pub(super) struct PendingWrite {
    pub reply: Reply,
    pub asked: Class,
    pub started: Instant,
    /// Bytes of its entry.
    pub bytes: usize,
    pub position: LogPosition,
    pub answered_by: AnsweredBy,
    /// What the state machine said, once it was applied.
    pub effect: Option<Effect>,
    /// What the core said, where only the state machine's answer is missing.
    pub acked: Option<kraft_proto::Answer<Token>>,
}

/// Writes on their way, by the number the core's waits know them by.
#[derive(Debug, Default)]
pub(super) struct PendingWrites {
    writes: Vec<Option<PendingWrite>>,
    free: Vec<u32>,
    /// Those that the state machine answers.
    by_position: HashMap<LogPosition, u32>,
}

impl PendingWrites {
    pub fn insert(&mut self, write: PendingWrite) -> u32 {
        let position = write.position;
        let by_machine = matches!(write.answered_by, AnsweredBy::Machine);
        let token = self.free.pop().unwrap_or_else(|| {
            self.writes.push(None);
            (self.writes.len() - 1) as u32
        });
        self.writes[token as usize] = Some(write);
        if by_machine {
            self.by_position.insert(position, token);
        }
        token
    }

    pub fn remove(&mut self, token: u32) -> Option<PendingWrite> {
        let write = self.writes.get_mut(token as usize)?.take()?;
        self.free.push(token);
        self.by_position.remove(&write.position);
        Some(write)
    }

    pub fn get_mut(&mut self, token: u32) -> Option<&mut PendingWrite> {
        self.writes.get_mut(token as usize)?.as_mut()
    }

    /// The write at a position whose answer is the state machine's.
    pub fn awaiting_effect(&self, position: LogPosition) -> Option<u32> {
        self.by_position.get(&position).copied()
    }
}

/// A read on its way.
#[derive(Debug)]
pub(super) struct PendingRead {
    pub reply: Reply,
    pub request: Request,
}

/// Reads by the ticket that confirms them, then by the entry that must be applied first.
#[derive(Debug, Default)]
pub(super) struct PendingReads {
    by_ticket: HashMap<u64, Vec<PendingRead>>,
    by_index: std::collections::BTreeMap<LogIndex, Vec<PendingRead>>,
    len: usize,
}

impl PendingReads {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn insert(&mut self, ticket: ReadTicket, read: PendingRead) {
        self.by_ticket.entry(ticket.0).or_default().push(read);
        self.len += 1;
    }

    /// The ticket is confirmed: its reads are served once `index` is applied.
    pub fn confirm(&mut self, ticket: ReadTicket, index: LogIndex) {
        if let Some(mut reads) = self.by_ticket.remove(&ticket.0) {
            self.by_index.entry(index).or_default().append(&mut reads);
        }
    }

    /// The ticket failed: these reads are not served here.
    pub fn fail(&mut self, ticket: ReadTicket) -> Vec<PendingRead> {
        let reads = self.by_ticket.remove(&ticket.0).unwrap_or_default();
        self.len -= reads.len();
        reads
    }

    /// Reads that may be served now that everything through `applied` is.
    pub fn ready(&mut self, applied: LogIndex) -> Vec<PendingRead> {
        let mut ready = Vec::new();
        while let Some(first) = self.by_index.first_entry() {
            if *first.key() > applied {
                break;
            }
            ready.append(&mut first.remove());
        }
        self.len -= ready.len();
        ready
    }
}

/// Whether a read wants the newest.
pub(super) const fn is_linearizable(freshness: Freshness) -> bool {
    matches!(freshness, Freshness::Linearizable)
}
