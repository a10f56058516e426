//! The store on its thread: what was queued is done with one write call and one force.

use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::ids::LogPosition;
use kraft_proto::modes::Held;
use kraft_proto::output::{Force, Receipt, Unsynced, Write, WriteKind};

use super::error::DiskError;
use super::space::Space;
use super::stats::StorageStats;
use super::store::Store;

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
                        WriteKind::Snapshot(last) => self.store.install(last)?,
                        // Saved before.
                        WriteKind::HardState(_) => continue,
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
        self.store.write()?;
        match (last, force) {
            (Some(write), Force::Now) if tell == Tell::Once => {
                self.store.force()?;
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
        self.store.force()?;
        if let Some(unsynced) = self.relaxed.take() {
            (self.on_done)(Ok(W::forced(unsynced)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
