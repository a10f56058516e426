//! `meta`: whose store this is and with whom it began, the node's hard state, and how far the log
//! was once forced and committed.
//!
//! Two slots are written in turn, so that one is whole whatever happens to a write; the whole one of
//! the higher sequence number counts. What is written has the same length each time, and the file
//! never grows: hard state can be saved on a full disk.
//!
//! ```text
//!  0       8         12     16         24        40     48      56     64     72
//!  ├ magic ┼ version ┼ zero ┼ sequence ┼ cluster ┼ node ┼ store ┼ term ┼ vote ┼ incarnation ┼
//!  80         81      82         83           84     88     104                112           120
//!  ├ has vote ┼ trust ┼ has boot ┼ superseded ┼ zero ┼ boot ┼ synced generation ┼ synced end ┼ first gen ┼
//!  128     136     144                    152                   160              168
//!  ├ epoch ┼ nonce ┼ superseded by number ┼ superseded by nonce ┼ committed term ┼ committed index ┼
//!  176               180
//!  ├ founding length ┼ founding ┼ CRC32C
//! ```
//!
//! Version 2 has the founding length at 160: nothing was kept as committed. Opening such a store makes it
//! one of this version.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, StoreId, Term};

use super::committed::Committed;
use super::error::{Corrupt, Doing, FormatError, IoError, StoreOpenError};
use super::founding::Founding;
use super::fs::{File, Fs};
use super::identity::{BootId, Identity};
use super::record::{u32_at, u64_at};
use super::stats::{Forced, StorageStats};

const MAGIC: &[u8; 8] = b"kraftmet";
const VERSION: u32 = 3;

/// Version 2 had nothing kept as committed, and the rest behind that as much earlier.
const VERSION_2: u32 = 2;
const COMMITTED_BYTES: usize = 16;

/// Version 1 had slots of this length, and nothing behind the first generation.
const VERSION_1: u32 = 1;
const VERSION_1_BYTES: usize = 128;

const SLOT_BYTES: usize = 16 * 1024;
const FOUNDING_AT: usize = FOUNDING_LENGTH_AT + 4;
const FOUNDING_LENGTH_AT: usize = 176;
const CHECKSUM_BYTES: usize = 4;

/// The longest founding that fits, in bytes: a full cluster with names of 250 bytes.
const FOUNDING_BYTES_MAX: usize = SLOT_BYTES - FOUNDING_AT - CHECKSUM_BYTES;

/// A place in the log: an offset in the segment of a generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Generation; 0 stands before every segment.
    pub generation: u64,
    /// Offset in bytes.
    pub end: u64,
}

/// What `meta` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub identity: Identity,
    pub founding: Founding,
    pub epoch: Epoch,
    pub hard_state: HardState,
    /// The boot under which `hard_state` was saved.
    pub boot: Option<BootId>,
    /// The log was forced through here: damage before it is no torn tail.
    pub synced: Mark,
    /// Where the log begins since it was last compacted; segments of earlier generations do not
    /// count.
    pub first_generation: u64,
    /// The last position told as committed by the time this was written.
    pub committed: LogPosition,
}

/// The open file and what it says now.
pub(super) struct MetaFile {
    file: Arc<dyn File>,
    path: PathBuf,
    now: Slot,
    committed: Committed,
    stats: Arc<StorageStats>,
}

/// One of the two slots.
struct Slot {
    sequence: u64,
    meta: Meta,
    /// The same as it stands in the file.
    bytes: Vec<u8>,
}

/// How a slot was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherSlot {
    /// Readable.
    Whole,
    /// Not: a save was cut short, or the disk lost it.
    Torn {
        /// Where it begins, in bytes.
        offset: u64,
    },
}

impl MetaFile {
    /// Where it lies in a data directory.
    pub fn path_in(dir: &Path) -> PathBuf {
        dir.join("meta")
    }

