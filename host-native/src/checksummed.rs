//! An entry's end-to-end checksum.
//!
//! The leader adds it to an entry once; those bytes travel unchanged to the followers and onto
//! every disk, so a bit flipped anywhere on the way is found by whoever verifies it:
//!
//! ```text
//! ┌─────────────┬─────────────┐
//! │ CRC32C, 4 B │ payload     │     the checksum covers term, index, kind and payload
//! └─────────────┴─────────────┘
//! ```
//!
//! Term, index and kind are not repeated in the bytes: whoever verifies them says where they should
//! belong, and the entry of another place does not verify.

use bytes::{BufMut, Bytes, BytesMut};
use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::ids::LogPosition;
use thiserror::Error;

/// Bytes of the checksum before the payload.
pub const CHECKSUM_LEN: usize = 4;

/// The entry is not what its leader wrote there. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChecksumError {
    /// Too short to hold a checksum.
    #[error("an entry of {0} bytes holds no checksum")]
    Short(usize),
    /// The checksum is that of other bytes, or of another place in the log.
    #[error("entry {position}: the checksum does not match its bytes")]
    Mismatch {
        /// Where it was said to belong.
        position: LogPosition,
    },
}

/// Adds the checksum to `payload` as the entry at `position`.
pub fn add(position: LogPosition, kind: EntryKind, payload: &[u8]) -> Bytes {
    let mut checksummed = BytesMut::with_capacity(CHECKSUM_LEN + payload.len());
    checksummed.put_u32_le(checksum(position, kind, payload));
    checksummed.put_slice(payload);
    checksummed.freeze()
}

/// The payload of the entry at `position`, where `checksummed` is exactly what [`add`] made for it.
pub fn verify(
    position: LogPosition,
    kind: EntryKind,
    checksummed: &[u8],
) -> Result<&[u8], ChecksumError> {
    let (claimed, payload) = checksummed
        .split_first_chunk::<CHECKSUM_LEN>()
        .ok_or(ChecksumError::Short(checksummed.len()))?;
    if u32::from_le_bytes(*claimed) != checksum(position, kind, payload) {
        return Err(ChecksumError::Mismatch { position });
    }
    Ok(payload)
}

/// The checksum of the entry at `position`, as it lies in the log: of a configuration, which has no
/// checksum before its bytes, it is computed; of others it stands there.
pub fn checksum_of(position: LogPosition, kind: EntryKind, entry: &[u8]) -> u32 {
    match (kind, entry.first_chunk::<CHECKSUM_LEN>()) {
        (EntryKind::Command | EntryKind::NoOp, Some(checksum_bytes)) => {
            u32::from_le_bytes(*checksum_bytes)
        }
        _ => checksum(position, kind, entry),
    }
}

/// The entries of a run without payload: nothing but their checksums.
pub fn bare(run: Run) -> Vec<Bytes> {
    let entry = |position| add(position, run.kind, &[]);
    run.positions().map(entry).collect()
}

/// CRC32C over term and index (8 bytes each, little endian), the kind's number, the payload.
fn checksum(position: LogPosition, kind: EntryKind, payload: &[u8]) -> u32 {
    let mut place = [0; 17];
    place[..8].copy_from_slice(&position.term.0.to_le_bytes());
    place[8..16].copy_from_slice(&position.index.0.to_le_bytes());
    place[16] = kind_number(kind);
    crc32c::crc32c_append(crc32c::crc32c(&place), payload)
}

/// Fixed here, because it is part of what lies on the disk.
const fn kind_number(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Command => 0,
        EntryKind::NoOp => 1,
        EntryKind::Configuration => 2,
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::ids::{LogIndex, Term};

    use super::*;

    const HERE: LogPosition = LogPosition::new(Term(3), LogIndex(17));

    #[test]
    fn what_was_sealed_opens_where_it_belongs() {
        let checksummed = add(HERE, EntryKind::Command, b"payload");
        assert_eq!(
            verify(HERE, EntryKind::Command, &checksummed),
            Ok(&b"payload"[..])
        );
        let empty = add(HERE, EntryKind::NoOp, b"");
        assert_eq!(verify(HERE, EntryKind::NoOp, &empty), Ok(&b""[..]));
    }

    #[test]
    fn an_entry_of_another_place_does_not_open() {
        let checksummed = add(HERE, EntryKind::Command, b"payload");
        let elsewhere = [
            (LogPosition::new(Term(2), HERE.index), EntryKind::Command),
            (
                LogPosition::new(HERE.term, LogIndex(18)),
                EntryKind::Command,
            ),
            (HERE, EntryKind::Configuration),
        ];
        for (position, kind) in elsewhere {
            assert_eq!(
                verify(position, kind, &checksummed),
                Err(ChecksumError::Mismatch { position })
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let checksummed = add(HERE, EntryKind::Command, b"a payload");
        for bit in 0..checksummed.len() * 8 {
            let mut damaged = checksummed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                verify(HERE, EntryKind::Command, &damaged).is_err(),
                "bit {bit}"
            );
        }
        assert_eq!(
            verify(HERE, EntryKind::Command, b"abc"),
            Err(ChecksumError::Short(3))
        );
    }
}
