//! A disk in memory that fails on command: full, failing, forgetful, and repeatable from a seed.
//!
//! What is fair: a write reaches the page cache at once, the disk when it is forced; names reach
//! the disk when their directory is forced. At a power cut, each 512-byte sector of each unforced
//! write may be on the disk or not, whatever came later (so writes are torn, reordered, lost, and
//! an overwrite may be undone); of unforced names a prefix is. After a failed fsync the page cache
//! shows what the disk may lack, and the next fsync succeeds without changing that. What was forced
//! stays, until somebody flips a bit.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fs::{File, Fs, LockGuard};
use super::identity::BootId;

const SECTOR: usize = 512;

/// Something to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write fails and nothing of it was written.
    Write,
    /// A write fails when half of it was written.
    ShortWrite,
    /// An fsync of a file fails.
    Sync,
    /// An fsync of a directory fails.
    SyncDir,
}

/// How a machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: the page cache lives.
    Process,
    /// The power goes: only the disk lives.
    Power,
}

/// The disk. Clones share it.
///
/// [`FaultFs::crash`] starts the next life: everything opened in an earlier one is dead.
#[derive(Clone)]
pub struct FaultFs {
    world: Arc<Mutex<World>>,
    life: u64,
}

struct World {
    life: u64,
    boot: u128,
    files: Vec<Inode>,
    directories: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    names_forced: BTreeMap<PathBuf, usize>,
    names_unforced: Vec<NameChange>,
    locked: BTreeSet<PathBuf>,
    capacity: u64,
    planned: Vec<(Fault, u64)>,
    operations: u64,
    stop_at: Option<u64>,
    chance: Chance,
}

/// A file: what a reader sees, what the disk has, and what lies between.
#[derive(Clone, Default)]
struct Inode {
    cached: Vec<u8>,
    forced: Vec<u8>,
    unforced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Size(usize),
}

#[derive(Clone)]
enum NameChange {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// A small repeatable source of chance (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
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

impl FaultFs {
    /// An empty disk without limits; all it leaves to chance follows from `seed`.
    pub fn new(seed: u64) -> Self {
        let world = World {
            life: 0,
            boot: 1,
            files: Vec::new(),
            directories: BTreeSet::new(),
            names: BTreeMap::new(),
            names_forced: BTreeMap::new(),
            names_unforced: Vec::new(),
            locked: BTreeSet::new(),
            capacity: u64::MAX,
            planned: Vec::new(),
            operations: 0,
            stop_at: None,
            chance: Chance(seed),
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            life: 0,
        }
    }

    /// Shared, as storage wants it.
    pub fn shared(&self) -> Arc<dyn Fs> {
        Arc::new(self.clone())
    }

    /// Limits the bytes of all files together.
    pub fn set_capacity(&self, bytes: u64) {
        self.lock().capacity = bytes;
    }

    /// Lets the `nth` operation of that kind from now on fail, 1 being the next.
    pub fn fail(&self, fault: Fault, nth: u64) {
        self.lock().planned.push((fault, nth));
    }

    /// Stops the machine in the middle of the operation that changes something after `operations`
    /// more of them: it and all later ones fail. Then call [`FaultFs::crash`].
    pub fn stop_after(&self, operations: u64) {
        let mut world = self.lock();
        world.stop_at = Some(world.operations + operations);
    }

    /// Operations so far that change something: writes, fsyncs, sizes, names.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Ends this life. What is returned is the same disk, found by the next one.
    #[must_use = "handles of the earlier life are dead"]
    pub fn crash(&self, crash: Crash) -> Self {
        let mut world = self.lock();
        world.life += 1;
        world.locked.clear();
        world.planned.clear();
        world.stop_at = None;
        if crash == Crash::Power {
            world.boot += 1;
            world.lose_power();
        }
        Self {
            world: Arc::clone(&self.world),
            life: world.life,
        }
    }

    /// Flips one bit of a file, on the disk and in the page cache.
    pub fn flip_bit(&self, path: &Path, offset: u64, bit: u8) {
        let mut world = self.lock();
        let Some(id) = world.names.get(path).copied() else {
            panic!("no file {}", path.display());
        };
        let file = &mut world.files[id];
        let at = offset as usize;
        for bytes in [&mut file.cached, &mut file.forced] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// What a reader of this file sees; `None` if there is none.
    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.lock();
        let id = world.names.get(path)?;
        Some(world.files[*id].cached.clone())
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, if this life has not ended.
    fn alive(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.lock();
        let stopped = world.stop_at.is_some_and(|at| world.operations > at);
        if world.life != self.life || stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        Ok(world)
    }
}

impl World {
    /// Counts an operation that changes something.
    fn begin(&mut self) -> Going {
        self.operations += 1;
        match self.stop_at {
            Some(at) if self.operations > at => Going::Stopping,
            _ => Going::On,
        }
    }

