//! A disk that keeps what was synced, and of the rest what the crash lets it keep.

use std::collections::VecDeque;

use kraft_proto::{
    EntryKind, Force, FsyncMode, HardState, LogIndex, LogPosition, Receipt, Run, Term, Unsynced,
    Write, WriteKind,
};

use crate::chance::Chance;

/// An entry: its term, and the number of its proposal; none in a no-op.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub term: u64,
    pub kind: EntryKind,
    pub data: u64,
}

/// The run around an index of a log: entries of one term and one kind.
pub fn run_at(log: &[Entry], index: LogIndex) -> Option<Run> {
    let place = (index.0 as usize).checked_sub(1)?;
    let there = log.get(place)?;
    let alike = |entry: &&Entry| (entry.term, entry.kind) == (there.term, there.kind);
    let (before, behind) = match there.kind {
        EntryKind::Configuration => (0, 0),
        EntryKind::Command | EntryKind::NoOp => (
            log[..place].iter().rev().take_while(alike).count(),
            log[place + 1..].iter().take_while(alike).count(),
        ),
    };
    Some(Run {
        term: Term(there.term),
        kind: there.kind,
        first: LogIndex((place - before) as u64 + 1),
        count: (before + 1 + behind) as u32,
    })
}

/// What a disk holds.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub hard: HardState,
    /// The whole log, of which the part a snapshot covers is known to the oracle only.
    pub log: Vec<Entry>,
    pub snapshot: Option<Saved>,
}

/// A snapshot: the core's bytes of it, and as the state of its host the log it stands for.
#[derive(Clone, Debug)]
pub struct Saved {
    pub last: LogPosition,
    pub core: Vec<u8>,
    pub state: Vec<Entry>,
}

/// What a log write changes.
#[derive(Clone, Debug)]
pub enum Change {
    Nothing,
    Entries(Run, Vec<Entry>),
    Snapshot(Saved),
}

/// A log write on its way to the disk.
#[derive(Clone, Debug)]
struct LogWrite {
    change: Change,
    write: Write,
    force: Force,
    unsynced: Option<Unsynced>,
}

/// How a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Its process: the operating system still has what was written.
    Process,
    /// Its power: only what was synced is certain.
    Power,
    /// In order: everything is on the disk, and its power may be cut afterwards.
    Stop,
}

/// The disk of one node.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    synced: Image,
    /// Oldest first; those that are written come before those that are not.
    log: VecDeque<LogWrite>,
    written: usize,
    hard: VecDeque<(HardState, Write)>,
    /// Finished writes whose receipts may come again.
    finished: Vec<Write>,
}

impl LogWrite {
    fn apply(&self, image: &mut Image) {
        match &self.change {
            Change::Nothing => {}
            Change::Entries(run, entries) => {
                image.log.truncate(run.first.prev().0 as usize);
                image.log.extend(entries);
            }
            Change::Snapshot(saved) => {
                image.log.clone_from(&saved.state);
                image.snapshot = Some(saved.clone());
            }
        }
    }
}

impl Disk {
    /// Takes a write of the log, and what it changes.
    pub fn take(&mut self, write: Write, change: Change) {
        if let WriteKind::HardState(hard) = write.kind() {
            self.hard.push_back((hard, write));
            return;
        }
        let alone = |write: &LogWrite| {
            let entries = matches!(write.change, Change::Entries(..));
            entries && write.write.class().fsync == FsyncMode::Always
        };
        assert!(
            !self.log.iter().any(alone),
            "written before an ALWAYS entry was synced: {write:?}"
        );
        self.log.push_back(LogWrite {
            change,
            force: write.force(),
            write,
            unsynced: None,
        });
    }

    /// Whether something waits that the disk will do without being asked again.
    pub fn is_busy(&self) -> bool {
        let forced = self.log.iter().any(|write| write.force == Force::Now);
        forced || self.written < self.log.len() || !self.hard.is_empty()
    }

    /// Goes on a little. Returns the receipt that this earns.
    pub fn advance(&mut self, chance: &mut Chance) -> Option<Receipt> {
        match chance.number(0..=9) {
            0..=2 => self.sync_hard_state(),
            3..=5 => self.write_one(),
            6 if chance.permille(100) => self.sync_log(),
            9 if !self.finished.is_empty() => {
                let place = chance.place(self.finished.len());
                Some(self.finished[place].clone().synced())
            }
            _ => {
                let asked = self.log.iter().take(self.written);
                let asked = asked.filter(|write| write.force == Force::Now).count();
                (asked > 0).then(|| self.sync_log()).flatten()
            }
        }
    }

    /// Does the next thing that is left to do.
    pub fn finish_one(&mut self) -> Option<Receipt> {
        self.sync_hard_state()
            .or_else(|| self.write_one())
            .or_else(|| self.sync_log())
    }

    fn sync_hard_state(&mut self) -> Option<Receipt> {
        let (hard, write) = self.hard.pop_front()?;
        self.synced.hard = hard;
        self.finished.push(write.clone());
        Some(write.synced())
    }

    fn write_one(&mut self) -> Option<Receipt> {
        let write = self.log.get_mut(self.written)?;
        self.written += 1;
        let (receipt, unsynced) = write.write.clone().written();
        write.unsynced = Some(unsynced);
        Some(receipt)
    }

    /// An fsync of the log: everything written is synced, and the last receipt says so.
    fn sync_log(&mut self) -> Option<Receipt> {
        let mut receipt = None;
        for write in self.log.drain(..self.written) {
            write.apply(&mut self.synced);
            self.finished.push(write.write);
            receipt = write.unsynced.map(Unsynced::synced);
        }
        self.written = 0;
        receipt
    }

    /// The hard state on the disk.
    pub fn synced_hard_state(&self) -> HardState {
        self.synced.hard
    }

    /// The log as far as it is synced, and as far as it is written.
    pub fn synced_log(&self) -> &[Entry] {
        &self.synced.log
    }

    pub fn written_log(&self) -> Vec<Entry> {
        let mut image = self.synced.clone();
        for write in self.log.iter().take(self.written) {
            write.apply(&mut image);
        }
        image.log
    }

    /// The host puts a snapshot of its own on the disk, synced, in place of the log it covers.
    pub fn compact(&mut self, saved: Saved) {
        let covered = self.synced.log.get(..saved.state.len());
        assert_eq!(
            covered,
            Some(&saved.state[..]),
            "a snapshot ahead of the synced log"
        );
        self.synced.snapshot = Some(saved);
    }

    /// What the next incarnation finds.
    pub fn crash(&mut self, how: Crash, chance: &mut Chance) -> Image {
        let certain = match how {
            Crash::Process => self.written,
            Crash::Power | Crash::Stop => 0,
        };
        let kept = chance.number(certain as u64..=self.log.len() as u64) as usize;
        let mut image = std::mem::take(&mut self.synced);
        for write in self.log.drain(..).take(kept) {
            write.apply(&mut image);
        }
        let hard_kept = chance.place(self.hard.len() + 1);
        if let Some((hard, _)) = self.hard.drain(..).take(hard_kept).next_back() {
            image.hard = hard;
        }
        self.written = 0;
        self.synced = image.clone();
        image
    }
}

/// The runs of a log.
pub fn runs(log: &[Entry]) -> impl Iterator<Item = Run> {
    log.iter().zip(1..).map(|(entry, index)| Run {
        term: Term(entry.term),
        kind: entry.kind,
        first: LogIndex(index),
        count: 1,
    })
}
