//! Entries as a host keeps them.

use std::ops::{Deref, DerefMut};

use kraft_proto::{EntryKind, LogIndex, LogPosition, Recovery, Run, Term};
use serde::{Deserialize, Serialize};

/// An entry: its term, what it is for, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry<D> {
    /// The term that created it.
    pub term: Term,
    /// What it is for.
    pub kind: EntryKind,
    /// What it holds: bytes, or a number that stands for them.
    pub data: D,
}

impl<D> Entry<D> {
    /// The entry as the core knows it.
    pub fn bare(&self) -> Entry<()> {
        let Self { term, kind, .. } = *self;
        let data = ();
        Entry { term, kind, data }
    }
}

/// A log without gaps, as a slice of its entries: from index 1 on, or behind the end of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Log<D> {
    entries: Vec<Entry<D>>,
    /// The end of what is gone.
    #[serde(skip)]
    base: LogPosition,
}

impl<D> Default for Log<D> {
    fn default() -> Self {
        Self::behind(LogPosition::ZERO)
    }
}

impl<D> From<Vec<Entry<D>>> for Log<D> {
    /// A whole log, from index 1 on.
    fn from(entries: Vec<Entry<D>>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }
}

impl<D> Deref for Log<D> {
    type Target = [Entry<D>];

    fn deref(&self) -> &[Entry<D>] {
        &self.entries
    }
}

impl<D> DerefMut for Log<D> {
    fn deref_mut(&mut self) -> &mut [Entry<D>] {
        &mut self.entries
    }
}

impl<D> Log<D> {
    /// A log with nothing behind `base`.
    pub fn behind(base: LogPosition) -> Self {
        Self {
            entries: Vec::new(),
            base,
        }
    }

    /// The end of what is gone.
    pub fn base(&self) -> LogPosition {
        self.base
    }

    /// The last position: the base of an empty log.
    pub fn last(&self) -> LogPosition {
        let last = self.entries.last();
        let index = self.base.index.plus(self.entries.len() as u64);
        LogPosition::new(last.map_or(self.base.term, |entry| entry.term), index)
    }

    fn place(&self, index: LogIndex) -> Option<usize> {
        let place = index.0.checked_sub(self.base.index.0)?.checked_sub(1)?;
        Some(place as usize)
    }

    /// The entry at an index.
    pub fn at(&self, index: LogIndex) -> Option<&Entry<D>> {
        self.entries.get(self.place(index)?)
    }

    /// The entry at a position: none if another term's stands there.
    pub fn find(&self, position: LogPosition) -> Option<&Entry<D>> {
        let entry = self.at(position.index);
        entry.filter(|entry| entry.term == position.term)
    }

    /// The term at an index, the base included.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        match index == self.base.index {
            true => Some(self.base.term),
            false => self.at(index).map(|entry| entry.term),
        }
    }

    /// Every entry with its position, in order.
    pub fn positions(&self) -> impl Iterator<Item = (LogPosition, &Entry<D>)> {
        let indexes = self.base.index.0 + 1..;
        let at = |(index, entry): (u64, _)| {
            let entry: &Entry<D> = entry;
            (LogPosition::new(entry.term, LogIndex(index)), entry)
        };
        indexes.zip(&self.entries).map(at)
    }

    /// Adds an entry, and says where it stands.
    pub fn push(&mut self, entry: Entry<D>) -> LogPosition {
        self.entries.push(entry);
        self.last()
    }

    /// Drops the entries from an index on.
    pub fn cut(&mut self, from: LogIndex) {
        let kept = self.place(from).expect("what is cut is not in a snapshot");
        self.entries.truncate(kept);
    }

    /// Puts entries where `run` says, in place of what stood there and behind.
    pub fn replace(&mut self, run: Run, data: impl IntoIterator<Item = D>) {
        let Run { term, kind, .. } = run;
        let data = data.into_iter().take(run.count as usize);
        self.put(run.first, data.map(|data| Entry { term, kind, data }));
    }

    /// Puts entries at an index and behind, in place of what stood there and behind.
    pub fn put(&mut self, first: LogIndex, entries: impl IntoIterator<Item = Entry<D>>) {
        self.cut(first);
        assert_eq!(self.last().index.next(), first, "a gap in the log");
        self.entries.extend(entries);
    }

    /// Drops everything through `base`; and everything, if the log does not have that entry.
    pub fn drop_through(&mut self, base: LogPosition) {
        self.entries = match self.term_at(base.index) == Some(base.term) {
            true => {
                let gone = base.index.since(self.base.index) as usize;
                self.entries.split_off(gone)
            }
            false => Vec::new(),
        };
        self.base = base;
    }

    /// The runs behind an index, each as long as one write or message could have it.
    pub fn runs_behind(&self, index: LogIndex) -> impl Iterator<Item = Run> {
        let gone = index.0.saturating_sub(self.base.index.0) as usize;
        let behind = self.entries.get(gone..).unwrap_or_default();
        let mut first = self.base.index.plus(gone as u64 + 1);
        behind.chunk_by(joins).map(move |entries| {
            let run = Run {
                term: entries[0].term,
                kind: entries[0].kind,
                first,
                count: entries.len() as u32,
            };
            first = run.last().next();
            run
        })
    }

    /// The runs of the whole log.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.runs_behind(self.base.index)
    }

    /// The run around an index.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let place = self.place(index)?;
        let there = self.entries.get(place)?;
        let joined = |pairs: &[Entry<D>]| joins(&pairs[0], &pairs[1]);
        let before = self.entries[..=place].windows(2).rev();
        let behind = self.entries[place..].windows(2);
        let before = before.take_while(|pair| joined(pair)).count();
        let behind = behind.take_while(|pair| joined(pair)).count();
        Some(Run {
            term: there.term,
            kind: there.kind,
            first: LogIndex(index.0 - before as u64),
            count: (before + 1 + behind) as u32,
        })
    }

    /// Adds what stands behind an index to what is recovered; `bytes` are those of a configuration.
    pub fn recover(
        &self,
        behind: LogIndex,
        recovery: Recovery,
        bytes: impl Fn(&Entry<D>) -> Vec<u8>,
    ) -> Recovery {
        let runs = self.runs_behind(behind);
        runs.fold(recovery, |recovery, run| match self.at(run.first) {
            Some(entry) if run.kind == EntryKind::Configuration => {
                recovery.config(run.last_position(), &bytes(entry))
            }
            _ => recovery.run(run),
        })
    }
}

/// Whether neighbours are of one run.
fn joins<D>(before: &Entry<D>, behind: &Entry<D>) -> bool {
    before.kind == EntryKind::Command && (before.term, before.kind) == (behind.term, behind.kind)
}
