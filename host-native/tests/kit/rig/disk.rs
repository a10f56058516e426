//! A disk in memory that can be made to wait, to fill up, and to lose its power.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use kraft_storage::fs::{File, LockGuard};
use kraft_storage::testing::{Crash, Fate, FaultFs};
use kraft_storage::{BootId, Fs};

/// Where forcing a disk may have to wait.
#[derive(Clone, Default)]
pub struct Gate {
    state: Arc<(Mutex<GateState>, Condvar)>,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    waiting: usize,
}

impl Gate {
    /// From now on nothing is forced.
    pub fn shut(&self) {
        self.state.0.lock().unwrap().shut = true;
    }

    /// What waits goes on.
    pub fn open(&self) {
        self.state.0.lock().unwrap().shut = false;
        self.state.1.notify_all();
    }

    pub fn is_open(&self) -> bool {
        !self.state.0.lock().unwrap().shut
    }

    /// Whether somebody waits.
    pub fn is_waited_at(&self) -> bool {
        self.state.0.lock().unwrap().waiting > 0
    }

    fn pass(&self) {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        state.waiting += 1;
        state = changed.wait_while(state, |state| state.shut).unwrap();
        state.waiting -= 1;
    }
}

/// Opens a gate when its test ends, however it ends: a node that waits at one is dropped late.
pub struct OpenAtEnd(pub Gate);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A disk in memory whose fsyncs wait at a gate, and those of the log at one of their own before that.
#[derive(Clone)]
pub struct Disk {
    pub fs: FaultFs,
    pub gate: Gate,
    pub log_gate: Gate,
}

struct GatedFile {
    file: Arc<dyn File>,
    gates: Vec<Gate>,
}

impl Disk {
    pub fn new(seed: u64) -> Self {
        Self::of(FaultFs::new(seed))
    }

    /// Leaves no room for anything more.
    pub fn fill(&self) {
        self.fs.set_capacity(u64::MAX);
        let free = self.fs.free_bytes(Path::new("/")).unwrap();
        self.fs.set_capacity(u64::MAX - free);
    }

    /// Makes room again.
    pub fn free(&self) {
        self.fs.set_capacity(u64::MAX);
    }

    /// What its machine has left of it.
    pub fn crash(&self, crash: Crash) -> Self {
        Self::of(self.fs.crash(crash))
    }

    /// What it has left after a power cut that takes all that was not forced.
    pub fn without_power(&self) -> Self {
        Self::of(self.fs.after_power_cut(|_| Fate::Lost))
    }

    fn of(fs: FaultFs) -> Self {
        Self {
            fs,
            gate: Gate::default(),
            log_gate: Gate::default(),
        }
    }

    fn gated(&self, path: &Path, file: Arc<dyn File>) -> Arc<dyn File> {
        let mut gates = vec![self.gate.clone()];
        if path.parent().is_some_and(|parent| parent.ends_with("log")) {
            gates.insert(0, self.log_gate.clone());
        }
        Arc::new(GatedFile { file, gates })
    }

    /// What waits at either gate goes on.
    pub fn open_gates(&self) {
        self.gate.open();
        self.log_gate.open();
    }
}

impl Fs for Disk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.fs.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.fs.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.gated(path, self.fs.open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.gated(path, self.fs.create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fs.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fs.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.gate.pass();
        self.fs.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        self.fs.lock(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.fs.free_bytes(dir)
    }

    fn boot_id(&self) -> Option<BootId> {
        self.fs.boot_id()
    }
}

impl File for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.gates.iter().for_each(Gate::pass);
        self.file.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn set_size(&self, bytes: u64) -> io::Result<()> {
        self.file.set_size(bytes)
    }
}
