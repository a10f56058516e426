//! The log as this host has it: the newest entries in memory, all of them on the disk, and what is on
//! its way from one to the other.

mod entry_cache;
mod room;

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::{EntryKind, LogIndex, LogPosition, Run, Write, WriteKind};
use kraft_storage::{DiskHandle, History, Job, ReadError, StopError, Unfinished};
use kraft_wire::api::DiskStatus;
use kraft_wire::key_value::{Measure, Unfit};

use entry_cache::EntryCache;
use room::RoomWatch;

use crate::checksummed::{self, CHECKSUM_LEN};

/// Bytes of entries kept in memory once they are written and applied.
const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The log as this host has it.
pub(super) struct Log {
    disk: DiskHandle,
    /// The term and kind of every entry that was handed to the disk.
    history: History,
    cache: EntryCache,
    /// The last entry that was handed to the disk thread.
    submitted: LogIndex,
    room: RoomWatch,
    unwritten_bytes_max: u64,
}

impl Log {
    /// A log that is on the disk through `last`. Of what comes after, so many bytes may wait to be
    /// written.
    pub fn new(
        disk: DiskHandle,
        history: History,
        last: LogIndex,
        unwritten_bytes_max: u64,
    ) -> Self {
        Self {
            disk,
            history,
            cache: EntryCache::after(last),
            submitted: last,
            room: RoomWatch::default(),
            unwritten_bytes_max,
        }
    }

    /// The entries of one term and one kind that the one at `index` belongs to, if it was handed to
    /// the disk.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        self.history.run_at(index)
    }

    /// The index after the newest entry whose bytes are here.
    pub fn next(&self) -> LogIndex {
        self.cache.next()
    }

    /// Takes the bytes of an entry that the core accepted. It replaces one and all after it, or
    /// follows the newest.
    pub fn accept(&mut self, position: LogPosition, entry: Bytes) {
        self.submitted = self.submitted.min(position.index.prev());
        self.cache.put(position, entry);
    }

    /// Takes the bytes of an entry that the core made.
    pub fn accept_own(&mut self, position: LogPosition, kind: EntryKind, bytes: &[u8]) {
        let entry = match kind {
            // Its bytes are the core's, which reads them again.
            EntryKind::Configuration => Bytes::copy_from_slice(bytes),
            EntryKind::Command | EntryKind::NoOp => checksummed::add(position, kind, bytes),
        };
        self.accept(position, entry);
    }

    /// Hands a write of the core to the disk thread.
    ///
    /// # Errors
    ///
    /// The first entry of which the bytes are not here: then nothing was handed over.
    pub fn write(&mut self, write: Write) -> Result<(), LogPosition> {
        let payloads = match write.kind() {
            WriteKind::Entries(run) => {
                self.history.push(run);
                let payloads = self.cache.run(run);
                self.submitted = run.last();
                payloads.ok_or(LogPosition::new(run.term, run.first))?
            }
            // Its history came with it, see `replace`, and its bytes are on the disk.
            WriteKind::Snapshot(_) | WriteKind::HardState(_) | WriteKind::Force => Vec::new(),
        };
        self.disk.submit(Job { write, payloads });
        Ok(())
    }

    /// The bytes of the first entries of a run: as many as make about `bytes_max`, and one at least.
    ///
    /// # Errors
    ///
    /// When the disk does not have them at exactly these positions, or cannot be read.
    pub fn read(&self, run: Run, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        if run.kind == EntryKind::NoOp {
            return Ok(checksummed::bare(run));
        }
        let cached = self.cache.front(run, bytes_max);
        match cached.is_empty() {
            false => Ok(cached),
            true => self.disk.reader().read(run, bytes_max),
        }
    }

    /// A snapshot that ends with `last` takes the place of all there was; this is the history it has of it.
    pub fn replace(&mut self, last: LogPosition, history: &[Run]) {
        self.history = History::of(history.iter().copied());
        self.cache = EntryCache::after(last.index);
        self.submitted = last.index;
    }

    /// Which term wrote which part of it, through `last`.
    pub fn history_through(&self, last: LogIndex) -> Vec<Run> {
        let runs = self.history.runs().iter().filter(|run| run.first <= last);
        let through = |run: &Run| Run {
            count: run.last().min(last).since(run.first.prev()) as u32,
            ..*run
        };
        runs.map(through).collect()
    }

    /// Entries through `upto` are in snapshots, and may go.
    pub fn compact(&self, upto: LogPosition) {
        self.disk.compact(upto);
    }

    /// Bytes that were written since the start.
    pub fn bytes_written(&self) -> u64 {
        self.disk.stats().bytes_written()
    }

    /// Everything through `upto` is committed: the disk notes it with its next write.
    pub fn committed(&self, upto: LogPosition) {
        self.disk.committed().tell(upto);
    }

    /// Forgets the bytes of old entries through `done` once there are many.
    pub fn shrink(&mut self, done: impl FnOnce() -> LogIndex) {
        if self.cache.bytes() > CACHE_BYTES_MAX {
            self.cache.shrink(done(), CACHE_BYTES_MAX);
        }
    }

    /// The payload of a command, if this log can hold its entry: one that it cannot would end the
    /// node once it was in the log.
    pub fn fit(&self, payload: Bytes) -> Result<Bytes, Unfit> {
        let limit = usize::try_from(self.disk.payload_bytes_max()).unwrap_or(usize::MAX);
        Measure::Command.check(payload.len(), limit.saturating_sub(CHECKSUM_LEN))?;
        Ok(payload)
    }

    /// Files of the log.
    pub fn segments(&self) -> u64 {
        self.disk.reader().segments() as u64
    }

    /// Figures of the disk.
    pub fn status(&self) -> DiskStatus {
        let stats = self.disk.stats();
        DiskStatus {
            log_bytes: stats.bytes_written(),
            free_bytes: self.disk.space().disk_free(),
            fsyncs: stats.fsyncs(),
            fsync_bytes: stats.bytes_forced(),
            segments: self.segments(),
            room: self.room(),
        }
    }

    /// What the disk has not done, where it was waited for this long.
    pub fn unfinished(&self, patience: Duration) -> Unfinished {
        Unfinished {
            writes: self.disk.unfinished(),
            patience,
        }
    }

    /// Forces and closes the store. A disk that is stuck is not waited for longer than `patience`.
    ///
    /// # Errors
    ///
    /// When the disk fails or does not finish.
    pub fn close(self, patience: Duration) -> Result<(), StopError> {
        self.disk.stop(patience)
    }
}
