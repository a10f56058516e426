//! A disk in memory that fails on command: full, failing, forgetful, and repeatable from a seed.
//!
//! What is fair: a write reaches the page cache at once, the disk when it is forced; names reach
//! the disk when their directory is forced. At a power cut, each 512-byte sector of each unforced
//! write may be on the disk or not, whatever came later (so writes are torn, reordered, lost, and
//! an overwrite may be undone); of unforced names a prefix is. After a failed fsync the page cache
//! shows what the disk may lack, and the next fsync succeeds without changing that. What was forced
//! stays, until somebody flips a bit.
//!
//! Two ways to lose power: [`FaultFs::crash`] leaves the losses to chance, and
//! [`FaultFs::after_power_cut`] has the caller decide the [`Fate`] of each [`Pending`] change.

mod fate;
mod files;
mod losses;
mod world;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use fate::{Change, Crash, Fate, Fault, Pending, Tear};
pub use world::Operation;

use crate::fs::Fs;
use world::World;

/// The disk. Clones share it.
///
/// [`FaultFs::crash`] starts the next incarnation: everything opened in an earlier one is dead.
#[derive(Clone)]
pub struct FaultFs {
    world: Arc<Mutex<World>>,
    incarnation: u64,
}

impl FaultFs {
    /// An empty disk without limits; all it leaves to chance follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::of(World::new(seed))
    }

    fn of(world: World) -> Self {
        let incarnation = world.incarnation;
        Self {
            world: Arc::new(Mutex::new(world)),
            incarnation,
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

    /// Bytes of all files together.
    pub fn used(&self) -> u64 {
        self.lock().used()
    }

    /// Lets the `nth` operation of that kind from now on fail, 1 being the next.
    pub fn fail(&self, fault: Fault, nth: u64) {
        self.lock().planned.push((fault, nth));
    }

    /// Lets the operation after `operations` more of them fail, whatever it is, and do what `fate`
    /// says: a write to the page cache, an fsync to the disk. Names and lengths stay as they were.
    pub fn fail_after(&self, operations: u64, fate: Fate) {
        let mut world = self.lock();
        world.fail_at = Some(world.operations + operations + 1);
        world.failure = Some(fate);
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

    /// The operation in which the machine stopped; `None` while it runs.
    pub fn stopped_in(&self) -> Option<Operation> {
        let world = self.lock();
        world.interrupted.as_ref().map(|was| was.operation.clone())
    }

    /// Ends this incarnation. What is returned is the same disk, found by the next one.
    #[must_use = "handles of the earlier incarnation are dead"]
    pub fn crash(&self, crash: Crash) -> Self {
        let mut world = self.lock();
        world.end_life();
        if crash == Crash::Power {
            world.boot += 1;
            world.lose_power();
        }
        Self {
            world: Arc::clone(&self.world),
            incarnation: world.incarnation,
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

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, if this incarnation has not ended.
    fn alive(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.lock();
        let stopped = world.stop_at.is_some_and(|at| world.operations > at);
        if world.incarnation != self.incarnation || stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        Ok(world)
    }
}
