//! Requests that wait for an answer.

use std::collections::{BTreeMap, HashMap, VecDeque};

use kraft_proto::{Class, Instant, LogIndex, LogPosition, NodeId, ReadTicket};
use kraft_wire::api::{Freshness, Request};
use kraft_wire::command::AnsweredBy;
use kraft_wire::rows::Effect;

use crate::rpc::{Origin, Reply, Shares};

/// Who waits, as the core's waits know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

    /// Those of a client.
    pub fn of(&self, who: &Origin) -> impl Iterator<Item = u32> {
        let those = (self.by_number.iter()).filter(|(_, awaiting)| awaiting.reply.origin() == *who);
        those.map(|(number, _)| *number)
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

    /// Those of a client that wait for the core.
    pub fn of(&self, who: &Origin) -> impl Iterator<Item = u32> {
        let those = self.writes.iter().enumerate().filter(|(_, write)| {
            let write = write.as_ref();
            write.is_some_and(|write| write.acked.is_none() && write.reply.origin() == *who)
        });
        those.map(|(number, _)| number as u32)
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

/// Reads by the ticket that confirms them, then by the entry that must be applied first, then by the
/// client that has not read enough of its answers.
#[derive(Debug)]
pub(super) struct PendingReads {
    shares: Shares,
    by_ticket: HashMap<u64, Vec<PendingRead>>,
    by_index: BTreeMap<LogIndex, Vec<PendingRead>>,
    parked: BTreeMap<Origin, VecDeque<PendingRead>>,
}

impl PendingReads {
    /// Room for so many.
    pub fn new(capacity: u32) -> Self {
        Self {
            shares: Shares::of(capacity.into()),
            by_ticket: HashMap::new(),
            by_index: BTreeMap::new(),
            parked: BTreeMap::new(),
        }
    }

    /// Who has how many places.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Takes a place, which there must be.
    pub fn insert(&mut self, ticket: ReadTicket, read: PendingRead) {
        self.shares.take(read.reply.origin(), 1);
        self.by_ticket.entry(ticket.0).or_default().push(read);
    }

    /// The ticket is confirmed: its reads are served once `index` is applied.
    pub fn confirm(&mut self, ticket: ReadTicket, index: LogIndex) {
        if let Some(mut reads) = self.by_ticket.remove(&ticket.0) {
            self.by_index.entry(index).or_default().append(&mut reads);
        }
    }

    /// The ticket failed: these reads are not served here, and their places are free.
    pub fn fail(&mut self, ticket: ReadTicket) -> Vec<PendingRead> {
        let reads = self.by_ticket.remove(&ticket.0).unwrap_or_default();
        for read in &reads {
            self.shares.give_back(&read.reply.origin(), 1);
        }
        reads
    }

    /// Reads that may be served now that everything through `applied` is. They keep their places.
    pub fn ready(&mut self, applied: LogIndex) -> Vec<PendingRead> {
        let mut ready = Vec::new();
        while let Some(first) = self.by_index.first_entry() {
            if *first.key() > applied {
                break;
            }
            ready.append(&mut first.remove());
        }
        ready
    }

    /// One of this client's is served.
    pub fn give_back(&mut self, who: &Origin) {
        self.shares.give_back(who, 1);
    }

    /// Keeps a read that has a place until its client has read what came before.
    pub fn park(&mut self, read: PendingRead) {
        let who = read.reply.origin();
        self.parked.entry(who).or_default().push_back(read);
    }

    /// The same for one that has no place yet; there must be one.
    pub fn park_new(&mut self, read: PendingRead) {
        self.shares.take(read.reply.origin(), 1);
        self.park(read);
    }

    /// How many clients have reads parked.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    pub fn has_parked(&self, who: &Origin) -> bool {
        self.parked.contains_key(who)
    }

    pub fn parked_origins(&self) -> Vec<Origin> {
        self.parked.keys().copied().collect()
    }

    pub fn first_parked(&self, who: &Origin) -> Option<&PendingRead> {
        self.parked.get(who)?.front()
    }

    /// Takes a parked read out. It keeps its place.
    pub fn pop_parked(&mut self, who: &Origin) -> Option<PendingRead> {
        let parked = self.parked.get_mut(who)?;
        let read = parked.pop_front();
        if parked.is_empty() {
            self.parked.remove(who);
        }
        read
    }

    /// Takes so many reads of a client out, the parked ones first; their places are free.
    pub fn take_back(&mut self, who: &Origin, count: usize) -> Vec<PendingRead> {
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(read) = self.pop_parked(who)
        {
            taken.push(read);
        }
        let lists = self
            .by_index
            .values_mut()
            .chain(self.by_ticket.values_mut());
        for list in lists {
            if taken.len() >= count {
                break;
            }
            let left = count - taken.len();
            let mut found = 0;
            let of_them = list.extract_if(.., |read| {
                let taken = found < left && read.reply.origin() == *who;
                found += usize::from(taken);
                taken
            });
            taken.extend(of_them);
        }
        self.shares.give_back(who, taken.len() as u64);
        taken
    }
}

/// Somebody who wants to hear how a transfer ends.
#[derive(Debug)]
pub(super) struct PendingTransfer {
    pub to: NodeId,
    pub reply: Reply,
}

/// Whether a read wants the newest.
pub(super) const fn is_linearizable(freshness: Freshness) -> bool {
    matches!(freshness, Freshness::Linearizable)
}
