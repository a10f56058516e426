//! Formatting, opening and verifying a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::catalog::Catalog;
use super::error::{Doing, FormatError, StoreOpenError};
use super::founding::Founding;
use super::fs::{Fs, LockGuard};
use super::identity::{Boot, Expect, Identity};
use super::log::Log;
use super::meta::{Meta, MetaFile, OtherSlot};
use super::opened::Opened;
use super::recovery::rewrite;
use super::snapshots::{self, Snapshots};
use super::space::left_to_log;
use super::spare::Spares;
use super::stats::StorageStats;
use super::store::Store;
use super::survey::{Warning, survey};

/// Settings of a store. They may differ from one start to the next.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose data is meant. Default: anyone's.
    pub expect: Expect,
    /// Bytes of a log segment, between 64 KiB and 1 GiB; rounded up to 4 KiB. Default: 64 MiB.
    pub segment_bytes: u64,
    /// The disk thread forces by itself when this many bytes are written and not forced. Default:
    /// 8 MiB.
    pub unforced_bytes_max: u64,
    /// At start the newest segment is written anew as a whole if its records have no more bytes
    /// than this, and only from the last forced place on if they have more. Default: 8 MiB.
    pub rewrite_bytes_max: u64,
    /// Where snapshots are kept, if not in `snapshots` of the data directory: another disk, perhaps.
    pub snapshot_dir: Option<PathBuf>,
    /// How long to wait for another process to let go of the directory: one that was killed holds it
    /// until the disk has answered it. Default: not at all.
    pub lock_patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            expect: Expect::Anyone,
            segment_bytes: 64 * 1024 * 1024,
            unforced_bytes_max: 8 * 1024 * 1024,
            rewrite_bytes_max: 8 * 1024 * 1024,
            snapshot_dir: None,
            lock_patience: Duration::ZERO,
        }
    }
}

/// Creates the data directory `dir` with an empty log, a default hard state, and the configuration
/// that its cluster begins with. Durable when it returns; until then [`open`] finds no store.
pub fn format(
    dir: &Path,
    fs: &dyn Fs,
    identity: Identity,
    founding: Founding,
) -> Result<(), FormatError> {
    fs.create_dir(&log_dir(dir)).doing("create", dir)?;
    let _lock = match lock(dir, fs) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            return Err(FormatError::InUse(dir.to_owned()));
        }
        locked => locked.doing("lock", dir)?,
    };
    let names = fs.list(dir).doing("list", dir)?;
    if names.iter().any(|name| name == "meta") {
        return Err(FormatError::AlreadyThere(dir.to_owned()));
    }
    MetaFile::format(fs, dir, identity, founding)
}

/// Opens the data directory `dir`, recovers its log and forces it by writing its tail anew.
///
/// One process has it at a time. The lock is held until the [`Store`] is dropped.
pub fn open(dir: &Path, fs: Arc<dyn Fs>, options: &Options) -> Result<Opened, StoreOpenError> {
    let segment_bytes = options.segment_bytes.next_multiple_of(4096);
    if !(64 << 10..=1 << 30).contains(&segment_bytes) {
        return Err(StoreOpenError::SegmentSize(options.segment_bytes));
    }
    open_sized(dir, fs, options, segment_bytes)
}

/// Like [`open`], with segments of any size that holds a header block and a record.
pub(super) fn open_sized(
    dir: &Path,
    fs: Arc<dyn Fs>,
    options: &Options,
    segment_bytes: u64,
) -> Result<Opened, StoreOpenError> {
    let lock = lock_store(dir, &*fs, options.lock_patience)?;
    let stats = Arc::new(StorageStats::default());
    let (mut meta, other) = MetaFile::load(&*fs, dir, &stats)?;
    let now = meta.now().clone();
    if !options.expect.admits(&now.identity) {
        return Err(StoreOpenError::Foreign {
            dir: dir.to_owned(),
            expected: options.expect,
            found: now.identity,
        });
    }
    let mut warnings = Vec::new();
    if let OtherSlot::Torn { offset } = other {
        let file = MetaFile::path_in(dir);
        warnings.push(Warning::TornMeta { file, offset });
    }
    let log_dir = log_dir(dir);
    let mut survey = survey(&*fs, &log_dir, &now)?;
    warnings.extend(survey.torn.take());
    // What is let go below is let go because of what `meta` says: first be sure that it does, and
    // that it has its name. 1. `format` is killed when it has renamed the file; 2. the store is
    // opened, and a vote is reported; 3. the power goes, and there is no store.
    fs.sync_dir(dir).doing("force", dir)?;
    meta.confirm()?;
    let boot_id = fs.boot_id();
    let snapshot_dir = options.snapshot_dir.clone();
    let snapshot_dir = snapshot_dir.unwrap_or_else(|| snapshots::dir_in(dir));
    let snapshots = Snapshots::open(
        Arc::clone(&fs),
        snapshot_dir,
        now.identity.cluster,
        left_to_log(segment_bytes),
    )?;
    let spares = Spares::new(
        fs,
        &log_dir,
        segment_bytes,
        survey.next_generation,
        Arc::clone(&stats),
    );
    let runs = std::mem::take(&mut survey.runs);
    let recovered = rewrite(survey, &now, &spares, options.rewrite_bytes_max, &stats)?;
    let catalog = Arc::new(Catalog::new(recovered.segments));
    let base = catalog.base();
    let log = Log::new(
        catalog,
        spares,
        Arc::clone(&stats),
        segment_bytes,
        recovered.checksum,
    );
    // What is reported below is synced: damage to it is no torn tail, nor a segment never used.
    meta.save(Meta {
        synced: log.synced(),
        ..now.clone()
    })?;
    let unforced_bytes_max = options.unforced_bytes_max;
    let store = Store::new(
        log,
        meta,
        stats,
        boot_id,
        unforced_bytes_max,
        snapshots,
        lock,
    );
    Ok(Opened {
        identity: now.identity,
        founding: now.founding,
        epoch: now.epoch,
        hard_state: now.hard_state,
        boot: Boot::between(now.boot, boot_id),
        base,
        committed: now.committed,
        log: runs,
        warnings,
        store,
    })
}

pub(super) fn log_dir(dir: &Path) -> PathBuf {
    dir.join("log")
}

fn lock(dir: &Path, fs: &dyn Fs) -> std::io::Result<LockGuard> {
    fs.lock(&dir.join("lock"))
}

/// How often a lock that somebody holds is asked for again.
const LOCK_PACE: Duration = Duration::from_millis(20);

/// The lock of a directory that may hold no store, or not exist; waited for no longer than `patience`.
pub(super) fn lock_store(
    dir: &Path,
    fs: &dyn Fs,
    patience: Duration,
) -> Result<LockGuard, StoreOpenError> {
    let began = Instant::now();
    let mut told = false;
    loop {
        let error = match lock(dir, fs) {
            Ok(lock) => return Ok(lock),
            Err(error) => error,
        };
        match error.kind() {
            std::io::ErrorKind::WouldBlock if began.elapsed() < patience => {
                if !told {
                    tracing::warn!(
                        "{} is in use by another process: waiting up to {:.0} s for it to end",
                        dir.display(),
                        patience.as_secs_f64()
                    );
                    told = true;
                }
                std::thread::sleep(LOCK_PACE);
            }
            std::io::ErrorKind::WouldBlock => return Err(StoreOpenError::InUse(dir.to_owned())),
            std::io::ErrorKind::NotFound => return Err(StoreOpenError::NoStore(dir.to_owned())),
            _ => return Err(Err::<(), _>(error).doing("lock", dir).unwrap_err().into()),
        }
    }
}
