//! A disk that keeps what was synced, and of the rest what the crash lets it keep.

use kit::Writes;
use kraft_proto::{Force, HardState, LogPosition, Receipt, Run, Write};

use crate::chance::Chance;

/// An entry: it holds the number of its proposal; none in a no-op.
pub type Entry = kit::Entry<u64>;

pub type Log = kit::Log<u64>;

/// What a disk holds.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub hard: HardState,
    /// The whole log, of which the part a snapshot covers is known to the oracle only.
    pub log: Log,
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
    writes: Writes<Change>,
    /// Finished writes whose receipts may come again.
    finished: Vec<Write>,
}

impl Change {
    fn apply(&self, image: &mut Image) {
        match self {
            Self::Nothing => {}
            Self::Entries(run, entries) => image.log.put(run.first, entries.iter().copied()),
            Self::Snapshot(saved) => {
                image.log = Log::from(saved.state.clone());
                image.snapshot = Some(saved.clone());
            }
        }
    }
}

impl Disk {
    /// Takes a write, and what it changes in the log.
    pub fn take(&mut self, write: Write, change: Change) {
        self.writes.take(write, change).unwrap();
    }

    /// Whether something waits that the disk will do without being asked again.
    pub fn is_busy(&self) -> bool {
        let forced = self.writes.log().any(|write| write.force == Force::Now);
        forced || self.writes.waiting() > 0 || self.writes.hard_states().next().is_some()
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
                let forced = self.writes.is_forced();
                forced.then(|| self.sync_log()).flatten()
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
        let (hard, write) = self.writes.sync_hard_state()?;
        self.synced.hard = hard;
        self.finished.push(write.clone());
        Some(write.synced())
    }

    fn write_one(&mut self) -> Option<Receipt> {
        self.writes.write_one()?.1
    }

    /// An fsync of the log: everything written is synced, and the last receipt says so.
    fn sync_log(&mut self) -> Option<Receipt> {
        let (synced, receipt) = self.writes.sync(self.writes.written_count());
        for queued in synced {
            queued.change.apply(&mut self.synced);
            self.finished.extend(queued.write);
        }
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

    pub fn written_log(&self) -> Log {
        let mut image = self.synced.clone();
        for queued in self.writes.written() {
            queued.change.apply(&mut image);
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
            Crash::Process => self.writes.written_count(),
            Crash::Power | Crash::Stop => 0,
        };
        let all = self.writes.log().count();
        let kept = chance.number(certain as u64..=all as u64) as usize;
        let mut image = std::mem::take(&mut self.synced);
        for queued in self.writes.take_log().take(kept) {
            queued.change.apply(&mut image);
        }
        let hard_kept = chance.place(self.writes.hard_states().count() + 1);
        if let Some(hard) = self.writes.keep_hard_states(hard_kept) {
            image.hard = hard;
        }
        self.synced = image.clone();
        image
    }
}
