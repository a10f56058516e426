//! The disk thread: it writes what was asked in order, forces many writes at once, and reports.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kraft_proto::ids::LogPosition;
use kraft_proto::modes::Held;
use kraft_proto::output::{Force, Receipt, Unsynced, Write, WriteKind};

use super::committed::Committed;
use super::error::{DiskError, StopError};
use super::reader::LogReader;
use super::record::record_bytes;
use super::running::Running;
use super::space::Space;
use super::stats::StorageStats;
use super::store::Store;

/// One write for the disk, with the bytes of its entries.
#[derive(Debug)]
pub struct Job {
    /// What to write, and by which it is reported.
    pub write: Write,
    /// One payload an entry; may be empty for barriers and where there are no entries.
    pub payloads: Vec<Bytes>,
}

/// What the disk thread reports.
#[derive(Debug)]
pub enum Done {
    /// A write is held. One of a log write covers every log write submitted before it; those get
    /// no receipt of their own if they were done together.
    Receipt(Receipt),
    /// The disk failed, and nothing submitted from here on is done or reported. Drop the node and
    /// open the store anew.
    Failed(DiskError),
}

/// Starts the disk thread.
pub struct Disk;

impl Disk {
    /// Moves `store` to a thread of its own, and a second one which prepares segments.
    ///
    /// `on_done` is called on the disk thread and must not block.
    pub fn start(
        store: Store,
        mut on_done: impl FnMut(Done) + Send + 'static,
    ) -> std::io::Result<DiskHandle> {
        let (reader, space, stats) = (store.reader(), store.space(), store.stats());
        let committed = store.committed();
        let payload_bytes_max = store.payload_bytes_max();
        let inner = Running::start(store, move |done| {
            on_done(match done {
                Ok(receipt) => Done::Receipt(receipt),
                Err(error) => Done::Failed(error),
            });
        })?;
        Ok(DiskHandle {
            inner,
            reader,
            space,
            payload_bytes_max,
            stats,
            committed,
        })
    }
}

/// How long whoever ends waits for a disk that does not.
pub const STOP_MAX: Duration = Duration::from_secs(5);

/// The way to the disk thread. Dropping it stops the thread like [`DiskHandle::stop`], within
/// [`STOP_MAX`].
pub struct DiskHandle {
    inner: Running<Write>,
    reader: LogReader,
    space: Space,
    payload_bytes_max: u64,
    stats: Arc<StorageStats>,
    committed: Committed,
}

impl DiskHandle {
    /// Queues a write. Log writes are done strictly in order; hard state does not wait behind log
    /// writes, and never comes after one that was submitted later.
    pub fn submit(&self, job: Job) {
        let bytes = job.payloads.iter().map(|p| record_bytes(p.len())).sum();
        self.space.queued(bytes);
        let Job { write, payloads } = job;
        self.inner.push(Task::Write {
            write,
            payloads,
            bytes,
        });
    }

    /// Lets go of log segments that hold nothing after `upto`, once a snapshot covers it durably.
    pub fn compact(&self, upto: LogPosition) {
        self.inner.push(Task::Compact(upto));
    }

    /// Forgets the log and goes on behind `base`, the end of a snapshot that is on the disk, before
    /// anything that is submitted later.
    pub fn restart_behind(&self, base: LogPosition) {
        self.inner.push(Task::RestartBehind(base));
    }

    /// Where to say what is committed: kept with what is written to `meta` some time.
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Reads entries back, from any thread.
    pub fn reader(&self) -> &LogReader {
        &self.reader
    }

    /// How much room there is, counting what is queued.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The largest payload an entry may have, in bytes; a larger one ends the disk thread.
    pub fn payload_bytes_max(&self) -> u64 {
        self.payload_bytes_max
    }

    /// What was done to the disk so far.
    pub fn stats(&self) -> &Arc<StorageStats> {
        &self.stats
    }

    /// Writes that were submitted and are not done.
    pub fn unfinished(&self) -> u64 {
        self.inner.queue.unfinished()
    }

    /// Does what is queued, forces everything and closes the store, if that takes no longer than
    /// `patience`. Otherwise the disk thread is left to itself: it has the data directory until the
    /// disk answers it, or the process ends.
    ///
    /// # Errors
    ///
    /// The one that was reported as [`Done::Failed`], or came up while closing; or that the disk
    /// did not finish.
    pub fn stop(mut self, patience: Duration) -> Result<(), StopError> {
        self.inner.stop(patience)
    }
}

/// A write that can be reported. [`Write`] is the only one outside of tests, which cannot make one.
pub(super) trait Reported: Send + 'static {
    type Receipt;
    type Unsynced: Send;
    fn kind(&self) -> WriteKind;
    fn force(&self) -> Force;
    /// How its entries must be held to be acknowledged.
    fn held(&self) -> Held;
    fn written(self) -> (Self::Receipt, Self::Unsynced);
    fn synced(self) -> Self::Receipt;
    fn forced(unsynced: Self::Unsynced) -> Self::Receipt;
}

