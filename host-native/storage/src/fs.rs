//! The few file operations storage is built from, and the real ones.
//!
//! Everything storage does to a disk goes through [`Fs`] and [`File`], so that
//! [`FaultFs`](crate::testing::FaultFs) can stand in for a disk that fills up, fails, or loses power.

use std::fs::{DirBuilder, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use super::identity::BootId;

/// Held for as long as a data directory is in use; dropping it lets go.
pub type LockGuard = Box<dyn Send>;

/// A file system.
///
/// Names (creations, renames, removals) outlive a power cut only after [`Fs::sync_dir`] of the
/// directory that holds them.
pub trait Fs: Send + Sync + 'static {
    /// Creates `dir` and every missing directory above it, durably. No error if it exists.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in `dir`, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Creates an empty file; fails with [`ErrorKind::AlreadyExists`] if there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Gives a file another name in the same directory, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a name. Files already open stay readable.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks `path`, creating it if needed, against every other holder in any process. Fails with
    /// [`ErrorKind::WouldBlock`] if somebody holds it.
    fn lock(&self, path: &Path) -> io::Result<LockGuard>;
    /// Bytes that may still be allocated under `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
    /// Which start of the operating system this is; `None` where that cannot be told.
    fn boot_id(&self) -> Option<BootId>;
}

/// An open file. All calls are positioned: there is no cursor.
pub trait File: Send + Sync + 'static {
    /// Reads until `buffer` is full or the file ends; returns the bytes read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`; after an error any part of them may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Forces content and length to the disk. After an error nothing is known of any write since
    /// the last success, and a later success proves nothing about them.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Cuts or extends (with zeroes) to `bytes`.
    fn set_size(&self, bytes: u64) -> io::Result<()>;
}

/// What a file or directory allows that is created here: what clients wrote is for the node alone.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// The files of this machine. What it creates, only the user it runs as may read.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFs;

impl RealFs {
    /// Shared, as storage wants it.
    pub fn shared() -> Arc<dyn Fs> {
        Arc::new(Self)
    }
}

impl Fs for RealFs {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if !dir.is_dir() {
            if let Some(parent) = parent_of(dir) {
                self.create_dir(parent)?;
            }
            match DirBuilder::new().mode(DIR_MODE).create(dir) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        // One that exists may have been created by a process that did not live to force it.
        self.sync_dir(dir)?;
        parent_of(dir).map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(path)?;
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn boot_id(&self) -> Option<BootId> {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()?
            .parse()
            .ok()
    }
}

/// The directory above, where there is one to name.
fn parent_of(dir: &Path) -> Option<&Path> {
    let parent = dir.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

impl File for std::fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match FileExt::read_at(self, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}
