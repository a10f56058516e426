//! Descriptors kept for the disk: whoever else uses up those of the process, the log goes on.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::fs::{File, Fs, LockGuard};
use super::identity::BootId;

/// Descriptors kept open for nothing. Preparing a segment and forcing its name take two at a time;
/// a segment keeps its own for as long as the log holds it.
const KEPT: usize = 16;

/// A file system that lends its calls a descriptor where the process has none left.
///
/// 1. the admin port, or whatever else, has opened all that the process may;
/// 2. the segment written to is full, and the next must be opened;
/// 3. a kept descriptor is closed, and the segment gets its place. It is replaced when there is one.
pub struct Reserve {
    fs: Arc<dyn Fs>,
    kept: Mutex<Vec<std::fs::File>>,
}

impl Reserve {
    /// Keeps descriptors for `fs`.
    ///
    /// # Errors
    ///
    /// When there are not even these.
    pub fn of(fs: Arc<dyn Fs>) -> io::Result<Arc<dyn Fs>> {
        let kept = (0..KEPT).map(|_| nothing()).collect::<io::Result<_>>()?;
        Ok(Arc::new(Self {
            fs,
            kept: Mutex::new(kept),
        }))
    }

    fn kept(&self) -> MutexGuard<'_, Vec<std::fs::File>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, call: impl Fn(&dyn Fs) -> io::Result<T>) -> io::Result<T> {
        let mut result = call(&*self.fs);
        // Another thread may take what was just closed: there are more.
        while result.as_ref().is_err_and(is_out_of_descriptors) && self.kept().pop().is_some() {
            result = call(&*self.fs);
        }
        let mut kept = self.kept();
        while kept.len() < KEPT
            && let Ok(file) = nothing()
        {
            kept.push(file);
        }
        result
    }
}

fn nothing() -> io::Result<std::fs::File> {
    std::fs::File::open("/dev/null")
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::MFILE.raw_os_error()) || code == Some(Errno::NFILE.raw_os_error())
}

impl Fs for Reserve {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.with(|fs| fs.create_dir(dir))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.with(|fs| fs.list(dir))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.with(|fs| fs.open(path))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.with(|fs| fs.create(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fs.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fs.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.with(|fs| fs.sync_dir(dir))
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        self.with(|fs| fs.lock(path))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.fs.free_bytes(dir)
    }

    fn boot_id(&self) -> Option<BootId> {
        self.fs.boot_id()
    }
}
