//! A snapshot that a peer sends, as far as it is here.
//!
//! ```text
//!  ├ the file, as far as it came ┤ nothing ┼ how much came ┼ bytes ┼ term ┼ index ┼ digest ┤
//!                                          bytes
//! ```
//!
//! Behind where the file will end stands which snapshot it is and how much of it came, so that nothing is sent again when
//! a connection, a leader or this process ends. It is cut off when the file is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SnapshotFile;
use crate::error::{Doing, IoError};
use crate::fs::{File, Fs};

/// A snapshot that a peer sends, as far as it is here.
pub struct Part {
    file: Arc<dyn File>,
    path: PathBuf,
    offered: SnapshotFile,
    have: u64,
}

impl Part {
    pub(super) fn open(fs: &dyn Fs, path: &Path, offered: &SnapshotFile) -> Result<Self, IoError> {
        let file = match fs.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs.create(path),
            opened => opened,
        };
        let file = file.doing("open", path)?;
        let mark = mark(offered);
        let mut found = vec![0; mark.len()];
        let read = file
            .read_at(&mut found, offered.bytes)
            .doing("read", path)?;
        let same = read == mark.len() && found[8..] == mark[8..];
        let have = match same {
            true => u64::from_le_bytes(found[..8].try_into().unwrap_or_default()),
            false => 0,
        };
        let part = Self {
            file,
            path: path.to_owned(),
            offered: offered.clone(),
            have: have.min(offered.bytes),
        };
        if !same {
            part.file.set_size(0).doing("trim", path)?;
        }
        Ok(part)
    }

    /// How much of it is here, in bytes from its start.
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Which one it is.
    pub fn offered(&self) -> &SnapshotFile {
        &self.offered
    }

    /// Whether all of it is here.
    pub fn is_whole(&self) -> bool {
        self.have == self.offered.bytes
    }

    /// Takes the bytes that follow what is here. Others are none of its business.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), IoError> {
        let end = offset.saturating_add(bytes.len() as u64);
        if offset != self.have || end > self.offered.bytes {
            return Ok(());
        }
        self.file
            .write_at(bytes, offset)
            .doing("write", &self.path)?;
        self.have = end;
        Ok(())
    }

    /// Notes how much is here, behind where the file will end, so that a later start goes on from there.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn note(&self) -> Result<(), IoError> {
        // What it counts is on the disk before it.
        self.file.sync().doing("force", &self.path)?;
        let mut mark = mark(&self.offered);
        mark[..8].copy_from_slice(&self.have.to_le_bytes());
        let at = self.offered.bytes;
        self.file.write_at(&mark, at).doing("write", &self.path)
    }

    /// All of it is here: cuts off what was noted behind it, and forces it. Whether its bytes are those of the snapshot,
    /// reading it says.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn finish(self) -> Result<(), IoError> {
        let trimmed = self.file.set_size(self.offered.bytes);
        trimmed
            .and_then(|()| self.file.sync())
            .doing("force", &self.path)
    }
}

/// What is noted behind the end: how much is here, and of which snapshot.
fn mark(offered: &SnapshotFile) -> Vec<u8> {
    let mut mark = 0_u64.to_le_bytes().to_vec();
    mark.extend(offered.bytes.to_le_bytes());
    mark.extend(offered.last.term.0.to_le_bytes());
    mark.extend(offered.last.index.0.to_le_bytes());
    mark.extend(offered.digest.0);
    mark
}
