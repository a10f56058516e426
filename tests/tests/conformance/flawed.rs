//! Storage that is wrong on purpose, one flaw each: a journal of entries in memory that would keep
//! every rule without it.

use std::collections::VecDeque;

use kraft_proto::{
    EntryKind, Force, HardState, LogIndex, LogPosition, Run, Unsynced, Write, WriteKind,
};
use tests::conformance::{
    Adapter, Crash, Disk, Found, Midway, OpenError, PowerCuts, Step, Stopped,
};

use crate::told::Told;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing: the reference.
    Nothing,
    /// Of writes that wait together, the last is done first.
    Reorders,
    /// At recovery a damaged record is skipped and what is behind it believed: what it replaced
    /// stands there again.
    SkipsDamage,
    /// Of three entries that wait together in one write, the middle one is left out.
    DropsEntry,
    /// A record carries no checksum: whatever bytes are there are served.
    NoChecksum,
    /// Bytes are found by index, so those of a replaced entry are served for its successor.
    AddressesByIndex,
    /// What is behind a shorter replacement stays.
    LeavesTail,
    /// Reported as written while it lies in a buffer of the process.
    BuffersWritten,
    /// Reported as synced without an fsync.
    SyncsEarly,
    /// A hard state is reported as synced and forced with the next log write.
    ForgetsVote,
    /// What recovery read is not forced.
    TrustsCache,
    /// Whatever asks to be forced is reported as written only.
    NeverSynced,
    /// An empty force is not reported.
    IgnoresForce,
    /// A torn tail is refused as damage.
    RefusesTornTail,
    /// Of what recovery read it tells no run.
    ForgetsRuns,
    /// It tells by the writes that were done, and of those that wait nothing.
    TellsDone,
    /// What stood behind a shorter replacement is told still.
    TellsCutTail,
    /// What was replaced is told still.
    TellsReplaced,
    /// A run that it tells is longer by one than it was.
    StretchesRun,
    /// What was told as committed is clamped to the log that is left.
    ClampsCommitted,
    /// What was told as committed has the index of the end of the log.
    MixesCommitted,
}

/// A journal with a flaw.
pub struct Flawed {
    flaw: Flaw,
    disk: Disk,
    queue: VecDeque<(Write, Vec<Vec<u8>>)>,
    buffered: Vec<u8>,
    unsynced: Option<Unsynced>,
    told: Told,
    /// To be kept with the next write.
    committed: Option<LogPosition>,
}

/// What a record says beside bytes.
type Shape = (
    Option<HardState>,
    Option<(LogPosition, EntryKind)>,
    Option<LogPosition>,
);

/// One record of the journal. An entry cuts the log where it stands.
enum Record {
    Hard(HardState),
    Entry(LogPosition, EntryKind, Vec<u8>),
    Committed(LogPosition),
}

/// Why a record was not read.
#[derive(PartialEq, Eq)]
enum NoRecord {
    End,
    Damaged { behind: usize },
}

