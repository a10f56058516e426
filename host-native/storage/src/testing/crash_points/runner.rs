//! Scripts, run through the disk thread's own work, on the caller's thread.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, Term};
use kraft_proto::modes::{FsyncMode, Held};
use kraft_proto::output::{Force, WriteKind};

use super::fates::Losses;
use super::model::{Entry, Found, Model};
use super::script::{Script, Step};
use crate::opening::open_sized;
use crate::testing::ask::{Ask, Told};
use crate::testing::bench::{commands, dir, entries, founding, identity};
use crate::testing::fault::{Crash, Fate, FaultFs};
use crate::worker::{Task, Worker};
use crate::{Committed, DiskError, Opened, Options, Store, StoreOpenError, Warning, format};

/// A header block and as much again: a few entries fill it.
const SEGMENT_BYTES: u64 = 8192;

/// What goes wrong in a run, if it gets there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// The machine stops in the middle of this operation, the first being 1.
    StopIn(u64),
    /// This operation fails, having done so much.
    FailIn(u64, Fate),
}

/// Whether a store was there to be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formatted {
    No,
    Yes,
}

/// How a run ended.
pub(super) struct Ended {
    /// The machine as the trouble left it.
    pub fs: FaultFs,
    pub model: Model,
    pub formatted: Formatted,
    /// What was going on.
    pub during: &'static str,
    pub how: Option<DiskError>,
}

type Tell = Box<dyn FnMut(Result<Told, DiskError>)>;

struct Runner {
    fs: FaultFs,
    model: Rc<RefCell<Model>>,
    worker: Option<Worker<Ask, Tell>>,
    committed: Committed,
    mode: FsyncMode,
    term: u64,
    appends: u32,
    trouble: Trouble,
    rewrite_bytes_max: u64,
}

/// Why a run ended before its script did.
enum Cut {
    Disk(DiskError),
    Open(StoreOpenError),
}

impl From<DiskError> for Cut {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// Runs a script until it ends or trouble ends it. Panics if the oracle has an objection.
pub(super) fn run(
    script: &Script,
    mode: FsyncMode,
    rewrite_bytes_max: u64,
    trouble: Trouble,
) -> Ended {
    let fs = FaultFs::new(0);
    let mut runner = Runner {
        model: Rc::new(RefCell::new(Model::new(&fs))),
        fs,
        worker: None,
        committed: Committed::default(),
        mode,
        term: 1,
        appends: 0,
        trouble,
        rewrite_bytes_max,
    };
    runner.arm();
    let formatted = match format(dir(), &runner.fs, identity(), founding()) {
        Ok(()) => Formatted::Yes,
        Err(_) => Formatted::No,
    };
    let mut during = "format";
    let mut how = None;
    if formatted == Formatted::Yes {
        during = "open";
        let mut result = runner.open(Crash::Power);
        for step in script.steps {
            if result.is_err() {
                break;
            }
            during = step.name();
            result = runner.step(*step);
        }
        how = match result {
            Err(Cut::Disk(error)) => Some(error),
            Err(Cut::Open(StoreOpenError::Io(error))) => Some(DiskError::Io(error)),
            Err(Cut::Open(error)) => panic!("{}: {error}", script.name),
            Ok(()) => None,
        };
    }
    let model = runner.model.borrow().clone();
    runner.assert_stopped(how.as_ref());
    drop(runner.worker.take());
    Ended {
        fs: runner.fs,
        model,
        formatted,
        during,
        how,
    }
}

impl Runner {
    /// Sets up the trouble for the incarnation that begins.
    fn arm(&self) {
        let done = self.fs.operations();
        match self.trouble {
            Trouble::StopIn(at) if at > done => self.fs.stop_after(at - done - 1),
            Trouble::FailIn(at, fate) if at > done => self.fs.fail_after(at - done - 1, fate),
            _ => {}
        }
    }

