//! Reading entries back, by term and index.

use std::io::ErrorKind;
use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::entry::Run;
use kraft_proto::ids::LogPosition;

use super::catalog::{Catalog, Place};
use super::error::{Corrupt, Doing, ReadError};
use super::record::{HEADER_BYTES, Header};

/// Bytes read at a time, more for a single larger entry.
const CHUNK_BYTES: usize = 64 * 1024;

/// Reads entries while the log is being written. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct LogReader {
    catalog: Arc<Catalog>,
}

impl LogReader {
    pub(super) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }

    /// Files of the log, each open.
    pub fn segments(&self) -> usize {
        self.catalog.len()
    }

    /// The entry before the first that is held.
    pub fn base(&self) -> LogPosition {
        self.catalog.base()
    }

    /// The payloads of the entries `run` names, from the first on, as far as `bytes_max` bytes
    /// reach; at least one, however large.
    ///
    /// An entry counts as held here once it was handed to the operating system. Entries are
    /// compared by term and index and their checksums are verified: these bytes or an error.
    pub fn read(&self, run: Run, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        let mut payloads = Vec::new();
        let mut left = bytes_max;
        let mut positions = run.positions().peekable();
        while let Some(wanted) = positions.peek().copied() {
            let Some(place) = self.catalog.place(wanted.index) else {
                return ended(payloads, ReadError::NotHeld(wanted));
            };
            let mut cursor = Cursor::at(&place);
            loop {
                let Some(wanted) = positions.peek().copied() else {
                    return Ok(payloads);
                };
                match cursor.next(wanted, left, payloads.is_empty()) {
                    Ok(Step::Payload(payload)) => {
                        left = left.saturating_sub(payload.len());
                        payloads.push(payload);
                        positions.next();
                    }
                    Ok(Step::Enough) => return Ok(payloads),
                    Ok(Step::SegmentEnds) => break,
                    Err(error) => return ended(payloads, self.explain(&place, wanted, error)),
                }
            }
        }
        Ok(payloads)
    }

    /// A file recycled under the reader looks damaged: then the entry is simply gone.
    fn explain(&self, place: &Place, wanted: LogPosition, error: ReadError) -> ReadError {
        let still_there = self
            .catalog
            .place(wanted.index)
            .is_some_and(|now| now.origin == place.origin);
        match error {
            ReadError::Corrupt(_) | ReadError::Io(_) if !still_there => ReadError::NotHeld(wanted),
            error => error,
        }
    }
}

/// What was read before an error is still good.
fn ended(payloads: Vec<Bytes>, error: ReadError) -> Result<Vec<Bytes>, ReadError> {
    if payloads.is_empty() {
        Err(error)
    } else {
        Ok(payloads)
    }
}

/// What the cursor came upon.
enum Step {
    Payload(Bytes),
    Enough,
    SegmentEnds,
}

/// A place in a segment, and the chunk of it that is in memory.
struct Cursor<'p> {
    place: &'p Place,
    offset: u64,
    chunk: Bytes,
    chunk_at: u64,
}

impl<'p> Cursor<'p> {
    fn at(place: &'p Place) -> Self {
        Self {
            place,
            offset: place.start,
            chunk: Bytes::new(),
            chunk_at: place.start,
        }
    }

    fn next(&mut self, wanted: LogPosition, left: usize, first: bool) -> Result<Step, ReadError> {
        while self.offset < self.place.end {
            let head = self.bytes(self.offset, HEADER_BYTES)?;
            let header = Header::decode(&head, self.place.origin)
                .ok_or_else(|| self.corrupt("no whole record"))?;
            let found = header.position;
            if found.index < wanted.index {
                self.offset += header.record_bytes();
                continue;
            }
            if found != wanted {
                return Err(ReadError::Replaced { wanted, found });
            }
            let bytes = header.payload_bytes as usize;
            if bytes > left && !first {
                return Ok(Step::Enough);
            }
            let payload = self.bytes(self.offset + HEADER_BYTES as u64, bytes)?;
            if !header.vouches_for(&payload) {
                return Err(self
                    .corrupt("a payload that is not what was written")
                    .into());
            }
            self.offset += header.record_bytes();
            return Ok(Step::Payload(payload));
        }
        Ok(Step::SegmentEnds)
    }

    fn corrupt(&self, what: &'static str) -> Corrupt {
        Corrupt {
            file: self.place.path.clone(),
            offset: self.offset,
            what,
        }
    }

    /// Bytes of the segment, sharing the memory of the chunk they were read in.
    fn bytes(&mut self, offset: u64, bytes: usize) -> Result<Bytes, ReadError> {
        let end = offset + bytes as u64;
        if end > self.place.end {
            return Err(self.corrupt("a record that reaches beyond the log").into());
        }
        if offset < self.chunk_at || end > self.chunk_at + self.chunk.len() as u64 {
            let rest = self.place.end - offset;
            let wanted = bytes
                .max(CHUNK_BYTES)
                .min(usize::try_from(rest).unwrap_or(bytes));
            let mut chunk = vec![0; wanted];
            let path = &self.place.path;
            let read = self
                .place
                .file
                .read_at(&mut chunk, offset)
                .doing("read", path)?;
            if read < bytes {
                let short = std::io::Error::from(ErrorKind::UnexpectedEof);
                return Err(Err::<(), _>(short).doing("read", path).unwrap_err().into());
            }
            chunk.truncate(read);
            self.chunk = chunk.into();
            self.chunk_at = offset;
        }
        let from = usize::try_from(offset - self.chunk_at).unwrap_or(usize::MAX);
        Ok(self.chunk.slice(from..from + bytes))
    }
}