impl Flawed {
    pub fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            disk: Disk::default(),
            queue: VecDeque::new(),
            buffered: Vec::new(),
            unsynced: None,
            told: Told::default(),
            committed: None,
        }
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn encode(&self, record: &Record, out: &mut Vec<u8>) {
        let shape: Shape = match record {
            Record::Hard(hard) => (Some(*hard), None, None),
            Record::Entry(at, kind, _) => (None, Some((*at, *kind)), None),
            Record::Committed(at) => (None, None, Some(*at)),
        };
        let body = serde_json::to_vec(&shape).unwrap();
        let bytes: &[u8] = match record {
            Record::Hard(_) | Record::Committed(_) => &[],
            Record::Entry(_, _, bytes) => bytes,
        };
        let sum = if self.has(Flaw::NoChecksum) {
            checksum(&body)
        } else {
            checksum(&[&body[..], bytes].concat())
        };
        for word in [body.len() as u32, bytes.len() as u32, sum] {
            out.extend(word.to_le_bytes());
        }
        out.extend(body);
        out.extend(bytes);
    }

    fn decode(&self, file: &[u8]) -> Result<(Record, usize), NoRecord> {
        let word = |place: usize| {
            let bytes = file.get(4 * place..4 * place + 4);
            bytes.map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
        };
        let (Some(body), Some(bytes), Some(sum)) = (word(0), word(1), word(2)) else {
            return Err(NoRecord::End);
        };
        let head = 12 + body as usize;
        let behind = head + bytes as usize;
        if body == 0 || head > file.len() {
            return Err(NoRecord::End);
        }
        let mut whole = file.get(head..behind).unwrap_or(&file[head..]).to_vec();
        if self.has(Flaw::NoChecksum) {
            // What the file ends before is served as zeroes.
            whole.resize(bytes as usize, 0);
        }
        let body = &file[12..head];
        let expected = match self.has(Flaw::NoChecksum) {
            true => checksum(body),
            false => checksum(&[body, &whole[..]].concat()),
        };
        if expected != sum {
            return Err(NoRecord::Damaged { behind });
        }
        let shape: Shape = serde_json::from_slice(body).unwrap();
        let record = match shape {
            (_, Some((at, kind)), _) => Record::Entry(at, kind, whole),
            (_, _, Some(at)) => Record::Committed(at),
            (hard, ..) => Record::Hard(hard.unwrap()),
        };
        Ok((record, behind.min(file.len())))
    }

    fn recover(&mut self) -> Result<Found, OpenError> {
        let file = self
            .disk
            .read()
            .map_err(|Stopped| OpenError::Stopped)?
            .to_vec();
        let mut found = Recovered::default();
        let mut from = 0;
        while from < file.len() {
            match self.decode(&file[from..]) {
                Ok((record, length)) => {
                    found.add(record, self.flaw);
                    from += length;
                }
                Err(NoRecord::Damaged { behind })
                    if self.has(Flaw::SkipsDamage) && from + behind < file.len() =>
                {
                    from += behind;
                }
                Err(_) if self.has(Flaw::RefusesTornTail) => {
                    return Err(OpenError::Refused(format!("damage at byte {from}")));
                }
                Err(_) => break,
            }
        }
        if !self.has(Flaw::TrustsCache) {
            let cut = self.disk.cut(from).and_then(|()| self.disk.sync());
            cut.map_err(|Stopped| OpenError::Stopped)?;
        }
        Ok(found.found(self.flaw))
    }

    /// The records of a write.
    fn records(&self, write: &Write, payloads: Vec<Vec<u8>>) -> Vec<u8> {
        let mut out = Vec::new();
        match write.kind() {
            // Trials compact nothing.
            WriteKind::Force | WriteKind::Snapshot(_) => {}
            WriteKind::HardState(hard) => self.encode(&Record::Hard(hard), &mut out),
            WriteKind::Entries(run) => {
                for (place, (at, bytes)) in run.positions().zip(payloads).enumerate() {
                    if !(self.has(Flaw::DropsEntry) && run.count > 2 && place == 1) {
                        self.encode(&Record::Entry(at, run.kind, bytes), &mut out);
                    }
                }
            }
        }
        out
    }

    fn next(&mut self) -> Option<(Write, Vec<Vec<u8>>)> {
        match self.has(Flaw::Reorders) {
            true => self.queue.pop_back(),
            false => self.queue.pop_front(),
        }
    }

    fn work(&mut self, write: Write, payloads: Vec<Vec<u8>>) -> Result<Step, Stopped> {
        let kind = write.kind();
        if let WriteKind::Entries(run) = kind
            && self.has(Flaw::TellsDone)
        {
            self.told.take(run, self.flaw);
        }
        let mut records = Vec::new();
        if let Some(position) = self.committed.take() {
            self.encode(&Record::Committed(position), &mut records);
        }
        records.extend(self.records(&write, payloads));
        if self.has(Flaw::BuffersWritten) && write.force() == Force::Later {
            self.buffered.extend(records);
            return Ok(Step::Worked(vec![write.written().0]));
        }
        let records = [std::mem::take(&mut self.buffered), records].concat();
        self.disk.append(&records)?;
        let forced = match self.flaw {
            Flaw::IgnoresForce if kind == WriteKind::Force => return Ok(Step::Worked(Vec::new())),
            Flaw::NeverSynced => return Ok(Step::Worked(vec![write.written().0])),
            Flaw::SyncsEarly => matches!(kind, WriteKind::HardState(_)),
            Flaw::ForgetsVote => !matches!(kind, WriteKind::HardState(_)),
            _ => true,
        };
        if write.force() == Force::Later {
            let (receipt, unsynced) = write.written();
            self.unsynced = Some(unsynced);
            return Ok(Step::Worked(vec![receipt]));
        }
        if forced {
            self.disk.sync()?;
        }
        // The force of a later write is good for the last one that was only written.
        let earlier = self.unsynced.take().filter(|_| forced);
        let mut receipts: Vec<_> = earlier.map(Unsynced::synced).into_iter().collect();
        receipts.push(write.synced());
        Ok(Step::Worked(receipts))
    }
}

