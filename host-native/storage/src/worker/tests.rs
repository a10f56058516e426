//! The disk thread, driven by a promise that records how it was kept.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use Told::{Synced, Written};
use kraft_proto::ids::LogIndex;

use super::*;
use crate::running::{Running, STOP_MAX};
use crate::testing::ask::{Ask, Told};
use crate::testing::bench::{commands, dir, formatted, in_term};
use crate::testing::{Crash, Fault, FaultFs};
use crate::{Fs, Options, open};

type News = Result<Told, DiskError>;

struct Bench {
    fs: FaultFs,
    stats: Arc<StorageStats>,
    worker: Worker<Ask, Box<dyn FnMut(News) + Send>>,
    told: Receiver<News>,
    next: u64,
    number: u32,
}

fn store(fs: &FaultFs, unforced_bytes_max: u64) -> Store {
    let options = Options {
        segment_bytes: 1 << 20,
        unforced_bytes_max,
        ..Options::default()
    };
    open(dir(), fs.shared(), &options).unwrap().store
}

impl Bench {
    /// A worker without its thread: what it does with a batch is seen at once.
    fn new() -> Self {
        let fs = formatted(1);
        let store = store(&fs, 100_000);
        let (tell, told): (Sender<News>, _) = channel();
        Self {
            fs,
            stats: store.stats(),
            worker: Worker::new(store, Box::new(move |news| tell.send(news).unwrap())),
            told,
            next: 1,
            number: 0,
        }
    }

    fn ask(&mut self, kind: WriteKind, force: Force, held: Held, bytes: usize) -> Task<Ask> {
        self.number += 1;
        let payloads = match kind {
            WriteKind::Entries(run) => vec![Bytes::from(vec![7; bytes]); run.count as usize],
            _ => Vec::new(),
        };
        self.worker.space.queued(bytes as u64);
        let ask = Ask {
            number: self.number,
            kind,
            force,
            held,
        };
        ask.task(payloads, bytes as u64)
    }

    /// Ten entries of this fsync mode's way.
    fn entries(&mut self, force: Force, held: Held) -> Task<Ask> {
        let run = commands(1, self.next, 10);
        self.next += 10;
        self.ask(WriteKind::Entries(run), force, held, 100)
    }

    fn hard_state(&mut self, term: u64) -> Task<Ask> {
        let kind = WriteKind::HardState(in_term(term));
        self.ask(kind, Force::Now, Held::Synced, 0)
    }

    /// What was told, and the fsyncs of log and meta it took.
    fn batch(&mut self, mut tasks: Vec<Task<Ask>>) -> (Vec<Told>, u64, u64) {
        let (log, meta) = (self.stats.log_fsyncs(), self.stats.meta_fsyncs());
        self.worker.batch(&mut tasks).unwrap();
        assert!(tasks.is_empty());
        let told = self.told.try_iter().map(Result::unwrap).collect();
        (
            told,
            self.stats.log_fsyncs() - log,
            self.stats.meta_fsyncs() - meta,
        )
    }
}

#[test]
fn relaxed_entries_are_written_and_nothing_is_forced() {
    let mut bench = Bench::new();
    let tasks = vec![
        bench.entries(Force::Later, Held::Written),
        bench.entries(Force::Later, Held::Written),
    ];
    assert_eq!(bench.batch(tasks), (vec![Written(2)], 0, 0));
}

#[test]
fn many_entries_share_one_fsync() {
    let mut bench = Bench::new();
    let tasks = (0..8)
        .map(|_| bench.entries(Force::Now, Held::Synced))
        .collect();
    assert_eq!(bench.batch(tasks), (vec![Synced(8)], 1, 0));
}

#[test]
fn a_relaxed_entry_hears_before_the_fsync_it_shares() {
    let mut bench = Bench::new();
    let tasks = vec![
        bench.entries(Force::Later, Held::Written),
        bench.entries(Force::Now, Held::Synced),
    ];
    assert_eq!(bench.batch(tasks), (vec![Written(2), Synced(2)], 1, 0));
}

#[test]
fn a_batch_mode_force_covers_what_was_written_before() {
    let mut bench = Bench::new();
    let relaxed = bench.entries(Force::Later, Held::Written);
    assert_eq!(bench.batch(vec![relaxed]), (vec![Written(1)], 0, 0));
    let force = bench.ask(WriteKind::Force, Force::Now, Held::Synced, 0);
    assert_eq!(bench.batch(vec![force]), (vec![Synced(2)], 1, 0));
    let nothing_new = bench.ask(WriteKind::Force, Force::Now, Held::Synced, 0);
    assert_eq!(bench.batch(vec![nothing_new]), (vec![Synced(3)], 0, 0));
}

#[test]
fn always_costs_one_fsync_an_entry_when_entries_come_one_by_one() {
    let mut bench = Bench::new();
    for number in 1..=5 {
        let entry = bench.entries(Force::Now, Held::Synced);
        assert_eq!(bench.batch(vec![entry]), (vec![Synced(number)], 1, 0));
    }
}

