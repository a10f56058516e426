//! What may go wrong, and what becomes of changes that were not forced.

/// Something to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A write fails and nothing of it was written.
    Write,
    /// A write fails when half of it was written.
    ShortWrite,
    /// An fsync of a file fails.
    Sync,
    /// An fsync of a directory fails.
    SyncDir,
}

/// How a machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process is killed: the page cache lives.
    Process,
    /// The power goes: only the disk lives.
    Power,
}

/// A change that is not known to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The number of the operation that made it, counted as
    /// [`FaultFs::operations`](super::FaultFs::operations) does.
    pub operation: u64,
    /// What it is.
    pub change: Change,
}

/// What a pending change changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many bytes of a file, from `offset` on.
    Write {
        /// The first byte.
        offset: usize,
        /// How many.
        bytes: usize,
    },
    /// The length of a file.
    Size,
    /// A name in a directory.
    Name,
}

/// What became of a pending change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is on the disk.
    Kept,
    /// It is not.
    Lost,
    /// A part of it is; of anything but a write, nothing.
    Torn(Tear),
}

/// Which part of a torn write is on the disk. Offsets count from the first byte of the write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// Only so many bytes.
    First(usize),
    /// All but so many bytes.
    From(usize),
    /// Every other sector: the first one not.
    OddSectors,
    /// Every other sector: the first one too.
    EvenSectors,
}
