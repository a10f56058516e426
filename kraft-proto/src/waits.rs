//! Clients who wait: each proposal's deadline and fallback, matched to the core's watermarks.
//!
//! The core keeps one position per way of asking; who is waiting, until when, and what a client
//! settles for is kept here, by a host, in storage it provides:
//!
//! ```text
//! propose ─► insert ─► [ one queue per way of asking ] ── Output::Ack ──► answered
//!                         │ deadline passes ──► by its fate, or Fallback, or TimedOut
//!                         │ leader leaves office ──► by its fate, now or at an Output::Commit
//! await_commit ─────────────────────────────────────────► by its fate, now or at an Output::Commit
//! ```
//!
//! Cost: that of what is answered, whatever the number of those who go on waiting. Adding one and
//! answering one takes at most some steps for each doubling of the slots.

mod heap;
mod queue;
mod slot;

use crate::acks::{ACK_CLASSES, ack_class};
use crate::bounds::Busy;
use crate::durability::Fallback;
use crate::entry::Run;
use crate::ids::{LogIndex, LogPosition, Term};
use crate::limits::MEMBERS_MAX;
use crate::modes::{Class, CommitMode, Held};
use crate::output::{Fate, Output, Role};
use crate::quorum::majority;
use crate::raft::{Proposed, Raft};
use crate::time::Instant;

use heap::{Heap, Order};
use queue::Queue;
use slot::{NONE, Wait, full};

pub use slot::Slot;

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
    /// A snapshot stands for that part of the log, and nobody kept which term wrote it.
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

/// What commit's word is to one who waits: an answer, unless it is still open.
///
/// Commit proves that a majority has it, of those who vote by now. Where members have changed since
/// the proposal that may be fewer than were asked for.
fn by_fate<T>(
    wait: &Wait<T>,
    raft: &Raft,
    history: impl FnOnce(LogIndex) -> Option<Run>,
) -> Option<(Option<Held>, Grade)> {
    Some(match raft.fate_with(wait.position, history) {
        Fate::Pending => return None,
        Fate::Committed if wait.majority_is_enough && raft.commit_fulfils(wait.mode) => {
            (Some(Held::Synced), Grade::AsAsked)
        }
        Fate::Committed if wait.fallback == Fallback::ToMajority => {
            (Some(Held::Synced), Grade::Fallback)
        }
        Fate::Committed => (None, Grade::TimedOut),
        Fate::Lost => (None, Grade::Lost),
        Fate::Unknown => (None, Grade::Unknown),
    })
}

const ANSWERED: usize = ACK_CLASSES;
const FREE: usize = ACK_CLASSES + 1;
const QUEUES: usize = ACK_CLASSES + 2;

/// Those who wait, in storage the host provides: an array, or a vector where there is a heap.
///
/// ```
/// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
/// # use host::*;
/// let mut node = leader();
/// let mut waits = Waits::new(vec![Slot::default(); 8]);
/// let class = Class::default();
/// let proposed = node.propose(Instant::ZERO, class, 1).unwrap();
/// let position = proposed.run.last_position();
/// let fallback = durability::Fallback::Refuse;
/// waits.insert("Ann", position, &proposed, class, None, fallback).unwrap();
/// for output in drain(&mut node) {
///     waits.handle_output(&output, &node, |_| None);
/// }
/// let answer = waits.poll_answer().unwrap();
/// assert_eq!((answer.token, answer.grade), ("Ann", Grade::AsAsked));
/// ```
#[derive(Clone, Debug)]
pub struct Waits<T, S> {
    slots: S,
    /// One for each way of asking, those answered and not fetched, and those free.
    queues: [Queue; QUEUES],
    /// Those with a deadline.
    deadlines: Heap,
    /// Those whom only commit answers.
    commits: Heap,
    len: usize,
    /// How many have waited so far.
    numbers: u64,
    _token: core::marker::PhantomData<T>,
}

