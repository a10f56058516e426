//! Clients that wait for an answer, and who of them has a place when there are few.
//!
//! Shares of the places are divided by certificate, then by address, then by connection, and bind
//! only when all places are taken.

mod reads;
mod writes;

use std::collections::HashSet;

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Answer, Class, Grade, Instant, LogIndex, LogPosition, NodeId, Output, Proposed, Raft, Run,
    Slot, Waits,
};
use kraft_wire::api::{Bound, PlacesStatus, RequestRefusal};
use kraft_wire::payload::Payload;

pub(super) use reads::{PendingRead, Reads, Turn};
pub(super) use writes::{Machine, PendingAwait, PendingWrite};

use super::log::Log;
use crate::rpc::{Origin, Reply, Shares, Verdict};
use writes::{Awaits, Writes};

/// Places taken back at a time: looking for them costs the more, the more wait.
const AT_ONCE: u64 = 256;

/// Who waits, as the core's waits know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Token {
    /// A write.
    Write(u32),
    /// Somebody who awaits a commit.
    Await(u32),
}

/// Whose wait is over.
#[derive(Debug)]
pub(super) enum Ended {
    /// A write's, with what is to be told.
    Write(PendingWrite, Told),
    /// Somebody's who awaited a commit.
    Await(PendingAwait),
}

/// The core's answer, without who waited for it.
pub(super) type Told = Answer<()>;

/// Somebody who wants to hear how a transfer ends.
#[derive(Debug)]
pub(super) struct PendingTransfer {
    pub to: NodeId,
    pub reply: Reply,
}

/// Clients that wait for an answer.
pub(super) struct Waiting {
    waits: Waits<Token, Vec<Slot<Token>>>,
    writes: Writes,
    awaits: Awaits,
    /// Who has how many of the places of writes and awaits.
    shares: Shares,
    reads: Reads,
    transfers: Vec<PendingTransfer>,
}

impl Waiting {
    /// Places for so many writes and awaits, and for so many reads.
    pub fn new(writes: u32, reads: u32) -> Self {
        Self {
            waits: Waits::new(vec![Slot::default(); writes as usize]),
            writes: Writes::default(),
            awaits: Awaits::default(),
            shares: Shares::of(writes.into()),
            reads: Reads::new(reads),
            transfers: Vec::new(),
        }
    }

