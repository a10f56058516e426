//! A store whose surroundings run short: of room, of descriptors, of rights, of patience.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kraft_storage::fs::{File, LockGuard};
use kraft_storage::testing::bench::{self, commands, dir, formatted, founding, identity, options};
use kraft_storage::testing::{Crash, FaultFs};
use kraft_storage::{BootId, Fs, Opened, Options, RealFs, Reserve, Store, StoreOpenError};

/// Appends entries of a kilobyte, and forces them.
fn append(store: &mut Store, first: u64, count: u32) {
    bench::append(store, commands(1, first, count), 1000).unwrap();
    store.force().unwrap();
}

/// Files whose calls fail a number of times first, as those of a system in want do.
struct Wanting {
    fs: FaultFs,
    lock: Failing,
    open: Failing,
}

struct Failing {
    error: fn() -> io::Error,
    left: AtomicU32,
}

impl Failing {
    fn times(left: u32, error: fn() -> io::Error) -> Self {
        let left = AtomicU32::new(left);
        Self { error, left }
    }

    fn never() -> Self {
        Self::times(0, || io::ErrorKind::Other.into())
    }

    fn left(&self) -> u32 {
        self.left.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.left() == 0 {
            return Ok(());
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
        Err((self.error)())
    }
}

impl Fs for Wanting {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.fs.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.fs.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open.check()?;
        self.fs.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open.check()?;
        self.fs.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fs.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fs.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.open.check()?;
        self.fs.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        self.lock.check()?;
        self.fs.lock(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.fs.free_bytes(dir)
    }

    fn boot_id(&self) -> Option<BootId> {
        self.fs.boot_id()
    }
}

#[test]
fn a_lock_that_a_dying_process_still_holds_is_waited_for() {
    let held = || io::ErrorKind::WouldBlock.into();
    let wanting = |times| {
        Arc::new(Wanting {
            fs: formatted(1),
            lock: Failing::times(times, held),
            open: Failing::never(),
        })
    };
    let refused = kraft_storage::open(dir(), wanting(1), &options())
        .err()
        .unwrap();
    assert!(matches!(refused, StoreOpenError::InUse(_)), "{refused}");
    let options = Options {
        lock_patience: Duration::from_secs(60),
        ..options()
    };
    let fs = wanting(3);
    kraft_storage::open(dir(), fs.clone(), &options).unwrap();
    assert_eq!(fs.lock.left(), 0);
}

#[test]
fn a_right_that_is_missing_is_told_as_such_and_not_as_possible_loss() {
    let denied = || io::ErrorKind::PermissionDenied.into();
    for (lock, open) in [(1, 0), (0, 1)] {
        let fs = Wanting {
            fs: formatted(1),
            lock: Failing::times(lock, denied),
            open: Failing::times(open, denied),
        };
        let refused = kraft_storage::open(dir(), Arc::new(fs), &options())
            .err()
            .unwrap();
        assert!(matches!(refused, StoreOpenError::Denied(_)), "{refused}");
        let told = refused.to_string();
        assert!(told.contains("the right to read and write"), "{told}");
        assert!(!told.contains("lost"), "{told}");
        println!("{told}");
    }
}

#[test]
fn the_disk_has_descriptors_when_nobody_else_has() {
    let fs = Arc::new(Wanting {
        fs: formatted(1),
        lock: Failing::never(),
        // Others take what is closed for the log, twice, before the log gets it.
        open: Failing::times(2, || io::Error::from_raw_os_error(24)),
    });
    let reserve = Reserve::of(fs.clone()).unwrap();
    let mut store = kraft_storage::open(dir(), reserve, &options())
        .unwrap()
        .store;
    assert_eq!(fs.open.left(), 0, "opening met the want");
    append(&mut store, 1, 200);
    fs.open.left.store(2, Ordering::Relaxed);
    append(&mut store, 201, 200);
    assert_eq!(fs.open.left(), 0, "the log met the want");
}

/// Writes until entries are refused. The first that was not written.
fn fill(fs: &FaultFs, store: &mut Store, mut next: u64) -> u64 {
    let space = store.space();
    fs.set_capacity(u64::MAX);
    let free = fs.free_bytes(dir()).unwrap();
    // Room for one more segment and a half.
    fs.set_capacity(u64::MAX - free + options().segment_bytes * 3 / 2);
    while space.admit(1, 1000).is_ok() {
        append(store, next, 1);
        next += 1;
        store.probe_space().unwrap();
        assert!(next < 1000, "the disk is never full");
    }
    next
}

fn capacity_used(fs: &FaultFs) -> u64 {
    fs.set_capacity(u64::MAX);
    u64::MAX - fs.free_bytes(dir()).unwrap()
}

#[test]
fn a_node_that_is_killed_on_a_full_disk_opens_with_the_room_it_had() {
    for (crash, rewrite_bytes_max) in [
        (Crash::Process, 0),
        (Crash::Process, 1 << 20),
        (Crash::Power, 0),
        (Crash::Power, 1 << 20),
    ] {
        let mut fs = formatted(1);
        let options = Options {
            rewrite_bytes_max,
            ..options()
        };
        let open = |fs: &FaultFs| -> Opened {
            let opened = kraft_storage::open(dir(), fs.shared(), &options);
            opened.unwrap_or_else(|error| panic!("{crash:?} {rewrite_bytes_max}: {error}"))
        };
        let mut store = open(&fs).store;
        store.probe_space().unwrap();
        let end = fill(&fs, &mut store, 1);
        assert_eq!(
            store.space().needed_to_open(),
            0,
            "a segment is kept for it"
        );
        for start in 0..5 {
            drop(store);
            fs = fs.crash(crash);
            let used = capacity_used(&fs);
            fs.set_capacity(used);
            assert_eq!(fs.free_bytes(dir()).unwrap(), 0, "not a byte is free");
            let opened = open(&fs);
            assert_eq!(opened.log, [commands(1, 1, end as u32 - 1)], "life {start}");
            store = opened.store;
            store.probe_space().unwrap();
            assert!(store.space().is_full());
            assert_eq!(store.space().needed_to_open(), 0);
        }
        // What is kept back was not used up by opening: with room it goes on.
        fs.set_capacity(u64::MAX);
        store.probe_space().unwrap();
        store.space().admit(1, 1000).unwrap();
        append(&mut store, end, 100);
    }
}

#[test]
fn what_a_node_writes_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    kraft_storage::format(&dir, &RealFs, identity(), founding()).unwrap();
    let mut store = kraft_storage::open(&dir, RealFs::shared(), &options())
        .unwrap()
        .store;
    append(&mut store, 1, 200);
    let mut looked = 0;
    for folder in [dir.clone(), dir.join("log")] {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{:?}: {mode:o}", entry.path());
            looked += 1;
        }
    }
    let mode = std::fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
    println!("{looked} files and folders");
}
