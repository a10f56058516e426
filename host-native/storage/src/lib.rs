//! Everything a node keeps on its disk: the log, the hard state, and the proof that they are whole.
//!
//! ```text
//! data directory
//! ├── lock                held by the one process that uses it
//! ├── meta                identity, first members, hard state, how far the log was forced and committed: two slots
//! ├── log/00000007.seg    segments, prepared ahead of need and recycled
//! └── snapshots/*.snap    the state after an entry; two are kept, and the log from the older one on
//! ```
//!
//! [`format()`] creates a store, [`open`] recovers one, and [`Disk::start`] moves it to the disk
//! thread, which takes the core's [`Write`](kraft_proto::output::Write)s and reports their receipts.
//! [`LogReader`] reads entries back meanwhile. [`inspect()`] shows the log of a store that is not in use, and with
//! [`ReadOnlyFs`] cannot change it.
//!
//! Read `segment` for the three rules recovery rests on, `record` for the bytes, `survey` for what
//! is damage and what a torn tail, and `recovery` for why opening a store writes to it.

mod catalog;
mod committed;
mod error;
mod founding;
pub mod fs;
mod identity;
mod inspect;
mod log;
mod meta;
mod opened;
mod opening;
mod read_only;
mod reader;
mod record;
mod recovery;
mod reserve;
mod running;
mod scan;
mod segment;
mod snapshots;
mod space;
mod spare;
mod stats;
mod store;
mod survey;
mod syncer;
pub mod testing;
mod worker;

pub use committed::Committed;
pub use error::{
    Corrupt, DiskError, FormatError, Full, IoError, ReadError, StopError, StoreOpenError,
    Unfinished,
};
pub use founding::{Contact, Founding};
pub use fs::{Fs, RealFs};
pub use identity::{Boot, BootId, Expect, Identity};
pub use inspect::{Inspected, LogEntry, Verified, inspect, verify};
pub use opened::{Join, Opened};
pub use opening::{Options, format, open};
pub use read_only::ReadOnlyFs;
pub use reader::LogReader;
pub use record::entry_checksum;
pub use reserve::Reserve;
pub use running::STOP_MAX;
pub use snapshots::{
    DIGEST_BYTES, Part, SnapshotDigest, SnapshotFile, SnapshotFileError, SnapshotReader, Snapshots,
};
pub use space::Space;
pub use stats::StorageStats;
pub use store::Store;
pub use survey::Warning;
pub use syncer::{Disk, DiskHandle, Done, Job};

/// The runs of a log: those that [`open`] found, and each write handed to the disk thread.
pub type History = kraft_proto::History<Vec<kraft_proto::Run>>;
