//! Reads on their way: by the ticket that confirms them, then by the entry that must be applied first,
//! then by the client that has not read enough of its answers.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use kraft_proto::{Instant, LogIndex, ReadTicket};
use kraft_wire::api::{Bound, Request, RequestRefusal, Response};

use super::surplus;
use crate::rpc::{Origin, Reply, Room, Shares, Verdict};

/// How long unread answers of some may keep others from theirs.
const CROWDED_MAX: Duration = Duration::from_secs(1);

/// A read on its way.
#[derive(Debug)]
pub(in crate::node) struct PendingRead {
    pub reply: Reply,
    pub request: Request,
}

impl PendingRead {
    fn room(&self, size: Size) -> Room {
        self.reply.room_for(size(&self.request))
    }
}

/// Bytes that the answer to a request has at most by now.
pub(in crate::node) type Size<'a> = &'a dyn Fn(&Request) -> usize;

/// One look at what is parked: each client's turn comes once before any comes again.
#[derive(Debug, Default)]
pub(in crate::node) struct Turn {
    last: Option<Origin>,
    /// Somebody was served since the first client's turn.
    served: bool,
    crowded: Option<Origin>,
}

/// Reads on their way. Each has a place from [`Reads::insert`] or [`Reads::park_new`] until it is
/// handed out to be served.
#[derive(Debug)]
pub(in crate::node) struct Reads {
    shares: Shares,
    by_ticket: HashMap<u64, Vec<PendingRead>>,
    by_index: BTreeMap<LogIndex, Vec<PendingRead>>,
    parked: BTreeMap<Origin, VecDeque<PendingRead>>,
    /// Since when some are kept from their answers by what others do not read.
    crowded_since: Option<Instant>,
}

impl Reads {
    /// Room for so many.
    pub fn new(capacity: u32) -> Self {
        Self {
            shares: Shares::of(capacity.into()),
            by_ticket: HashMap::new(),
            by_index: BTreeMap::new(),
            parked: BTreeMap::new(),
            crowded_since: None,
        }
    }

    /// Who has how many places.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Finds a place for a read: others may lose theirs, and are told.
    ///
    /// # Errors
    ///
    /// When whoever asks has its share, or more.
    pub fn find_place(&mut self, who: &Origin) -> Result<(), RequestRefusal> {
        let refusal = RequestRefusal::Busy {
            bound: Bound::Reads,
            limit: self.shares.capacity(),
        };
        match self.shares.verdict(who, 1) {
            Verdict::Free => Ok(()),
            Verdict::TakeFrom(victim) => {
                let count = surplus(&self.shares, &victim, who);
                for read in self.take_back(&victim, count) {
                    let refusal = Response::Refused(refusal.clone());
                    read.reply.send(refusal.encode());
                }
                Ok(())
            }
            Verdict::Refused => Err(refusal),
        }
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

    /// Whether this read, which has no place, is to be served now: its client has read enough of what
    /// it was answered before, and waits for nothing else that it did not read.
    pub fn may_serve_now(&self, read: &PendingRead, size: Size) -> bool {
        !self.parked.contains_key(&read.reply.origin()) && read.room(size) == Room::Now
    }

    /// Takes a place, which there must be, until its client has read what came before.
    pub fn park_new(&mut self, read: PendingRead) {
        self.shares.take(read.reply.origin(), 1);
        self.park(read);
    }

    fn park(&mut self, read: PendingRead) {
        let who = read.reply.origin();
        self.parked.entry(who).or_default().push_back(read);
    }

    /// Hands out a read that has a place, to be served now; `None`: it is parked there.
    pub fn serve_or_park(&mut self, read: PendingRead, size: Size) -> Option<PendingRead> {
        if self.may_serve_now(&read, size) {
            self.shares.give_back(&read.reply.origin(), 1);
            return Some(read);
        }
        self.park(read);
        None
    }

    /// How many clients have reads parked.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    /// Hands out what was parked, one of each client in turn, as far as there is room: to be served
    /// before the next is asked for.
    pub fn next_with_room(&mut self, turn: &mut Turn, size: Size) -> Option<PendingRead> {
        loop {
            let after = turn.last.map_or(Unbounded, Excluded);
            let next = self.parked.range((after, Unbounded)).next();
            let Some(who) = next.map(|(who, _)| *who) else {
                if !std::mem::take(&mut turn.served) {
                    return None;
                }
                (turn.last, turn.crowded) = (None, None);
                continue;
            };
            turn.last = Some(who);
            let room = self.parked.get(&who)?.front()?.room(size);
            match room {
                Room::Now => {
                    turn.served = true;
                    let read = self.pop_parked(&who)?;
                    self.shares.give_back(&who, 1);
                    return Some(read);
                }
                Room::Unread => {}
                Room::Crowded => turn.crowded = Some(who),
                Room::Nobody => self.let_go(&who),
            }
        }
    }

    /// Ends a look at what is parked. Where unread answers of some keep others from theirs for long,
    /// those who have most of them are closed.
    pub fn end_turn(&mut self, turn: Turn, now: Instant, size: Size) {
        let crowded = turn.crowded.and_then(|who| self.parked.get(&who)?.front());
        match crowded {
            None => self.crowded_since = None,
            Some(read) => {
                let since = *self.crowded_since.get_or_insert(now);
                if now.since(since) >= CROWDED_MAX {
                    read.reply.crowd_out(size(&read.request));
                    self.crowded_since = Some(now);
                }
            }
        }
    }

    fn pop_parked(&mut self, who: &Origin) -> Option<PendingRead> {
        let parked = self.parked.get_mut(who)?;
        let read = parked.pop_front();
        if parked.is_empty() {
            self.parked.remove(who);
        }
        read
    }

    /// A client is gone: its places are free.
    pub fn let_go(&mut self, gone: &Origin) {
        drop(self.take_back(gone, usize::MAX));
    }

    /// Takes so many reads of a client out, the parked ones first; their places are free.
    fn take_back(&mut self, who: &Origin, count: usize) -> Vec<PendingRead> {
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
