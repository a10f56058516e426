//! What can go wrong with a disk, and what a person does about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kraft_proto::ids::{LogIndex, LogPosition};

use super::identity::{Expect, Identity};

/// A store could not be created.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// There is one already.
    #[error(
        "{} already holds a store. Nothing was changed; choose another directory, or remove this \
         one if what it holds may be lost", .0.display()
    )]
    AlreadyThere(PathBuf),
    /// Somebody else has the directory.
    #[error("{} is in use by another process. Nothing was created; stop that process first", .0.display())]
    InUse(PathBuf),
    /// The members' addresses are too long.
    #[error(
        "the members with their addresses take {bytes} bytes, where {bytes_max} fit. No store was \
         created; use shorter host names"
    )]
    TooLong {
        /// What they take, in bytes.
        bytes: usize,
        /// What there is for them, in bytes.
        bytes_max: usize,
    },
    /// The file system refused.
    #[error("no store was created: {0}")]
    Io(#[from] IoError),
}

/// A store could not be opened. Nothing in it was lost or changed by trying.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// The directory has no `meta`.
    #[error(
        "{} holds no store. The node was not started; run `kraft init` to create one. If this node \
         had data here, that disk is lost: it must rejoin as a new store, not as an empty log",
        .0.display()
    )]
    NoStore(PathBuf),
    /// Somebody else has the directory, and kept it for as long as that was waited for.
    #[error("{} is in use by another process. It was not opened; stop that process first", .0.display())]
    InUse(PathBuf),
    /// This user may not use it. The disk has nothing to do with it.
    #[error(
        "the store was not opened: {0}. Nothing in it was changed; give the user that runs the node \
         the right to read and write it, then start again"
    )]
    Denied(#[source] IoError),
    /// It belongs to another node, cluster or store.
    #[error(
        "{} belongs to {found}, not to {expected}. It was not opened; correct the data directory \
         or the identity this node was configured with", .dir.display()
    )]
    Foreign {
        /// The data directory.
        dir: PathBuf,
        /// Whose data was meant.
        expected: Expect,
        /// Whose it is.
        found: Identity,
    },
    /// Bytes that were once forced to the disk are not what they were.
    #[error("{0}")]
    Corrupt(#[from] Corrupt),
    /// It was written by another version of the program.
    #[error(
        "{} has format version {found}, and this program reads version {known}. It was not opened; \
         use the program that wrote it", .file.display()
    )]
    Version {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// The settings make no sense.
    #[error("a log segment of {0} bytes is not possible: choose between 64 KiB and 1 GiB")]
    SegmentSize(u64),
    /// No room for the segment that recovery writes.
    #[error(
        "the store was not opened: it is written anew at each start, which needs {} bytes free on its \
         disk. Nothing in it was changed; make room, then start again", .0.needed
    )]
    Full(#[from] Full),
    /// The file system refused.
    #[error(
        "the store was not opened: {0}. What was not forced to the disk before may be lost if the \
         machine restarts now; see to the disk, then start again"
    )]
    Io(#[source] IoError),
}

/// Bytes that were forced to the disk came back different.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is damaged at byte {offset}: {what}. This was forced to the disk once, so the node was not \
     started on less; restore the disk, or wipe the directory and let the node rejoin as a new store",
    .file.display()
)]
pub struct Corrupt {
    /// The damaged file.
    pub file: PathBuf,
    /// Where in it the first damage was found, in bytes.
    pub offset: u64,
    /// What was found there.
    pub what: &'static str,
}

/// The disk thread's last word: the store must be dropped and opened anew.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// A file operation failed. It is never tried again: after a failed fsync a second one may
    /// succeed without the bytes being anywhere.
    #[error("{0}. The node stops; what was not reported as held may be missing")]
    Io(#[from] IoError),
    /// No segment could be prepared for the next entry, by a store that prepares none ahead of need.
    #[error(
        "{0}. The entry was not written and the node stops; free some space and start it again"
    )]
    Full(#[from] Full),
    /// The entries do not join the log.
    #[error(
        "entries from {first} on do not join a log that holds {after} to {last}. Nothing was written"
    )]
    Gap {
        /// Where the entries begin.
        first: LogIndex,
        /// The entry before the first that is held.
        after: LogIndex,
        /// The last that is held.
        last: LogIndex,
    },
    /// As many payloads as entries are needed.
    #[error("{payloads} payloads for {count} entries. Nothing was written")]
    Payloads {
        /// Entries named.
        count: u32,
        /// Payloads given.
        payloads: usize,
    },
    /// An entry is larger than a segment.
    #[error(
        "an entry of {bytes} bytes does not fit; the largest is {bytes_max}. Nothing was written"
    )]
    TooLarge {
        /// Its payload.
        bytes: usize,
        /// The largest possible.
        bytes_max: u64,
    },
    /// An earlier operation failed.
    #[error("the store stopped after an earlier failure. Nothing was written; open it anew")]
    Stopped,
}

/// The disk thread did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It did not finish in time.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// A disk did not do all it was asked in the time there was for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk has not finished within {:.1} s: of the writes it was given, {writes} are not done, \
     and the store was not closed", .patience.as_secs_f64()
)]
pub struct Unfinished {
    /// Writes that are not done.
    pub writes: u64,
    /// How long they were waited for.
    pub patience: Duration,
}

/// Bytes of a log entry could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log does not reach there, or no longer goes back that far.
    #[error("entry {0} is not in the log (not written yet, cut off, or compacted away)")]
    NotHeld(LogPosition),
    /// Another entry stands at that index now.
    #[error("entry {wanted} was replaced by {found}")]
    Replaced {
        /// What was asked for.
        wanted: LogPosition,
        /// What is there.
        found: LogPosition,
    },
    /// The bytes on the disk are damaged.
    #[error("{0}")]
    Corrupt(#[from] Corrupt),
    /// The file system refused.
    #[error("the entry was not read: {0}")]
    Io(#[from] IoError),
}

/// There is no room for more entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the disk is full: {headroom} bytes of log are prepared and another segment needs {needed}. \
     The write was refused; free some space on the data disk"
)]
pub struct Full {
    /// Bytes of prepared segments that are left, part of which is kept in reserve.
    pub headroom: u64,
    /// Bytes the next segment needs on the disk.
    pub needed: u64,
}

/// A file operation failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", .path.display())]
pub struct IoError {
    /// What was being done, as a verb.
    pub doing: &'static str,
    /// To which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// No segment could be prepared.
#[derive(Debug)]
pub(super) enum PrepareError {
    Full(Full),
    Io(IoError),
}

impl From<Full> for PrepareError {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

impl From<IoError> for PrepareError {
    fn from(error: IoError) -> Self {
        Self::Io(error)
    }
}

impl From<PrepareError> for DiskError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Full(full) => Self::Full(full),
            PrepareError::Io(error) => Self::Io(error),
        }
    }
}

impl From<IoError> for StoreOpenError {
    fn from(error: IoError) -> Self {
        match error.source.kind() {
            io::ErrorKind::PermissionDenied => Self::Denied(error),
            _ => Self::Io(error),
        }
    }
}

impl From<PrepareError> for StoreOpenError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Full(full) => Self::Full(full),
            PrepareError::Io(error) => error.into(),
        }
    }
}

/// Says what was being done to which file when a call failed.
pub(super) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, IoError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, IoError> {
        self.map_err(|source| IoError {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}
