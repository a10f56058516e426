//! The disk of a node: what is synced, and what is written and would be lost.

use kraft_proto::{EntryKind, HardState, LogIndex, Receipt, Run, Term, Write, WriteKind};
use serde::{Serialize, Serializer};

use super::rule::Rule;

/// An entry: the core knows no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Entry {
    /// The term it came in.
    pub term: Term,
    /// What it is for.
    pub kind: EntryKind,
}

/// What is synced, and what is not yet.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Disk {
    /// The hard state that is synced.
    pub hard: HardState,
    /// The log that is synced.
    pub log: Vec<Entry>,
    /// Log writes handed to the operating system, oldest first.
    #[serde(serialize_with = "kinds")]
    written: Vec<Write>,
    /// The newest hard state on its way. Those before it complete along with it.
    #[serde(serialize_with = "kind")]
    hard_in_flight: Option<Write>,
}

/// A write's number follows from the node that waits for it, so its kind tells it apart.
fn kinds<S: Serializer>(writes: &[Write], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(writes.iter().map(Write::kind))
}

fn kind<S: Serializer>(write: &Option<Write>, serializer: S) -> Result<S::Ok, S::Error> {
    write.as_ref().map(Write::kind).serialize(serializer)
}

fn apply(log: &mut Vec<Entry>, kind: WriteKind) {
    if let WriteKind::Entries(run) = kind {
        log.truncate(run.first.prev().0 as usize);
        let Run { term, kind, .. } = run;
        log.extend(run.positions().map(|_| Entry { term, kind }));
    }
}

impl Disk {
    /// Takes a write. A log write is written at once, and the receipt says so.
    pub fn take(&mut self, write: Write) -> Option<Receipt> {
        if let WriteKind::HardState(_) = write.kind() {
            self.hard_in_flight = Some(write);
            return None;
        }
        let (receipt, _) = write.clone().written();
        self.written.push(write);
        Some(receipt)
    }

    /// Syncs the hard state, if one is on its way.
    pub fn sync_hard_state(&mut self) -> Option<Receipt> {
        let write = self.hard_in_flight.take()?;
        if let WriteKind::HardState(hard) = write.kind() {
            self.hard = hard;
        }
        Some(write.synced())
    }

    /// Syncs the log, if anything of it is not.
    pub fn sync_log(&mut self) -> Option<Receipt> {
        let last = self.written.last().cloned()?;
        for write in self.written.drain(..) {
            apply(&mut self.log, write.kind());
        }
        Some(last.synced())
    }

    /// Whether a hard state is on its way.
    pub fn has_hard_state(&self) -> bool {
        self.hard_in_flight.is_some()
    }

    /// Whether something of the log is written and not synced.
    pub fn has_written(&self) -> bool {
        !self.written.is_empty()
    }

    /// The log as the operating system has it.
    pub fn written_log(&self) -> Vec<Entry> {
        let mut log = self.log.clone();
        for write in &self.written {
            apply(&mut log, write.kind());
        }
        log
    }

    /// The process is killed: the next one finds everything written, and syncs it.
    pub fn kill(&mut self) {
        self.log = self.written_log();
        self.written.clear();
        self.hard_in_flight = None;
    }

    /// The power is cut: what was not synced is gone.
    pub fn cut_power(&mut self, rule: Rule) {
        self.hard = rule.after_power_cut(self.hard);
        self.written.clear();
        self.hard_in_flight = None;
    }
}

/// The runs of a log.
pub fn runs(log: &[Entry]) -> impl Iterator<Item = Run> {
    log.iter().zip(1..).map(|(entry, index)| Run {
        term: entry.term,
        kind: entry.kind,
        first: LogIndex(index),
        count: 1,
    })
}
