//! One node and its host: it keeps what entries hold, and does what the core says.

use std::collections::{BTreeMap, BTreeSet};

use kit::framed;
use kraft_proto::{
    Change, Class, Config, EntryKind, Envelope, Fate, Frame, Incarnation, Instant, LogIndex,
    LogPosition, Members, Message, NodeId, Nonce, Output, Raft, ReadTicket, Receipt, Recovery, Run,
    Slot, Snapshot, Trust, Waits,
};

use crate::configurations;
use crate::disk::{Crash, Disk, Entry, Image, Log, Saved};

/// Marks who waits for commit, whatever the first answer was.
pub const AWAITED: u64 = 1 << 63;

/// A read on its way.
pub struct Reading {
    pub ticket: ReadTicket,
    /// The index it must reach.
    pub floor: u64,
    /// An entry that it is to see too.
    pub after: LogPosition,
}

/// A node that runs.
pub struct Live {
    pub raft: Raft,
    /// What the core's log holds, and what a snapshot stands for.
    pub log: Log,
    /// Commit as the oracle knows it.
    pub commit: usize,
    /// What the core has told to be committed, or restored.
    pub applied: usize,
    /// Snapshots made and taken.
    pub snapshots: BTreeMap<LogPosition, Saved>,
    pub waits: Waits<u64, Vec<Slot<u64>>>,
    /// Positions acknowledged before commit and not settled.
    pub early: Vec<LogPosition>,
    pub reads: Vec<Reading>,
    /// What it was trusted with when it was last looked at.
    pub trust: Trust,
    /// Entries of the core's own whose bytes it did not hand over yet.
    unhanded: BTreeSet<LogPosition>,
}

/// A place for a node.
pub struct Host {
    pub config: Config,
    pub members: Members,
    pub disk: Disk,
    pub image: Image,
    /// How the last incarnation ended.
    pub crashed: Crash,
    /// The last position told as committed that it kept; never forced.
    pub hint: Option<LogPosition>,
    pub live: Option<Live>,
}

impl Host {
    pub fn new(config: Config, members: Members) -> Self {
        Self {
            config,
            members,
            disk: Disk::default(),
            image: Image::default(),
            crashed: Crash::Process,
            hint: None,
            live: None,
        }
    }

    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// The incarnation that runs, or the last that did.
    pub fn life(&self) -> (NodeId, Incarnation) {
        let incarnation = match &self.live {
            Some(live) => live.raft.status().incarnation,
            None => self.image.hard.incarnation,
        };
        (self.config.id, incarnation)
    }

    pub fn start(&mut self, now: Instant) {
        let resumed = Recovery::resume(self.image.hard, self.members.clone());
        let resumed = match self.crashed {
            Crash::Process => resumed.same_boot(),
            Crash::Power | Crash::Stop => resumed,
        };
        let resumed = match self.hint {
            Some(hint) => resumed.committed(hint),
            None => resumed,
        };
        let (log, saved) = (&self.image.log, self.image.snapshot.as_ref());
        let (resumed, base) = match saved {
            None => (resumed, 0),
            Some(saved) => {
                let core = Snapshot::decode(&saved.core).expect("what was encoded decodes");
                (resumed.snapshot(&core), saved.state.len())
            }
        };
        let recovery = log.recover(LogIndex(base as u64), resumed, |entry| {
            configurations::numbered(entry.data).to_bytes().to_vec()
        });
        // No disk goes back here, so the number tells starts apart by itself.
        let nonce = Nonce(self.image.hard.incarnation.number + 1);
        let raft = Raft::new(self.config, recovery, nonce, now).expect("a disk recovers");
        self.live = Some(Live {
            raft,
            log: self.image.log.clone(),
            commit: base,
            applied: base,
            snapshots: saved
                .map(|saved| (saved.last, saved.clone()))
                .into_iter()
                .collect(),
            waits: Waits::new((0..512).map(|_| Slot::default()).collect()),
            early: Vec::new(),
            reads: Vec::new(),
            trust: Trust::Clean,
            unhanded: BTreeSet::new(),
        });
    }
}

impl Live {
    /// The entry at a position: the core must never name another.
    pub fn entry(&self, position: LogPosition) -> Entry {
        let gone = self.raft.status().compacted.index;
        assert!(position.index > gone, "{position} is in a snapshot");
        let entry = self.log.find(position).copied();
        entry.unwrap_or_else(|| panic!("{position} is not in the log"))
    }

    pub fn entries(&self, run: Run) -> Vec<Entry> {
        run.positions()
            .map(|position| self.entry(position))
            .collect()
    }

    /// What became of an entry, by the core and its host's log.
    pub fn fate(&self, of: LogPosition) -> Fate {
        self.raft.fate_with(of, |index| self.log.run_at(index))
    }

