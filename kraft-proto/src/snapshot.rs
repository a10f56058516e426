//! What the core must know of a snapshot: where it ends, who is in the cluster there, and which term
//! wrote which stretch of the log it stands for.
//!
//! The state machine's bytes are the host's. These stand beside them, on its disk and on the wire,
//! so that a node that never had the log can still tell what became of an entry in it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{LogIndex, LogPosition};
use crate::limits::{SNAPSHOT_BYTES_MAX, TERM_RUNS_MAX};
use crate::log::{Log, Written};
use crate::members::Members;

/// The core's part of a snapshot. Its host keeps it beside the state machine's bytes.
///
/// Invariants, checked where it is built:
/// 1. it covers at least one entry;
/// 2. its configuration is the newest in the log it stands for: an entry there, unless its history does
///    not reach back so far or it is the one the cluster began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub(crate) log: Log,
    pub(crate) members: Members,
    pub(crate) members_at: LogIndex,
}

/// Why bytes are no snapshot's, or cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotBytesError {
    /// These bytes were never written by [`Snapshot::encode`].
    Malformed,
    /// The buffer to encode into is too small: use [`SNAPSHOT_BYTES_MAX`] bytes.
    BufferTooSmall,
}

impl fmt::Display for SnapshotBytesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("these are not the bytes of a snapshot: nothing of them was believed")
            }
            Self::BufferTooSmall => write!(
                f,
                "the buffer is too small, nothing is in it: a snapshot's history needs up to \
                 {SNAPSHOT_BYTES_MAX} bytes"
            ),
        }
    }
}

impl core::error::Error for SnapshotBytesError {}

/// What stands before the configuration.
#[derive(Serialize, Deserialize)]
struct Head {
    log: Written,
    members_at: LogIndex,
}

impl Snapshot {
    /// A snapshot of this history; `None` if it breaks an invariant.
    pub(crate) fn of(log: Log, members: Members, members_at: LogIndex) -> Option<Self> {
        let remembered = match log.last_configuration() {
            Some(at) => at == members_at,
            None => members_at <= log.base().index,
        };
        let covers_something = log.last() > LogIndex::ZERO;
        (remembered && covers_something).then_some(Self {
            log: log.within(TERM_RUNS_MAX as u8),
            members,
            members_at,
        })
    }

    /// The last entry it covers.
    pub fn last(&self) -> LogPosition {
        self.log.last_position()
    }

    /// Who is in the cluster there.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Where the configuration of those stands; 0 for the one the cluster began with.
    pub fn members_at(&self) -> LogIndex {
        self.members_at
    }

    /// Writes it into a buffer of [`SNAPSHOT_BYTES_MAX`] bytes and returns what was written.
    pub fn encode<'a>(&self, buffer: &'a mut [u8]) -> Result<&'a [u8], SnapshotBytesError> {
        let head = Head {
            log: Written::of(&self.log),
            members_at: self.members_at,
        };
        let used = postcard::to_slice(&head, buffer).map(|used| used.len());
        let used = used.map_err(|_| SnapshotBytesError::BufferTooSmall)?;
        let members = self.members.to_bytes();
        let end = used + members.len();
        let rest = buffer.get_mut(used..end);
        rest.ok_or(SnapshotBytesError::BufferTooSmall)?
            .copy_from_slice(&members);
        buffer.get(..end).ok_or(SnapshotBytesError::BufferTooSmall)
    }

    /// Reads what [`Snapshot::encode`] wrote. Total: any bytes give a snapshot or an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, SnapshotBytesError> {
        Self::read(bytes).ok_or(SnapshotBytesError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = postcard::take_from_bytes::<Head>(bytes).ok()?;
        let members = Members::from_bytes(rest)?;
        let snapshot = Self::of(head.log.log()?, members, head.members_at)?;
        let mut again = [0; SNAPSHOT_BYTES_MAX];
        (snapshot.encode(&mut again) == Ok(bytes)).then_some(snapshot)
    }
}
