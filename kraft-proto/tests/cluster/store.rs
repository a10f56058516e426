//! One machine's memory of its log: what its operating system was handed, and what its disk holds.

use kit::{Entry, Kept, Medium};
use kraft_proto::{HardState, LogIndex, LogPosition, Members, Raft, Recovery, WriteKind};

use super::History;

/// The bytes of the command proposed at a position: they name it, so that bytes of another entry
/// are known for what they are.
pub fn payload(position: LogPosition) -> Vec<u8> {
    position.to_string().into_bytes()
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
        let mut written = Medium::default();
        match Kept::made(raft, base) {
            Some(kept) => written.compact(kept),
            None => written.log.drop_through(base),
        }
        for index in base.index.0 + 1..=last.0 {
            let index = LogIndex(index);
            let run = raft.run_from(index, 1).or_else(|| history.run_at(index));
            let run = run.unwrap_or_else(|| panic!("no history of {index}"));
            written.log.push(Entry {
                term: run.term,
                kind: run.kind,
                data: payload(LogPosition::new(run.term, index)),
            });
        }
        Self {
            synced: written.clone(),
            written,
            stopped: None,
        }
    }

    /// What the disk holds once everything up to now is forced.
    pub fn snapshot(&self, kind: WriteKind) -> Synced {
        match kind {
            WriteKind::HardState(hard) => Synced::Hard(hard),
            _ => Synced::Log(self.written.clone()),
        }
    }

    pub fn sync(&mut self, synced: Synced) {
        match synced {
            Synced::Hard(hard) => self.synced.hard = hard,
            Synced::Log(medium) => {
                let hard = self.synced.hard;
                self.synced = Medium { hard, ..medium };
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
    pub fn recover(&mut self, members: Members) -> Recovery {
        self.synced = self.written.clone();
        let recovery = self.written.recovery(members);
        match self.stopped.take() {
            Some(Stop::Kill) => recovery.same_boot(),
            Some(Stop::PowerCut) | None => recovery,
        }
    }
}

/// What becomes true of a disk when a write is forced.
#[derive(Clone, Debug)]
pub enum Synced {
    Hard(HardState),
    Log(Medium),
}
