//! Clients who wait: each proposal's deadline and fallback, matched to the core's watermarks.
//!
//! The core keeps one position per way of asking; who is waiting, until when, and what a client
//! settles for is kept here, by a host, in storage it provides:
//!
//! ```text
//! propose ─► insert ─► [ one queue per way of asking ] ── Output::Ack ──► answered
//!                         │ deadline passes ──► Fallback or TimedOut
//!                         │ leader leaves office ──► orphans ── Output::Commit ──► by their fate
//! await_commit ─► [ stronger, by position ] ─────────────── Output::Commit ──► by their fate
//! ```
//!
//! Cost: constant per insert and per answer. Deadlines and orphans are looked through only when one
//! is due, or commit moves while there are orphans.

use crate::acks::{WAYS, way};
use crate::bounds::{Bound, Busy};
use crate::durability::Fallback;
use crate::ids::{LogPosition, Term};
use crate::limits::MEMBERS_MAX;
use crate::modes::{Class, CommitMode, Held};
use crate::output::{Fate, Output, Role};
use crate::quorum::majority;
use crate::raft::{Proposed, Raft};
use crate::time::Instant;

/// How an answer stands to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Grade {
    /// What was asked, or more.
    AsAsked,
    /// A majority where all were asked for, and the client had said that this will do.
    Fallback,
    /// Not yet, and the deadline has passed. Not a failure: the entry lives on, ask its fate.
    TimedOut,
    /// Commit proves that it is gone.
    Lost,
    /// The history needed to tell is forgotten.
    Unknown,
}

/// What a client is told of its write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// Whose write.
    pub token: T,
    /// Where it stands.
    pub position: LogPosition,
    /// The class that was asked for.
    pub asked: Class,
    /// The mode achieved; meaningful where `held` is something.
    pub mode: CommitMode,
    /// How firmly it was held when this was said; `None` unless it is acknowledged.
    pub held: Option<Held>,
    /// How that stands to what was asked.
    pub grade: Grade,
}

/// Someone who waits.
#[derive(Clone, Debug)]
struct Wait<T> {
    token: T,
    position: LogPosition,
    asked: Class,
    mode: CommitMode,
    held: Held,
    /// Whether commit alone fulfils it: nobody asked for more than a majority.
    majority_is_enough: bool,
    deadline: Instant,
    fallback: Fallback,
    answer: (CommitMode, Option<Held>, Grade),
}

/// What commit's word is to one who waits: an answer, unless it is still open.
fn by_fate(
    fate: Fate,
    majority_is_enough: bool,
    fallback: Fallback,
) -> Option<(Option<Held>, Grade)> {
    Some(match fate {
        Fate::Pending => return None,
        Fate::Committed if majority_is_enough => (Some(Held::Synced), Grade::AsAsked),
        Fate::Committed if fallback == Fallback::ToMajority => {
            (Some(Held::Synced), Grade::Fallback)
        }
        Fate::Committed => (None, Grade::TimedOut),
        Fate::Lost => (None, Grade::Lost),
        Fate::Unknown => (None, Grade::Unknown),
    })
}

/// Room for one who waits.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    wait: Option<Wait<T>>,
    next: u32,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            wait: None,
            next: NONE,
        }
    }
}

/// A queue of slots, linked by their numbers.
#[derive(Clone, Copy, Debug)]
struct Queue {
    head: u32,
    tail: u32,
}

const NONE: u32 = u32::MAX;
const EMPTY: Queue = Queue {
    head: NONE,
    tail: NONE,
};
const ORPHANS: usize = WAYS;
/// Those who wait for commit alone, by position.
const STRONGER: usize = WAYS + 1;
const ANSWERED: usize = WAYS + 2;
const FREE: usize = WAYS + 3;
const QUEUES: usize = WAYS + 4;

/// Those who wait, in storage the host provides: an array, or a vector where there is a heap.
#[derive(Clone, Debug)]
pub struct Waits<T, S> {
    slots: S,
    queues: [Queue; QUEUES],
    /// How far a majority holds the log in the term led now, for fallbacks: written, synced.
    majority: [LogPosition; 2],
    /// No deadline lies before this.
    earliest: Instant,
    orphaned: usize,
    len: usize,
    _token: core::marker::PhantomData<T>,
}

impl<T: Copy, S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>> Waits<T, S> {
    /// Nobody waits yet; `slots` bounds how many can.
    pub fn new(slots: S) -> Self {
        let mut waits = Self {
            slots,
            queues: [EMPTY; QUEUES],
            majority: [LogPosition::ZERO; 2],
            earliest: Instant::NEVER,
            orphaned: 0,
            len: 0,
            _token: core::marker::PhantomData,
        };
        let count = waits.slots.as_ref().len().min(NONE as usize) as u32;
        for place in 0..count {
            waits.slots.as_mut()[place as usize] = Slot::default();
            waits.push(FREE, place);
        }
        waits
    }

    /// How many wait for an answer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether another can wait. Ask before proposing.
    pub fn has_room(&self) -> bool {
        self.queues[FREE].head != NONE
    }