    fn open(&mut self, crash: Crash) -> Result<(), Cut> {
        let opened = open(&self.fs, self.rewrite_bytes_max).map_err(Cut::Open)?;
        let found = found(&opened);
        let mut model = self.model.borrow_mut();
        if let Err(objection) = model.admits(crash, &found, &self.fs) {
            panic!("{objection}");
        }
        model.goes_on_from(crash, &found);
        let model = Rc::clone(&self.model);
        let tell: Tell = Box::new(move |news| match news {
            Ok(Told::Written(number)) => model.borrow_mut().told_written(number),
            Ok(Told::Synced(number)) => model.borrow_mut().told_synced(number),
            Err(_) => {}
        });
        self.committed = opened.store.committed();
        self.worker = Some(Worker::new(opened.store, tell));
        Ok(())
    }

    fn batch(&mut self, mut tasks: Vec<Task<Ask>>) -> Result<(), Cut> {
        let worker = self.worker.as_mut().expect("a store is open");
        Ok(worker.batch(&mut tasks)?)
    }

    fn step(&mut self, step: Step) -> Result<(), Cut> {
        self.committed.tell(self.model.borrow_mut().tell());
        match step {
            Step::Append(sizes) => self.append(0, sizes),
            Step::Replace(cut) => self.append(cut, &[70]),
            Step::Force => {
                let force = self.ask(WriteKind::Force, Force::Now, Held::Synced);
                self.batch(vec![force])
            }
            Step::Vote => {
                let vote = self.hard_state();
                self.batch(vec![vote])
            }
            Step::VotesAmidEntries => {
                let tasks = vec![
                    self.entries(0, &[20]),
                    self.hard_state(),
                    self.entries(0, &[20]),
                    self.hard_state(),
                ];
                self.batch(tasks)
            }
            Step::Compact(but) => {
                let mut model = self.model.borrow_mut();
                let upto = model.len() - but;
                let term = model.term_at(upto);
                model.asked_to_compact(upto);
                drop(model);
                let upto = LogPosition::new(Term(term), LogIndex(upto as u64));
                self.batch(vec![Task::Compact(upto)])
            }
            Step::RestartBehind(ahead) => {
                self.term += 1;
                let mut model = self.model.borrow_mut();
                let (number, base) = (model.next_number(), model.len() + ahead);
                model.asked_to_restart_behind(number, base, self.term);
                drop(model);
                let base = LogPosition::new(Term(self.term), LogIndex(base as u64));
                self.batch(vec![Task::RestartBehind(base)])?;
                self.model.borrow_mut().told_synced(number);
                Ok(())
            }
            Step::Stop => {
                let worker = self.worker.take().expect("a store is open");
                worker.close()?;
                let mut model = self.model.borrow_mut();
                let all = model.next_number();
                model.told_synced(all);
                model.closed();
                drop(model);
                self.next_life(&Losses::Kill(Fate::Kept, Vec::new()), Crash::Process)
            }
            Step::Kill => self.next_life(&Losses::Kill(Fate::Kept, Vec::new()), Crash::Process),
            Step::PowerCut => {
                self.model.borrow_mut().power_cut();
                self.next_life(&Losses::Power(Vec::new()), Crash::Power)
            }
        }
    }

    fn next_life(&mut self, losses: &Losses, crash: Crash) -> Result<(), Cut> {
        self.worker = None;
        self.fs = losses.apply(&self.fs);
        self.arm();
        self.open(crash)
    }

    fn append(&mut self, cut: usize, sizes: &[usize]) -> Result<(), Cut> {
        if cut > 0 {
            self.term += 1;
        }
        match self.mode {
            FsyncMode::None | FsyncMode::Batch => {
                let task = self.entries(cut, sizes);
                self.batch(vec![task])?;
                self.appends += 1;
                if self.mode == FsyncMode::Batch && self.appends.is_multiple_of(2) {
                    self.step(Step::Force)?;
                }
                Ok(())
            }
            FsyncMode::Commit => {
                let mut tasks = vec![self.entries(cut, &sizes[..1])];
                if sizes.len() > 1 {
                    tasks.push(self.entries(0, &sizes[1..]));
                }
                self.batch(tasks)
            }
            FsyncMode::Always => {
                let mut cut = cut;
                for size in sizes {
                    let task = self.entries(std::mem::take(&mut cut), &[*size]);
                    self.batch(vec![task])?;
                }
                Ok(())
            }
        }
    }