impl Reported for Write {
    type Receipt = Receipt;
    type Unsynced = Unsynced;

    fn kind(&self) -> WriteKind {
        Self::kind(self)
    }

    fn force(&self) -> Force {
        Self::force(self)
    }

    fn held(&self) -> Held {
        self.class().fsync.held()
    }

    fn written(self) -> (Receipt, Unsynced) {
        Self::written(self)
    }

    fn synced(self) -> Receipt {
        Self::synced(self)
    }

    fn forced(unsynced: Unsynced) -> Receipt {
        unsynced.synced()
    }
}

/// Something to do.
pub(super) enum Task<W> {
    Write {
        write: W,
        payloads: Vec<Bytes>,
        bytes: u64,
    },
    Compact(LogPosition),
    RestartBehind(LogPosition),
}

/// Whether anybody waits for a batch to be written, before it is synced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    Once,
    WrittenFirst,
}

/// The store on its thread.
pub(super) struct Worker<W: Reported, F> {
    store: Store,
    space: Space,
    on_done: F,
    /// The last log write that was reported as written and not as synced.
    relaxed: Option<W::Unsynced>,
}

impl<W: Reported, F: FnMut(Result<W::Receipt, DiskError>)> Worker<W, F> {
    pub(super) fn new(store: Store, on_done: F) -> Self {
        Self {
            space: store.space(),
            store,
            on_done,
            relaxed: None,
        }
    }

    /// What is done to the disk.
    pub(super) fn stats(&self) -> Arc<StorageStats> {
        self.store.stats()
    }

    /// Reports.
    pub(super) fn tell(&mut self, news: Result<W::Receipt, DiskError>) {
        (self.on_done)(news);
    }

    /// Forces everything and closes the store.
    pub(super) fn close(self) -> Result<(), DiskError> {
        self.store.close()
    }

    /// Does everything in `tasks` with one write call and at most one fsync of the log.
    pub(super) fn batch(&mut self, tasks: &mut Vec<Task<W>>) -> Result<(), DiskError> {
        self.hard_states(tasks)?;
        let mut last = None;
        let mut force = Force::Later;
        let mut tell = Tell::Once;
        for task in tasks.drain(..) {
            match task {
                Task::Compact(upto) => self.store.compact(upto)?,
                Task::RestartBehind(base) => self.store.restart_behind(base)?,
                Task::Write {
                    write,
                    payloads,
                    bytes,
                } => {
                    match write.kind() {
                        WriteKind::Entries(run) => self.store.gather(run, &payloads)?,
                        WriteKind::Force => force = Force::Now,
                        // The engine hands none out: this store holds a log.
                        WriteKind::HardState(_) | WriteKind::Snapshot(_) => continue,
                    }
                    self.space.unqueued(bytes);
                    match write.force() {
                        Force::Now => force = Force::Now,
                        Force::Later => tell = Tell::WrittenFirst,
                    }
                    if write.held() == Held::Written {
                        tell = Tell::WrittenFirst;
                    }
                    last = Some(write);
                }
            }
        }
        self.store.flush()?;
        match (last, force) {
            (Some(write), Force::Now) if tell == Tell::Once => {
                self.store.sync()?;
                self.relaxed = None;
                (self.on_done)(Ok(write.synced()));
            }
            (Some(write), force) => {
                let (receipt, unsynced) = write.written();
                (self.on_done)(Ok(receipt));
                self.relaxed = Some(unsynced);
                if force == Force::Now {
                    self.force()?;
                }
            }
            (None, _) => {}
        }
        if self.store.is_overdue() {
            self.force()?;
        }
        Ok(())
    }

    /// Saves the last hard state in `tasks` ahead of the log writes: a vote does not wait for them.
    ///
    /// An earlier one in the same batch is not saved by itself: whoever holds the later one keeps
    /// the promise of the earlier.
    fn hard_states(&mut self, tasks: &mut Vec<Task<W>>) -> Result<(), DiskError> {
        let hard_state = |task: &Task<W>| match task {
            Task::Write { write, .. } => match write.kind() {
                WriteKind::HardState(hard_state) => Some(hard_state),
                _ => None,
            },
            _ => None,
        };
        let Some(newest) = tasks.iter().rev().find_map(hard_state) else {
            return Ok(());
        };
        self.store.save_hard_state(newest)?;
        for task in tasks.extract_if(.., |task| hard_state(task).is_some()) {
            if let Task::Write { write, .. } = task {
                (self.on_done)(Ok(write.synced()));
            }
        }
        Ok(())
    }

    /// Forces everything written and reports it.
    fn force(&mut self) -> Result<(), DiskError> {
        self.store.sync()?;
        if let Some(unsynced) = self.relaxed.take() {
            (self.on_done)(Ok(W::forced(unsynced)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
