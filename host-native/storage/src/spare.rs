//! Segments prepared ahead of need.
//!
//! A prepared segment is a file full of zeroes, or one that held entries nobody needs any more:
//! its blocks are allocated, so writing into it cannot fill the disk, and forcing it does not wait
//! for the file system to grow it. The file already has its name, durably.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::{Doing, IoError, PrepareError};
use super::fs::{File, Fs};
use super::segment::{RECORDS_AT, Segment, path_of};
use super::space::{Fullness, Space};
use super::stats::{Forced, StorageStats};

/// Zeroes are written and forced in pieces of this size: forcing a whole segment at once would hold
/// up every other fsync of the file system.
static ZEROES: [u8; 1 << 20] = [0; 1 << 20];

/// Recycled segments that are kept ready, at most: as many as a log with the usual snapshots fills before the next files
/// come back, and some. Then nothing is filled with zeroes any more.
const READY_MAX: usize = 8;

/// How often a full disk is looked at again.
const RETRY: Duration = Duration::from_secs(1);

/// A segment nobody has written to under its name.
pub(super) struct Spare {
    pub generation: u64,
    pub path: PathBuf,
    pub file: Arc<dyn File>,
}

/// A file whose entries are no longer part of the log.
pub(super) struct Retired {
    pub path: PathBuf,
    pub file: Arc<dyn File>,
}

impl From<Segment> for Retired {
    fn from(segment: Segment) -> Self {
        Self {
            path: segment.path,
            file: segment.file,
        }
    }
}

/// The prepared segments, and who prepares them.
pub(super) struct Spares {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    fs: Arc<dyn Fs>,
    log_dir: PathBuf,
    segment_bytes: u64,
    stats: Arc<StorageStats>,
    space: Space,
    state: Mutex<State>,
    changed: Condvar,
    /// Ends the filling of a segment early: a half-filled one is removed by the next start.
    closing: AtomicBool,
}

struct State {
    ready: VecDeque<Spare>,
    retired: Vec<Retired>,
    next_generation: u64,
    worker: Worker,
    failed: Option<IoError>,
}

/// Who prepares segments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Worker {
    /// Whoever needs one, when it is needed.
    Caller,
    /// A thread, ahead of need.
    Thread,
    /// Nobody: the store is closing.
    Stopping,
}

impl Spares {
    /// None prepared yet; files are named from `next_generation` on.
    pub fn new(
        fs: Arc<dyn Fs>,
        log_dir: &Path,
        segment_bytes: u64,
        next_generation: u64,
        stats: Arc<StorageStats>,
    ) -> Self {
        let shared = Shared {
            fs,
            log_dir: log_dir.to_owned(),
            segment_bytes,
            stats,
            space: Space::new(segment_bytes),
            state: Mutex::new(State {
                ready: VecDeque::new(),
                retired: Vec::new(),
                next_generation,
                worker: Worker::Caller,
                failed: None,
            }),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
            thread: None,
        }
    }

    /// From now on a thread of its own keeps one segment ready.
    pub fn prepare_in_background(&mut self) -> std::io::Result<()> {
        self.shared.lock().worker = Worker::Thread;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("kraft-segments".into());
        self.thread = Some(thread.spawn(move || shared.run())?);
        Ok(())
    }

    /// How much room there is.
    pub fn space(&self) -> &Space {
        &self.shared.space
    }

    /// A prepared segment. Waits for one that is being prepared, on a full disk until it has room.
    ///
    /// Entries are refused before it comes to that, but others fill disks too: 1. the disk has room,
    /// and entries are admitted without a bound; 2. another process takes the room; 3. the entries
    /// reach the end of the last prepared segment. They are not written until there is room again,
    /// as if the disk did not answer.
    ///
    /// # Errors
    ///
    /// One could not be prepared; [`PrepareError::Full`] only while nobody prepares them ahead of
    /// need.
    pub fn take(&self) -> Result<Spare, PrepareError> {
        let mut state = self.shared.lock();
        loop {
            if let Some(spare) = state.ready.pop_front() {
                self.shared.note_ready(&state);
                self.shared.changed.notify_all();
                return Ok(spare);
            }
            if let Some(error) = state.failed.take() {
                return Err(error.into());
            }
            if state.worker == Worker::Thread {
                state = self.shared.wait(state, RETRY);
            } else {
                let spare = self.shared.prepare(&mut state.next_generation)?;
                self.shared.note(spare.as_ref());
                return spare.ok_or_else(|| self.shared.space.full_error().into());
            }
        }
    }

    /// Looks at the disk: whether there is neither a prepared segment nor room for one.
    pub fn are_used_up(&self) -> bool {
        let state = self.shared.lock();
        self.shared.look_ahead();
        state.ready.is_empty() && self.shared.space.is_full()
    }

    /// Bytes of a segment.
    pub fn segment_bytes(&self) -> u64 {
        self.shared.segment_bytes
    }

    /// Prepares one if none is ready.
    pub fn probe(&self) -> Result<(), IoError> {
        let mut state = self.shared.lock();
        if state.worker != Worker::Caller {
            return Ok(());
        }
        if !state.ready.is_empty() {
            self.shared.look_ahead();
            return Ok(());
        }
        let spare = self.shared.prepare(&mut state.next_generation)?;
        self.shared.note(spare.as_ref());
        state.ready.extend(spare);
        self.shared.note_ready(&state);
        Ok(())
    }

