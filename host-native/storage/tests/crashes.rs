//! Seeded crash runs: whatever a power cut, a failed fsync or a kill leaves behind, the recovered
//! log is one that was written, with nothing missing that was reported as synced.
//!
//! A failure prints its seed; `KRAFT_SEEDS=17` runs that one alone, `KRAFT_SEEDS=0..5000` many.

use std::ops::{ControlFlow, Range};

use bytes::Bytes;
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, Term};
use kraft_storage::testing::{Crash, Fault, FaultFs, bench};
use kraft_storage::{DiskError, Opened, Options, Store, StoreOpenError};

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    term: u64,
    payload: Vec<u8>,
}

/// A log that may be found after a crash, and how much of it must be.
#[derive(Clone, Debug)]
struct Version {
    log: Vec<Entry>,
    floor: usize,
}

/// What storage was told, and therefore what may be found. Index `i` of a log is entry `i + 1`.
struct Model {
    /// The newest last; all of them since the last fsync.
    versions: Vec<Version>,
    hard_states: Vec<HardState>,
    /// Everything before here was compacted, or may have been.
    compacted: usize,
    cached: Cached,
}

/// What is known of the page cache.
#[derive(Clone, Copy, PartialEq)]
enum Cached {
    /// It has all that was written: a killed process loses nothing.
    Everything,
    Unknown,
}

impl Model {
    fn new() -> Self {
        Self {
            versions: vec![Version {
                log: Vec::new(),
                floor: 0,
            }],
            hard_states: vec![HardState::default()],
            compacted: 0,
            cached: Cached::Unknown,
        }
    }

    fn log(&self) -> &[Entry] {
        &self.versions[self.versions.len() - 1].log
    }

    fn append(&mut self, keep: usize, entries: &[Entry]) {
        let newest = &self.versions[self.versions.len() - 1];
        let mut log = newest.log[..keep].to_vec();
        log.extend_from_slice(entries);
        let floor = newest.floor.min(keep);
        self.versions.push(Version { log, floor });
    }

    fn synced(&mut self) {
        let log = self.log().to_vec();
        let floor = log.len();
        self.versions = vec![Version { log, floor }];
    }

    /// Checks what was found, and goes on from it: recovery forced it.
    fn found(&mut self, base: usize, found: &[Entry], hard_state: HardState) {
        assert!(base <= self.compacted, "compacted beyond what was asked");
        let end = base + found.len();
        let fits =
            |version: &Version| end >= version.floor && version.log.get(base..end) == Some(found);
        let Some(version) = self.versions.iter().rev().find(|version| fits(version)) else {
            let newest = &self.versions[self.versions.len() - 1];
            panic!(
                "found entries {base}..{end}, which is none of {} versions; the newest has {} with \
                 {} forced",
                self.versions.len(),
                newest.log.len(),
                newest.floor
            );
        };
        if self.cached == Cached::Everything {
            assert_eq!(
                end,
                self.log().len(),
                "a kill loses nothing that was written"
            );
        }
        self.cached = Cached::Unknown;
        let log = version.log[..end].to_vec();
        self.versions = vec![Version { log, floor: end }];
        assert!(self.hard_states.contains(&hard_state), "{hard_state:?}");
        self.hard_states = vec![hard_state];
    }
}

fn options(rewrite_bytes_max: u64) -> Options {
    Options {
        rewrite_bytes_max,
        ..bench::options()
    }
}

/// Everything in the log, through the reader.
fn contents(opened: &Opened) -> Vec<Entry> {
    let entry = |(at, payload): (LogPosition, Bytes)| Entry {
        term: at.term.0,
        payload: payload.to_vec(),
    };
    bench::entries(opened).into_iter().map(entry).collect()
}

struct World {
    fs: FaultFs,
    chance: Chance,
    model: Model,
    term: u64,
    written: u64,
}

impl World {
    /// One thing a node asks of its disk. The model knows of it before it is done: a crash in the
    /// middle may leave either.
    fn step(&mut self, store: &mut Store) -> Result<(), DiskError> {
        match self.chance.below(20) {
            0..=11 => self.append(store),
            12..=15 => {
                store.force()?;
                self.model.synced();
                Ok(())
            }
            16 | 17 => {
                let hard_state = HardState {
                    term: Term(self.term),
                    vote: (self.chance.below(2) == 0).then(|| NodeId(self.chance.below(5))),
                    incarnation: Incarnation::new(
                        self.chance.below(100),
                        Nonce(self.chance.below(100)),
                    ),
                    trust: [Trust::Clean, Trust::Dirty, Trust::Suspect]
                        [self.chance.below(3) as usize],
                    superseded: None,
                };
                self.model.hard_states.push(hard_state);
                store.save_hard_state(hard_state)?;
                self.model.hard_states = vec![hard_state];
                Ok(())
            }
            18 => {
                // Only what is forced is ever compacted.
                let forced = self.model.versions.iter().map(|v| v.floor).min().unwrap();
                let upto = self
                    .model
                    .compacted
                    .max(self.chance.below(forced as u64 + 1) as usize);
                if upto == 0 {
                    return Ok(());
                }
                self.model.compacted = upto;
                let term = self.model.log()[upto - 1].term;
                store.compact(LogPosition::new(Term(term), LogIndex(upto as u64)))
            }
            _ => {
                self.term += 1;
                Ok(())
            }
        }
    }

