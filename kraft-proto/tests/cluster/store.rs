//! One machine's memory of its log: what its operating system was handed, and what its disk holds.

use kraft_proto::limits::SNAPSHOT_BYTES_MAX;
use kraft_proto::{
    EntryKind, HardState, LogIndex, LogPosition, Raft, Recovery, Run, Snapshot, WriteKind,
};

use super::history::History;
use super::recovered;

/// One entry as it lies on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: LogPosition,
    pub kind: EntryKind,
    pub payload: Vec<u8>,
}

/// The bytes of the command proposed at a position: they name it, so that bytes of another entry
/// are known for what they are.
pub fn payload(position: LogPosition) -> Vec<u8> {
    position.to_string().into_bytes()
}

/// What one medium would give back.
#[derive(Clone, Debug, Default)]
pub struct Medium {
    pub hard: HardState,
    /// What the log begins behind, and the core's bytes of it.
    pub snapshot: Option<(LogPosition, Vec<u8>)>,
    pub log: Vec<Entry>,
}

impl Medium {
    /// The entry before the first of the log.
    pub fn base(&self) -> LogPosition {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(LogPosition::ZERO, |(last, _)| *last)
    }

    /// A snapshot takes the place of the log through its end.
    pub fn compact(&mut self, last: LogPosition, bytes: Vec<u8>) {
        let joins = self.holds(last);
        self.log
            .retain(|entry| joins && entry.position.index > last.index);
        self.snapshot = Some((last, bytes));
    }

    pub fn holds(&self, position: LogPosition) -> bool {
        self.log.iter().any(|entry| entry.position == position)
    }
}

/// Why a node stopped, which decides what it finds when it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The process was killed: what was written is still with the operating system.
    Kill,
    /// The power was cut: only what was synced is left.
    PowerCut,
}

/// What survives the process.
#[derive(Clone, Debug, Default)]
pub struct Store {
    pub written: Medium,
    pub synced: Medium,
    pub stopped: Option<Stop>,
}

impl Store {
    /// The store of a node that was started from a made-up recovery.
    pub fn of(raft: &Raft, history: &History) -> Self {
        let (base, last) = (raft.status().compacted, raft.status().last.index);
        let run = |index| raft.run_from(index, 1).or_else(|| history.run_at(index));
        let log = (base.index.0 + 1..=last.0).map(|index| {
            let index = LogIndex(index);
            let run = run(index).unwrap_or_else(|| panic!("no history of {index}"));
            let position = LogPosition::new(run.term, index);
            Entry {
                position,
                kind: run.kind,
                payload: payload(position),
            }
        });
        let mut buffer = [0; SNAPSHOT_BYTES_MAX];
        let snapshot = raft.snapshot_at(base).ok();
        let snapshot = snapshot.map(|made| (base, made.encode(&mut buffer).unwrap().to_vec()));
        let medium = Medium {
            hard: HardState::default(),
            snapshot,
            log: log.collect(),
        };
        Self {
            written: medium.clone(),
            synced: medium,
            stopped: None,
        }
    }

    /// The runs of what the operating system was handed.
    pub fn history(&self) -> History {
        History::of(runs(&self.written.log))
    }

    /// The operating system takes a write.
    pub fn write(&mut self, kind: WriteKind, payload: impl Fn(LogPosition) -> Vec<u8>) {
        match kind {
            WriteKind::HardState(hard) => self.written.hard = hard,
            WriteKind::Force => {}
            WriteKind::Snapshot(last) => {
                self.written.log.clear();
                self.written.snapshot = Some((last, payload(last)));
            }
            WriteKind::Entries(run) => {
                let base = self.written.base().index.0 as usize;
                let log = &mut self.written.log;
                let kept = (run.first.prev().0 as usize).checked_sub(base);
                let kept = kept.expect("entries that a snapshot covers are written");
                assert!(kept <= log.len(), "a gap in the log");
                log.truncate(kept);
                log.extend(run.positions().map(|position| Entry {
                    position,
                    kind: run.kind,
                    payload: payload(position),
                }));
            }
        }
    }

    /// What the disk holds once everything up to now is forced.
    pub fn snapshot(&self, kind: WriteKind) -> Synced {
        match kind {
            WriteKind::HardState(hard) => Synced::Hard(hard),
            WriteKind::Force | WriteKind::Entries(_) | WriteKind::Snapshot(_) => {
                Synced::Log(self.written.snapshot.clone(), self.written.log.clone())
            }
        }
    }

    pub fn sync(&mut self, synced: Synced) {
        match synced {
            Synced::Hard(hard) => self.synced.hard = hard,
            Synced::Log(snapshot, log) => {
                (self.synced.snapshot, self.synced.log) = (snapshot, log);
            }
        }
    }

    /// The node stops.
    pub fn stop(&mut self, stop: Stop) {
        // A node that lost power before it was started again does not get it back.
        let power_was_cut = self.stopped == Some(Stop::PowerCut);
        if stop == Stop::PowerCut {
            self.written = self.synced.clone();
        }
        self.stopped = Some(if power_was_cut { Stop::PowerCut } else { stop });
    }

    /// What the store recovers: rewritten and synced first, as a recovery must.
    pub fn recover(&mut self, members: kraft_proto::Members) -> Recovery {
        self.synced = self.written.clone();
        let stop = self.stopped.take();
        let mut recovery = recovered(self.written.hard, members, stop);
        if let Some((_, bytes)) = &self.written.snapshot {
            recovery = recovery.snapshot(&Snapshot::decode(bytes).unwrap());
        }
        let (log, base) = (&self.written.log, self.written.base().index);
        let bytes = |run: Run| &log[run.first.since(base.next()) as usize].payload;
        runs(log)
            .into_iter()
            .fold(recovery, |recovery, run| match run.kind {
                EntryKind::Configuration => recovery.config(run.last_position(), bytes(run)),
                EntryKind::Command | EntryKind::NoOp => recovery.run(run),
            })
    }
}

/// What becomes true of a disk when a write is forced.
#[derive(Clone, Debug)]
pub enum Synced {
    Hard(HardState),
    Log(Option<(LogPosition, Vec<u8>)>, Vec<Entry>),
}

/// A log as runs of one term and one kind.
fn runs(log: &[Entry]) -> Vec<Run> {
    let same = |a: &Entry, b: &Entry| {
        a.position.term == b.position.term && a.kind == b.kind && a.kind != EntryKind::Configuration
    };
    let run = |entries: &[Entry]| Run {
        term: entries[0].position.term,
        kind: entries[0].kind,
        first: entries[0].position.index,
        count: entries.len() as u32,
    };
    log.chunk_by(same).map(run).collect()
}
