//! An entry's end-to-end checksum.
//!
//! The leader seals an entry once; the sealed bytes travel unchanged to the followers and onto
//! every disk, so a bit flipped anywhere on the way is found by whoever opens it:
//!
//! ```text
//! ┌─────────────┬─────────────┐
//! │ CRC32C, 4 B │ payload     │     the checksum covers term, index, kind and payload
//! └─────────────┴─────────────┘
//! ```
//!
//! Term, index and kind are not repeated in the bytes: whoever opens them says where they should
//! belong, and the entry of another place does not open.

use bytes::{BufMut, Bytes, BytesMut};
use kraft_proto::entry::EntryKind;
use kraft_proto::ids::LogPosition;
use thiserror::Error;

/// Bytes of the checksum before the payload.
pub const SEAL_LEN: usize = 4;

/// The entry is not what its leader wrote there. Nothing of it may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
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

/// Seals `payload` as the entry at `position`.
pub fn seal(position: LogPosition, kind: EntryKind, payload: &[u8]) -> Bytes {
    let mut sealed = BytesMut::with_capacity(SEAL_LEN + payload.len());
    sealed.put_u32_le(checksum(position, kind, payload));
    sealed.put_slice(payload);
    sealed.freeze()
}

/// The payload of the entry at `position`, where `sealed` is exactly what was sealed for it.
pub fn open(position: LogPosition, kind: EntryKind, sealed: &[u8]) -> Result<&[u8], OpenError> {
    let (claimed, payload) = sealed
        .split_first_chunk::<SEAL_LEN>()
        .ok_or(OpenError::Short(sealed.len()))?;
    if u32::from_le_bytes(*claimed) != checksum(position, kind, payload) {
        return Err(OpenError::Mismatch { position });
    }
    Ok(payload)
}

/// The checksum of the entry at `position`, as it lies in the log: of a configuration, which has no
/// seal, it is computed; of others it stands in the seal.
pub fn checksum_of(position: LogPosition, kind: EntryKind, entry: &[u8]) -> u32 {
    match (kind, entry.first_chunk::<SEAL_LEN>()) {
        (EntryKind::Command | EntryKind::NoOp, Some(seal)) => u32::from_le_bytes(*seal),
        _ => checksum(position, kind, entry),
    }
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
        let sealed = seal(HERE, EntryKind::Command, b"payload");
        assert_eq!(open(HERE, EntryKind::Command, &sealed), Ok(&b"payload"[..]));
        let empty = seal(HERE, EntryKind::NoOp, b"");
        assert_eq!(open(HERE, EntryKind::NoOp, &empty), Ok(&b""[..]));
    }

    #[test]
    fn an_entry_of_another_place_does_not_open() {
        let sealed = seal(HERE, EntryKind::Command, b"payload");
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
                open(position, kind, &sealed),
                Err(OpenError::Mismatch { position })
            );
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let sealed = seal(HERE, EntryKind::Command, b"a payload");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                open(HERE, EntryKind::Command, &damaged).is_err(),
                "bit {bit}"
            );
        }
        assert_eq!(
            open(HERE, EntryKind::Command, b"abc"),
            Err(OpenError::Short(3))
        );
    }
}
