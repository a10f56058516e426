//! Snapshots on the disk: each the state after one entry, in a file of its own.
//!
//! ```text
//! snapshots
//! ├── 0000000000000007-00000000000003e8.snap    the state after entry 1000, of term 7: whole and forced
//! ├── writing.part                              one that is being written here
//! ├── receiving.part                            one that a peer sends
//! └── damaged                                   the last one that could not be read back, for whoever wants to look
//! ```
//!
//! A file gets its own name once it is whole and forced, so that a name stands for a whole snapshot, unless the
//! disk damaged it since. Which of them fit the log is for [`Opened`](crate::Opened) to say.

mod file;
mod part;
mod read;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::{LogIndex, LogPosition, Term};

pub use file::{DIGEST_BYTES, SnapshotDigest};
pub use part::Part;
pub use read::SnapshotReader;

use crate::error::{Doing, IoError};
use crate::fs::Fs;
use file::Writer;

const WRITING: &str = "writing.part";
const RECEIVING: &str = "receiving.part";
const DAMAGED: &str = "damaged";
const SUFFIX: &str = ".snap";

/// The snapshots of a store. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Snapshots {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    cluster: ClusterId,
    /// Bytes of the disk that are left to the log.
    left_free: u64,
}

/// One of them, whole when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// The last entry it covers.
    pub last: LogPosition,
    /// Its length, in bytes.
    pub bytes: u64,
    /// What tells its content from any other.
    pub digest: SnapshotDigest,
}

/// Why a snapshot was not read. Nothing of it is to be believed.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotFileError {
    /// Its bytes are not what they were.
    #[error("the snapshot {} is damaged at byte {offset}: {what}", .file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where, in bytes.
        offset: u64,
        /// What was found there.
        what: String,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl Snapshots {
    /// Those in `dir`, which is created if it is missing. What was being written when the process ended is removed. None
    /// that is written takes the last `left_free` bytes of the disk.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub(crate) fn open(
        fs: Arc<dyn Fs>,
        dir: PathBuf,
        cluster: ClusterId,
        left_free: u64,
    ) -> Result<Self, IoError> {
        fs.create_dir(&dir).doing("create", &dir)?;
        let snapshots = Self {
            fs,
            dir,
            cluster,
            left_free,
        };
        snapshots.remove_if_there(WRITING)?;
        Ok(snapshots)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn names(&self) -> Result<Vec<String>, IoError> {
        self.fs.list(&self.dir).doing("list", &self.dir)
    }

    fn remove_if_there(&self, name: &str) -> Result<(), IoError> {
        let path = self.path(name);
        match self.fs.remove(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done.doing("remove", &path),
        }
    }

    /// Where they end, newest first, by their names.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn list(&self) -> Result<Vec<LogPosition>, IoError> {
        let names = self.names()?;
        let mut found: Vec<_> = names.iter().filter_map(|name| position_of(name)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        Ok(found)
    }

    /// Writes a snapshot that ends with `last`: `fill` gives its content. It is there, whole and forced, when this
    /// returns; it must not run ahead of the synced log.
    ///
    /// # Errors
    ///
    /// When the file system or `fill` refuses; then there is none.
    pub fn write(
        &self,
        last: LogPosition,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<SnapshotFile, IoError> {
        let path = self.path(WRITING);
        self.remove_if_there(WRITING)?;
        let room = self.check_room(LOOK_EVERY_BYTES as u64);
        let file = room.and_then(|()| self.fs.create(&path));
        let written = file.and_then(|file| {
            let mut writer = WhileThereIsRoom {
                writer: Writer::begin(&*file, self.cluster, last)?,
                snapshots: self,
                free_to_write: LOOK_EVERY_BYTES,
                looks: 0,
            };
            fill(&mut writer)?;
            let (bytes, digest) = writer.writer.end()?;
            file.sync()?;
            Ok(SnapshotFile {
                last,
                bytes,
                digest,
            })
        });
        let written = written.doing("write", &path);
        match written {
            Ok(written) => {
                self.adopt(WRITING, last)?;
                Ok(written)
            }
            Err(error) => {
                // What it took of the disk is wanted back; the first error says why.
                let _ = self.remove_if_there(WRITING);
                Err(error)
            }
        }
    }

    /// Gives a whole, forced file its own name, durably.
    fn adopt(&self, name: &str, last: LogPosition) -> Result<(), IoError> {
        let (from, to) = (self.path(name), self.path(&name_of(last)));
        self.fs.rename(&from, &to).doing("rename", &from)?;
        self.fs.sync_dir(&self.dir).doing("force", &self.dir)
    }

    /// Puts the snapshot that was received and found whole among the others, durably.
    pub(crate) fn adopt_received(&self, last: LogPosition) -> Result<(), IoError> {
        self.adopt(RECEIVING, last)
    }

    /// Reads the snapshot that ends with `last`.
    ///
    /// # Errors
    ///
    /// When it is not there, or its first bytes are damaged.
    pub fn read(&self, last: LogPosition) -> Result<SnapshotReader, SnapshotFileError> {
        self.read_named(&name_of(last), last)
    }

    /// Reads what was received, which must end with `last`.
    ///
    /// # Errors
    ///
    /// When it is not there, is another, or its first bytes are damaged.
    pub fn read_received(&self, last: LogPosition) -> Result<SnapshotReader, SnapshotFileError> {
        self.read_named(RECEIVING, last)
    }

    fn read_named(
        &self,
        name: &str,
        last: LogPosition,
    ) -> Result<SnapshotReader, SnapshotFileError> {
        let path = self.path(name);
        let file = self.fs.open(&path).doing("open", &path)?;
        SnapshotReader::begin(file, path, self.cluster, last)
    }

    /// Bytes of the file of a snapshot as they are, for a peer that asked for them: fewer where it ends.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn piece(&self, last: LogPosition, offset: u64, length: usize) -> Result<Vec<u8>, IoError> {
        let path = self.path(&name_of(last));
        let file = self.fs.open(&path).doing("open", &path)?;
        let mut bytes = vec![0; length];
        let read = file.read_at(&mut bytes, offset).doing("read", &path)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// What is received of a peer's snapshot: goes on with what is there of exactly this one, or begins anew.
    ///
    /// # Errors
    ///
    /// When the disk has no room for the rest of it, or the file system refuses.
    pub fn receive(&self, offered: &SnapshotFile) -> Result<Part, IoError> {
        let path = self.path(RECEIVING);
        let part = Part::open(&*self.fs, &path, offered)?;
        let room = self.check_room(offered.bytes - part.have());
        room.doing("make room for", &path)?;
        Ok(part)
    }

    /// Whether the log has what it needs, once so many bytes more are taken.
    fn check_room(&self, bytes: u64) -> io::Result<()> {
        let free = self.fs.free_bytes(&self.dir)?;
        if free < bytes.saturating_add(self.left_free) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!(
                    "{free} bytes are free, of which {} are left to the log",
                    self.left_free
                ),
            ));
        }
        Ok(())
    }

    /// Removes what was received, and is not wanted.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn forget_received(&self) -> Result<(), IoError> {
        self.remove_if_there(RECEIVING)
    }

    /// Puts the snapshot that ends with `last` aside, as it is damaged: it counts no more as one. The one that was put aside
    /// before is gone.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn set_aside(&self, last: LogPosition) -> Result<(), IoError> {
        let (from, to) = (self.path(&name_of(last)), self.path(DAMAGED));
        self.fs.rename(&from, &to).doing("rename", &from)?;
        self.fs.sync_dir(&self.dir).doing("force", &self.dir)
    }

    /// Keeps the newest `count`, and removes the others, but for one that somebody reads; where the newest end, newest
    /// first.
    ///
    /// # Errors
    ///
    /// When the file system refuses.
    pub fn keep(
        &self,
        count: usize,
        in_use: Option<LogPosition>,
    ) -> Result<Vec<LogPosition>, IoError> {
        let mut kept = self.list()?;
        let others = kept.split_off(count.min(kept.len()));
        for last in others.into_iter().filter(|last| Some(*last) != in_use) {
            self.remove_if_there(&name_of(last))?;
        }
        Ok(kept)
    }
}

