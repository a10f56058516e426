//! One node and its host: it keeps what entries hold, and does what the core says.

use kit::framed;
use kraft_proto::{
    Class, CommitMode, Config, EntryKind, Envelope, Fate, Frame, Instant, LogIndex, LogPosition,
    Members, Nonce, Output, ProposeError, Proposed, Raft, ReadTicket, Receipt, Recovery, Role, Run,
    Slot, Snapshot, Trust, Waits,
};

use serde::Serialize;

use super::clock::Clock;
use super::disk::{Copied, Disk};
use super::entry::{self, Entry, Log};
use super::members::{self, Sets, bytes_of, number_of};
use super::plant::Plant;
use super::recalls::Recalls;
use super::sessions::Machine;
use super::snapshots::Kept;
use super::table::Table;

/// Clients that can wait at one node.
pub(crate) const WAITS_MAX: usize = 96;

/// Whether a node was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopping {
    No,
    Asked,
}

/// A read on its way.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Reading {
    pub ticket: ReadTicket,
    pub id: u64,
    pub after: Option<LogPosition>,
    pub asked_us: u64,
}

/// A node that runs.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub raft: Raft,
    /// What the core's log holds.
    pub log: Log,
    /// What a host that is wrong keeps: the log before it was cut last.
    pub before: Log,
    pub commit: usize,
    /// The configurations in the log, with their indexes, after the one it began with.
    pub configurations: Vec<(usize, u64)>,
    pub waits: Waits<u64, Vec<Slot<u64>>>,
    /// Positions acknowledged before commit and not settled.
    pub early: Vec<LogPosition>,
    /// Reads on their way.
    pub reads: Vec<Reading>,
    /// What sessions asked for here, until it is applied.
    pub asked: Vec<u64>,
    pub machine: Machine,
    /// The snapshot it took last.
    pub taken: Option<Kept>,
    /// It was asked for other members, which decide at once about what was there before too.
    pub decides_at_once: bool,
    pub life: u64,
    /// What that calls itself: another number only once its disk went back.
    pub number: u64,
    pub role: Role,
    pub term: u64,
    pub trust: Trust,
    /// The term it campaigns in because the leader said so.
    pub taking_over: Option<u64>,
    pub stopping: Stopping,
}

/// A place for a node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub config: Config,
    /// The configuration at index 0.
    pub members: Members,
    /// Which of its stores it runs on.
    pub generation: u64,
    pub disk: Disk,
    /// An earlier copy of it.
    pub copied: Option<Copied>,
    /// How often it was started, on any of its stores: the nonce of its newest incarnation.
    pub starts: u64,
    pub clock: Clock,
    pub live: Option<Box<Live>>,
    /// When it is to be woken, on the world's clock, and when outputs left over are fetched.
    pub wake_us: u64,
    pub poll_us: u64,
    /// What its host has yet to answer.
    pub recalls: Recalls,
    pub plant: Option<Plant>,
    /// Writes that a host which is wrong has kept.
    pub kept_writes: usize,
    /// The last append to each peer, of a host that sends them again.
    pub last_appends: Vec<(usize, Envelope, Vec<u8>)>,
}

/// The number of an incarnation, beyond those of earlier stores of the node: by its nonce, since the number
/// on its disk may come again.
pub(crate) fn life(generation: u64, starts: u64) -> u64 {
    generation << 32 | starts
}

impl Node {
    pub fn start(&mut self, now_us: u64) -> Result<(), String> {
        if self.plant == Some(Plant::ForgetsSynced) && self.config.id.0 != 1 {
            self.disk.forget_from(self.disk.log().len() / 2);
        }
        if self.plant == Some(Plant::ForgetsVote) {
            self.disk.forget_vote();
        }
        let same_boot = self.disk.is_same_boot() || self.plant == Some(Plant::SaysSameBoot);
        self.disk.recover();
        let hard = self.disk.saved().hard;
        let resumed = Recovery::resume(hard, self.members.clone());
        let resumed = match same_boot {
            true => resumed.same_boot(),
            false => resumed,
        };
        let resumed = match self.hint() {
            Some((hint, _)) => resumed.committed(hint),
            None => resumed,
        };
        let log = Log::from(self.disk.log().to_vec());
        let mut configurations = vec![(0, number_of(&self.members))];
        let mut recovery = resumed;
        let mut commit = 0;
        if let Some((covers, core)) = self.disk.snapshot() {
            let snapshot = Snapshot::decode(core).map_err(|error| error.to_string())?;
            recovery = recovery.snapshot(&snapshot);
            commit = *covers;
        }
        let mut machine = Machine::default();
        for entry in &log[..commit] {
            if let Some(request) = entry::request(entry) {
                machine.apply(request, self.plant);
            }
        }
        configurations.extend(entry::configurations(&log));
        let recovery = log.recover(LogIndex(commit as u64), recovery, |entry| {
            bytes_of(entry.data)
        });
        self.starts += 1;
        let nonce = match self.plant {
            Some(Plant::RepeatsNonce) => Nonce(hard.incarnation.number + 1),
            _ => Nonce(self.starts),
        };
        let raft = Raft::new(self.config, recovery, nonce, self.clock.show(now_us))
            .map_err(|error| format!("node {} does not start: {error}", self.config.id))?;
        let trust = match (hard.trust, same_boot) {
            (Trust::Dirty, false) => Trust::Suspect,
            (kept, _) => kept,
        };
        let term = hard.term.0.max(log.last().term.0);
        self.live = Some(Box::new(Live {
            raft,
            log,
            before: Log::default(),
            commit,
            configurations,
            waits: Waits::new(vec![Slot::default(); WAITS_MAX]),
            early: Vec::new(),
            reads: Vec::new(),
            asked: Vec::new(),
            machine,
            taken: None,
            decides_at_once: false,
            life: life(self.generation, self.starts),
            number: hard.incarnation.number + 1,
            role: Role::Follower,
            term,
            trust,
            taking_over: None,
            stopping: Stopping::No,
        }));
        Ok(())
    }

