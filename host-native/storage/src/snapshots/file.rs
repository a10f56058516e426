//! The bytes of a snapshot's file.
//!
//! ```text
//!  0       8         12     16        32     40      48
//!  ├ magic ┼ version ┼ zero ┼ cluster ┼ term ┼ index ┼ CRC32C ┤
//!  ├ length ┼ CRC32C of number and bytes ┼ bytes ┤        as many chunks as there are
//!  ├ 0      ┼ CRC32C of the number       ┼ SHA-256 of everything before ┤
//! ```

use std::fmt;
use std::io::{self, Write};

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::{LogIndex, LogPosition, Term};
use ring::digest::{Context, SHA256};

use crate::fs::File;

const MAGIC: &[u8; 8] = b"kraftsnp";
pub(super) const VERSION: u32 = 1;

/// Bytes before the first chunk.
pub(super) const HEADER_BYTES: usize = 52;

/// Bytes before the bytes of a chunk.
pub(super) const CHUNK_HEADER_BYTES: usize = 8;

/// Bytes of content in a chunk, at most.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes of a snapshot's digest.
pub const DIGEST_BYTES: usize = 32;

/// SHA-256 of a snapshot's file: equal for equal content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SnapshotDigest(pub [u8; DIGEST_BYTES]);

impl fmt::Display for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SnapshotDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first bytes of a snapshot's file.
pub(super) fn header(cluster: ClusterId, last: LogPosition) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..32].copy_from_slice(&cluster.0.to_le_bytes());
    header[32..40].copy_from_slice(&last.term.0.to_le_bytes());
    header[40..48].copy_from_slice(&last.index.0.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..48]);
    header[48..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// The cluster and the last entry of which such bytes tell; `None` where they are no header.
pub(super) fn read_header(bytes: &[u8; HEADER_BYTES]) -> Option<(ClusterId, LogPosition)> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let cluster = u128::from_le_bytes(bytes.get(16..32)?.try_into().ok()?);
    let last = LogPosition::new(Term(number(32)?), LogIndex(number(40)?));
    let cluster = ClusterId(cluster);
    (header(cluster, last) == *bytes).then_some((cluster, last))
}

/// What the header of a chunk has to say of it.
pub(super) fn chunk_checksum(number: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), bytes)
}

/// Writes a snapshot's file from its start to its end.
pub(super) struct Writer<'a> {
    file: &'a dyn File,
    chunk: Vec<u8>,
    /// How many chunks are written.
    chunks: u64,
    offset: u64,
    digest: Context,
}

impl<'a> Writer<'a> {
    pub fn begin(file: &'a dyn File, cluster: ClusterId, last: LogPosition) -> io::Result<Self> {
        let mut writer = Self {
            file,
            chunk: Vec::with_capacity(CHUNK_BYTES),
            chunks: 0,
            offset: 0,
            digest: Context::new(&SHA256),
        };
        writer.put(&header(cluster, last))?;
        Ok(writer)
    }

    /// Forces what is written so far.
    pub fn force(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.file.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn put_chunk(&mut self) -> io::Result<()> {
        let chunk = std::mem::take(&mut self.chunk);
        let mut header = [0; CHUNK_HEADER_BYTES];
        header[..4].copy_from_slice(&(chunk.len() as u32).to_le_bytes());
        header[4..].copy_from_slice(&chunk_checksum(self.chunks, &chunk).to_le_bytes());
        self.put(&header)?;
        self.put(&chunk)?;
        self.chunks += 1;
        self.chunk = chunk;
        self.chunk.clear();
        Ok(())
    }

    /// Writes what is left; how long the file is, and its digest.
    pub fn end(mut self) -> io::Result<(u64, SnapshotDigest)> {
        if !self.chunk.is_empty() {
            self.put_chunk()?;
        }
        // A chunk without bytes ends them.
        self.put_chunk()?;
        let digest = self.digest.clone().finish();
        let mut bytes = [0; DIGEST_BYTES];
        bytes.copy_from_slice(digest.as_ref());
        self.file.write_at(&bytes, self.offset)?;
        let length = self.offset + DIGEST_BYTES as u64;
        Ok((length, SnapshotDigest(bytes)))
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.chunk.len();
        let taken = bytes.len().min(room);
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK_BYTES {
            self.put_chunk()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
