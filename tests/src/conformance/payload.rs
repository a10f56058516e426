//! The bytes of an entry, which follow from where it stands: nothing needs to remember them.

use kraft_proto::{EntryKind, LogPosition, Run};

use super::chance::Chance;

/// Lengths of payloads in bytes: empty, small, and larger than a sector of a disk.
const LENGTHS: [usize; 6] = [0, 5, 40, 200, 700, 2500];

/// The bytes of the entry of this kind at this position.
pub(super) fn payload(at: LogPosition, kind: EntryKind) -> Vec<u8> {
    if kind == EntryKind::NoOp {
        return Vec::new();
    }
    let mut chance = Chance((at.term.0 << 32) ^ at.index.0);
    let length = LENGTHS[chance.below(LENGTHS.len() as u64) as usize];
    let words = (0..length.div_ceil(8)).flat_map(|_| chance.next().to_le_bytes());
    let mut bytes: Vec<u8> = words.collect();
    bytes.truncate(length);
    bytes
}

/// The bytes of a run's entries.
pub(super) fn payloads(run: Run) -> Vec<Vec<u8>> {
    run.positions().map(|at| payload(at, run.kind)).collect()
}
