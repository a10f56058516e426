//! The disk of a node: what is synced, and what is written and would be lost.

use kraft_proto::{HardState, LogIndex, LogPosition, Receipt, Run, Write, WriteKind};
use serde::{Serialize, Serializer};

use super::configuration::Configuration;
use super::rule::Rule;

/// An entry: the core knows no more of it.
pub type Entry = kit::Entry<()>;

/// A log as a disk keeps it: with what its configurations hold.
pub type Log = kit::Log<Configuration>;

/// What is synced, and what is not yet.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Disk {
    /// The hard state that is synced.
    pub hard: HardState,
    /// The log that is synced.
    pub log: Log,
    /// Log writes handed to the operating system, oldest first, and what a
    /// configuration's entry holds.
    #[serde(serialize_with = "kinds")]
    written: Vec<(Write, Configuration)>,
    /// The newest hard state on its way. Those before it complete along with it.
    #[serde(serialize_with = "kind")]
    hard_in_flight: Option<Write>,
}

/// A write's number follows from the node that waits for it, so its kind tells it apart.
fn kinds<S: Serializer>(
    writes: &[(Write, Configuration)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(writes.iter().map(|(write, bytes)| (write.kind(), bytes)))
}

fn kind<S: Serializer>(write: &Option<Write>, serializer: S) -> Result<S::Ok, S::Error> {
    write.as_ref().map(Write::kind).serialize(serializer)
}

fn apply(log: &mut Log, kind: WriteKind, configuration: Configuration) {
    if let WriteKind::Entries(run) = kind {
        log.replace(run, run.positions().map(|_| configuration));
    }
}

impl Disk {
    /// Takes a write, and what it holds if that is a configuration. A log write is written at once,
    /// and the receipt says so.
    pub fn take(&mut self, write: Write, configuration: Configuration) -> Option<Receipt> {
        if let WriteKind::HardState(_) = write.kind() {
            self.hard_in_flight = Some(write);
            return None;
        }
        let (receipt, _) = write.clone().written();
        self.written.push((write, configuration));
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
        let (last, _) = self.written.last().cloned()?;
        for (write, configuration) in self.written.drain(..) {
            apply(&mut self.log, write.kind(), configuration);
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
    pub fn written_log(&self) -> Log {
        let mut log = self.log.clone();
        for (write, configuration) in &self.written {
            apply(&mut log, write.kind(), *configuration);
        }
        log
    }

    /// The entry at an index of the log as the operating system has it, as a run of its own.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let run = self.written_log().run_at(index)?;
        Some(Run {
            first: index,
            count: 1,
            ..run
        })
    }

    /// What the configuration's entry at `of` holds, if it is here.
    pub fn configuration(&self, of: LogPosition) -> Option<Configuration> {
        let log = self.written_log();
        log.find(of).map(|entry| entry.data)
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