    /// Whether one of these faults is due; counts down the others.
    fn due(&mut self, kinds: &[Fault]) -> Option<Fault> {
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

    fn used(&self) -> u64 {
        let named = self.names.values();
        named.map(|id| self.files[*id].cached.len() as u64).sum()
    }

    fn id(&self, path: &Path) -> io::Result<usize> {
        let id = self.names.get(path).copied();
        id.ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn lose_power(&mut self) {
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
            for change in changes.into_iter().take(kept) {
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
        for change in names.into_iter().take(kept) {
            change.apply(&mut self.names_forced);
        }
        self.names.clone_from(&self.names_forced);
    }

    fn change_names(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.names_unforced.push(change);
    }
}

/// Whether an operation is the one in which the machine stops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Stopping,
}

fn stopped<T>() -> io::Result<T> {
    Err(io::Error::other("the machine stopped"))
}

fn failed<T>() -> io::Result<T> {
    Err(io::Error::other("injected failure"))
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
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
                let mut from = 0;
                while from < new.len() {
                    let at = offset + from;
                    let upto = new.len().min(from + SECTOR - at % SECTOR);
                    if chance.below(2) == 0 {
                        put(bytes, at, &new[from..upto]);
                    }
                    from = upto;
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, new: &[u8]) {
    let end = offset + new.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(new);
}

impl NameChange {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
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

    fn is_in(&self, dir: &Path) -> bool {
        let (Self::Create(path, _) | Self::Rename(path, _) | Self::Remove(path)) = self;
        path.parent() == Some(dir)
    }
}

impl Fs for FaultFs {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        let all = dir.ancestors().map(Path::to_owned);
        world.directories.extend(all);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let world = self.alive()?;
        if !world.directories.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let here = world.names.keys().filter(|path| path.parent() == Some(dir));
        let names = here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.alive()?.id(path)?;
        let fs = self.clone();
        Ok(Arc::new(FaultFile { fs, id }))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut world = self.alive()?;
        if world.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let going = world.begin();
        let id = world.files.len();
        world.files.push(Inode::default());
        world.change_names(NameChange::Create(path.to_owned(), id));
        if going == Going::Stopping {
            return stopped();
        }
        let fs = self.clone();
        Ok(Arc::new(FaultFile { fs, id }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        world.id(from)?;
        let going = world.begin();
        world.change_names(NameChange::Rename(from.to_owned(), to.to_owned()));
        if going == Going::Stopping {
            stopped()
        } else {
            Ok(())
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        world.id(path)?;
        let going = world.begin();
        world.change_names(NameChange::Remove(path.to_owned()));
        if going == Going::Stopping {
            stopped()
        } else {
            Ok(())
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        if world.begin() == Going::Stopping {
            return stopped();
        }
        if world.due(&[Fault::SyncDir]).is_some() {
            return failed();
        }
        let changes = std::mem::take(&mut world.names_unforced);
        let (here, elsewhere) = changes.into_iter().partition(|change| change.is_in(dir));
        world.names_unforced = elsewhere;
        let here: Vec<NameChange> = here;
        for change in here {
            change.apply(&mut world.names_forced);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        let mut world = self.alive()?;
        let dir = path.parent().unwrap_or(path);
        if !world.directories.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        if !world.locked.insert(path.to_owned()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (fs, path) = (self.clone(), path.to_owned());
        Ok(Box::new(FaultLock { fs, path }))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let world = self.alive()?;
        Ok(world.capacity.saturating_sub(world.used()))
    }

    fn boot_id(&self) -> Option<BootId> {
        Some(BootId(self.lock().boot))
    }
}

struct FaultLock {
    fs: FaultFs,
    path: PathBuf,
}

impl Drop for FaultLock {
    fn drop(&mut self) {
        let mut world = self.fs.lock();
        if world.life == self.fs.life {
            world.locked.remove(&self.path);
        }
    }
}

struct FaultFile {
    fs: FaultFs,
    id: usize,
}

impl File for FaultFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.fs.alive()?;
        let cached = &world.files[self.id].cached;
        let from = cached.len().min(offset as usize);
        let read = buffer.len().min(cached.len() - from);
        buffer[..read].copy_from_slice(&cached[from..from + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        let going = world.begin();
        let fault = world.due(&[Fault::Write, Fault::ShortWrite]);
        if fault == Some(Fault::Write) {
            return failed();
        }
        let size = world.files[self.id].cached.len() as u64;
        let grows = (offset + bytes.len() as u64).saturating_sub(size);
        let room = world.capacity.saturating_sub(world.used());
        let mut written = bytes.len();
        if grows > room {
            written = written.saturating_sub((grows - room) as usize);
        }
        if fault == Some(Fault::ShortWrite) {
            written /= 2;
        }
        let change = Change::Write {
            offset: offset as usize,
            bytes: bytes[..written].to_vec(),
        };
        let file = &mut world.files[self.id];
        change.apply(&mut file.cached);
        file.unforced.push(change);
        match (going, fault) {
            (Going::Stopping, _) => stopped(),
            (_, Some(_)) => failed(),
            _ if written < bytes.len() => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        if world.begin() == Going::Stopping {
            return stopped();
        }
        let fault = world.due(&[Fault::Sync]);
        let World { files, chance, .. } = &mut *world;
        let file = &mut files[self.id];
        for change in std::mem::take(&mut file.unforced) {
            match fault {
                None => change.apply(&mut file.forced),
                // Some of it got there; the rest counts as clean and will never be tried again.
                Some(_) => change.apply_torn(&mut file.forced, chance),
            }
        }
        if fault.is_some() { failed() } else { Ok(()) }
    }

    fn size(&self) -> io::Result<u64> {
        let world = self.fs.alive()?;
        Ok(world.files[self.id].cached.len() as u64)
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        let going = world.begin();
        let change = Change::Size(bytes as usize);
        let file = &mut world.files[self.id];
        change.apply(&mut file.cached);
        file.unforced.push(change);
        if going == Going::Stopping {
            stopped()
        } else {
            Ok(())
        }
    }
}