    /// When [`Waiting::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.waits.poll_timeout()
    }

    /// Ends the waits whose time is up.
    pub fn handle_timeout(&mut self, now: Instant, raft: &mut Raft, log: &Log) {
        if now >= self.waits.poll_timeout() {
            self.waits.handle_timeout(now, raft, history(log));
        }
    }

    /// Hears what the core says.
    pub fn handle_output(&mut self, output: &Output, raft: &Raft, log: &Log) {
        self.waits.handle_output(output, raft, history(log));
    }

    /// Whose wait is over, one after the other. A write that the state machine answers waits for it,
    /// too, once it is committed.
    pub fn poll_ended(&mut self) -> Option<Ended> {
        while let Some(answer) = self.waits.poll_answer() {
            let (told, token) = split(answer);
            let number = match token {
                Token::Write(number) => number,
                Token::Await(number) => match self.awaits.remove(number) {
                    Some(awaiting) => {
                        self.shares.give_back(&awaiting.reply.origin(), 1);
                        return Some(Ended::Await(awaiting));
                    }
                    None => continue,
                },
            };
            let Some(write) = self.writes.get_mut(number) else {
                continue;
            };
            let committed = matches!(told.grade, Grade::AsAsked | Grade::Fallback);
            if write.machine == Machine::IsAwaited && committed {
                write.told = Some(told);
            } else if let Some(ended) = self.end(number, told) {
                return Some(ended);
            }
        }
        None
    }

    fn end(&mut self, number: u32, told: Told) -> Option<Ended> {
        let write = self.writes.remove(number)?;
        self.shares.give_back(&write.reply.origin(), 1);
        Some(Ended::Write(write, told))
    }

    /// Whether a client waits for what the state machine says of the entry at `position`.
    pub fn awaits_machine(&self, position: LogPosition) -> bool {
        self.writes.awaiting_machine(position).is_some()
    }

    /// The state machine applied the entry at `position`. Whose wait is over by that.
    pub fn applied(&mut self, position: LogPosition, outcome: Option<Payload>) -> Option<Ended> {
        let number = self.writes.awaiting_machine(position)?;
        self.machine_is_done(number, outcome)
    }

    /// The state machine says no more of a write than this: where the core has spoken, its wait is over, and otherwise once
    /// it speaks.
    fn machine_is_done(&mut self, number: u32, outcome: Option<Payload>) -> Option<Ended> {
        let write = self.writes.get_mut(number)?;
        (write.machine, write.outcome) = (Machine::IsDone, outcome);
        let told = write.told.take()?;
        self.end(number, told)
    }

    /// The state machine has passed everything through `upto` by way of a snapshot, and says nothing of it any more. Whose
    /// wait is over by that.
    pub fn passed(&mut self, upto: LogPosition) -> Vec<Ended> {
        let passed = self.writes.awaiting_machine_through(upto);
        let ended = passed.into_iter();
        let ended = ended.filter_map(|number| self.machine_is_done(number, None));
        ended.collect()
    }

    /// Finds a place for a write, or for somebody who awaits a commit: others may have to give theirs
    /// up, and are to be told before it is taken.
    ///
    /// # Errors
    ///
    /// When whoever asks has its share, or more.
    pub fn find_place(
        &mut self,
        who: &Origin,
        raft: &mut Raft,
        log: &Log,
    ) -> Result<(), RequestRefusal> {
        match self.shares.verdict(who, 1) {
            Verdict::Free => Ok(()),
            Verdict::TakeFrom(victim) => {
                let count = surplus(&self.shares, &victim, who);
                self.give_up(&victim, count, raft, log);
                Ok(())
            }
            Verdict::Refused => Err(RequestRefusal::Busy {
                bound: Bound::Waits,
                limit: self.shares.capacity(),
            }),
        }
    }

    /// Whether a place is free.
    ///
    /// # Errors
    ///
    /// When none is.
    pub fn check_room(&self) -> Result<(), RequestRefusal> {
        Ok(self.waits.check_room()?)
    }

    /// Ends so many waits of a client: it hears that its entries live on.
    fn give_up(&mut self, whose: &Origin, count: usize, raft: &mut Raft, log: &Log) {
        let writes = self.writes.of(whose).take(count).map(Token::Write);
        let mut tokens: HashSet<Token> = writes.collect();
        let left = count - tokens.len();
        tokens.extend(self.awaits.of(whose).take(left).map(Token::Await));
        if !tokens.is_empty() {
            let whom = |token| tokens.contains(&token);
            self.waits.give_up(whom, raft, history(log));
        }
    }

    /// A client is gone: whatever it waited for, others may have the places.
    pub fn let_go(&mut self, gone: &Origin, raft: &mut Raft, log: &Log) {
        self.give_up(gone, usize::MAX, raft, log);
        self.reads.let_go(gone);
    }

    /// A write that was proposed waits for its answer, in a place that must be free.
    pub fn insert_write(
        &mut self,
        write: PendingWrite,
        proposed: &Proposed,
        deadline: Instant,
        fallback: Fallback,
    ) {
        let (position, asked) = (write.position, write.asked);
        self.shares.take(write.reply.origin(), 1);
        let token = Token::Write(self.writes.insert(write));
        let waits = &mut self.waits;
        let waiting = waits.insert(token, position, proposed, asked, Some(deadline), fallback);
        debug_assert_eq!(waiting, Ok(()), "a place was found before it was proposed");
    }

    /// Somebody awaits a commit, in a place that must be free.
    pub fn insert_await(
        &mut self,
        awaiting: PendingAwait,
        deadline: Instant,
        raft: &Raft,
        log: &Log,
    ) {
        let position = awaiting.position;
        self.shares.take(awaiting.reply.origin(), 1);
        let token = Token::Await(self.awaits.insert(awaiting));
        let (asked, deadline) = (Class::default(), Some(deadline));
        let waits = &mut self.waits;
        let waiting = waits.await_commit(token, position, asked, deadline, raft, history(log));
        debug_assert_eq!(waiting, Ok(()), "a place was found before");
    }

    /// The reads among them.
    pub fn reads(&mut self) -> &mut Reads {
        &mut self.reads
    }

    /// Somebody waits for the end of a transfer.
    pub fn await_transfer(&mut self, to: NodeId, reply: Reply) {
        self.transfers.push(PendingTransfer { to, reply });
    }

    /// Whether somebody does.
    pub fn has_transfers(&self) -> bool {
        !self.transfers.is_empty()
    }

    /// All who did: the transfer has ended.
    pub fn take_transfers(&mut self) -> Vec<PendingTransfer> {
        std::mem::take(&mut self.transfers)
    }

    /// How many places are taken, of how many. Who is connected, the listener knows.
    pub fn places(&self) -> PlacesStatus {
        let reads = self.reads.shares();
        PlacesStatus {
            writes: self.shares.taken(),
            writes_max: self.shares.capacity(),
            reads: reads.taken(),
            reads_max: reads.capacity(),
            clients: 0,
            unread_bytes: 0,
        }
    }

    /// Of a hundred places, those taken: of the kind with fewest left.
    pub fn percent_taken(&self) -> u32 {
        let taken = |shares: &Shares| (shares.taken() * 100 / shares.capacity().max(1)) as u32;
        taken(&self.shares).max(taken(self.reads.shares()))
    }
}

/// How many places whoever has too many gives up at once, for somebody who has none of them.
fn surplus(shares: &Shares, victim: &Origin, who: &Origin) -> usize {
    let more = shares.taken_by(victim).saturating_sub(shares.taken_by(who));
    (more / 2).clamp(1, AT_ONCE) as usize
}

fn history(log: &Log) -> impl Fn(LogIndex) -> Option<Run> + '_ {
    |index| log.run_at(index)
}

fn split(answer: Answer<Token>) -> (Told, Token) {
    let told = Told {
        token: (),
        position: answer.position,
        asked: answer.asked,
        mode: answer.mode,
        held: answer.held,
        grade: answer.grade,
    };
    (told, answer.token)
}
