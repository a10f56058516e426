//! What becomes of changes that were not forced: decided one by one, on a copy of the disk.

use super::FaultFs;
use super::world::{Bytes, Interrupted, World, sectors};

/// A change that is not known to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The number of the operation that made it, counted as [`FaultFs::operations`] does.
    pub operation: u64,
    /// What it is.
    pub change: Change,
}

/// What a pending change changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many bytes of a file, from `offset` on.
    Write {
        /// The first byte.
        offset: usize,
        /// How many.
        bytes: usize,
    },
    /// The length of a file.
    Size,
    /// A name in a directory.
    Name,
}

/// What became of a pending change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the disk.
    Kept,
    /// It is not.
    Lost,
    /// A part of it is; of anything but a write, nothing.
    Torn(Tear),
}

/// Which part of a torn write is on the disk. Offsets count from the first byte of the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Only so many bytes.
    First(usize),
    /// All but so many bytes.
    From(usize),
    /// Every other sector: the first one not.
    OddSectors,
    /// Every other sector: the first one too.
    EvenSectors,
}

impl FaultFs {
    /// Every change the disk may lack, oldest first.
    pub fn pending(&self) -> Vec<Pending> {
        self.lock().pending()
    }

    /// A copy of the machine after a power cut that kept what `fate` says, and this one untouched.
    ///
    /// Names are kept in order: behind a name that is lost, all are.
    #[must_use = "the copy is the machine after the cut"]
    pub fn after_power_cut(&self, mut fate: impl FnMut(Pending) -> Fate) -> Self {
        let mut world = self.lock().clone();
        world.end_life();
        world.boot += 1;
        world.write_back(&mut fate);
        for file in &mut world.files {
            file.cached.clone_from(&file.forced);
        }
        for (operation, change) in std::mem::take(&mut world.names_unforced) {
            if fate(Pending::name(operation)) != Fate::Kept {
                break;
            }
            change.apply(&mut world.names_forced);
        }
        world.names.clone_from(&world.names_forced);
        Self::of(world)
    }

    /// A copy of the machine after its process was killed, and this one untouched.
    ///
    /// The page cache lives, with the operation under way having met `interrupted`. Of what was not
    /// forced the disk gets what `written_back` says and never more: the pages count as clean, and
    /// an fsync by the next process will not write them.
    #[must_use = "the copy is the machine after the kill"]
    pub fn after_kill(
        &self,
        interrupted: Fate,
        mut written_back: impl FnMut(Pending) -> Fate,
    ) -> Self {
        let mut world = self.lock().clone();
        if let Some(was) = world.interrupted.take() {
            world.redo(interrupted, was);
        }
        world.end_life();
        world.write_back(&mut written_back);
        Self::of(world)
    }

    /// A fingerprint of all names and all they name, on the disk and in the page cache.
    pub fn fingerprint(&self) -> u64 {
        let world = self.lock();
        let mut print = 0_u64;
        let mut add = |bytes: &[u8]| {
            let sum = u64::from(crc32c::crc32c(bytes)) + 1;
            print = (print.rotate_left(23) ^ sum).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        };
        for names in [&world.names, &world.names_forced] {
            add(&[]);
            for (path, id) in names {
                let file = &world.files[*id];
                add(path.as_os_str().as_encoded_bytes());
                add(&file.cached);
                if file.cached != file.forced {
                    add(&file.forced);
                }
            }
            if world.names == world.names_forced {
                break;
            }
        }
        print
    }
}

impl Pending {
    fn name(operation: u64) -> Self {
        let change = Change::Name;
        Self { operation, change }
    }

    fn of(operation: u64, bytes: &Bytes) -> Self {
        let change = match bytes {
            Bytes::Size(_) => Change::Size,
            Bytes::Write { offset, bytes } => Change::Write {
                offset: *offset,
                bytes: bytes.len(),
            },
        };
        Self { operation, change }
    }
}

impl World {
    fn pending(&self) -> Vec<Pending> {
        let contents = self.files.iter().flat_map(|file| &file.unforced);
        let contents = contents.map(|(operation, change)| Pending::of(*operation, change));
        let names = self.names_unforced.iter();
        let names = names.map(|(operation, _)| Pending::name(*operation));
        let mut pending: Vec<Pending> = contents.chain(names).collect();
        pending.sort_by_key(|pending| pending.operation);
        pending
    }

    fn write_back(&mut self, fate: &mut impl FnMut(Pending) -> Fate) {
        for file in &mut self.files {
            for (operation, change) in std::mem::take(&mut file.unforced) {
                change.meet(fate(Pending::of(operation, &change)), &mut file.forced);
            }
        }
    }

    /// Undoes the operation under way and does of it what its fate says.
    fn redo(&mut self, fate: Fate, was: Interrupted) {
        let now = self.operations;
        if fate == Fate::Lost {
            self.names = was.names;
            self.names_unforced
                .retain(|(operation, _)| *operation != now);
        }
        let Some((id, cached)) = was.file else {
            return;
        };
        let file = &mut self.files[id];
        if let Some((_, change)) = file.unforced.pop_if(|(at, _)| *at == now) {
            file.cached = cached;
            self.change_partly(id, change, fate);
        }
    }
}

impl Bytes {
    /// Applies as much of it as its fate says.
    pub(super) fn meet(&self, fate: Fate, bytes: &mut Vec<u8>) {
        for part in self.parts(fate) {
            part.apply(bytes);
        }
    }

    /// As much of it as its fate says.
    pub(super) fn parts(&self, fate: Fate) -> Vec<Self> {
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
}
