//! The faulty disk as files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::FaultFs;
use super::fate::{Fate, Fault};
use super::world::{Bytes, Going, Inode, NameChange, Operation};
use crate::fs::{File, Fs, LockGuard};
use crate::identity::BootId;

fn stopped<T>() -> io::Result<T> {
    Err(io::Error::other("the machine stopped"))
}

fn failed<T>() -> io::Result<T> {
    Err(io::Error::other("injected failure"))
}

impl Going {
    /// A change that is made as a whole, or not.
    fn through(self, change: impl FnOnce()) -> io::Result<()> {
        if self == Self::Failing {
            return failed();
        }
        change();
        match self {
            Self::Stopping => stopped(),
            _ => Ok(()),
        }
    }
}

impl FaultFs {
    fn file(&self, path: &Path, id: usize) -> Arc<dyn File> {
        let (fs, path) = (self.clone(), path.to_owned());
        Arc::new(FaultFile { fs, id, path })
    }
}

impl Fs for FaultFs {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        let all = dir.ancestors().map(Path::to_owned);
        world.directories.extend(all);
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let world = self.alive()?;
        if !world.directories.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        let here = world.names.keys().filter(|path| path.parent() == Some(dir));
        let names = here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let id = self.alive()?.id(path)?;
        Ok(self.file(path, id))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut world = self.alive()?;
        if world.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let going = world.begin(Operation::Create(path.to_owned()), None);
        if going == Going::Failing {
            return failed();
        }
        let id = world.files.len();
        world.files.push(Inode::default());
        world.change_names(NameChange::Create(path.to_owned(), id));
        if going == Going::Stopping {
            return stopped();
        }
        Ok(self.file(path, id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        world.id(from)?;
        let going = world.begin(Operation::Rename(to.to_owned()), None);
        going.through(|| world.change_names(NameChange::Rename(from.to_owned(), to.to_owned())))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        world.id(path)?;
        let going = world.begin(Operation::Remove(path.to_owned()), None);
        going.through(|| world.change_names(NameChange::Remove(path.to_owned())))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.alive()?;
        let going = world.begin(Operation::SyncDir(dir.to_owned()), None);
        if going == Going::Stopping {
            return stopped();
        }
        if going == Going::Failing || world.due(&[Fault::SyncDir]).is_some() {
            return failed();
        }
        let changes = std::mem::take(&mut world.names_unforced);
        let (here, elsewhere): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|(_, change)| change.is_in(dir));
        world.names_unforced = elsewhere;
        for (_, change) in here {
            change.apply(&mut world.names_forced);
        }
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        let mut world = self.alive()?;
        let dir = path.parent().unwrap_or(path);
        if !world.directories.contains(dir) {
            return Err(ErrorKind::NotFound.into());
        }
        if !world.locked.insert(path.to_owned()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (fs, path) = (self.clone(), path.to_owned());
        Ok(Box::new(FaultLock { fs, path }))
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let world = self.alive()?;
        Ok(world.capacity.saturating_sub(world.used()))
    }

    fn boot_id(&self) -> Option<BootId> {
        Some(BootId(self.lock().boot))
    }
}

struct FaultLock {
    fs: FaultFs,
    path: PathBuf,
}

impl Drop for FaultLock {
    fn drop(&mut self) {
        let mut world = self.fs.lock();
        if world.incarnation == self.fs.incarnation {
            world.locked.remove(&self.path);
        }
    }
}

struct FaultFile {
    fs: FaultFs,
    id: usize,
    /// Its name when it was opened.
    path: PathBuf,
}

impl File for FaultFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.fs.alive()?;
        let cached = &world.files[self.id].cached;
        let from = cached.len().min(offset as usize);
        let read = buffer.len().min(cached.len() - from);
        buffer[..read].copy_from_slice(&cached[from..from + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        let going = world.begin(Operation::Write(self.path.clone()), Some(self.id));
        let fault = world.due(&[Fault::Write, Fault::ShortWrite]);
        if fault == Some(Fault::Write) {
            return failed();
        }
        let size = world.files[self.id].cached.len() as u64;
        let grows = (offset + bytes.len() as u64).saturating_sub(size);
        let room = world.capacity.saturating_sub(world.used());
        let mut written = bytes.len();
        if grows > room {
            written = written.saturating_sub((grows - room) as usize);
        }
        if fault == Some(Fault::ShortWrite) {
            written /= 2;
        }
        let change = Bytes::Write {
            offset: offset as usize,
            bytes: bytes[..written].to_vec(),
        };
        if going == Going::Failing {
            let fate = world.failure.unwrap_or(Fate::Lost);
            world.change_partly(self.id, change, fate);
            return failed();
        }
        world.change(self.id, change);
        match (going, fault) {
            (Going::Stopping, _) => stopped(),
            (_, Some(_)) => failed(),
            _ if written < bytes.len() => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        let going = world.begin(Operation::Sync(self.path.clone()), None);
        if going == Going::Stopping {
            return stopped();
        }
        if going == Going::Failing || world.due(&[Fault::Sync]).is_some() {
            world.fail_sync(self.id);
            return failed();
        }
        let file = &mut world.files[self.id];
        for (_, change) in std::mem::take(&mut file.unforced) {
            change.apply(&mut file.forced);
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        let world = self.fs.alive()?;
        Ok(world.files[self.id].cached.len() as u64)
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.fs.alive()?;
        let going = world.begin(Operation::Resize(self.path.clone()), Some(self.id));
        going.through(|| world.change(self.id, Bytes::Size(bytes as usize)))
    }
}
