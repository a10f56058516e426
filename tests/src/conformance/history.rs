//! What a store was told and what it reported: therefore what it may hold.
//!
//! Log writes are numbered from 1 within an incarnation; write 0 is what opening the store returned.
//! After write *k* the log is *version k*. A crash may leave any version from the last reported one
//! on, cut short by no more than later truncations allow:
//!
//! ```text
//! 1. write 1 holds 1..=10, reported synced      version 1 = 10 entries, 10 of them must be found
//! 2. write 2 replaces 6 on with 6'..=7'         version 2 =  7 entries,  5 of them must be found
//! 3. the power goes: all of version 1, or version 2 cut to 5, 6 or 7 entries
//! ```

use std::collections::BTreeSet;
use std::fmt;

use kraft_proto::{
    EntryKind, Force, HardState, Held, LogIndex, LogPosition, Receipt, Run, Term, Write, WriteKind,
};

use super::adapter::Found;

/// An entry as the log's shape has it, and the write that brought it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub term: Term,
    pub kind: EntryKind,
    pub write: usize,
}

impl PartialEq for Entry {
    /// The write that brought it is not on the disk.
    fn eq(&self, other: &Self) -> bool {
        (self.term, self.kind) == (other.term, other.kind)
    }
}

/// The log after a write. Element `i` is entry `i + 1`.
#[derive(Clone, Debug, Default)]
pub(super) struct Version {
    pub log: Vec<Entry>,
    /// Entries that later truncations leave alone, as they were before it.
    pub keeps: usize,
}

impl Version {
    /// The entry at an index.
    pub fn at(&self, index: LogIndex) -> Option<Entry> {
        let place = index.0.checked_sub(1)?;
        self.log.get(place as usize).copied()
    }
}

/// The receipts a write may be reported with. Receipts tell nothing, but equal ones are equal.
#[derive(Debug)]
struct Handed {
    kind: WriteKind,
    force: Force,
    written: Receipt,
    synced: Receipt,
}

impl Handed {
    fn new(write: &Write) -> Self {
        Self {
            kind: write.kind(),
            force: write.force(),
            written: write.clone().written().0,
            synced: write.clone().synced(),
        }
    }
}

/// How far the writes of one order are reported: the numbers of the last ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub written: usize,
    pub synced: usize,
}

impl Reported {
    pub fn at(self, held: Held) -> usize {
        match held {
            Held::Synced => self.synced,
            _ => self.written,
        }
    }

    fn raise(&mut self, number: usize, held: Held) {
        self.written = self.written.max(number);
        if held == Held::Synced {
            self.synced = self.synced.max(number);
        }
    }
}

/// Everything about one incarnation, and which entries there ever were.
#[derive(Debug, Default)]
pub(super) struct History {
    /// By number of the log write; never empty.
    pub versions: Vec<Version>,
    /// By number of the hard state; never empty.
    pub hard_states: Vec<HardState>,
    pub log: Reported,
    pub hard: Reported,
    log_writes: Vec<Handed>,
    hard_writes: Vec<Handed>,
    ever: BTreeSet<(LogIndex, Term, u8)>,
    /// Every position that was told as committed.
    committed: BTreeSet<(LogIndex, Term)>,
}

/// How a write was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// No receipt covers it.
    Any(WriteKind),
    /// It asked to be forced and is only written.
    Synced(WriteKind),
}

