//! The machine behind the files: its page cache, its disk, and what lies between.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::fate::{Fate, Fault, Tear};

const SECTOR: usize = 512;

#[derive(Clone)]
pub(super) struct World {
    pub incarnation: u64,
    pub boot: u128,
    pub files: Vec<Inode>,
    pub directories: BTreeSet<PathBuf>,
    pub names: BTreeMap<PathBuf, usize>,
    pub names_forced: BTreeMap<PathBuf, usize>,
    pub names_unforced: Vec<(u64, NameChange)>,
    pub locked: BTreeSet<PathBuf>,
    pub capacity: u64,
    pub planned: Vec<(Fault, u64)>,
    pub failure: Option<Fate>,
    pub operations: u64,
    pub stop_at: Option<u64>,
    pub fail_at: Option<u64>,
    pub interrupted: Option<Interrupted>,
    pub chance: Chance,
}

/// A file: what a reader sees, what the disk has, and what lies between, each change with the
/// number of the operation that made it.
#[derive(Clone, Default)]
pub(super) struct Inode {
    pub cached: Vec<u8>,
    pub forced: Vec<u8>,
    pub unforced: Vec<(u64, Bytes)>,
}

/// A change of a file's content.
#[derive(Clone)]
pub(super) enum Bytes {
    Write { offset: usize, bytes: Vec<u8> },
    Size(usize),
}

/// A change of a directory.
#[derive(Clone)]
pub(super) enum NameChange {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// An operation that changes something, with the file or directory it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file is created.
    Create(PathBuf),
    /// Bytes are written.
    Write(PathBuf),
    /// A file is cut or extended.
    Resize(PathBuf),
    /// A file is forced.
    Sync(PathBuf),
    /// A file gets this name.
    Rename(PathBuf),
    /// A name is removed.
    Remove(PathBuf),
    /// The names in a directory are forced.
    SyncDir(PathBuf),
}

/// The operation in which the machine stopped, and what it had not yet touched.
#[derive(Clone)]
pub(super) struct Interrupted {
    pub operation: Operation,
    pub names: BTreeMap<PathBuf, usize>,
    pub file: Option<(usize, Vec<u8>)>,
}

/// A small repeatable source of chance (SplitMix64).
#[derive(Clone)]
pub(super) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// What a power cut does to the unforced writes of a machine.
#[derive(Clone, Copy)]
enum Loss {
    Everything,
    Nothing,
    /// Later writes first.
    Tail,
    /// Sector by sector.
    Sectors,
}

/// What is planned for an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Going {
    On,
    /// It fails, and later ones may succeed.
    Failing,
    /// The machine stops in it.
    Stopping,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            incarnation: 0,
            boot: 1,
            files: Vec::new(),
            directories: BTreeSet::new(),
            names: BTreeMap::new(),
            names_forced: BTreeMap::new(),
            names_unforced: Vec::new(),
            locked: BTreeSet::new(),
            capacity: u64::MAX,
            planned: Vec::new(),
            failure: None,
            operations: 0,
            stop_at: None,
            fail_at: None,
            interrupted: None,
            chance: Chance(seed),
        }
    }

    /// Counts an operation that changes something; `file` is the one it changes, if it is one.
    pub fn begin(&mut self, operation: Operation, file: Option<usize>) -> Going {
        self.operations += 1;
        match self.stop_at {
            Some(at) if self.operations > at => {
                self.interrupted = Some(Interrupted {
                    operation,
                    names: self.names.clone(),
                    file: file.map(|id| (id, self.files[id].cached.clone())),
                });
                Going::Stopping
            }
            _ if self.fail_at == Some(self.operations) => Going::Failing,
            _ => Going::On,
        }
    }

    /// Whether one of these faults is due; counts down the others.
    pub fn due(&mut self, kinds: &[Fault]) -> Option<Fault> {
        let mut due = None;
        self.planned.retain_mut(|(fault, nth)| {
            if !kinds.contains(fault) {
                return true;
            }
            *nth = nth.saturating_sub(1);
            if *nth == 0 && due.is_none() {
                due = Some(*fault);
                return false;
            }
            true
        });
        due
    }

    pub fn used(&self) -> u64 {
        let named = self.names.values();
        named.map(|id| self.files[*id].cached.len() as u64).sum()
    }

    pub fn id(&self, path: &Path) -> io::Result<usize> {
        let id = self.names.get(path).copied();
        id.ok_or_else(|| ErrorKind::NotFound.into())
    }

    pub fn change(&mut self, id: usize, change: Bytes) {
        let file = &mut self.files[id];
        change.apply(&mut file.cached);
        file.unforced.push((self.operations, change));
    }

    pub fn change_names(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.names_unforced.push((self.operations, change));
    }

    /// The process is gone.
    pub fn end_life(&mut self) {
        self.incarnation += 1;
        self.locked.clear();
        self.planned.clear();
        self.failure = None;
        self.stop_at = None;
        self.fail_at = None;
        self.interrupted = None;
    }

    /// An fsync that fails: some of it gets to the disk; the rest counts as clean and is never
    /// tried again.
    pub fn fail_sync(&mut self, id: usize) {
        let file = &mut self.files[id];
        for (_, change) in std::mem::take(&mut file.unforced) {
            match self.failure {
                Some(fate) => change.meet(fate, &mut file.forced),
                None => change.apply_torn(&mut file.forced, &mut self.chance),
            }
        }
    }

    /// A change that does not end well: a part of it is in the page cache, and gets to the disk like
    /// any other.
    pub fn change_partly(&mut self, id: usize, change: Bytes, fate: Fate) {
        for part in change.parts(fate) {
            self.change(id, part);
        }
    }

    pub fn lose_power(&mut self) {
        let loss = match self.chance.below(5) {
            0 => Loss::Everything,
            1 => Loss::Nothing,
            2 => Loss::Tail,
            _ => Loss::Sectors,
        };
        for file in &mut self.files {
            let changes = std::mem::take(&mut file.unforced);
            let kept = match loss {
                Loss::Everything => 0,
                Loss::Tail => self.chance.below(changes.len() + 1),
                Loss::Nothing | Loss::Sectors => changes.len(),
            };
            for (_, change) in changes.into_iter().take(kept) {
                match loss {
                    Loss::Sectors => change.apply_torn(&mut file.forced, &mut self.chance),
                    _ => change.apply(&mut file.forced),
                }
            }
            file.cached.clone_from(&file.forced);
        }
        let names = std::mem::take(&mut self.names_unforced);
        let kept = match loss {
            Loss::Everything => 0,
            Loss::Nothing => names.len(),
            Loss::Tail | Loss::Sectors => self.chance.below(names.len() + 1),
        };
        for (_, change) in names.into_iter().take(kept) {
            change.apply(&mut self.names_forced);
        }
        self.names.clone_from(&self.names_forced);
    }
}

