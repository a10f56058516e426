//! One log entry as bytes on the disk.
//!
//! ```text
//!  0      4    5       8      16      24       28         32      36       40
//!  ├ bytes ┼kind┼ zero  ┼ term ┼ index ┼ synced ┼ previous ┼ entry ┼ record ┼ payload … zeroes to 8
//!    u32    u8           u64    u64     u32      u32        u32     u32
//! ```
//!
//! All little-endian. `entry` is the CRC32C of term, index, kind and payload. `record` is that of
//! everything before it, of the store and of the segment's generation; since `previous` repeats the `record` of
//! the entry before, each entry vouches for all before it. `synced` is the greatest offset in this
//! segment that was known to be forced when the record was written: damage below it cannot be
//! blamed on a power cut.

use kraft_proto::entry::EntryKind;
use kraft_proto::ids::{LogIndex, LogPosition, StoreId, Term};

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 40;

/// Records begin at multiples of this.
pub(super) const ALIGN: usize = 8;

/// Written behind the last record, where a reader then finds that there is no more.
pub(super) const END_MARK: [u8; ALIGN] = [0; ALIGN];

/// Where a record was written. Its checksum covers this, so that bytes a recycled file still holds,
/// or that a client put into a payload, do not pass for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub store: StoreId,
    pub generation: u64,
}

/// Everything of a record but its payload, verified by its own checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub payload_bytes: u32,
    pub kind: EntryKind,
    pub position: LogPosition,
    pub synced: u32,
    pub previous: u32,
    pub entry: u32,
    pub record: u32,
}

/// Bytes a record takes, padding included.
pub(super) const fn record_bytes(payload_bytes: usize) -> u64 {
    ((HEADER_BYTES + payload_bytes).next_multiple_of(ALIGN)) as u64
}

/// The checksum that belongs to an entry wherever it is stored: CRC32C over term, index and kind
/// (u64, u64, u8, little-endian) and the payload.
pub fn entry_checksum(position: LogPosition, kind: EntryKind, payload: &[u8]) -> u32 {
    let mut head = [0; 17];
    head[..8].copy_from_slice(&position.term.0.to_le_bytes());
    head[8..16].copy_from_slice(&position.index.0.to_le_bytes());
    head[16] = kind_byte(kind);
    crc32c::crc32c_append(crc32c::crc32c(&head), payload)
}

/// Appends one record to `out`; returns its `record` checksum, the next one's `previous`.
pub(super) fn encode(
    out: &mut Vec<u8>,
    origin: Origin,
    position: LogPosition,
    kind: EntryKind,
    payload: &[u8],
    synced: u32,
    previous: u32,
) -> u32 {
    let mut head = [0; HEADER_BYTES];
    let bytes = u32::try_from(payload.len()).expect("checked against the size of a segment");
    head[..4].copy_from_slice(&bytes.to_le_bytes());
    head[4] = kind_byte(kind);
    head[8..16].copy_from_slice(&position.term.0.to_le_bytes());
    head[16..24].copy_from_slice(&position.index.0.to_le_bytes());
    head[24..28].copy_from_slice(&synced.to_le_bytes());
    head[28..32].copy_from_slice(&previous.to_le_bytes());
    let entry = entry_checksum(position, kind, payload);
    head[32..36].copy_from_slice(&entry.to_le_bytes());
    let record = record_checksum(&head, origin);
    head[36..].copy_from_slice(&record.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    let padding = record_bytes(payload.len()) as usize - HEADER_BYTES - payload.len();
    out.extend_from_slice(&[0; ALIGN][..padding]);
    record
}

impl Header {
    /// Reads a header; `None` unless it was written there and is whole.
    pub fn decode(bytes: &[u8], origin: Origin) -> Option<Self> {
        let head: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let kind = kind_of(head[4])?;
        let record = u32_at(head, 36);
        if head[5..8] != [0; 3] || record_checksum(head, origin) != record {
            return None;
        }
        Some(Self {
            payload_bytes: u32_at(head, 0),
            kind,
            position: LogPosition::new(Term(u64_at(head, 8)), LogIndex(u64_at(head, 16))),
            synced: u32_at(head, 24),
            previous: u32_at(head, 28),
            entry: u32_at(head, 32),
            record,
        })
    }

    /// Bytes of the whole record.
    pub fn record_bytes(&self) -> u64 {
        record_bytes(self.payload_bytes as usize)
    }

    /// Whether these are the bytes the entry was written with.
    pub fn vouches_for(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_bytes as usize
            && entry_checksum(self.position, self.kind, payload) == self.entry
    }
}

fn record_checksum(head: &[u8; HEADER_BYTES], origin: Origin) -> u32 {
    let mut covered = [0; 52];
    covered[..36].copy_from_slice(&head[..36]);
    covered[36..44].copy_from_slice(&origin.store.0.to_le_bytes());
    covered[44..].copy_from_slice(&origin.generation.to_le_bytes());
    crc32c::crc32c(&covered)
}

/// No kind is zero: zeroes are never taken for a record.
fn kind_byte(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Command => 1,
        EntryKind::NoOp => 2,
        EntryKind::Configuration => 3,
    }
}

fn kind_of(byte: u8) -> Option<EntryKind> {
    match byte {
        1 => Some(EntryKind::Command),
        2 => Some(EntryKind::NoOp),
        3 => Some(EntryKind::Configuration),
        _ => None,
    }
}

/// Reads a little-endian number; `bytes` must reach that far.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

/// Reads a little-endian number; `bytes` must reach that far.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Origin = Origin {
        store: StoreId(5),
        generation: 3,
    };
    const AT: LogPosition = LogPosition::new(Term(7), LogIndex(42));

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(
            &mut bytes,
            HERE,
            AT,
            EntryKind::Command,
            b"payload",
            4096,
            99,
        );
        bytes
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let bytes = sample();
        assert_eq!(bytes.len() as u64, record_bytes(7));
        let header = Header::decode(&bytes, HERE).unwrap();
        assert_eq!(header.position, AT);
        assert_eq!(header.kind, EntryKind::Command);
        assert_eq!((header.synced, header.previous), (4096, 99));
        assert!(header.vouches_for(b"payload"));
    }

    #[test]
    fn any_flipped_bit_shows_in_one_checksum_or_the_other() {
        for bit in 0..(HEADER_BYTES + 7) * 8 {
            let mut bytes = sample();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let whole = Header::decode(&bytes, HERE)
                .is_some_and(|header| header.vouches_for(&bytes[HEADER_BYTES..][..7]));
            assert!(!whole, "bit {bit}");
        }
    }

    #[test]
    fn a_record_of_another_generation_or_store_is_none() {
        for (store, generation) in [(5, 4), (6, 3)] {
            let store = StoreId(store);
            let elsewhere = Origin { store, generation };
            assert_eq!(Header::decode(&sample(), elsewhere), None);
        }
        assert_eq!(Header::decode(&[0; 64], HERE), None);
    }
}
