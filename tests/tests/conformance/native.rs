//! host-native's storage on its fault-injecting file system: the store by itself, one call a step,
//! and the disk thread as a node runs it. Beside each is the history that a node answers its core from.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use kraft_proto::{Force, LogIndex, LogPosition, Receipt, Run, Unsynced, Write, WriteKind};
use kraft_storage::testing::FaultFs;
use kraft_storage::testing::bench::{dir, entries, formatted, options};
use kraft_storage::{Disk, DiskError, DiskHandle, Done, History, Job, Opened, Options, Store};
use tests::conformance::{Adapter, Crash, Found, Midway, OpenError, PowerCuts, Step};

/// Opens it. What recovery writes anew differs with `rewrite_bytes_max`, so that differs as well.
fn open(fs: &FaultFs, rewrite_bytes_max: u64) -> Result<(Found, Store), OpenError> {
    let options = Options {
        rewrite_bytes_max,
        ..options()
    };
    let opened = match kraft_storage::open(dir(), fs.shared(), &options) {
        Ok(opened) => opened,
        Err(kraft_storage::StoreOpenError::Io(_)) => return Err(OpenError::Stopped),
        Err(error) => return Err(OpenError::Refused(error.to_string())),
    };
    Ok((found(&opened), opened.store))
}

fn found(opened: &Opened) -> Found {
    let payloads = entries(opened).into_iter();
    Found {
        hard: opened.hard_state,
        payloads: payloads.map(|(_, bytes)| bytes.to_vec()).collect(),
        runs: opened.log.clone(),
        committed: (opened.committed != LogPosition::ZERO).then_some(opened.committed),
    }
}

fn host_crash(crash: Crash) -> kraft_storage::testing::Crash {
    match crash {
        Crash::Process => kraft_storage::testing::Crash::Process,
        // The disk draws by itself what becomes of the unsynced.
        Crash::Power(_) => kraft_storage::testing::Crash::Power,
    }
}

fn job(write: Write, payloads: Vec<Vec<u8>>) -> Job {
    let payloads = payloads.into_iter().map(Into::into).collect();
    Job { write, payloads }
}

/// The store, driven call by call.
pub struct NativeStore {
    fs: FaultFs,
    rewrite_bytes_max: u64,
    store: Option<Store>,
    history: History,
    queue: VecDeque<Job>,
    relaxed: Option<Unsynced>,
}

impl NativeStore {
    pub fn new(seed: u64) -> Self {
        Self {
            fs: formatted(seed),
            rewrite_bytes_max: [0, 2_000, 1 << 20][seed as usize % 3],
            store: None,
            history: History::default(),
            queue: VecDeque::new(),
            relaxed: None,
        }
    }

    fn work(&mut self, job: Job) -> Result<Vec<Receipt>, DiskError> {
        let Job { write, payloads } = job;
        let store = self.store.as_mut().expect("an open store");
        match write.kind() {
            WriteKind::HardState(hard) => {
                store.save_hard_state(hard)?;
                return Ok(vec![write.synced()]);
            }
            WriteKind::Entries(run) => store.append(run, &payloads)?,
            WriteKind::Force => {}
            WriteKind::Snapshot(_) => unreachable!("trials compact nothing"),
        }
        if write.force() == Force::Later {
            let (receipt, unsynced) = write.written();
            self.relaxed = Some(unsynced);
            return Ok(vec![receipt]);
        }
        store.force()?;
        let earlier = self.relaxed.take().map(Unsynced::synced);
        Ok(earlier.into_iter().chain([write.synced()]).collect())
    }
}

impl Adapter for NativeStore {
    fn power_cuts(&self) -> PowerCuts {
        PowerCuts::Simulated
    }

    fn open(&mut self) -> Result<Found, OpenError> {
        let (found, store) = open(&self.fs, self.rewrite_bytes_max)?;
        self.store = Some(store);
        self.history = History::of(found.runs.iter().copied());
        Ok(found)
    }

    fn run_at(&mut self, index: LogIndex) -> Option<Run> {
        self.history.run_at(index)
    }