impl<T: Copy, S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>> Waits<T, S> {
    /// Nobody waits yet; `slots` bounds how many can.
    pub fn new(slots: S) -> Self {
        let mut waits = Self {
            slots,
            queues: [Queue::EMPTY; QUEUES],
            deadlines: Heap::new(Order::Deadline),
            commits: Heap::new(Order::Position),
            len: 0,
            numbers: 0,
            _token: core::marker::PhantomData,
        };
        let count = waits.slots.as_ref().len().min(NONE as usize) as u32;
        for slot in 0..count {
            waits.slots.as_mut()[slot as usize] = Slot::default();
            waits.queues[FREE].push(waits.slots.as_mut(), slot);
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
        self.queues[FREE].head().is_some()
    }

    /// The same, as a refusal to hand on.
    pub fn check_room(&self) -> Result<(), Busy> {
        match self.has_room() {
            true => Ok(()),
            false => Err(full(self.slots.as_ref().len())),
        }
    }

    fn wait(&self, slot: u32) -> Option<&Wait<T>> {
        self.slots.as_ref()[slot as usize].wait.as_ref()
    }

    /// Takes up one who waits.
    fn admit(&mut self, wait: Wait<T>) -> Result<u32, T> {
        let Some(slot) = self.queues[FREE].pop(self.slots.as_mut()) else {
            return Err(wait.token);
        };
        let deadline = wait.deadline;
        let number = self.numbers;
        self.numbers += 1;
        self.slots.as_mut()[slot as usize].wait = Some(Wait { number, ..wait });
        self.len += 1;
        if deadline < Instant::NEVER {
            self.deadlines.insert(self.slots.as_mut(), slot);
        }
        Ok(slot)
    }

    /// Waits for the entry at `position` of a proposal. Positions of one way of asking come in the
    /// order they were proposed. `deadline`: the latest moment to be told something. `fallback` is
    /// for [`CommitMode::All`], the only mode that has one.
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
        let voters = usize::from(proposed.voters).clamp(1, MEMBERS_MAX);
        let fallback = match proposed.mode {
            CommitMode::All => fallback,
            _ => Fallback::Refuse,
        };
        let slot = self.admit(Wait {
            token,
            position,
            asked,
            mode: proposed.mode,
            held: proposed.held,
            majority_is_enough: proposed.mode.voters_asked(voters) <= majority(voters),
            deadline: deadline.unwrap_or(Instant::NEVER),
            fallback,
            number: 0,
            queue: None,
            answer: (proposed.mode, None, Grade::Unknown),
        })?;
        self.enqueue(ack_class(proposed.mode, proposed.held), slot);
        Ok(())
    }

    /// Waits until the entry at `position` is committed, whoever leads by then and whatever it was
    /// acknowledged as before: a client that has its `LeaderOnly` or `Async` answer awaits the
    /// stronger one, Sync·synced. Lost and Unknown are told too. Any node can be asked, at any time.
    ///
    /// # Errors
    ///
    /// The token comes back when all room is taken.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let mut waits = Waits::new(vec![Slot::default(); 8]);
    /// let class = Class::new(CommitMode::Async, FsyncMode::None);
    /// let position = node.propose(Instant::ZERO, class, 1).unwrap().run.last_position();
    /// waits.await_commit("Ann", position, class, None, &node, |_| None).unwrap();
    /// # node.read_after(Instant::ZERO, position).unwrap(); // so that it does not wait for a timer
    /// for output in drain(&mut node) {
    ///     waits.handle_output(&output, &node, |_| None);
    /// }
    /// assert_eq!(waits.poll_answer().unwrap().held, Some(Held::Synced));
    /// ```
    pub fn await_commit(
        &mut self,
        token: T,
        position: LogPosition,
        asked: Class,
        deadline: Option<Instant>,
        raft: &Raft,
        history: impl FnOnce(LogIndex) -> Option<Run>,
    ) -> Result<(), T> {
        let slot = self.admit(Wait {
            token,
            position,
            asked,
            mode: CommitMode::Sync,
            held: Held::Synced,
            majority_is_enough: true,
            deadline: deadline.unwrap_or(Instant::NEVER),
            fallback: Fallback::Refuse,
            number: 0,
            queue: None,
            answer: (CommitMode::Sync, None, Grade::Unknown),
        })?;
        self.await_fate(slot, raft, history);
        Ok(())
    }