    /// Creates the file with both slots alike. It appears under its name only when it is whole.
    pub fn format(
        fs: &dyn Fs,
        dir: &Path,
        identity: Identity,
        founding: Founding,
    ) -> Result<(), FormatError> {
        let bytes = founding.to_bytes().len();
        if bytes > FOUNDING_BYTES_MAX {
            return Err(FormatError::TooLong {
                bytes,
                bytes_max: FOUNDING_BYTES_MAX,
            });
        }
        let meta = Meta {
            identity,
            founding,
            epoch: Epoch::default(),
            hard_state: HardState::default(),
            boot: fs.boot_id(),
            synced: Mark::default(),
            first_generation: 0,
            committed: LogPosition::ZERO,
        };
        let (draft, path) = (dir.join("meta.new"), Self::path_in(dir));
        match fs.remove(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing("remove", &draft)?;
            }
            _ => {}
        }
        let file = fs.create(&draft).doing("create", &draft)?;
        file.set_size(2 * SLOT_BYTES as u64)
            .doing("extend", &draft)?;
        for sequence in 0..2 {
            let slot = encode(&meta, sequence);
            file.write_at(&slot, slot_offset(sequence))
                .doing("write", &draft)?;
        }
        file.sync().doing("force", &draft)?;
        fs.rename(&draft, &path).doing("rename", &draft)?;
        Ok(fs.sync_dir(dir).doing("force", dir)?)
    }

    /// Reads it. Nothing is written.
    pub fn load(
        fs: &dyn Fs,
        dir: &Path,
        stats: &Arc<StorageStats>,
    ) -> Result<(Self, OtherSlot), StoreOpenError> {
        let path = Self::path_in(dir);
        let file = match fs.open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StoreOpenError::NoStore(dir.to_owned()));
            }
            opened => opened.doing("open", &path)?,
        };
        let mut slots = [None, None];
        for (slot, offset) in slots.iter_mut().zip([slot_offset(0), slot_offset(1)]) {
            let mut bytes = vec![0; SLOT_BYTES];
            let read = file.read_at(&mut bytes, offset).doing("read", &path)?;
            *slot = decode(&bytes[..read], &path)?;
        }
        let (best, other) = match slots {
            [Some(first), Some(second)] if second.sequence > first.sequence => {
                (second, OtherSlot::Whole)
            }
            [Some(first), Some(_)] => (first, OtherSlot::Whole),
            [Some(first), None] => {
                let offset = slot_offset(1);
                (first, OtherSlot::Torn { offset })
            }
            [None, Some(second)] => (second, OtherSlot::Torn { offset: 0 }),
            [None, None] => {
                return Err(StoreOpenError::Corrupt(Corrupt {
                    file: path,
                    offset: 0,
                    what: "neither copy of the hard state has a valid checksum",
                }));
            }
        };
        let meta = Self {
            file,
            path,
            committed: Committed::kept(best.meta.committed),
            now: best,
            stats: Arc::clone(stats),
        };
        Ok((meta, other))
    }

    /// What it says.
    pub fn now(&self) -> &Meta {
        &self.now.meta
    }

    /// What is kept as committed with whatever is written next.
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Writes the bytes that were read once more, in place, and forces them.
    ///
    /// 1. An fsync of the slot failed: the page cache has it, the disk does not, and the page
    ///    counts as clean. 2. The process starts again, reads it, and saves to the *other* slot,
    ///    the only one on the disk. 3. The power goes during that write, and both are lost.
    pub fn confirm(&self) -> Result<(), IoError> {
        self.write(&self.now)
    }

    /// Replaces it, and what is kept as committed by what was told last; durable when this returns.
    pub fn save(&mut self, meta: Meta) -> Result<(), IoError> {
        let meta = Meta {
            committed: self.committed.last(),
            ..meta
        };
        let sequence = self.now.sequence + 1;
        let slot = Slot {
            sequence,
            bytes: encode(&meta, sequence),
            meta,
        };
        self.write(&slot)?;
        self.now = slot;
        Ok(())
    }

    fn write(&self, slot: &Slot) -> Result<(), IoError> {
        self.file
            .write_at(&slot.bytes, slot_offset(slot.sequence))
            .doing("write", &self.path)?;
        self.stats
            .time(Forced::Meta, 0, || self.file.sync())
            .doing("force", &self.path)
    }
}

const fn slot_offset(sequence: u64) -> u64 {
    (sequence % 2) * SLOT_BYTES as u64
}

