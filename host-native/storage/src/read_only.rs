//! The files of this machine, to look at: nothing is created, written or removed.

use std::fs::TryLockError;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use super::fs::{File, Fs, LockGuard, RealFs};
use super::identity::BootId;

/// The files of this machine, opened for reading alone, so that a copy on a disk that cannot be written to will do.
/// Whatever would change something fails with [`ErrorKind::ReadOnlyFilesystem`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnlyFs;

fn refused<T>() -> io::Result<T> {
    Err(ErrorKind::ReadOnlyFilesystem.into())
}

impl Fs for ReadOnlyFs {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealFs.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(std::fs::File::open(path)?))
    }

    fn create(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        refused()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    /// A lock that others may share, and that a node does not: it is not there while one of them reads. A copy may lack
    /// the file, and nobody uses it then.
    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Box::new(())),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        RealFs.free_bytes(dir)
    }

    fn boot_id(&self) -> Option<BootId> {
        RealFs.boot_id()
    }
}
