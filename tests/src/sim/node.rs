//! One node and its host: it keeps what entries hold, and does what the core says.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Class, CommitMode, Config, EntryKind, Envelope, Frame, Instant, LogPosition, Members, Message,
    Output, ProposeError, Proposed, Raft, ReadTicket, Receipt, Recovery, Role, Run, Slot, Trust,
    Waits, entry_prefix,
};

use super::clock::Clock;
use super::disk::Disk;
use super::entry::{Entry, runs};
use super::plant::Plant;

/// Clients that can wait at one node.
pub(crate) const WAITS_MAX: usize = 96;

/// Whether a node was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopping {
    No,
    Asked,
}

/// A node that runs.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub raft: Raft,
    /// What the core's log holds.
    pub log: Vec<Entry>,
    pub commit: usize,
    pub waits: Waits<u64, Vec<Slot<u64>>>,
    /// Positions acknowledged before commit and not settled.
    pub early: Vec<LogPosition>,
    /// Reads on their way.
    pub reads: Vec<(ReadTicket, u64)>,
    pub life: u64,
    pub role: Role,
    pub term: u64,
    pub trust: Trust,
    pub stopping: Stopping,
}

/// A place for a node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub config: Config,
    pub members: Members,
    pub disk: Disk,
    pub clock: Clock,
    pub live: Option<Box<Live>>,
    /// When it is to be woken, on the world's clock, and when outputs left over are fetched.
    pub wake_us: u64,
    pub poll_us: u64,
    pub plant: Option<Plant>,
    /// Writes that a host which is wrong has kept.
    pub kept_writes: usize,
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
        let log = self.disk.log().to_vec();
        let recovery = runs(&log).into_iter().fold(resumed, Recovery::run);
        let raft = Raft::new(self.config, recovery, self.clock.show(now_us))
            .map_err(|error| format!("node {} does not start: {error}", self.config.id))?;
        let trust = match (hard.trust, same_boot) {
            (Trust::Dirty, false) => Trust::Suspect,
            (kept, _) => kept,
        };
        let term = hard.term.0.max(log.last().map_or(0, |entry| entry.term));
        self.live = Some(Box::new(Live {
            raft,
            log,
            commit: 0,
            waits: Waits::new(vec![Slot::default(); WAITS_MAX]),
            early: Vec::new(),
            reads: Vec::new(),
            life: hard.incarnation.0 + 1,
            role: Role::Follower,
            term,
            trust,
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
        let place = (position.index.0 as usize).wrapping_sub(1);
        match self.log.get(place) {
            Some(entry) if entry.term == position.term.0 => Ok(*entry),
            other => Err(format!("{position} is asked for, and there is {other:?}")),
        }
    }

    pub fn entries(&self, run: Run) -> Result<Vec<Entry>, String> {
        run.positions()
            .map(|position| self.entry(position))
            .collect()
    }

    /// The core adds its barrier by itself. The place from which the log is new.
    pub fn adopt_own_entries(&mut self) -> Option<usize> {
        let from = self.log.len();
        let next = LogPosition::ZERO.index.plus(from as u64 + 1);
        let run = self.raft.run_from(next, 1)?;
        self.log.push(Entry {
            term: run.term.0,
            kind: run.kind,
            data: 0,
        });
        Some(from)
    }

    /// Takes a message. The place from which the log is new.
    pub fn receive(&mut self, now: Instant, frame: &Frame<'_>) -> Option<usize> {
        let taken = self.raft.handle_message(now, frame);
        let run = taken.run()?;
        let from = run.first.prev().0 as usize;
        self.log.truncate(from);
        for (position, bytes) in taken.entries() {
            let data = bytes.try_into().map_or(0, u64::from_le_bytes);
            self.log.push(Entry {
                term: position.term.0,
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
                term: proposed.run.term.0,
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
        self.waits.handle_output(&output, &self.raft);
        Some(output)
    }

    /// A message as bytes.
    pub fn encode(&self, envelope: &Envelope, plant: Option<Plant>) -> Result<Vec<u8>, String> {
        let mut header = [0; FRAME_HEADER_MAX];
        let header = envelope.encode(&mut header).map_err(|e| format!("{e:?}"))?;
        let mut bytes = header.to_vec();
        if let Message::Append(append) = &envelope.message {
            for position in append.run().positions() {
                let entry = self.entry(position)?;
                let shipped = match plant {
                    Some(Plant::ShipsOtherBytes) => entry.data + 1,
                    _ => entry.data,
                };
                match entry.kind {
                    EntryKind::Command => {
                        bytes.extend(entry_prefix(8));
                        bytes.extend(shipped.to_le_bytes());
                    }
                    _ => bytes.extend(entry_prefix(0)),
                }
            }
        }
        Ok(bytes)
    }

    /// The terms with early acknowledgements that are not settled.
    pub fn early_terms(&self) -> usize {
        let mut terms: Vec<u64> = self.early.iter().map(|early| early.term.0).collect();
        terms.sort_unstable();
        terms.dedup();
        terms.len()
    }
}
