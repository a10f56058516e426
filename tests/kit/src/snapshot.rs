//! The core's part of a snapshot, as a host keeps it.

use kraft_proto::limits::SNAPSHOT_BYTES_MAX;
use kraft_proto::{EntryKind, LogPosition, Raft, Snapshot};

/// A snapshot: where it ends, and the core's bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The last entry it covers.
    pub last: LogPosition,
    /// The core's bytes.
    pub core: Vec<u8>,
}

impl Kept {
    /// A node's snapshot of the state after an applied entry; none where the core refuses.
    pub fn made(raft: &Raft, at: LogPosition) -> Option<Self> {
        raft.snapshot_at(at).ok().map(|made| Self::of(&made))
    }

    /// A snapshot as bytes.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut buffer = [0; SNAPSHOT_BYTES_MAX];
        let core = snapshot.encode(&mut buffer).expect("there is room");
        Self {
            last: snapshot.last(),
            core: core.to_vec(),
        }
    }

    /// The snapshot of these bytes.
    pub fn decode(&self) -> Snapshot {
        Snapshot::decode(&self.core).expect("what was encoded decodes")
    }
}

/// Any numbers in the form of the core's part of a snapshot, as `WIRE.md` has it.
///
/// `base` is a term and its last index; `stretches` are terms with their first index and kind.
pub fn history_bytes(
    last: u64,
    base: (u64, u64),
    stretches: &[(u64, u64, EntryKind)],
    members_at: u64,
    members: &[u8],
) -> Vec<u8> {
    let mut numbers = vec![last, base.0, base.1, stretches.len() as u64];
    for (term, first, kind) in stretches {
        let kind = match kind {
            EntryKind::Command => 0,
            EntryKind::NoOp => 1,
            EntryKind::Configuration => 2,
        };
        numbers.extend([*term, *first, kind]);
    }
    numbers.push(members_at);
    let mut bytes = Vec::new();
    for mut number in numbers {
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }
    bytes.extend(members);
    bytes
}