    /// Takes note of what the core said. Show it every output, in order, and let it look up the run at
    /// an index as [`Raft::fate_given`] takes it: commit may decide about one whose term the core's
    /// window has left behind.
    pub fn handle_output(
        &mut self,
        output: &Output,
        raft: &Raft,
        history: impl Fn(LogIndex) -> Option<Run>,
    ) {
        match output {
            Output::Ack { mode, held, upto } => self.handle_ack(*mode, *held, *upto),
            Output::Commit { .. } | Output::Restored { .. } => self.handle_commit(raft, history),
            Output::Role { role, term, .. } => self.handle_role(*role, *term, raft, history),
            Output::Send { .. }
            | Output::OwnEntry { .. }
            | Output::Write(_)
            | Output::Settled { .. }
            | Output::Read { .. }
            | Output::Snapshot { .. }
            | Output::Members { .. }
            | Output::Recall { .. }
            | Output::Superseded { .. } => {}
        }
    }

    fn handle_ack(&mut self, mode: CommitMode, held: Held, upto: LogPosition) {
        let queue = ack_class(mode, held);
        let reached =
            |wait: &Wait<T>| wait.position.term == upto.term && wait.position.index <= upto.index;
        while let Some(slot) = self.queues[queue].head()
            && self.wait(slot).is_some_and(reached)
        {
            self.answer(slot, mode, Some(held), Grade::AsAsked);
        }
    }

    fn enqueue(&mut self, queue: usize, slot: u32) {
        if let Some(wait) = &mut self.slots.as_mut()[slot as usize].wait {
            wait.queue = Some(queue);
        }
        self.queues[queue].push(self.slots.as_mut(), slot);
    }

    /// Takes one who waits out of the queue it stands in, if it stands in one.
    fn dequeue(&mut self, slot: u32) {
        let wait = &mut self.slots.as_mut()[slot as usize].wait;
        if let Some(queue) = wait.as_mut().and_then(|wait| wait.queue.take()) {
            self.queues[queue].remove(self.slots.as_mut(), slot);
        }
    }

    /// Puts an answer behind those not fetched yet.
    fn answer(&mut self, slot: u32, mode: CommitMode, held: Option<Held>, grade: Grade) {
        self.dequeue(slot);
        self.deadlines.remove(self.slots.as_mut(), slot);
        self.commits.remove(self.slots.as_mut(), slot);
        if let Some(wait) = &mut self.slots.as_mut()[slot as usize].wait {
            wait.answer = (mode, held, grade);
        }
        self.enqueue(ANSWERED, slot);
    }

    /// Has commit answer one who waits, at once if it does by now.
    fn await_fate(
        &mut self,
        slot: u32,
        raft: &Raft,
        history: impl FnOnce(LogIndex) -> Option<Run>,
    ) {
        match self.wait(slot).map(|wait| by_fate(wait, raft, history)) {
            Some(Some((held, grade))) => self.answer(slot, CommitMode::Sync, held, grade),
            _ => self.commits.insert(self.slots.as_mut(), slot),
        }
    }

    /// A leader that leaves office answers nobody any more: commit decides, whoever leads.
    fn handle_role(
        &mut self,
        role: Role,
        term: Term,
        raft: &Raft,
        history: impl Fn(LogIndex) -> Option<Run>,
    ) {
        let leads = |position: LogPosition| role == Role::Leader && position.term == term;
        for queue in 0..ACK_CLASSES {
            while let Some(slot) = self.queues[queue].head()
                && self.wait(slot).is_some_and(|wait| !leads(wait.position))
            {
                self.dequeue(slot);
                self.await_fate(slot, raft, &history);
            }
        }
    }