    fn committed(&mut self, position: LogPosition) {
        let store = self.store.as_ref().expect("an open store");
        store.committed().tell(position);
    }

    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>) {
        self.history.take(write.kind());
        self.queue.push_back(job(write, payloads));
    }

    fn step(&mut self) -> Step {
        let Some(job) = self.queue.pop_front() else {
            return Step::Idle;
        };
        match self.work(job) {
            Ok(receipts) => Step::Worked(receipts),
            Err(DiskError::Io(_) | DiskError::Stopped) => Step::Stopped,
            Err(error) => panic!("{error}"),
        }
    }

    fn crash(&mut self, crash: Crash) {
        self.fs = self.fs.crash(host_crash(crash));
        self.store = None;
        self.queue.clear();
        self.relaxed = None;
    }

    fn stop_after(&mut self, operations: u64) -> Midway {
        self.fs.stop_after(operations);
        Midway::Armed
    }
}

/// How long a receipt may take before the thread counts as stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// The disk thread. Where it is when the machine stops is up to the scheduler: its crash points are
/// as many as the store's, and a seed alone does not replay them.
pub struct NativeThread {
    fs: FaultFs,
    disk: Option<(DiskHandle, Receiver<Done>)>,
    history: History,
    /// Writes not known to be synced, oldest first: of the log, and of hard state.
    awaited: [Vec<Awaited>; 2],
}

/// A write, and whether it is held as it asked.
struct Awaited {
    write: Write,
    answer: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Due,
    Given,
}

/// Takes note of a receipt: it covers every write before its own.
fn note(awaited: &mut Vec<Awaited>, receipt: &Receipt) {
    let synced = |a: &Awaited| *receipt == a.write.clone().synced();
    let written = |a: &Awaited| *receipt == a.write.clone().written().0;
    if let Some(place) = awaited.iter().position(synced) {
        awaited.drain(..=place);
    } else if let Some(place) = awaited.iter().position(written) {
        let relaxed = |a: &&mut Awaited| a.write.force() == Force::Later;
        for covered in awaited[..=place].iter_mut().filter(relaxed) {
            covered.answer = Answer::Given;
        }
    }
}

impl NativeThread {
    pub fn new(seed: u64) -> Self {
        Self {
            fs: formatted(seed),
            disk: None,
            history: History::default(),
            awaited: Default::default(),
        }
    }
}

impl Adapter for NativeThread {
    fn power_cuts(&self) -> PowerCuts {
        PowerCuts::Simulated
    }

    fn open(&mut self) -> Result<Found, OpenError> {
        let (found, store) = open(&self.fs, 1 << 20)?;
        let (done, receipts) = channel();
        // A node that was dropped hears nothing more.
        let disk = Disk::start(store, move |news| drop(done.send(news)));
        self.disk = Some((disk.expect("a thread"), receipts));
        self.history = History::of(found.runs.iter().copied());
        Ok(found)
    }

    fn run_at(&mut self, index: LogIndex) -> Option<Run> {
        self.history.run_at(index)
    }

    fn committed(&mut self, position: LogPosition) {
        let (disk, _) = self.disk.as_ref().expect("an open store");
        disk.committed().tell(position);
    }

    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>) {
        self.history.take(write.kind());
        let lane = usize::from(matches!(write.kind(), WriteKind::HardState(_)));
        self.awaited[lane].push(Awaited {
            write: write.clone(),
            answer: Answer::Due,
        });
        let (disk, _) = self.disk.as_ref().expect("an open store");
        disk.submit(job(write, payloads));
    }

    fn step(&mut self) -> Step {
        let (_, receipts) = self.disk.as_ref().expect("an open store");
        let mut awaited = self.awaited.iter().flatten();
        if awaited.all(|a| a.answer == Answer::Given) {
            return Step::Idle;
        }
        match receipts.recv_timeout(PATIENCE) {
            Ok(Done::Receipt(receipt)) => {
                for awaited in &mut self.awaited {
                    note(awaited, &receipt);
                }
                Step::Worked(vec![receipt])
            }
            Ok(Done::Failed(DiskError::Io(_))) => Step::Stopped,
            Ok(Done::Failed(error)) => panic!("{error}"),
            // The suite finds out what was not answered.
            Err(RecvTimeoutError::Timeout) => Step::Idle,
            Err(RecvTimeoutError::Disconnected) => Step::Stopped,
        }
    }

    fn crash(&mut self, crash: Crash) {
        // First the machine, so that the thread's end does not close the store in good order.
        self.fs = self.fs.crash(host_crash(crash));
        self.disk = None;
        self.awaited = Default::default();
    }

    fn stop_after(&mut self, operations: u64) -> Midway {
        self.fs.stop_after(operations);
        Midway::Armed
    }
}