/// A log while it is read.
#[derive(Default)]
struct Recovered {
    hard: HardState,
    log: Vec<(LogPosition, EntryKind, Vec<u8>)>,
    committed: Option<LogPosition>,
}

impl Recovered {
    fn add(&mut self, record: Record, flaw: Flaw) {
        let (at, kind, bytes) = match record {
            Record::Hard(hard) => {
                self.hard = hard;
                return;
            }
            Record::Committed(at) => {
                self.committed = Some(at);
                return;
            }
            Record::Entry(at, kind, bytes) => (at, kind, bytes),
        };
        let here = self.log.iter().position(|(old, ..)| old.index >= at.index);
        let place = here.unwrap_or(self.log.len());
        match flaw {
            Flaw::LeavesTail => {
                let same = self
                    .log
                    .get(place)
                    .is_some_and(|(old, ..)| old.index == at.index);
                self.log
                    .splice(place..place + usize::from(same), [(at, kind, bytes)]);
            }
            Flaw::AddressesByIndex => {
                let old = self.log.get(place).map(|(.., old)| old.clone());
                self.log.truncate(place);
                self.log.push((at, kind, old.unwrap_or(bytes)));
            }
            _ => {
                self.log.truncate(place);
                self.log.push((at, kind, bytes));
            }
        }
    }

    fn found(self, flaw: Flaw) -> Found {
        let last = self.log.last().map_or(LogPosition::ZERO, |(at, ..)| *at);
        let committed = self.committed.map(|told| match flaw {
            Flaw::ClampsCommitted if told.index > last.index => last,
            Flaw::MixesCommitted => LogPosition::new(told.term, last.index),
            _ => told,
        });
        let single = |at: LogPosition, kind| Run {
            term: at.term,
            kind,
            first: LogIndex(at.index.0),
            count: 1,
        };
        let entries = self.log.into_iter();
        let (runs, payloads) = entries
            .map(|(at, kind, bytes)| (single(at, kind), bytes))
            .unzip();
        Found {
            hard: self.hard,
            runs,
            payloads,
            committed,
        }
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811C_9DC5, step)
}

impl Adapter for Flawed {
    fn power_cuts(&self) -> PowerCuts {
        PowerCuts::Simulated
    }

    fn open(&mut self) -> Result<Found, OpenError> {
        let found = self.recover()?;
        self.told = Told::recovered(&found.runs, self.flaw);
        Ok(found)
    }

    fn run_at(&mut self, index: LogIndex) -> Option<Run> {
        self.told.run_at(index, self.flaw)
    }

    fn committed(&mut self, position: LogPosition) {
        self.committed = Some(position);
    }

    fn submit(&mut self, write: Write, payloads: Vec<Vec<u8>>) {
        if let WriteKind::Entries(run) = write.kind()
            && !self.has(Flaw::TellsDone)
        {
            self.told.take(run, self.flaw);
        }
        self.queue.push_back((write, payloads));
    }

    fn step(&mut self) -> Step {
        match self.next() {
            None => Step::Idle,
            Some((write, payloads)) => self.work(write, payloads).unwrap_or(Step::Stopped),
        }
    }

    fn crash(&mut self, crash: Crash) {
        self.queue.clear();
        self.buffered.clear();
        self.unsynced = None;
        self.committed = None;
        self.disk.crash(crash);
    }

    fn stop_after(&mut self, operations: u64) -> Midway {
        self.disk.stop_after(operations);
        Midway::Armed
    }
}