    /// In the order of positions: what stands behind one that is not decided is not either.
    fn handle_commit(&mut self, raft: &Raft, history: impl Fn(LogIndex) -> Option<Run>) {
        let decided = |wait: &Wait<T>| by_fate(wait, raft, &history);
        while let Some(slot) = self.commits.first(self.slots.as_ref())
            && let Some((held, grade)) = self.wait(slot).and_then(decided)
        {
            self.answer(slot, CommitMode::Sync, held, grade);
        }
    }

    /// Answers those whose deadline has passed: by their fate, if that is known here by now, else
    /// with what a client that settles for a majority has, else that it takes longer.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let mut waits = Waits::new(vec![Slot::default(); 8]);
    /// let class = Class::default();
    /// let position = node.propose(Instant::ZERO, class, 1).unwrap().run.last_position();
    /// let deadline = Instant::ZERO.after(std::time::Duration::from_millis(500));
    /// waits.await_commit("Ann", position, class, Some(deadline), &node, |_| None).unwrap();
    /// assert_eq!(waits.poll_timeout(), deadline);
    /// // The disk has reported nothing by then.
    /// waits.handle_timeout(deadline, &mut node, |_| None);
    /// assert_eq!(waits.poll_answer().unwrap().grade, Grade::TimedOut);
    /// ```
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        raft: &mut Raft,
        history: impl Fn(LogIndex) -> Option<Run>,
    ) {
        while let Some(slot) = self.deadlines.first(self.slots.as_ref())
            && (self.wait(slot)).is_some_and(|wait| wait.deadline <= now)
        {
            self.expire(slot, raft, &history);
        }
    }

    fn expire(&mut self, slot: u32, raft: &mut Raft, history: &impl Fn(LogIndex) -> Option<Run>) {
        let Some(wait) = self.wait(slot) else {
            return;
        };
        let settles = wait.fallback == Fallback::ToMajority;
        let (held, grade) = match by_fate(wait, raft, history) {
            Some(decided) => decided,
            None if settles => match raft.accept_majority(wait.position, wait.held) {
                Some(held) => (Some(held), Grade::Fallback),
                None => (None, Grade::TimedOut),
            },
            None => (None, Grade::TimedOut),
        };
        self.answer(slot, CommitMode::Sync, held, grade);
    }

    /// Gives up waiting for those of whom `whom` is so: they are answered as if their deadline had
    /// passed. A host does so for clients that are gone, and where others need the room.
    ///
    /// Cost: that of looking at everybody.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let mut waits = Waits::new(vec![Slot::default(); 8]);
    /// let class = Class::default();
    /// let position = node.propose(Instant::ZERO, class, 1).unwrap().run.last_position();
    /// waits.await_commit("Ann", position, class, None, &node, |_| None).unwrap();
    /// waits.give_up(|client| client == "Ann", &mut node, |_| None);
    /// assert_eq!(waits.poll_answer().unwrap().grade, Grade::TimedOut);
    /// ```
    pub fn give_up(
        &mut self,
        whom: impl Fn(T) -> bool,
        raft: &mut Raft,
        history: impl Fn(LogIndex) -> Option<Run>,
    ) {
        let count = self.slots.as_ref().len().min(NONE as usize) as u32;
        for slot in 0..count {
            let waits = |wait: &Wait<T>| wait.queue != Some(ANSWERED) && whom(wait.token);
            if self.wait(slot).is_some_and(waits) {
                self.expire(slot, raft, &history);
            }
        }
    }

    /// The next answer to give.
    pub fn poll_answer(&mut self) -> Option<Answer<T>> {
        let slot = self.queues[ANSWERED].pop(self.slots.as_mut())?;
        let wait = self.slots.as_mut()[slot as usize].wait.take();
        self.queues[FREE].push(self.slots.as_mut(), slot);
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
        let first = self.deadlines.first(self.slots.as_ref());
        let wait = first.and_then(|slot| self.wait(slot));
        wait.map_or(Instant::NEVER, |wait| wait.deadline)
    }
}
