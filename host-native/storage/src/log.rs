//! The log as it is written: records gathered into one buffer, one write call, one fsync.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::ids::{LogIndex, LogPosition};

use super::catalog::Catalog;
use super::error::{DiskError, Doing};
use super::fs::File;
use super::meta::{Mark, Meta, MetaFile};
use super::record::{self, ALIGN, END_MARK, HEADER_BYTES, Origin, record_bytes};
use super::segment::{RECORDS_AT, Segment, SegmentHeader};
use super::spare::{Retired, Spares};
use super::stats::{Forced, StorageStats};

/// The buffer is handed to the operating system when it reaches this size.
const BUFFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The end of the log, where entries are added.
pub(super) struct Log {
    pub catalog: Arc<Catalog>,
    pub spares: Spares,
    stats: Arc<StorageStats>,
    segment_bytes: u64,
    active: Active,
    /// Records not yet handed to the operating system.
    buffer: Vec<u8>,
    /// What the buffer holds.
    gathered: Vec<(LogPosition, u64)>,
    last: LogPosition,
    /// Handed to the operating system since the last fsync.
    unforced_bytes: u64,
}

/// The segment being written.
struct Active {
    origin: Origin,
    path: PathBuf,
    file: Arc<dyn File>,
    /// Where the buffer goes.
    written: u64,
    /// Where the next record goes: behind the buffer.
    end: u64,
    /// Known to be forced through here; 0 before even the header is.
    synced: u64,
    /// The checksum of the last record.
    checksum: u32,
}

impl Active {
    /// The end of `segment`, which is forced through `synced`.
    fn behind(segment: &Segment, synced: u64, checksum: u32) -> Self {
        Self {
            origin: segment.header.origin(),
            path: segment.path.clone(),
            file: Arc::clone(&segment.file),
            written: segment.end,
            end: segment.end,
            synced,
            checksum,
        }
    }
}

impl Log {
    /// Goes on behind the last segment of `catalog`, all of which is forced, and whose last record
    /// has `checksum`.
    pub fn new(
        catalog: Arc<Catalog>,
        spares: Spares,
        stats: Arc<StorageStats>,
        segment_bytes: u64,
        checksum: u32,
    ) -> Self {
        let newest = catalog.newest();
        let active = Active::behind(&newest, newest.end, checksum);
        let log = Self {
            catalog,
            spares,
            stats,
            segment_bytes,
            active,
            buffer: Vec::new(),
            gathered: Vec::new(),
            last: newest.last,
            unforced_bytes: 0,
        };
        log.note_space();
        log
    }

    /// The last entry, gathered or written.
    pub fn last(&self) -> LogPosition {
        self.last
    }

    /// Bytes handed to the operating system that no fsync covers yet.
    pub fn unforced_bytes(&self) -> u64 {
        self.unforced_bytes
    }

    /// The largest payload a segment can hold.
    pub fn payload_bytes_max(&self) -> u64 {
        self.segment_bytes - RECORDS_AT - (HEADER_BYTES + ALIGN) as u64
    }

    /// Adds entries to the buffer, first cutting the log where they begin if it reaches further.
    ///
    /// `payloads` has one element an entry; barriers may leave it empty.
    pub fn gather(
        &mut self,
        meta: &mut MetaFile,
        run: Run,
        payloads: &[Bytes],
    ) -> Result<(), DiskError> {
        self.check(run, payloads)?;
        if run.first <= self.last.index && !run.is_empty() {
            self.cut(run.first.prev())?;
        }
        let empty = Bytes::new();
        for (at, position) in run.positions().enumerate() {
            let payload = payloads.get(at).unwrap_or(&empty);
            let bytes = record_bytes(payload.len());
            if self.active.end + bytes > self.segment_bytes {
                self.rotate(meta)?;
            } else if self.buffer.len() >= BUFFER_BYTES_MAX {
                self.write()?;
            }
            let synced = u32::try_from(self.active.synced).expect("segments are at most 1 GiB");
            self.active.checksum = record::encode(
                &mut self.buffer,
                self.active.origin,
                position,
                run.kind,
                payload,
                synced,
                self.active.checksum,
            );
            self.active.end += bytes;
            self.gathered.push((position, bytes));
            self.last = position;
        }
        // Before whoever asked for this stops counting it as queued: between the two, more would be
        // admitted than there is room for.
        self.note_space();
        Ok(())
    }

    fn check(&self, run: Run, payloads: &[Bytes]) -> Result<(), DiskError> {
        let after = self.catalog.base().index;
        if run.first > self.last.index.next() || run.first <= after {
            return Err(DiskError::Gap {
                first: run.first,
                after,
                last: self.last.index,
            });
        }
        let bare = payloads.is_empty() && run.kind == EntryKind::NoOp;
        if payloads.len() != run.count as usize && !bare {
            return Err(DiskError::Payloads {
                count: run.count,
                payloads: payloads.len(),
            });
        }
        let bytes_max = self.payload_bytes_max();
        match payloads.iter().map(Bytes::len).max() {
            Some(bytes) if bytes as u64 > bytes_max => {
                Err(DiskError::TooLarge { bytes, bytes_max })
            }
            _ => Ok(()),
        }
    }