fn encode(meta: &Meta, sequence: u64) -> Vec<u8> {
    let founding = meta.founding.to_bytes();
    let mut bytes = vec![0; FOUNDING_AT];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, MAGIC);
    put(8, &VERSION.to_le_bytes());
    put(16, &sequence.to_le_bytes());
    put(24, &meta.identity.cluster.0.to_le_bytes());
    put(40, &meta.identity.node.0.to_le_bytes());
    put(48, &meta.identity.store.0.to_le_bytes());
    put(56, &meta.hard_state.term.0.to_le_bytes());
    put(
        64,
        &meta.hard_state.vote.unwrap_or_default().0.to_le_bytes(),
    );
    let incarnation = meta.hard_state.incarnation;
    put(72, &incarnation.number.to_le_bytes());
    put(80, &[u8::from(meta.hard_state.vote.is_some())]);
    put(81, &[trust_byte(meta.hard_state.trust)]);
    put(82, &[u8::from(meta.boot.is_some())]);
    put(88, &meta.boot.map_or(0, |boot| boot.0).to_le_bytes());
    put(104, &meta.synced.generation.to_le_bytes());
    put(112, &meta.synced.end.to_le_bytes());
    put(120, &meta.first_generation.to_le_bytes());
    put(128, &meta.epoch.0.to_le_bytes());
    put(136, &incarnation.nonce.0.to_le_bytes());
    let by = meta.hard_state.superseded;
    put(83, &[u8::from(by.is_some())]);
    put(144, &by.unwrap_or_default().number.to_le_bytes());
    put(152, &by.unwrap_or_default().nonce.0.to_le_bytes());
    let founding_bytes = founding.len() as u32;
    put(160, &meta.committed.term.0.to_le_bytes());
    put(168, &meta.committed.index.0.to_le_bytes());
    put(FOUNDING_LENGTH_AT, &founding_bytes.to_le_bytes());
    bytes.extend_from_slice(&founding);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads a slot; `None` if it is torn.
fn decode(bytes: &[u8], path: &Path) -> Result<Option<Slot>, StoreOpenError> {
    if bytes.len() < FOUNDING_AT || &bytes[..8] != MAGIC {
        return Ok(None);
    }
    let whole = |end: usize| {
        let checksum = bytes.get(end..end + CHECKSUM_BYTES)?;
        (crc32c::crc32c(&bytes[..end]) == u32_at(checksum, 0)).then_some(end)
    };
    let version = u32_at(bytes, 8);
    let unknown = |found| StoreOpenError::Version {
        file: path.to_owned(),
        found,
        known: VERSION,
    };
    if version == VERSION_1 && whole(VERSION_1_BYTES).is_some() {
        return Err(unknown(version));
    }
    let earlier = match version {
        VERSION_2 => COMMITTED_BYTES,
        _ => 0,
    };
    let founding_at = FOUNDING_AT - earlier;
    let founding_bytes = u32_at(bytes, FOUNDING_LENGTH_AT - earlier) as usize;
    let Some(end) = whole(founding_at.saturating_add(founding_bytes)) else {
        return Ok(None);
    };
    if !matches!(version, VERSION_2 | VERSION) || founding_bytes > FOUNDING_BYTES_MAX {
        return Err(unknown(version));
    }
    let Some(founding) = Founding::from_bytes(&bytes[founding_at..end]) else {
        return Ok(None);
    };
    let committed = match version {
        VERSION_2 => LogPosition::ZERO,
        _ => LogPosition::new(Term(u64_at(bytes, 160)), LogIndex(u64_at(bytes, 168))),
    };
    if (committed.term == Term::ZERO) != (committed.index == LogIndex::ZERO) {
        return Ok(None);
    }
    let Some(trust) = trust_of(bytes[81]) else {
        return Ok(None);
    };
    let superseded = Incarnation::new(u64_at(bytes, 144), Nonce(u64_at(bytes, 152)));
    let meta = Meta {
        identity: Identity {
            cluster: ClusterId(u128_at(bytes, 24)),
            node: NodeId(u64_at(bytes, 40)),
            store: StoreId(u64_at(bytes, 48)),
        },
        hard_state: HardState {
            term: Term(u64_at(bytes, 56)),
            vote: (bytes[80] != 0).then(|| NodeId(u64_at(bytes, 64))),
            incarnation: Incarnation::new(u64_at(bytes, 72), Nonce(u64_at(bytes, 136))),
            trust,
            superseded: (bytes[83] != 0).then_some(superseded),
        },
        boot: (bytes[82] != 0).then(|| BootId(u128_at(bytes, 88))),
        synced: Mark {
            generation: u64_at(bytes, 104),
            end: u64_at(bytes, 112),
        },
        first_generation: u64_at(bytes, 120),
        founding,
        epoch: Epoch(u64_at(bytes, 128)),
        committed,
    };
    Ok(Some(Slot {
        sequence: u64_at(bytes, 16),
        meta,
        bytes: bytes[..end + CHECKSUM_BYTES].to_vec(),
    }))
}

fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from(u64_at(bytes, at)) | u128::from(u64_at(bytes, at + 8)) << 64
}

fn trust_byte(trust: Trust) -> u8 {
    match trust {
        Trust::Clean => 0,
        Trust::Dirty => 1,
        Trust::Suspect => 2,
    }
}

fn trust_of(byte: u8) -> Option<Trust> {
    match byte {
        0 => Some(Trust::Clean),
        1 => Some(Trust::Dirty),
        2 => Some(Trust::Suspect),
        _ => None,
    }
}