    /// The same, as a refusal to hand on.
    pub fn check_room(&self) -> Result<(), Busy> {
        match self.has_room() {
            true => Ok(()),
            false => Err(Busy {
                bound: Bound::Waits,
                limit: self.slots.as_ref().len() as u64,
            }),
        }
    }

    fn push(&mut self, queue: usize, place: u32) {
        let tail = self.queues[queue].tail;
        let slots = self.slots.as_mut();
        slots[place as usize].next = NONE;
        match tail {
            NONE => self.queues[queue].head = place,
            tail => slots[tail as usize].next = place,
        }
        self.queues[queue].tail = place;
    }

    fn pop(&mut self, queue: usize) -> Option<u32> {
        let head = self.queues[queue].head;
        if head == NONE {
            return None;
        }
        self.queues[queue].head = self.slots.as_ref()[head as usize].next;
        if self.queues[queue].head == NONE {
            self.queues[queue].tail = NONE;
        }
        Some(head)
    }

    fn wait(&self, place: u32) -> Option<&Wait<T>> {
        self.slots.as_ref()[place as usize].wait.as_ref()
    }

    /// Waits for the entry at `position` of a proposal. Positions of one way of asking come in the
    /// order they were proposed. `deadline`: the latest moment to be told something.
    ///
    /// # Errors
    ///
    /// The token comes back when all room is taken.
    pub fn insert(
        &mut self,
        token: T,
        position: LogPosition,
        proposed: &Proposed,
        asked: Class,
        deadline: Option<Instant>,
        fallback: Fallback,
    ) -> Result<(), T> {
        let Some(place) = self.pop(FREE) else {
            return Err(token);
        };
        let voters = usize::from(proposed.voters).clamp(1, MEMBERS_MAX);
        let deadline = deadline.unwrap_or(Instant::NEVER);
        self.earliest = self.earliest.min(deadline);
        self.slots.as_mut()[place as usize].wait = Some(Wait {
            token,
            position,
            asked,
            mode: proposed.mode,
            held: proposed.held,
            majority_is_enough: proposed.mode.voters_asked(voters) <= majority(voters),
            deadline,
            fallback,
            answer: (proposed.mode, None, Grade::Unknown),
        });
        self.len += 1;
        self.push(way(proposed.mode, proposed.held), place);
        Ok(())
    }

    /// Waits until the entry at `position` is committed, whoever leads by then and whatever it was
    /// acknowledged as before: a client that has its `LeaderOnly` or `Async` answer awaits the
    /// stronger one, Sync·synced. Lost and Unknown are told too. Any node can be asked, at any time.
    ///
    /// # Errors
    ///
    /// The token comes back when all room is taken.
    pub fn await_commit(
        &mut self,
        token: T,
        position: LogPosition,
        asked: Class,
        deadline: Option<Instant>,
        raft: &Raft,
    ) -> Result<(), T> {
        let Some(place) = self.pop(FREE) else {
            return Err(token);
        };
        let deadline = deadline.unwrap_or(Instant::NEVER);
        self.earliest = self.earliest.min(deadline);
        self.slots.as_mut()[place as usize].wait = Some(Wait {
            token,
            position,
            asked,
            mode: CommitMode::Sync,
            held: Held::Synced,
            majority_is_enough: true,
            deadline,
            fallback: Fallback::Refuse,
            answer: (CommitMode::Sync, None, Grade::Unknown),
        });
        self.len += 1;
        let tail = match self.queues[STRONGER].tail {
            NONE => LogPosition::ZERO,
            tail => self.wait(tail).map_or(LogPosition::ZERO, |w| w.position),
        };
        match by_fate(raft.fate(position), true, Fallback::Refuse) {
            Some((held, grade)) => self.answer(place, CommitMode::Sync, held, grade),
            None if position >= tail => self.push(STRONGER, place),
            None => {
                self.push(ORPHANS, place);
                self.orphaned += 1;
            }
        }
        Ok(())
    }

    /// Takes note of what the core said. Show it every output, in order.
    pub fn handle_output(&mut self, output: &Output, raft: &Raft) {
        match output {
            Output::Ack { mode, held, upto } => self.handle_ack(*mode, *held, *upto),
            Output::Commit { .. } | Output::Restored { .. } => {
                self.handle_commit(|mode| raft.commit_fulfils(mode), |of| raft.fate(of));
            }
            Output::Role { role, term, .. } => self.handle_role(*role, *term),
            Output::Send { .. }
            | Output::Write(_)
            | Output::Settled { .. }
            | Output::Read { .. }
            | Output::Snapshot { .. }
            | Output::Superseded { .. } => {}
        }
    }

    fn handle_ack(&mut self, mode: CommitMode, held: Held, upto: LogPosition) {
        if mode == CommitMode::Sync {
            self.majority[usize::from(held == Held::Synced)] = upto;
        }
        let queue = way(mode, held);
        let reached =
            |wait: &Wait<T>| wait.position.term == upto.term && wait.position.index <= upto.index;
        while self.head(queue).is_some_and(reached) {
            if let Some(place) = self.pop(queue) {
                self.answer(place, mode, Some(held), Grade::AsAsked);
            }
        }
    }