    /// When it wants to be woken.
    pub fn plan_wake(&mut self) {
        self.wake_us = match &self.live {
            Some(live) => {
                let own = live.raft.poll_timeout().min(live.waits.poll_timeout());
                self.clock.when(own)
            }
            None => u64::MAX,
        };
    }
}

impl Live {
    /// The entry at a position: the core must never name another.
    pub fn entry(&self, position: LogPosition) -> Result<Entry, String> {
        let there = self.log.at(position.index);
        let entry = there.filter(|entry| entry.term == position.term);
        entry
            .copied()
            .ok_or_else(|| format!("{position} is asked for, and there is {there:?}"))
    }

    pub fn entries(&self, run: Run) -> Result<Vec<Entry>, String> {
        run.positions()
            .map(|position| self.entry(position))
            .collect()
    }

    /// What became of an entry, by this node's core and its host's log.
    pub fn fate(&self, of: LogPosition) -> Fate {
        self.raft.fate_with(of, |index| self.log.run_at(index))
    }

    /// Takes an entry that the core added by itself.
    pub fn take_own_entry(&mut self, at: LogPosition, kind: EntryKind, bytes: &[u8]) {
        debug_assert_eq!(at.index.0, self.log.len() as u64 + 1);
        let number = members::number_in(bytes).filter(|_| kind == EntryKind::Configuration);
        self.push(Entry {
            term: at.term,
            kind,
            data: number.unwrap_or(0),
        });
    }

    fn push(&mut self, entry: Entry) {
        self.log.push(entry);
        if entry.kind == EntryKind::Configuration {
            self.configurations.push((self.log.len(), entry.data));
        }
    }

    /// The configuration in force: where it stands, and its number.
    pub fn configuration(&self) -> (usize, u64) {
        *self.configurations.last().unwrap_or(&(0, 0))
    }

    /// The voters by whose word it goes.
    pub fn sets(&self) -> Sets {
        Sets::of(self.configuration().1)
    }

    /// The voters that what it acknowledges must be counted in: while the newest configuration may
    /// be cut off, those of the one before too.
    pub fn deciding(&self) -> Sets {
        let (at, _) = self.configuration();
        let before = self.configurations.iter().rev().nth(1);
        match before {
            Some((_, before)) if at > self.commit => self.sets().and(Sets::of(*before)),
            _ => self.sets(),
        }
    }

    /// Takes a message. The place from which the log is new.
    pub fn receive(&mut self, now: Instant, frame: &Frame<'_>, state: Vec<Entry>) -> Option<usize> {
        let taken = self.raft.handle_message(now, frame);
        if taken.snapshot().is_some() {
            let core = frame.entries().next().unwrap_or_default().to_vec();
            self.restore(state, core);
            return Some(0);
        }
        let run = taken.run()?;
        let from = run.first.prev().0 as usize;
        self.log.cut(run.first);
        self.configurations.retain(|(at, _)| *at <= from);
        for (position, bytes) in taken.entries() {
            let data = match run.kind {
                EntryKind::Configuration => members::number_in(bytes).unwrap_or(0),
                _ => bytes.try_into().map_or(0, u64::from_le_bytes),
            };
            self.push(Entry {
                term: position.term,
                kind: run.kind,
                data,
            });
        }
        Some(from)
    }

    pub fn stored(&mut self, now: Instant, receipt: Receipt) {
        self.raft.handle_stored(now, receipt);
    }

    /// Proposes `count` entries numbered from `data` on.
    pub fn propose(
        &mut self,
        now: Instant,
        class: Class,
        count: u32,
        data: u64,
    ) -> Result<Proposed, ProposeError> {
        self.waits.check_room().map_err(ProposeError::Busy)?;
        let proposed = self.raft.propose(now, class, count)?;
        for offset in 0..count {
            self.log.push(Entry {
                term: proposed.run.term,
                kind: EntryKind::Command,
                data: data + u64::from(offset),
            });
        }
        let durability = *self.raft.durability();
        let all = proposed.mode == CommitMode::All;
        let deadline = all.then(|| now.after(durability.all_timeout));
        let last = proposed.run.last_position();
        let fallback = durability.fallback;
        // There is room: it was asked for.
        let _ = (self.waits).insert(data, last, &proposed, class, deadline, fallback);
        Ok(proposed)
    }

    /// The next output, shown to those who wait.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.raft.poll_output()?;
        let history = |index| self.log.run_at(index);
        self.waits.handle_output(&output, &self.raft, history);
        Some(output)
    }

    /// A message as bytes.
    pub fn encode(&self, envelope: &Envelope, plant: Option<Plant>) -> Result<Vec<u8>, String> {
        let held = |at| {
            let entry = self.entry(at).ok()?;
            let shipped = match plant {
                Some(Plant::ShipsOtherBytes) => entry.data + 1,
                _ => entry.data,
            };
            Some(match entry.kind {
                EntryKind::Command => shipped.to_le_bytes().to_vec(),
                EntryKind::Configuration => bytes_of(entry.data),
                EntryKind::NoOp => Vec::new(),
            })
        };
        framed(envelope, held).map_err(|error| error.to_string())
    }

    /// The terms with early acknowledgements that are not settled.
    pub fn early_terms(&self) -> usize {
        let mut terms = Table::default();
        for early in &self.early {
            terms.or_insert(early.term.0, ());
        }
        terms.keys().count()
    }
}