impl Bytes {
    /// Applies as much of it as its fate says.
    pub fn meet(&self, fate: Fate, bytes: &mut Vec<u8>) {
        for part in self.parts(fate) {
            part.apply(bytes);
        }
    }

    /// As much of it as its fate says.
    pub fn parts(&self, fate: Fate) -> Vec<Self> {
        let tear = match fate {
            Fate::Lost => return Vec::new(),
            Fate::Kept => return vec![self.clone()],
            Fate::Torn(tear) => tear,
        };
        let Self::Write { offset, bytes: new } = self else {
            return Vec::new();
        };
        let length = new.len();
        let kept: Vec<(usize, usize)> = match tear {
            Tear::First(count) => vec![(0, count.min(length))],
            Tear::From(count) => vec![(count.min(length), length)],
            Tear::OddSectors => sectors(*offset, length).skip(1).step_by(2).collect(),
            Tear::EvenSectors => sectors(*offset, length).step_by(2).collect(),
        };
        let part = |(from, upto): (usize, usize)| Self::Write {
            offset: offset + from,
            bytes: new[from..upto].to_vec(),
        };
        kept.into_iter().map(part).collect()
    }

    pub fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Size(size) => bytes.resize(*size, 0),
            Self::Write { offset, bytes: new } => put(bytes, *offset, new),
        }
    }

    /// Each sector by chance.
    fn apply_torn(&self, bytes: &mut Vec<u8>, chance: &mut Chance) {
        match self {
            Self::Size(_) if chance.below(2) == 0 => {}
            Self::Size(_) => self.apply(bytes),
            Self::Write { offset, bytes: new } => {
                for (from, upto) in sectors(*offset, new.len()) {
                    if chance.below(2) == 0 {
                        put(bytes, offset + from, &new[from..upto]);
                    }
                }
            }
        }
    }
}

/// The pieces of a write of `bytes` bytes at `offset` that reach the disk as one.
pub(super) fn sectors(offset: usize, bytes: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let upto = bytes.min(from + SECTOR - (offset + from) % SECTOR);
        let piece = (from, upto);
        from = upto;
        (piece.0 < piece.1).then_some(piece)
    })
}

fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    if bytes.len() < offset {
        bytes.resize(offset, 0);
    }
    let over = new.len().min(bytes.len() - offset);
    bytes[offset..offset + over].copy_from_slice(&new[..over]);
    bytes.extend_from_slice(&new[over..]);
}

impl NameChange {
    pub fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Create(path, id) => {
                names.insert(path, id);
            }
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(&from) {
                    names.insert(to, id);
                }
            }
            Self::Remove(path) => {
                names.remove(&path);
            }
        }
    }

    pub fn is_in(&self, dir: &Path) -> bool {
        let (Self::Create(path, _) | Self::Rename(path, _) | Self::Remove(path)) = self;
        path.parent() == Some(dir)
    }
}
