//! What opening a store found, and the core's way to start from it.

use kraft_proto::cluster::Epoch;
use kraft_proto::ids::{LogIndex, LogPosition};
use kraft_proto::limits::CONFIGURATION_BYTES_MAX;
use kraft_proto::{EntryKind, HardState, Members, Recovery, Run, Snapshot};

use super::error::{DiskError, ReadError};
use super::founding::Founding;
use super::identity::{Boot, Identity};
use super::reader::LogReader;
use super::store::Store;
use super::survey::Warning;

/// A store that was opened: what it held, and the store itself.
pub struct Opened {
    /// Whose it is.
    pub identity: Identity,
    /// What it was formatted with.
    pub founding: Founding,
    /// How often its cluster was founded anew.
    pub epoch: Epoch,
    /// The hard state that was saved last.
    pub hard_state: HardState,
    /// Whether the operating system was restarted since then: if so, what was merely written may
    /// be gone.
    pub boot: Boot,
    /// The entry before the first of `log`: [`LogPosition::ZERO`] unless the log was compacted.
    pub base: LogPosition,
    /// The last position told as committed that was kept; the log may not have that entry.
    pub committed: LogPosition,
    /// The entries in maximal runs, in order, without gaps. All of them are forced to the disk.
    pub log: Vec<Run>,
    /// What recovery put right.
    pub warnings: Vec<Warning>,
    /// The store, ready for more.
    pub store: Store,
}

/// How a snapshot and the log of a store fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    /// The log goes on behind it.
    Follows,
    /// The log does not reach it, or has another entry where it ends: the process ended when the snapshot was about to take
    /// the log's place.
    Replaces,
    /// Entries between the two are gone: a node that started from it would have forgotten them.
    Gap,
}

impl Opened {
    /// How a snapshot that ends with `last` fits the log; [`LogPosition::ZERO`] stands for none.
    pub fn join(&self, last: LogPosition) -> Join {
        if last.index < self.base.index {
            return Join::Gap;
        }
        let has = |run: &&Run| run.first <= last.index && last.index <= run.last();
        let here = match last.index == self.base.index {
            true => Some(self.base.term),
            false => self.log.iter().find(has).map(|run| run.term),
        };
        match here == Some(last.term) {
            true => Join::Follows,
            false => Join::Replaces,
        }
    }

    /// Drops the log in favour of a snapshot that [replaces](Join::Replaces) it. Durable when this returns.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn replace_log(&mut self, last: LogPosition) -> Result<(), DiskError> {
        self.store.restart_behind(last)?;
        self.base = last;
        self.log.clear();
        Ok(())
    }

    /// The runs of the log behind `last`.
    pub fn log_behind(&self, last: LogIndex) -> impl Iterator<Item = Run> {
        let behind = self.log.iter().filter(move |run| run.last() > last);
        behind.map(move |run| {
            let first = run.first.max(last.next());
            Run {
                first,
                count: run.last().since(first.prev()) as u32,
                ..*run
            }
        })
    }

    /// What [`Raft::new`](kraft_proto::Raft::new) starts from: all that was recovered, told as it asks.
    /// `members` is the configuration that the cluster began with; `snapshot` is the core's part of the snapshot that the
    /// state was restored from, if it was.
    ///
    /// # Errors
    ///
    /// When a configuration in the log cannot be read back.
    pub fn recovery(
        &self,
        members: Members,
        snapshot: Option<&Snapshot>,
    ) -> Result<Recovery, ReadError> {
        let mut recovery = Recovery::resume(self.hard_state, members).committed(self.committed);
        if self.boot == Boot::Same {
            recovery = recovery.same_boot();
        }
        if let Some(snapshot) = snapshot {
            recovery = recovery.snapshot(snapshot);
        }
        let last = snapshot.map_or(LogIndex::ZERO, |snapshot| snapshot.last().index);
        let reader = self.store.reader();
        for run in self.log_behind(last) {
            recovery = match run.kind {
                EntryKind::Configuration => configurations(recovery, &reader, run)?,
                EntryKind::Command | EntryKind::NoOp => recovery.run(run),
            };
        }
        Ok(recovery)
    }
}

/// The configurations of a run, each with its bytes.
fn configurations(recovery: Recovery, reader: &LogReader, run: Run) -> Result<Recovery, ReadError> {
    run.positions().try_fold(recovery, |recovery, at| {
        let one = Run {
            first: at.index,
            count: 1,
            ..run
        };
        let bytes = reader.read(one, CONFIGURATION_BYTES_MAX)?;
        Ok(recovery.config(at, bytes.first().map_or(&[][..], |bytes| bytes)))
    })
}
