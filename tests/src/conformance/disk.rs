//! A file in memory for adapters that have no disk of their own to break.

use super::adapter::{Crash, Unsynced};
use super::chance::Chance;

/// Bytes that reach the disk together: a torn write is torn at these.
pub const SECTOR_BYTES: usize = 64;

/// The machine stopped; nothing more happens until the next incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// One file: what a reader sees, what the disk has, and what lies between.
///
/// A write is seen at once and on the disk after [`Disk::sync`]. At a power cut each sector of each
/// unsynced write may be on the disk or not, whatever came later.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    cached: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    machine: Machine,
}

/// Whether operations work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Machine {
    #[default]
    Running,
    /// In the middle of an operation, after this many more.
    StopsAfter(u64),
    Stopped,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Cut(usize),
}

impl Disk {
    /// What a reader sees.
    pub fn read(&self) -> Result<&[u8], Stopped> {
        match self.machine {
            Machine::Stopped => Err(Stopped),
            _ => Ok(&self.cached),
        }
    }

    /// Hands bytes to the operating system, at the end of the file.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let offset = self.cached.len();
        self.change(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        })
    }

    /// Cuts the file off.
    pub fn cut(&mut self, length: usize) -> Result<(), Stopped> {
        self.change(Change::Cut(length))
    }

    /// Forces everything to the disk.
    pub fn sync(&mut self) -> Result<(), Stopped> {
        self.begin()?;
        self.unsynced.clear();
        self.synced.clone_from(&self.cached);
        Ok(())
    }

    /// Stops the machine in the middle of an operation: see
    /// [`Adapter::stop_after`](super::Adapter::stop_after).
    pub fn stop_after(&mut self, operations: u64) {
        self.machine = Machine::StopsAfter(operations);
    }

    /// Ends an incarnation.
    pub fn crash(&mut self, crash: Crash) {
        self.machine = Machine::Running;
        let Crash::Power(unsynced) = crash else {
            return;
        };
        let changes = std::mem::take(&mut self.unsynced);
        match unsynced {
            Unsynced::Lost => {}
            Unsynced::Kept => changes.iter().for_each(|c| c.apply(&mut self.synced)),
            Unsynced::Torn(seed) => {
                let mut chance = Chance(seed);
                for change in &changes {
                    change.apply_torn(&mut self.synced, &mut chance);
                }
            }
        }
        self.cached.clone_from(&self.synced);
    }

    /// Counts an operation, and stops at the one that is due.
    fn begin(&mut self) -> Result<(), Stopped> {
        self.machine = match self.machine {
            Machine::Running => Machine::Running,
            Machine::StopsAfter(0) | Machine::Stopped => Machine::Stopped,
            Machine::StopsAfter(left) => Machine::StopsAfter(left - 1),
        };
        match self.machine {
            Machine::Stopped => Err(Stopped),
            _ => Ok(()),
        }
    }

    /// The write that is stopped gets halfway: a kill leaves that half.
    fn change(&mut self, mut change: Change) -> Result<(), Stopped> {
        let was = self.machine;
        let going = self.begin();
        if was == Machine::Stopped {
            return going;
        }
        if going.is_err()
            && let Change::Write { bytes, .. } = &mut change
        {
            bytes.truncate(bytes.len() / 2);
        }
        change.apply(&mut self.cached);
        self.unsynced.push(change);
        going
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Cut(length) => file.truncate(*length),
            Self::Write { offset, bytes } => put(file, *offset, bytes),
        }
    }

    /// Each sector by chance.
    fn apply_torn(&self, file: &mut Vec<u8>, chance: &mut Chance) {
        match self {
            Self::Cut(_) if chance.below(2) == 0 => {}
            Self::Cut(_) => self.apply(file),
            Self::Write { offset, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let at = offset + from;
                    let upto = bytes.len().min(from + SECTOR_BYTES - at % SECTOR_BYTES);
                    if chance.below(2) == 0 {
                        put(file, at, &bytes[from..upto]);
                    }
                    from = upto;
                }
            }
        }
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[offset..end].copy_from_slice(bytes);
}
