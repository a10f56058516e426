//! Reading a snapshot's content back, every byte of it verified.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::LogPosition;
use ring::digest::{Context, SHA256};

use super::file::{
    CHUNK_BYTES, CHUNK_HEADER_BYTES, DIGEST_BYTES, HEADER_BYTES, SnapshotDigest, chunk_checksum,
    header, read_header,
};
use super::{SnapshotFile, SnapshotFileError};
use crate::error::Doing;
use crate::fs::{File, Fs};

/// Reads the content of a snapshot from its start. What it gives was verified, chunk by chunk; that it is the whole,
/// [`SnapshotReader::end`] says.
pub struct SnapshotReader {
    file: Arc<dyn File>,
    path: PathBuf,
    cluster: ClusterId,
    last: LogPosition,
    offset: u64,
    chunk: Vec<u8>,
    /// Bytes of the chunk that were given.
    given: usize,
    chunks: u64,
    digest: Context,
    ended: Option<SnapshotDigest>,
}

impl SnapshotReader {
    /// Reads a snapshot in a file of its own, of whatever cluster.
    ///
    /// # Errors
    ///
    /// When it is not there, or begins as no snapshot does.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<Self, SnapshotFileError> {
        let file = fs.open(path).doing("open", path)?;
        let mut start = [0; HEADER_BYTES];
        file.read_at(&mut start, 0).doing("read", path)?;
        let damaged = || SnapshotFileError::Damaged {
            file: path.to_owned(),
            offset: 0,
            what: "it does not begin as a snapshot does".into(),
        };
        let (cluster, last) = read_header(&start).ok_or_else(damaged)?;
        Self::begin(file, path.to_owned(), cluster, last)
    }

    pub(super) fn begin(
        file: Arc<dyn File>,
        path: PathBuf,
        cluster: ClusterId,
        last: LogPosition,
    ) -> Result<Self, SnapshotFileError> {
        let mut reader = Self {
            file,
            path,
            cluster,
            last,
            offset: 0,
            chunk: Vec::new(),
            given: 0,
            chunks: 0,
            digest: Context::new(&SHA256),
            ended: None,
        };
        let found: [u8; HEADER_BYTES] = reader.take_bytes()?;
        match found == header(cluster, last) {
            true => Ok(reader),
            false => Err(reader.damaged(0, "not the head of this snapshot of this cluster")),
        }
    }

    /// The cluster it is of.
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// The last entry it covers.
    pub fn last(&self) -> LogPosition {
        self.last
    }

    fn damaged(&self, offset: u64, what: impl Into<String>) -> SnapshotFileError {
        SnapshotFileError::Damaged {
            file: self.path.clone(),
            offset,
            what: what.into(),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), SnapshotFileError> {
        let read = self.file.read_at(bytes, self.offset);
        if read.doing("read", &self.path)? < bytes.len() {
            return Err(self.damaged(self.offset, "the file ends here"));
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn take_bytes<const N: usize>(&mut self) -> Result<[u8; N], SnapshotFileError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.digest.update(&bytes);
        Ok(bytes)
    }

    /// Reads the next chunk, or the end.
    fn next_chunk(&mut self) -> Result<(), SnapshotFileError> {
        let at = self.offset;
        let head: [u8; CHUNK_HEADER_BYTES] = self.take_bytes()?;
        let ([length, checksum], _) = head.as_chunks() else {
            unreachable!("two numbers of four bytes");
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > CHUNK_BYTES {
            return Err(self.damaged(at, "a chunk is too long"));
        }
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(length, 0);
        self.fill(&mut chunk)?;
        self.digest.update(&chunk);
        if chunk_checksum(self.chunks, &chunk) != u32::from_le_bytes(*checksum) {
            return Err(self.damaged(at, "a chunk's checksum is wrong"));
        }
        if length == 0 {
            let computed = self.digest.clone().finish();
            let at = self.offset;
            let mut found = [0; DIGEST_BYTES];
            self.fill(&mut found)?;
            if computed.as_ref() != found {
                return Err(self.damaged(at, "the digest of the whole is wrong"));
            }
            self.ended = Some(SnapshotDigest(found));
        }
        self.chunks += 1;
        (self.chunk, self.given) = (chunk, 0);
        Ok(())
    }

    /// Why its content could not be read, by the error that reading it gave: its own, or of whoever read it.
    pub fn failed(&self, error: io::Error) -> SnapshotFileError {
        match error.downcast::<SnapshotFileError>() {
            Ok(error) => error,
            Err(error) => self.damaged(self.offset, error.to_string()),
        }
    }

    /// Verifies what was not read yet, and says which snapshot it was.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub fn end(mut self) -> Result<SnapshotFile, SnapshotFileError> {
        loop {
            if let Some(digest) = self.ended {
                return Ok(SnapshotFile {
                    last: self.last,
                    bytes: self.offset,
                    digest,
                });
            }
            self.next_chunk()?;
        }
    }
}

impl Read for SnapshotReader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.chunk.len() {
            if self.ended.is_some() {
                return Ok(0);
            }
            self.next_chunk().map_err(|error| {
                let kind = match error {
                    SnapshotFileError::Damaged { .. } => io::ErrorKind::InvalidData,
                    SnapshotFileError::Io(_) => io::ErrorKind::Other,
                };
                io::Error::new(kind, error)
            })?;
        }
        let rest = &self.chunk[self.given..];
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}