impl History {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            versions: vec![Version::default()],
            hard_states: vec![HardState::default()],
            ..Self::default()
        }
    }

    /// An incarnation begins with what was found.
    pub fn begin(&mut self, found: &Found) {
        let entries = found.runs.iter().flat_map(|run| {
            let (kind, write) = (run.kind, 0);
            run.positions().map(move |at| Entry {
                term: at.term,
                kind,
                write,
            })
        });
        let log: Vec<Entry> = entries.collect();
        let keeps = log.len();
        *self = Self {
            versions: vec![Version { log, keeps }],
            hard_states: vec![found.hard],
            ever: std::mem::take(&mut self.ever),
            committed: std::mem::take(&mut self.committed),
            ..Self::default()
        };
    }

    /// A write is handed to the store.
    pub fn hand(&mut self, write: &Write) {
        match write.kind() {
            WriteKind::HardState(hard) => {
                self.hard_states.push(hard);
                self.hard_writes.push(Handed::new(write));
            }
            WriteKind::Entries(run) => {
                self.append(run);
                self.log_writes.push(Handed::new(write));
            }
            // Trials have no leader that sends one, and hosts under trial compact nothing.
            WriteKind::Snapshot(_) => {}
            WriteKind::Force => {
                let same = self.newest().clone();
                let keeps = same.log.len();
                self.versions.push(Version { keeps, ..same });
                self.log_writes.push(Handed::new(write));
            }
        }
    }

    fn append(&mut self, run: Run) {
        let write = self.versions.len();
        let mut log = self.newest().log.clone();
        log.truncate(run.first.prev().0 as usize);
        let keeps = log.len();
        for at in run.positions() {
            self.ever.insert((at.index, at.term, run.kind as u8));
            log.push(Entry {
                term: at.term,
                kind: run.kind,
                write,
            });
        }
        self.versions.push(Version { log, keeps });
    }

    pub fn newest(&self) -> &Version {
        &self.versions[self.versions.len() - 1]
    }

    /// The log by the writes that were reported.
    pub fn done(&self) -> &Version {
        &self.versions[self.log.written]
    }

    /// The store reports a write. One of another incarnation says nothing, as to the core.
    pub fn report(&mut self, receipt: &Receipt) {
        let lanes = [
            (&self.log_writes, &mut self.log),
            (&self.hard_writes, &mut self.hard),
        ];
        for (writes, reported) in lanes {
            for (place, write) in writes.iter().enumerate() {
                if *receipt == write.synced {
                    reported.raise(place + 1, Held::Synced);
                } else if *receipt == write.written {
                    reported.raise(place + 1, Held::Written);
                }
            }
        }
    }

    /// A position is told as committed.
    pub fn commit(&mut self, at: LogPosition) {
        self.committed.insert((at.index, at.term));
    }

    /// Whether it was ever told as committed.
    pub fn was_committed(&self, at: LogPosition) -> bool {
        self.committed.contains(&(at.index, at.term))
    }

    /// The longest that the log has been in this incarnation.
    pub fn reached(&self) -> LogIndex {
        let lengths = self.versions.iter().map(|version| version.log.len());
        LogIndex(lengths.max().unwrap_or(0) as u64)
    }

    /// Whether an entry of this kind was ever written there.
    pub fn ever(&self, at: LogPosition, kind: EntryKind) -> bool {
        self.ever.contains(&(at.index, at.term, kind as u8))
    }

    /// The entries that must be found if version `number` is, of a store of which version `from` was
    /// reported.
    pub fn floor(&self, from: usize, number: usize) -> usize {
        let later = &self.versions[from + 1..=number];
        let cut = later.iter().map(|version| version.keeps).min();
        self.versions[from].log.len().min(cut.unwrap_or(usize::MAX))
    }

    /// The first write that is not reported as it asked.
    pub fn owed(&self) -> Option<Owed> {
        let lanes = [(&self.log_writes, self.log), (&self.hard_writes, self.hard)];
        for (writes, reported) in lanes {
            for (place, write) in writes.iter().enumerate() {
                let number = place + 1;
                if number > reported.written {
                    return Some(Owed::Any(write.kind));
                }
                if number > reported.synced && write.force == Force::Now {
                    return Some(Owed::Synced(write.kind));
                }
            }
        }
        None
    }

    /// The last writes, for a person.
    pub fn lines(&self) -> Vec<String> {
        const SHOWN: usize = 6;
        let lanes = [(&self.log_writes, self.log), (&self.hard_writes, self.hard)];
        let mut lines = Vec::new();
        for (writes, reported) in lanes {
            let skipped = writes.len().saturating_sub(SHOWN);
            for (place, write) in writes.iter().enumerate().skip(skipped) {
                let number = place + 1;
                let held = match number {
                    _ if number <= reported.synced => "reported synced",
                    _ if number <= reported.written => "reported written",
                    _ => "not reported",
                };
                lines.push(format!("{}: {held}", Shown(write.kind)));
            }
        }
        lines
    }
}

/// A write for a person.
pub(super) struct Shown(pub WriteKind);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            WriteKind::Force => f.write_str("force"),
            WriteKind::Snapshot(last) => write!(f, "snapshot through {last}"),
            WriteKind::HardState(hard) => write!(f, "{}", ShownHard(hard)),
            WriteKind::Entries(run) => write!(
                f,
                "entries {}..={} of term {}",
                run.first,
                run.last(),
                run.term
            ),
        }
    }
}

/// A hard state for a person.
pub(super) struct ShownHard(pub HardState);

impl fmt::Display for ShownHard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hard = self.0;
        write!(f, "hard state of term {}, ", hard.term)?;
        match hard.vote {
            Some(node) => write!(f, "vote for {node}, ")?,
            None => f.write_str("no vote, ")?,
        }
        write!(f, "incarnation {}, {:?}", hard.incarnation, hard.trust)
    }
}