    fn entries(&mut self, cut: usize, sizes: &[usize]) -> Task<Ask> {
        let mut model = self.model.borrow_mut();
        let number = model.next_number();
        let keep = model.len() - cut;
        let entries: Vec<Entry> = (1..)
            .zip(sizes)
            .map(|(index, size)| {
                let mut payload = vec![number as u8; *size];
                payload.extend([number as u8, index]);
                Entry {
                    term: self.term,
                    payload,
                }
            })
            .collect();
        let payloads = entries.iter().map(|e| e.payload.clone().into()).collect();
        model.asked(number, keep, entries);
        let (force, held) = match self.mode {
            FsyncMode::None | FsyncMode::Batch => (Force::Later, Held::Written),
            FsyncMode::Commit | FsyncMode::Always => (Force::Now, Held::Synced),
        };
        let run = commands(self.term, keep as u64 + 1, sizes.len() as u32);
        let kind = WriteKind::Entries(run);
        task(number, kind, force, held, payloads)
    }

    fn hard_state(&mut self) -> Task<Ask> {
        let mut model = self.model.borrow_mut();
        let number = model.next_number();
        let hard_state = HardState {
            term: Term(u64::from(number)),
            vote: Some(NodeId(u64::from(number % 5))),
            incarnation: Incarnation::new(u64::from(number), Nonce(u64::from(number))),
            trust: [Trust::Clean, Trust::Dirty, Trust::Suspect][number as usize % 3],
            superseded: None,
        };
        model.asked_to_save(number, hard_state, &self.fs);
        let kind = WriteKind::HardState(hard_state);
        task(number, kind, Force::Now, Held::Synced, Vec::new())
    }

    fn ask(&mut self, kind: WriteKind, force: Force, held: Held) -> Task<Ask> {
        let number = self.model.borrow_mut().next_number();
        task(number, kind, force, held, Vec::new())
    }

    /// After a failure nothing is done or reported any more, although the disk would do it.
    fn assert_stopped(&mut self, how: Option<&DiskError>) {
        let failed = matches!(how, Some(DiskError::Io(_)));
        if !failed || !matches!(self.trouble, Trouble::FailIn(..)) || self.worker.is_none() {
            return;
        }
        let before = self.fs.operations();
        let again = self.step(Step::Vote);
        assert!(matches!(again, Err(Cut::Disk(DiskError::Stopped))));
        let again = self.step(Step::Append(&[5]));
        assert!(matches!(again, Err(Cut::Disk(DiskError::Stopped))));
        assert_eq!(self.fs.operations(), before, "a stopped store does nothing");
    }
}

fn task(number: u32, kind: WriteKind, force: Force, held: Held, payloads: Vec<Bytes>) -> Task<Ask> {
    let ask = Ask {
        number,
        kind,
        force,
        held,
    };
    ask.task(payloads, 0)
}

pub(super) fn open(fs: &FaultFs, rewrite_bytes_max: u64) -> Result<Opened, StoreOpenError> {
    let options = Options {
        rewrite_bytes_max,
        ..Options::default()
    };
    open_sized(dir(), fs.shared(), &options, SEGMENT_BYTES)
}

/// Everything in it, through the reader.
pub(super) fn found(opened: &Opened) -> Found {
    let entry = |(at, payload): (LogPosition, Bytes)| Entry {
        term: at.term.0,
        payload: payload.to_vec(),
    };
    let log = entries(opened).into_iter().map(entry).collect();
    Found {
        base: opened.base.index.0 as usize,
        log,
        hard_state: opened.hard_state,
        boot: opened.boot,
        committed: opened.committed,
    }
}

/// Adds one entry behind what was found, and reports what the store then holds.
pub(super) fn append_one(store: &mut Store, found: &Found) -> Entry {
    let entry = Entry {
        term: 99,
        payload: b"one more".to_vec(),
    };
    let next = (found.base + found.log.len()) as u64 + 1;
    let run = commands(entry.term, next, 1);
    store.append(run, &[entry.payload.clone().into()]).unwrap();
    entry
}

/// Whether a warning tells of a log that was cut.
pub(super) fn is_of_a_cut(warning: &Warning) -> bool {
    matches!(warning, Warning::TornTail { .. })
}
