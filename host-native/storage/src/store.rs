//! The store as the disk thread uses it.

use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::cluster::Epoch;
use kraft_proto::entry::Run;
use kraft_proto::hard_state::HardState;
use kraft_proto::ids::LogPosition;

use super::committed::Committed;
use super::error::DiskError;
use super::fs::LockGuard;
use super::identity::{BootId, Identity};
use super::log::Log;
use super::meta::{Meta, MetaFile};
use super::reader::LogReader;
use super::snapshots::Snapshots;
use super::space::Space;
use super::stats::StorageStats;

/// An open store. Its writing methods block on the disk: it is moved into the
/// [disk thread](super::Disk).
///
/// After a failed write or fsync it refuses everything with [`DiskError::Stopped`].
pub struct Store {
    log: Log,
    meta: MetaFile,
    stats: Arc<StorageStats>,
    boot_id: Option<BootId>,
    unforced_bytes_max: u64,
    snapshots: Snapshots,
    health: Health,
    _lock: LockGuard,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Working,
    Stopped,
}

impl Store {
    /// Of a log and a `meta` that were recovered, for as long as the directory is locked.
    pub(super) fn new(
        log: Log,
        meta: MetaFile,
        stats: Arc<StorageStats>,
        boot_id: Option<BootId>,
        unforced_bytes_max: u64,
        snapshots: Snapshots,
        lock: LockGuard,
    ) -> Self {
        Self {
            log,
            meta,
            stats,
            boot_id,
            unforced_bytes_max,
            snapshots,
            health: Health::Working,
            _lock: lock,
        }
    }

    /// Writes entries and hands them to the operating system: they are *written* when it returns.
    ///
    /// If the log reaches beyond `run.first`, it is first cut there, durably. `payloads` has one
    /// element an entry; a run of barriers may come without.
    pub fn append(&mut self, run: Run, payloads: &[Bytes]) -> Result<(), DiskError> {
        self.gather(run, payloads)?;
        self.write()
    }

    /// Like [`Store::append`], but keeps the bytes until [`Store::write`] or [`Store::force`], so
    /// that many runs share one write call.
    pub fn gather(&mut self, run: Run, payloads: &[Bytes]) -> Result<(), DiskError> {
        self.working(|store| store.log.gather(&mut store.meta, run, payloads))
    }

    /// Hands what was gathered to the operating system.
    pub fn write(&mut self) -> Result<(), DiskError> {
        self.working(|store| store.log.write())
    }

    /// Forces everything written: it is *synced* when this returns. Free if nothing is unforced.
    pub fn force(&mut self) -> Result<(), DiskError> {
        self.working(|store| store.log.sync())
    }

    /// Replaces the hard state; synced when this returns. Needs no space on the disk.
    pub fn save_hard_state(&mut self, hard_state: HardState) -> Result<(), DiskError> {
        self.working(|store| {
            let meta = Meta {
                hard_state,
                boot: store.boot_id,
                ..store.meta.now().clone()
            };
            Ok(store.meta.save(meta)?)
        })
    }

    /// The cluster is founded anew, for this time: nodes of a lower epoch and this one are two clusters from now on. Synced
    /// when this returns.
    pub fn save_epoch(&mut self, epoch: Epoch) -> Result<(), DiskError> {
        self.working(|store| {
            let meta = Meta {
                epoch,
                ..store.meta.now().clone()
            };
            Ok(store.meta.save(meta)?)
        })
    }

    /// Lets go of segments that hold nothing after `upto`, which a snapshot on the disk covers. The
    /// log may go on holding some entries before it.
    pub fn compact(&mut self, upto: LogPosition) -> Result<(), DiskError> {
        self.working(|store| store.log.compact(&mut store.meta, upto.index))
    }

    /// Forgets every entry and goes on behind `base`, the end of a snapshot that is on the disk.
    /// Durable when this returns.
    pub fn restart_behind(&mut self, base: LogPosition) -> Result<(), DiskError> {
        self.working(|store| store.log.restart_behind(&mut store.meta, base))
    }

    /// Puts the snapshot that was received, found whole and ends with `last` in place of the log. Durable when this returns;
    /// where the power goes before, there is the old log, or the snapshot and a log that does not join it, which the next
    /// start drops.
    pub fn install(&mut self, last: LogPosition) -> Result<(), DiskError> {
        self.working(|store| {
            // What the old log holds unforced is not missed, and may not come back behind the snapshot.
            store.snapshots.adopt_received(last)?;
            store.log.restart_behind(&mut store.meta, last)
        })
    }

    /// The snapshots beside the log, from any thread.
    pub fn snapshots(&self) -> Snapshots {
        self.snapshots.clone()
    }

    /// Forces everything and notes in `meta` where the log ends, so that damage there cannot pass
    /// for a torn tail, and what was told as committed. The store is dropped with it.
    pub fn close(mut self) -> Result<(), DiskError> {
        self.force()?;
        self.working(|store| {
            let meta = Meta {
                synced: store.log.synced(),
                ..store.meta.now().clone()
            };
            Ok(store.meta.save(meta)?)
        })
    }

    /// Prepares the next segment now, or finds out that there is no room for it, and tells
    /// [`Store::space`]. The disk thread has this done in the background.
    pub fn probe_space(&mut self) -> Result<(), DiskError> {
        self.working(|store| Ok(store.log.spares.probe()?))
    }

    /// Reads entries back, from any thread.
    pub fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.log.catalog))
    }

    /// How much room there is, from any thread.
    pub fn space(&self) -> Space {
        self.log.spares.space().clone()
    }

    /// What it did to the disk so far, from any thread.
    pub fn stats(&self) -> Arc<StorageStats> {
        Arc::clone(&self.stats)
    }

    /// Where to say what is committed, from any thread.
    pub fn committed(&self) -> Committed {
        self.meta.committed().clone()
    }

    /// Whose it is.
    pub fn identity(&self) -> Identity {
        self.meta.now().identity
    }

    /// The last entry.
    pub fn last(&self) -> LogPosition {
        self.log.last()
    }

    /// The largest payload an entry may have, in bytes.
    pub fn payload_bytes_max(&self) -> u64 {
        self.log.payload_bytes_max()
    }

    /// Whether enough bytes lie unforced that they should be forced unasked.
    pub(super) fn is_overdue(&self) -> bool {
        self.log.unforced_bytes() >= self.unforced_bytes_max
    }

    /// From now on a thread of its own prepares segments ahead of need.
    pub(super) fn prepare_in_background(&mut self) -> std::io::Result<()> {
        self.log.spares.prepare_in_background()
    }

    fn working(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        if self.health == Health::Stopped {
            return Err(DiskError::Stopped);
        }
        let done = work(self);
        if matches!(done, Err(DiskError::Io(_) | DiskError::Full(_))) {
            self.health = Health::Stopped;
        }
        done
    }
}