    fn append(&mut self, store: &mut Store) -> Result<(), DiskError> {
        let length = self.model.log().len();
        let mut keep = length;
        if self.chance.below(8) == 0 {
            let floor = self.model.compacted;
            keep = length - self.chance.below((length - floor) as u64 + 1).min(40) as usize;
        }
        if keep < length {
            self.term += 1;
        }
        let count = 1 + self.chance.below(6);
        let entries: Vec<Entry> = (0..count)
            .map(|_| {
                self.written += 1;
                let bytes = match self.chance.below(10) {
                    0 => 0,
                    1 => 9000,
                    2..=4 => 700,
                    _ => 30,
                };
                let mut payload = vec![self.written as u8; bytes as usize];
                payload.extend(self.written.to_le_bytes());
                Entry {
                    term: self.term,
                    payload,
                }
            })
            .collect();
        self.model.append(keep, &entries);
        let payloads: Vec<Bytes> = entries.iter().map(|e| e.payload.clone().into()).collect();
        let run = bench::commands(self.term, keep as u64 + 1, count as u32);
        if self.chance.below(3) == 0 {
            store.gather(run, &payloads)
        } else {
            store.append(run, &payloads)
        }
    }

    fn reopen(&mut self) -> ControlFlow<(), Store> {
        let rewrite_bytes_max = [0, 8_000, 1 << 20][self.chance.below(3) as usize];
        let options = options(rewrite_bytes_max);
        match kraft_storage::open(bench::dir(), self.fs.shared(), &options) {
            Ok(opened) => {
                let found = contents(&opened);
                let base = opened.base.index.0 as usize;
                self.model.found(base, &found, opened.hard_state);
                ControlFlow::Continue(opened.store)
            }
            Err(StoreOpenError::Io(_)) => ControlFlow::Break(()),
            Err(error) => panic!("{error}"),
        }
    }
}

fn run(seed: u64) {
    let mut world = World {
        fs: bench::formatted(seed),
        chance: Chance(seed ^ 0x5EED),
        model: Model::new(),
        term: 1,
        written: 0,
    };
    for _life in 0..12 {
        match world.chance.below(4) {
            0 => {}
            1 => {
                let kinds = [Fault::Sync, Fault::Write, Fault::ShortWrite, Fault::SyncDir];
                let fault = kinds[world.chance.below(4) as usize];
                world.fs.fail(fault, 1 + world.chance.below(30));
            }
            // Often early: recovery itself is cut short.
            2 => world.fs.stop_after(world.chance.below(25)),
            _ => world.fs.stop_after(world.chance.below(300)),
        }
        let crash = if world.chance.below(3) == 0 {
            Crash::Process
        } else {
            Crash::Power
        };
        if let ControlFlow::Continue(mut store) = world.reopen() {
            let mut done = Ok(());
            for _ in 0..world.chance.below(120) {
                done = world.step(&mut store);
                if done.is_err() {
                    break;
                }
            }
            match done {
                Ok(()) if world.chance.below(3) == 0 => {
                    if store.close().is_ok() {
                        world.model.synced();
                    }
                }
                Ok(()) if crash == Crash::Process => {
                    if store.write().is_ok() {
                        world.model.cached = Cached::Everything;
                    }
                }
                Ok(()) => {}
                Err(DiskError::Io(_)) => {
                    assert!(matches!(store.force(), Err(DiskError::Stopped)));
                }
                Err(error) => panic!("{error}"),
            }
        }
        if crash == Crash::Power {
            world.model.cached = Cached::Unknown;
        }
        world.fs = world.fs.crash(crash);
    }
    let ControlFlow::Continue(store) = world.reopen() else {
        panic!("a healthy disk must open");
    };
    // What recovery returned is forced: a power cut takes none of it.
    drop(store);
    world.fs = world.fs.crash(Crash::Power);
    assert!(world.reopen().is_continue());
}

#[test]
fn whatever_a_crash_leaves_is_a_log_that_was_written_with_all_that_was_synced() {
    for seed in seeds() {
        let ended = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = ended {
            eprintln!("failed with seed {seed}: KRAFT_SEEDS={seed} runs it alone");
            std::panic::resume_unwind(panic);
        }
    }
}

/// The seeds asked for, or a few.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("KRAFT_SEEDS") else {
        return 0..100;
    };
    let number = |text: &str| text.trim().parse().expect("KRAFT_SEEDS: a number");
    match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(&asked)..number(&asked) + 1,
    }
}
