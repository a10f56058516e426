//! The disk thread: it writes what was asked in order, forces many writes at once, and reports.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kraft_proto::ids::LogPosition;
use kraft_proto::output::{Receipt, Write};

use super::committed::Committed;
use super::error::{DiskError, StopError};
use super::reader::LogReader;
use super::record::record_bytes;
use super::running::Running;
use super::space::Space;
use super::stats::StorageStats;
use super::store::Store;
use super::worker::Task;

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

/// The way to the disk thread. Dropping it stops the thread like [`DiskHandle::stop`], within
/// [`STOP_MAX`](super::STOP_MAX).
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