    /// Hands over files that no longer count, to be recycled or removed.
    pub fn retire(&self, files: impl IntoIterator<Item = Retired>) -> Result<(), IoError> {
        let mut state = self.shared.lock();
        state.retired.extend(files);
        if state.worker == Worker::Thread {
            self.shared.changed.notify_all();
            return Ok(());
        }
        while let Some(retired) = state.retired.pop() {
            if let Some(spare) = self.shared.clear(&mut state, retired)? {
                state.ready.push_back(spare);
                self.shared.note_ready(&state);
            }
        }
        Ok(())
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.shared.lock().worker = Worker::Stopping;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic over there was already reported by its own thread.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, limit: Duration) -> MutexGuard<'s, State> {
        match self.changed.wait_timeout(state, limit) {
            Ok((state, _)) => state,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    fn note_ready(&self, state: &State) {
        let bytes = state.ready.len() as u64 * (self.segment_bytes - RECORDS_AT);
        self.space.set_spare_left(bytes);
    }

    fn note(&self, prepared: Option<&Spare>) {
        self.space.set_full(match prepared {
            Some(_) => Fullness::Room,
            None => Fullness::Full,
        });
    }

    /// The thread: keeps one segment ready, clears retired ones, and looks again at a full disk.
    fn run(&self) {
        let mut state = self.lock();
        while state.worker == Worker::Thread {
            let done = if let Some(retired) = state.retired.pop() {
                self.clear(&mut state, retired)
            } else if state.ready.is_empty() && state.failed.is_none() {
                let mut generation = state.next_generation;
                drop(state);
                let prepared = self.prepare(&mut generation);
                state = self.lock();
                state.next_generation = state.next_generation.max(generation);
                if let Ok(spare) = &prepared {
                    self.note(spare.as_ref());
                }
                if matches!(prepared, Ok(None)) {
                    self.changed.notify_all();
                    state = self.wait(state, RETRY);
                }
                prepared
            } else {
                drop(state);
                self.look_ahead();
                state = self.lock();
                let at_rest = !state.ready.is_empty() || state.failed.is_some();
                if at_rest && state.retired.is_empty() && state.worker == Worker::Thread {
                    state = self.wait(state, RETRY);
                }
                Ok(None)
            };
            match done {
                Ok(Some(spare)) => state.ready.push_back(spare),
                Ok(None) => continue,
                Err(error) => state.failed = Some(error),
            }
            self.note_ready(&state);
            self.changed.notify_all();
        }
    }

    /// Notes whether another segment could be prepared: those who want to write must know before the
    /// last one that is ready is used up. A look that fails tells nothing; preparing will.
    fn look_ahead(&self) {
        if let Ok(fullness) = self.fullness() {
            self.space.set_full(fullness);
        }
    }

    /// Whether there is room for a segment beside those prepared.
    fn fullness(&self) -> Result<Fullness, IoError> {
        let free = self
            .fs
            .free_bytes(&self.log_dir)
            .doing("measure the free space of", &self.log_dir)?;
        self.space.set_disk_free(free);
        Ok(match free < self.space.segment_needs() {
            true => Fullness::Full,
            false => Fullness::Room,
        })
    }

    /// Recycles or removes a file.
    fn clear(&self, state: &mut State, retired: Retired) -> Result<Option<Spare>, IoError> {
        let Retired { path, file } = retired;
        let size = file.size().doing("measure", &path)?;
        // A reader that still has the file open keeps its bytes: they are not written over.
        let wanted = state.ready.len() < READY_MAX && Arc::strong_count(&file) == 1;
        if size != self.segment_bytes || !wanted {
            self.fs.remove(&path).doing("remove", &path)?;
            return Ok(None);
        }
        let generation = state.next_generation;
        let target = path_of(&self.log_dir, generation);
        self.fs.rename(&path, &target).doing("rename", &path)?;
        self.sync_names()?;
        state.next_generation = generation + 1;
        Ok(Some(Spare {
            generation,
            path: target,
            file,
        }))
    }

    /// Writes a new file full of zeroes; `None` if there is no room for it.
    fn prepare(&self, next_generation: &mut u64) -> Result<Option<Spare>, IoError> {
        if self.fullness()? == Fullness::Full {
            return Ok(None);
        }
        let generation = *next_generation;
        let path = path_of(&self.log_dir, generation);
        let file = self.fs.create(&path).doing("create", &path)?;
        *next_generation = generation + 1;
        match self.fill(&*file, &path) {
            Ok(()) => {}
            Err(error) if error.source.kind() == ErrorKind::StorageFull => {
                drop(file);
                self.fs.remove(&path).doing("remove", &path)?;
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
        self.sync_names()?;
        Ok(Some(Spare {
            generation,
            path,
            file,
        }))
    }

    fn fill(&self, file: &dyn File, path: &Path) -> Result<(), IoError> {
        let mut offset = 0;
        while offset < self.segment_bytes {
            if self.closing.load(Ordering::Relaxed) {
                return Err(std::io::Error::other("the store is closing")).doing("fill", path);
            }
            let left = self.segment_bytes - offset;
            let piece = ZEROES
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_at(&ZEROES[..piece], offset)
                .doing("fill", path)?;
            self.stats.count_zeroed(piece as u64);
            offset += piece as u64;
            if offset % (4 * ZEROES.len() as u64) == 0 || offset == self.segment_bytes {
                self.stats
                    .time(Forced::Upkeep, 0, || file.sync())
                    .doing("force", path)?;
            }
        }
        Ok(())
    }

    fn sync_names(&self) -> Result<(), IoError> {
        self.stats
            .time(Forced::Upkeep, 0, || self.fs.sync_dir(&self.log_dir))
            .doing("force", &self.log_dir)
    }
}