/// Bytes that are written before it is looked again whether there is room.
const LOOK_EVERY_BYTES: usize = 4 * 1024 * 1024;

/// Looks before what is written is forced, 64 MiB. Forced at its end alone, a large file would hold up the log's own fsyncs
/// for as long as that takes; forced more often, it would hold up more of them.
const FORCE_EVERY_LOOKS: u32 = 16;

/// Writes while the disk has room beside what is left to the log.
struct WhileThereIsRoom<'a> {
    writer: Writer<'a>,
    snapshots: &'a Snapshots,
    /// Bytes for which there was room.
    free_to_write: usize,
    looks: u32,
}

impl Write for WhileThereIsRoom<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.free_to_write == 0 {
            self.looks += 1;
            if self.looks.is_multiple_of(FORCE_EVERY_LOOKS) {
                self.writer.force()?;
            }
            self.snapshots.check_room(LOOK_EVERY_BYTES as u64)?;
            self.free_to_write = LOOK_EVERY_BYTES;
        }
        let taken = bytes.len().min(self.free_to_write);
        let written = self.writer.write(&bytes[..taken])?;
        self.free_to_write -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn name_of(last: LogPosition) -> String {
    format!("{:016x}-{:016x}{SUFFIX}", last.term.0, last.index.0)
}

fn position_of(name: &str) -> Option<LogPosition> {
    let (term, index) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let position = LogPosition::new(Term(number(term)?), LogIndex(number(index)?));
    (name_of(position) == name).then_some(position)
}

/// The usual place of snapshots in a data directory.
pub(crate) fn dir_in(dir: &Path) -> PathBuf {
    dir.join("snapshots")
}
