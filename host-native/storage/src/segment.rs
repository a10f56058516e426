//! One file of the log, and how it joins the one before.
//!
//! ```text
//!  0       8         12     16      24           32         40
//!  ├ magic ┼ version ┼ zero ┼ store ┼ generation ┼ previous ┼ joins at ┼
//!  48        52     56         64          72       76
//!  ├ checksum ┼ zero ┼ base term ┼ base index ┼ CRC32C ┼ zeroes … 4096 ┼ records …
//! ```
//!
//! Three rules carry recovery:
//!
//! 1. **A generation is written once, front to back.** A log that is cut goes on in a new segment
//!    whose header names the place in an older one where it joins, so nothing is ever overwritten
//!    in place and a half-undone write cannot mix two histories.
//! 2. **A header is written only when everything before the place it joins is forced.** So damage
//!    before that place is never a torn tail.
//! 3. **A file is never named after a generation already used**, so records left in a recycled file
//!    fail their checksums.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kraft_proto::ids::{LogIndex, LogPosition, StoreId, Term};

use super::fs::File;
use super::meta::Mark;
use super::record::{Origin, u32_at, u64_at};

const MAGIC: &[u8; 8] = b"kraftseg";
const VERSION: u32 = 1;

/// Where records begin.
pub(super) const RECORDS_AT: u64 = 4096;

/// A sparse index point is kept this many bytes apart, so memory grows with bytes, not entries.
const POINT_EVERY_BYTES: u64 = 16 * 1024;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub store: StoreId,
    pub generation: u64,
    /// The end of what comes before; generation 0 if nothing does.
    pub joins: Mark,
    /// The checksum of the record that ends there.
    pub checksum: u32,
    /// The entry before the first.
    pub base: LogPosition,
}

impl SegmentHeader {
    /// What the checksums of its records cover besides themselves.
    pub fn origin(&self) -> Origin {
        Origin {
            store: self.store,
            generation: self.generation,
        }
    }

    /// The header block.
    pub fn encode(&self) -> [u8; RECORDS_AT as usize] {
        let mut block = [0; RECORDS_AT as usize];
        let mut put = |at: usize, field: &[u8]| block[at..at + field.len()].copy_from_slice(field);
        put(0, MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(16, &self.store.0.to_le_bytes());
        put(24, &self.generation.to_le_bytes());
        put(32, &self.joins.generation.to_le_bytes());
        put(40, &self.joins.end.to_le_bytes());
        put(48, &self.checksum.to_le_bytes());
        put(56, &self.base.term.0.to_le_bytes());
        put(64, &self.base.index.0.to_le_bytes());
        let checksum = crc32c::crc32c(&block[..72]);
        block[72..76].copy_from_slice(&checksum.to_le_bytes());
        block
    }

    /// Reads a header block; `None` unless it is whole and of this store and generation.
    pub fn decode(block: &[u8], store: StoreId, generation: u64) -> Option<Self> {
        if block.len() < 76
            || &block[..8] != MAGIC
            || u32_at(block, 8) != VERSION
            || u32_at(block, 72) != crc32c::crc32c(&block[..72])
        {
            return None;
        }
        let header = Self {
            store: StoreId(u64_at(block, 16)),
            generation: u64_at(block, 24),
            joins: Mark {
                generation: u64_at(block, 32),
                end: u64_at(block, 40),
            },
            checksum: u32_at(block, 48),
            base: LogPosition::new(Term(u64_at(block, 56)), LogIndex(u64_at(block, 64))),
        };
        (header.store == store && header.generation == generation).then_some(header)
    }
}

/// The file of a generation.
pub(super) fn path_of(log_dir: &Path, generation: u64) -> PathBuf {
    log_dir.join(format!("{generation:08}.seg"))
}

/// The generation a file is named after.
pub(super) fn generation_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let valid = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| digits.parse().ok()).flatten()
}

/// A segment in use: where its entries lie.
#[derive(Clone)]
pub(super) struct Segment {
    pub header: SegmentHeader,
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    /// Behind the last record.
    pub end: u64,
    /// The last entry; the base if there is none.
    pub last: LogPosition,
    points: Vec<Point>,
}

/// An entry whose offset is remembered.
#[derive(Clone, Copy, Debug)]
struct Point {
    index: LogIndex,
    offset: u32,
}

impl Segment {
    /// A segment without entries.
    pub fn empty(header: SegmentHeader, path: PathBuf, file: Arc<dyn File>) -> Self {
        Self {
            header,
            path,
            file,
            end: RECORDS_AT,
            last: header.base,
            points: Vec::new(),
        }
    }

    /// Takes note of a record that lies at the end.
    pub fn push(&mut self, position: LogPosition, record_bytes: u64) {
        let far_enough = self
            .points
            .last()
            .is_none_or(|point| u64::from(point.offset) + POINT_EVERY_BYTES <= self.end);
        if far_enough {
            let offset = u32::try_from(self.end).expect("segments are at most 1 GiB");
            let index = position.index;
            self.points.push(Point { index, offset });
        }
        self.last = position;
        self.end += record_bytes;
    }

    /// Forgets everything behind the record of `last`, which ends at `end`.
    pub fn cut(&mut self, last: LogPosition, end: u64) {
        self.points.retain(|point| u64::from(point.offset) < end);
        self.last = last;
        self.end = end;
    }

    /// Whether it holds this entry.
    pub fn holds(&self, index: LogIndex) -> bool {
        self.header.base.index < index && index <= self.last.index
    }

    /// The nearest remembered offset at or before an entry that it holds.
    pub fn start_for(&self, index: LogIndex) -> u64 {
        let after = self.points.partition_point(|point| point.index <= index);
        after
            .checked_sub(1)
            .map_or(RECORDS_AT, |at| u64::from(self.points[at].offset))
    }
}