    /// The core adds no-ops and configurations by itself. Seen here at once, as this host may take no
    /// output for a while; that the core hands over the same, [`Live::check_own_entry`] sees.
    pub fn adopt_own_entries(&mut self) {
        while let Some(run) = self.raft.run_from(self.log.last().index.next(), 1) {
            let data = match run.kind {
                EntryKind::NoOp => 0,
                EntryKind::Configuration => {
                    configurations::number_of(&self.raft.members().to_bytes())
                }
                EntryKind::Command => panic!("nobody proposed {}", run.last_position()),
            };
            self.unhanded.insert(run.last_position());
            self.log.push(Entry {
                term: run.term,
                kind: run.kind,
                data,
            });
        }
    }

    /// What the core hands over of its own is what stands in its log.
    pub fn check_own_entry(&mut self, at: LogPosition, kind: EntryKind, bytes: &[u8]) {
        let data = match kind {
            EntryKind::Configuration => configurations::number_of(bytes),
            EntryKind::NoOp | EntryKind::Command => 0,
        };
        let entry = self.entry(at);
        assert_eq!((entry.kind, entry.data), (kind, data), "{at}");
        assert_ne!(kind, EntryKind::Command, "{at}");
        assert!(self.unhanded.remove(&at), "{at} was handed over before");
    }

    /// What a write or a message names, the host has the bytes of.
    pub fn check_handed(&self, run: Run) {
        for at in run.positions() {
            assert!(!self.unhanded.contains(&at), "{at} is named without bytes");
        }
    }

    /// Proposes other members.
    pub fn change_members(&mut self, now: Instant, changes: &[Change]) -> Option<Run> {
        let proposed = self.raft.propose_members(now, changes);
        self.adopt_own_entries();
        proposed.ok().map(|proposed| proposed.run)
    }

    /// `state` is what comes beside a snapshot.
    pub fn receive(&mut self, now: Instant, bytes: &[u8], state: &[Entry]) {
        let frame = Frame::decode(bytes).expect("what a node sends decodes");
        let taken = self.raft.handle_message(now, &frame);
        if let Some(run) = taken.run() {
            self.log.cut(run.first);
            for (position, bytes) in taken.entries() {
                assert_eq!(position.index.0 as usize, self.log.len() + 1);
                let data = match run.kind {
                    EntryKind::Configuration => configurations::number_of(bytes),
                    _ => bytes.try_into().map_or(0, u64::from_le_bytes),
                };
                self.log.push(Entry {
                    term: position.term,
                    kind: run.kind,
                    data,
                });
            }
        }
        if let Some(last) = taken.snapshot() {
            self.log = Log::from(state.to_vec());
            let core = frame.entries().next().expect("its core").to_vec();
            let state = state.to_vec();
            self.snapshots.insert(last, Saved { last, core, state });
        }
        self.adopt_own_entries();
    }

    pub fn stored(&mut self, now: Instant, receipt: Receipt) {
        self.raft.handle_stored(now, receipt);
        self.adopt_own_entries();
    }

    pub fn timeout(&mut self, now: Instant) {
        if self.raft.poll_timeout() <= now {
            self.raft.handle_timeout(now);
            self.adopt_own_entries();
        }
        let history = |index| self.log.run_at(index);
        self.waits.handle_timeout(now, &mut self.raft, history);
    }

    /// Proposes `count` entries numbered from `data` on.
    pub fn propose(&mut self, now: Instant, class: Class, count: u32, data: u64) -> Option<Run> {
        if !self.waits.has_room() {
            return None;
        }
        let proposed = self.raft.propose(now, class, count).ok()?;
        for offset in 0..count {
            self.log.push(Entry {
                term: proposed.run.term,
                kind: EntryKind::Command,
                data: data + u64::from(offset),
            });
        }
        let durability = *self.raft.durability();
        let all = proposed.mode == kraft_proto::CommitMode::All;
        let deadline = all.then(|| now.after(durability.all_timeout));
        let last = proposed.run.last_position();
        self.waits
            .insert(data, last, &proposed, class, deadline, durability.fallback)
            .expect("there was room");
        Some(proposed.run)
    }

    /// The next output, shown to those who wait.
    pub fn poll(&mut self) -> Option<Output> {
        self.adopt_own_entries();
        let output = self.raft.poll_output()?;
        let history = |index| self.log.run_at(index);
        self.waits.handle_output(&output, &self.raft, history);
        Some(output)
    }

    /// A message as bytes.
    pub fn encode(&self, envelope: &Envelope) -> Vec<u8> {
        let held = |at| match &envelope.message {
            Message::Snapshot { last } => self.snapshots[last].core.clone(),
            _ => {
                let entry = self.entry(at);
                match entry.kind {
                    EntryKind::Command => entry.data.to_le_bytes().to_vec(),
                    EntryKind::NoOp => Vec::new(),
                    EntryKind::Configuration => {
                        configurations::numbered(entry.data).to_bytes().to_vec()
                    }
                }
            }
        };
        framed(envelope, |at| Some(held(at))).expect("every entry has bytes")
    }
}