    fn head(&self, queue: usize) -> Option<&Wait<T>> {
        match self.queues[queue].head {
            NONE => None,
            head => self.wait(head),
        }
    }

    /// Puts an answer behind those not fetched yet.
    fn answer(&mut self, place: u32, mode: CommitMode, held: Option<Held>, grade: Grade) {
        if let Some(wait) = &mut self.slots.as_mut()[place as usize].wait {
            wait.answer = (mode, held, grade);
        }
        self.push(ANSWERED, place);
    }

    /// A leader that leaves office answers nobody any more: commit decides, whoever leads.
    fn handle_role(&mut self, role: Role, term: Term) {
        let leads = |position: LogPosition| role == Role::Leader && position.term == term;
        for queue in 0..WAYS {
            while self.head(queue).is_some_and(|wait| !leads(wait.position)) {
                if let Some(place) = self.pop(queue) {
                    self.push(ORPHANS, place);
                    self.orphaned += 1;
                }
            }
        }
        self.majority = [LogPosition::ZERO; 2];
    }

    /// Commit proves that a majority has it, of those who vote by now. Where members have changed
    /// since the proposal that may be fewer than were asked for.
    fn handle_commit(
        &mut self,
        fulfils: impl Fn(CommitMode) -> bool,
        fate: impl Fn(LogPosition) -> Fate,
    ) {
        for _ in 0..self.orphaned {
            let Some(place) = self.pop(ORPHANS) else {
                break;
            };
            self.orphaned -= 1;
            let Some(wait) = self.wait(place) else {
                continue;
            };
            let enough = wait.majority_is_enough && fulfils(wait.mode);
            let decided = by_fate(fate(wait.position), enough, wait.fallback);
            match decided {
                Some((held, grade)) => self.answer(place, CommitMode::Sync, held, grade),
                None => {
                    self.push(ORPHANS, place);
                    self.orphaned += 1;
                }
            }
        }
        // In order: behind one that is not decided, nothing of its term is.
        while let Some(wait) = self.head(STRONGER)
            && let Some((held, grade)) = by_fate(fate(wait.position), true, Fallback::Refuse)
            && let Some(place) = self.pop(STRONGER)
        {
            self.answer(place, CommitMode::Sync, held, grade);
        }
    }

    /// Answers those whose deadline has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.earliest {
            return;
        }
        self.earliest = Instant::NEVER;
        for queue in 0..=STRONGER {
            self.expire(queue, now);
        }
    }

    /// Goes once through a queue, keeping its order.
    fn expire(&mut self, queue: usize, now: Instant) {
        let last = self.queues[queue].tail;
        while let Some(place) = self.pop(queue) {
            let Some(wait) = self.wait(place) else {
                continue;
            };
            let deadline = wait.deadline;
            if deadline > now {
                self.earliest = self.earliest.min(deadline);
                self.push(queue, place);
            } else {
                let held = self.held_by_majority(wait);
                if queue == ORPHANS {
                    self.orphaned -= 1;
                }
                let grade = match held {
                    Some(_) => Grade::Fallback,
                    None => Grade::TimedOut,
                };
                self.answer(place, CommitMode::Sync, held, grade);
            }
            if place == last {
                break;
            }
        }
    }

    /// Gives up waiting for those of whom `whom` is so: they hear that it takes longer, as if their
    /// deadline had passed. A host does so for clients that are gone, and where others need the room.
    ///
    /// Cost: that of looking at everybody.
    pub fn give_up(&mut self, whom: impl Fn(T) -> bool) {
        for queue in 0..=STRONGER {
            let last = self.queues[queue].tail;
            while let Some(place) = self.pop(queue) {
                if self.wait(place).is_some_and(|wait| whom(wait.token)) {
                    if queue == ORPHANS {
                        self.orphaned -= 1;
                    }
                    self.answer(place, CommitMode::Sync, None, Grade::TimedOut);
                } else {
                    self.push(queue, place);
                }
                if place == last {
                    break;
                }
            }
        }
    }

    /// What a client that settles for a majority has by now.
    fn held_by_majority(&self, wait: &Wait<T>) -> Option<Held> {
        let [written, synced] = self.majority;
        let reached = |upto: LogPosition| {
            wait.position.term == upto.term && wait.position.index <= upto.index
        };
        let settles = wait.mode == CommitMode::All && wait.fallback == Fallback::ToMajority;
        match wait.held {
            _ if !settles => None,
            _ if reached(synced) => Some(Held::Synced),
            Held::Synced => None,
            _ => reached(written).then_some(Held::Written),
        }
    }

    /// The next answer to give.
    pub fn poll_answer(&mut self) -> Option<Answer<T>> {
        let place = self.pop(ANSWERED)?;
        let wait = self.slots.as_mut()[place as usize].wait.take();
        self.push(FREE, place);
        self.len -= 1;
        wait.map(|wait| {
            let (mode, held, grade) = wait.answer;
            Answer {
                token: wait.token,
                position: wait.position,
                asked: wait.asked,
                mode,
                held,
                grade,
            }
        })
    }

    /// When [`Waits::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Instant {
        self.earliest
    }
}
