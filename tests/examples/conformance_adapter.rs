//! The smallest storage that keeps every rule: one journal of checksummed records, and its adapter.
//!
//! `cargo run -p tests --example conformance_adapter` holds it to them.

use std::collections::VecDeque;

use kraft_proto::{Force, HardState, LogIndex, Run, Write, WriteKind};
use tests::conformance::{
    Adapter, Crash, Disk, Effort, Found, Midway, OpenError, PowerCuts, Step, Stopped, check,
};

/// One journal on a disk, and what waits for it.
#[derive(Default)]
struct Journal {
    disk: Disk,
    queue: VecDeque<(Write, Vec<Vec<u8>>)>,
    /// Which entry stands where, by every write that was submitted: what the core asks for.
    log: Vec<Run>,
}

impl Journal {
    /// A record: two lengths, a checksum, the write as JSON with the length of each payload, and the
    /// payloads. Torn, it is no record at all.
    fn append(&mut self, kind: WriteKind, payloads: &[Vec<u8>]) -> Result<(), Stopped> {
        let lengths: Vec<usize> = payloads.iter().map(Vec::len).collect();
        let shape = serde_json::to_vec(&(kind, lengths)).expect("a write is JSON");
        let body = [shape.clone(), payloads.concat()].concat();
        let head = [body.len() as u32, shape.len() as u32, checksum(&body)];
        let head = head.map(u32::to_le_bytes).concat();
        self.disk.append(&[head, body].concat())
    }

    /// Replays the journal up to the first record that is not whole, and cuts it off there. What
    /// is read may never have been forced, so it is forced before anybody hears of it.
    fn recover(&mut self) -> Result<Found, Stopped> {
        let file = self.disk.read()?.to_vec();
        let mut rest = &file[..];
        let (mut hard, mut log) = (HardState::default(), Vec::new());
        while let Some((shape, mut bytes, behind)) = record(rest) {
            let (kind, lengths): (WriteKind, Vec<usize>) =
                serde_json::from_slice(shape).expect("a checksummed record is JSON");
            match kind {
                WriteKind::HardState(newer) => hard = newer,
                // A store that keeps snapshots replaces its log here; trials compact nothing.
                WriteKind::Snapshot(_) => log.clear(),
                WriteKind::Force => {}
                WriteKind::Entries(run) => {
                    log.truncate(run.first.prev().0 as usize);
                    for (at, length) in run.positions().zip(lengths) {
                        let (payload, later) = bytes.split_at(length);
                        log.push((single(run, at), payload.to_vec()));
                        bytes = later;
                    }
                }
            }
            rest = behind;
        }
        self.disk.cut(file.len() - rest.len())?;
        self.disk.sync()?;
        let (runs, payloads) = log.into_iter().unzip();
        Ok(Found {
            hard,
            runs,
            payloads,
            // This store keeps none: it learns anew what is committed.
            committed: None,
        })
    }
}

/// A run of one entry.
fn single(run: Run, at: kraft_proto::LogPosition) -> Run {
    Run {
        first: at.index,
        count: 1,
        ..run
    }
}

/// The first record of `file`, if it is whole: its shape, its payloads, and what is behind it.
fn record(file: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let word = |at: usize| {
        file.get(at..at + 4)?
            .try_into()
            .ok()
            .map(u32::from_le_bytes)
    };
    let (length, shape, sum) = (word(0)? as usize, word(4)? as usize, word(8)?);
    let (body, behind) = file[12..].split_at_checked(length)?;
    if body.is_empty() || checksum(body) != sum {
        return None;
    }
    let (shape, payloads) = body.split_at_checked(shape)?;
    Some((shape, payloads, behind))
}

/// FNV-1a: enough for an example.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811C_9DC5, step)
}

impl Adapter for Journal {
    fn power_cuts(&self) -> PowerCuts {
        PowerCuts::Simulated
    }

    fn open(&mut self) -> Result<Found, OpenError> {
        let found = self.recover().map_err(|Stopped| OpenError::Stopped)?;
        self.log.clone_from(&found.runs);
        Ok(found)
    }

    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>) {
        if let WriteKind::Entries(run) = write.kind() {
            self.log.truncate(run.first.prev().0 as usize);
            self.log.extend(run.positions().map(|at| single(run, at)));
        }
        self.queue.push_back((write, payloads));
    }

    fn run_at(&mut self, index: LogIndex) -> Option<Run> {
        let place = index.0.checked_sub(1)?;
        self.log.get(place as usize).copied()
    }

    fn step(&mut self) -> Step {
        let Some((write, payloads)) = self.queue.pop_front() else {
            return Step::Idle;
        };
        let done = self.append(write.kind(), &payloads);
        let done = done.and_then(|()| match write.force() {
            Force::Now => self.disk.sync().map(|()| write.synced()),
            // The write that forces it later reports it along.
            Force::Later => Ok(write.written().0),
        });
        done.map_or(Step::Stopped, |receipt| Step::Worked(vec![receipt]))
    }

    fn crash(&mut self, crash: Crash) {
        self.queue.clear();
        self.disk.crash(crash);
    }

    fn stop_after(&mut self, operations: u64) -> Midway {
        self.disk.stop_after(operations);
        Midway::Armed
    }
}

/// Prints what was exercised.
///
/// # Panics
///
/// With the rule that is broken, if one is.
pub fn main() {
    match check(|_seed| Journal::default(), &Effort::from_env()) {
        Ok(exercised) => println!("no rule was broken: {exercised}"),
        Err(violation) => panic!("{violation}"),
    }
}