#[test]
fn hard_state_does_not_wait_behind_entries_and_forces_none() {
    let mut bench = Bench::new();
    let tasks = vec![
        bench.entries(Force::Later, Held::Written),
        bench.hard_state(5),
        bench.entries(Force::Later, Held::Written),
        bench.hard_state(6),
    ];
    let told = vec![Synced(2), Synced(4), Written(3)];
    assert_eq!(bench.batch(tasks), (told, 0, 1));
    drop(bench.worker);
    let opened = open(dir(), bench.fs.shared(), &Options::default()).unwrap();
    assert_eq!(opened.hard_state, in_term(6));
}

#[test]
fn too_many_unforced_bytes_are_forced_unasked() {
    let mut bench = Bench::new();
    let mut told = Vec::new();
    for _ in 0..8 {
        let run = commands(1, bench.next, 10);
        bench.next += 10;
        let write = WriteKind::Entries(run);
        let task = bench.ask(write, Force::Later, Held::Written, 2000);
        told.extend(bench.batch(vec![task]).0);
    }
    let expected: Vec<Told> = (1..=8)
        .flat_map(|number| match number {
            5 => vec![Written(5), Synced(5)],
            number => vec![Written(number)],
        })
        .collect();
    assert_eq!(told, expected, "20,400 bytes each, forced beyond 100,000");
}

#[test]
fn a_failed_fsync_is_reported_once_and_nothing_after_it() {
    let fs = formatted(1);
    let (tell, told) = channel();
    let running = Running::<Ask>::start(store(&fs, 1 << 20), move |news: News| {
        tell.send(news).unwrap();
    })
    .unwrap();
    let push = |number, first| {
        let run = commands(1, first, 1);
        running.push(Task::Write {
            write: Ask {
                number,
                kind: WriteKind::Entries(run),
                force: Force::Now,
                held: Held::Synced,
            },
            payloads: vec![Bytes::from_static(b"x")],
            bytes: 0,
        });
    };
    push(1, 1);
    assert_eq!(told.recv().unwrap().unwrap(), Synced(1));
    // The thread that prepares segments may meet the fault first: the log's own fails too.
    for nth in 1..=64 {
        fs.fail(Fault::Sync, nth);
    }
    push(2, 2);
    assert!(matches!(told.recv().unwrap(), Err(DiskError::Io(_))));
    push(3, 3);
    drop(running);
    assert!(told.recv().is_err(), "nothing more is told");
}

#[test]
fn a_stopped_thread_has_done_and_forced_all_it_was_given() {
    let fs = formatted(1);
    let mut running = Running::<Ask>::start(store(&fs, 1 << 20), |_| {}).unwrap();
    for index in 1..=500 {
        let run = commands(1, index, 1);
        running.push(Task::Write {
            write: Ask {
                number: index as u32,
                kind: WriteKind::Entries(run),
                force: Force::Later,
                held: Held::Written,
            },
            payloads: vec![Bytes::from(vec![1; 5000])],
            bytes: 0,
        });
    }
    running.stop(STOP_MAX).unwrap();
    let fs = fs.crash(Crash::Power);
    let opened = open(dir(), fs.shared(), &Options::default()).unwrap();
    assert_eq!(opened.store.last().index, LogIndex(500));
    assert_eq!(opened.warnings, []);
}

#[test]
fn entries_that_find_the_disk_full_wait_for_room_and_end_nothing() {
    const PATIENCE: Duration = Duration::from_secs(60);
    const ENTRIES: u64 = 8;
    let fs = formatted(1);
    let store = store(&fs, 1 << 20);
    let space = store.space();
    let (tell, told) = channel();
    let running = Running::<Ask>::start(store, move |news: News| tell.send(news).unwrap()).unwrap();
    // Somebody else fills the disk while there was room to the last look.
    let free = fs.free_bytes(dir()).unwrap();
    fs.set_capacity(u64::MAX - free);
    for index in 1..=ENTRIES {
        let run = commands(1, index, 1);
        running.push(Task::Write {
            write: Ask {
                number: index as u32,
                kind: WriteKind::Entries(run),
                force: Force::Now,
                held: Held::Synced,
            },
            // Two in a segment, more than any that are prepared.
            payloads: vec![Bytes::from(vec![1; 500_000])],
            bytes: 0,
        });
    }
    let end = std::time::Instant::now() + PATIENCE;
    while !space.is_full() {
        assert!(
            std::time::Instant::now() < end,
            "the disk is not found full"
        );
        std::thread::yield_now();
    }
    assert!(running.queue.unfinished() > 0, "there is no room for all");
    fs.set_capacity(u64::MAX);
    loop {
        let news = told.recv_timeout(PATIENCE).expect("news of the last entry");
        if news.unwrap() == Synced(ENTRIES as u32) {
            break;
        }
    }
}