    /// Hands the buffer to the operating system in one call; then its entries can be read.
    pub fn write(&mut self) -> Result<(), DiskError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = self.buffer.len();
        if self.active.end + ALIGN as u64 <= self.segment_bytes {
            self.buffer.extend_from_slice(&END_MARK);
        }
        self.active
            .file
            .write_at(&self.buffer, self.active.written)
            .doing("write", &self.active.path)?;
        self.active.written += bytes as u64;
        self.unforced_bytes += bytes as u64;
        self.stats.wrote(bytes as u64, self.gathered.len() as u64);
        self.catalog.written(&self.gathered);
        self.buffer.clear();
        self.buffer.shrink_to(2 * BUFFER_BYTES_MAX);
        self.gathered.clear();
        self.note_space();
        Ok(())
    }

    /// Writes and forces everything gathered so far. Costs nothing if nothing is unforced.
    pub fn sync(&mut self) -> Result<(), DiskError> {
        self.write()?;
        if self.active.synced == self.active.written {
            return Ok(());
        }
        self.stats
            .time(Forced::Log, self.unforced_bytes, || self.active.file.sync())
            .doing("force", &self.active.path)?;
        self.active.synced = self.active.written;
        self.unforced_bytes = 0;
        Ok(())
    }

    /// The forced end, to be kept in `meta`.
    pub fn synced(&self) -> Mark {
        Mark {
            generation: self.active.origin.generation,
            end: self.active.synced,
        }
    }

    /// Goes on in the next segment. Everything before it is forced first (rule 2 of segments).
    fn rotate(&mut self, meta: &mut MetaFile) -> Result<(), DiskError> {
        self.sync()?;
        let joins = self.synced();
        meta.save(Meta {
            synced: joins,
            ..meta.now().clone()
        })?;
        let segment = self.start_segment(joins, self.last, self.active.checksum)?;
        self.catalog.add(segment);
        Ok(())
    }

    /// Cuts the log behind `index`. Durable when it returns: the next segment names the place.
    ///
    /// If its header were not forced by itself: 1. entries are cut, replaced, and the replacement
    /// is in part on the disk; 2. the power goes, taking the header but not the trimming of the
    /// older segment; 3. the log ends earlier than anybody cut it.
    fn cut(&mut self, index: LogIndex) -> Result<(), DiskError> {
        self.sync()?;
        let cut = self.catalog.find_cut(index)?;
        let segment = self.start_forced(cut.joins, cut.last, cut.checksum)?;
        let (dropped, trimmed) = self.catalog.cut(&cut, segment);
        trimmed
            .file
            .set_size(cut.joins.end)
            .doing("trim", &trimmed.path)?;
        self.retire(dropped)
    }

    /// Forgets all entries and goes on behind `base`, which a snapshot holds. Durable when it
    /// returns.
    pub fn restart_behind(
        &mut self,
        meta: &mut MetaFile,
        base: LogPosition,
    ) -> Result<(), DiskError> {
        self.sync()?;
        let segment = self.start_forced(Mark::default(), base, 0)?;
        meta.save(Meta {
            synced: self.synced(),
            first_generation: self.active.origin.generation,
            ..meta.now().clone()
        })?;
        let dropped = self.catalog.restart_with(segment);
        self.retire(dropped)
    }

    /// Lets go of whole segments that hold nothing after `upto`.
    ///
    /// The one that is to be the first must have its header on the disk: 1. a rotation begins a
    /// segment; 2. everything before it is compacted, and `meta` says the log begins there; 3. the
    /// power takes the header, and there is no such segment.
    pub fn compact(&mut self, meta: &mut MetaFile, upto: LogIndex) -> Result<(), DiskError> {
        let Some(first_generation) = self.catalog.first_needed_after(upto) else {
            return Ok(());
        };
        if first_generation == self.active.origin.generation && self.active.synced == 0 {
            self.sync()?;
        }
        meta.save(Meta {
            first_generation,
            ..meta.now().clone()
        })?;
        let dropped = self.catalog.drop_before(first_generation);
        self.retire(dropped)
    }

    fn start_forced(
        &mut self,
        joins: Mark,
        base: LogPosition,
        checksum: u32,
    ) -> Result<Segment, DiskError> {
        let segment = self.start_segment(joins, base, checksum)?;
        self.stats
            .time(Forced::Log, 0, || segment.file.sync())
            .doing("force", &segment.path)?;
        self.active.synced = RECORDS_AT;
        Ok(segment)
    }

    fn start_segment(
        &mut self,
        joins: Mark,
        base: LogPosition,
        checksum: u32,
    ) -> Result<Segment, DiskError> {
        let spare = self.spares.take()?;
        let header = SegmentHeader {
            store: self.active.origin.store,
            generation: spare.generation,
            joins,
            checksum,
            base,
        };
        spare
            .file
            .write_at(&header.encode(), 0)
            .and_then(|()| spare.file.write_at(&END_MARK, RECORDS_AT))
            .doing("write", &spare.path)?;
        let segment = Segment::empty(header, spare.path, spare.file);
        self.active = Active::behind(&segment, 0, checksum);
        self.last = base;
        self.note_space();
        Ok(segment)
    }

    fn retire(&self, segments: Vec<Segment>) -> Result<(), DiskError> {
        let files = segments.into_iter().map(Retired::from);
        Ok(self.spares.retire(files)?)
    }

    fn note_space(&self) {
        let left = self.segment_bytes.saturating_sub(self.active.end);
        self.spares.space().set_active_left(left);
    }
}
