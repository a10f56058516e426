//! Reading a segment front to back, and searching it for what a damaged record hides.

use std::io;
use std::ops::ControlFlow;

use super::fs::File;
use super::record::{ALIGN, END_MARK, HEADER_BYTES, Header, Origin};

/// Bytes read at a time.
const WINDOW_BYTES: usize = 1024 * 1024;

/// A file read through one buffer.
pub(super) struct Window<'f> {
    file: &'f dyn File,
    buffer: Vec<u8>,
    filled: usize,
    start: u64,
}

impl<'f> Window<'f> {
    /// Reads `file` with a buffer of its own.
    pub fn new(file: &'f dyn File) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            filled: 0,
            start: 0,
        }
    }

    /// The `bytes` bytes at `offset`, fewer at the end of the file.
    pub fn at(&mut self, offset: u64, bytes: usize) -> io::Result<&[u8]> {
        let inside =
            offset >= self.start && offset + bytes as u64 <= self.start + self.filled as u64;
        if !inside {
            let left = self.file.size()?.saturating_sub(offset);
            let left = usize::try_from(left).unwrap_or(WINDOW_BYTES);
            let wanted = bytes.max(WINDOW_BYTES.min(left));
            if self.buffer.len() < wanted {
                self.buffer = vec![0; wanted];
            }
            self.filled = self.file.read_at(&mut self.buffer, offset)?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let upto = self.filled.min(from.saturating_add(bytes));
        Ok(self.buffer.get(from..upto).unwrap_or_default())
    }
}

/// Why a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WalkEnd {
    /// At the limit, exactly.
    Limit,
    /// Nothing was written here.
    Blank,
    /// Something that is no whole record, or not the next one.
    Bad,
    /// The visitor had enough.
    Stopped,
}

/// Visits the whole records from `offset` on, each joining the one before by checksum, up to
/// `limit`. Returns where the walk ended, the last checksum, and why it ended.
pub(super) fn walk(
    window: &mut Window<'_>,
    origin: Origin,
    mut offset: u64,
    mut checksum: u32,
    limit: u64,
    mut visit: impl FnMut(u64, &Header, &[u8]) -> ControlFlow<()>,
) -> io::Result<(u64, u32, WalkEnd)> {
    loop {
        if offset >= limit {
            return Ok((offset, checksum, WalkEnd::Limit));
        }
        let head = window.at(offset, HEADER_BYTES)?;
        let Some(header) = Header::decode(head, origin) else {
            let blank = head.is_empty() || head.starts_with(&END_MARK);
            let end = if blank { WalkEnd::Blank } else { WalkEnd::Bad };
            return Ok((offset, checksum, end));
        };
        if header.previous != checksum || offset + header.record_bytes() > limit {
            return Ok((offset, checksum, WalkEnd::Bad));
        }
        let bytes = HEADER_BYTES + header.payload_bytes as usize;
        let record = window.at(offset, bytes)?;
        if record.len() < bytes || !header.vouches_for(&record[HEADER_BYTES..]) {
            return Ok((offset, checksum, WalkEnd::Bad));
        }
        if visit(offset, &header, &record[HEADER_BYTES..]).is_break() {
            return Ok((offset, checksum, WalkEnd::Stopped));
        }
        checksum = header.record;
        offset += header.record_bytes();
    }
}

/// What stands behind a record that is not whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Behind {
    /// The greatest offset a whole header there claims was forced.
    pub synced: u64,
    /// Behind the last of them; 0 if there is none.
    pub end: u64,
}

/// Looks for headers of this origin anywhere in `[offset, limit)`, whatever they join.
pub(super) fn search(
    window: &mut Window<'_>,
    origin: Origin,
    mut offset: u64,
    limit: u64,
) -> io::Result<Behind> {
    const STRIDE: usize = 4096;
    let mut behind = Behind::default();
    while offset < limit {
        // Overlaps the next stride by a header, so that none is missed on the seam.
        let bytes = window.at(offset, STRIDE + HEADER_BYTES)?;
        if bytes.len() < HEADER_BYTES {
            break;
        }
        if bytes.iter().any(|byte| *byte != 0) {
            for at in (0..STRIDE).step_by(ALIGN) {
                let Some(head) = bytes.get(at..) else { break };
                if let Some(header) = Header::decode(head, origin) {
                    behind.synced = behind.synced.max(u64::from(header.synced));
                    behind.end = behind.end.max(offset + at as u64 + header.record_bytes());
                }
            }
        }
        offset += STRIDE as u64;
    }
    Ok(behind)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kraft_proto::entry::EntryKind;
    use kraft_proto::ids::{LogIndex, LogPosition, StoreId, Term};

    use super::super::fs::Fs;
    use super::super::record::encode;
    use super::*;
    use crate::testing::FaultFs;

    const HERE: Origin = Origin {
        store: StoreId(1),
        generation: 1,
    };

    /// Two records, the first with this payload.
    fn history(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut checksum = 0;
        for (index, payload) in [(1, payload), (2, b"second")] {
            let at = LogPosition::new(Term(1), LogIndex(index));
            let kind = EntryKind::Command;
            checksum = encode(&mut bytes, HERE, at, kind, payload, 0, checksum);
        }
        bytes
    }

    #[test]
    fn a_whole_record_of_another_history_is_not_taken() {
        let file = FaultFs::new(0).create(Path::new("/file")).unwrap();
        let (one, other) = (history(b"one"), history(b"two"));
        file.write_at(&one, 0).unwrap();
        let visit = |limit| {
            let mut window = Window::new(&*file);
            walk(&mut window, HERE, 0, 0, limit, |_, _, _| {
                ControlFlow::Continue(())
            })
            .unwrap()
        };
        let bytes = one.len() as u64;
        assert_eq!((visit(bytes).0, visit(bytes).2), (bytes, WalkEnd::Limit));
        assert_eq!(visit(bytes + 8).2, WalkEnd::Blank);
        // The first record of the one, the second of the other.
        file.write_at(&other[48..], 48).unwrap();
        assert_eq!((visit(bytes).0, visit(bytes).2), (48, WalkEnd::Bad));
    }

    #[test]
    fn a_search_finds_headers_on_any_seam() {
        for at in [8, 4056, 4064, 4088, 4096, 8184, 12_000] {
            let file = FaultFs::new(0).create(Path::new("/file")).unwrap();
            file.set_size(16_384).unwrap();
            file.write_at(&history(b"one")[48..], at).unwrap();
            let found = search(&mut Window::new(&*file), HERE, 0, 16_384).unwrap();
            assert_eq!(found.end, at + 48, "at {at}");
        }
    }
}
