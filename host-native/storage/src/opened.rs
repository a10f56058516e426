//! What opening a store found, and the core's way to start from it.

use kraft_proto::cluster::Epoch;
use kraft_proto::ids::LogPosition;
use kraft_proto::limits::CONFIGURATION_BYTES_MAX;
use kraft_proto::{EntryKind, HardState, Members, Recovery, Run};

use super::error::ReadError;
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

impl Opened {
    /// What [`Raft::new`](kraft_proto::Raft::new) starts from: all that was recovered, told as it asks.
    /// `members` is the configuration that the cluster began with.
    ///
    /// # Errors
    ///
    /// When a configuration in the log cannot be read back.
    pub fn recovery(&self, members: Members) -> Result<Recovery, ReadError> {
        let mut recovery = Recovery::resume(self.hard_state, members).committed(self.committed);
        if self.boot == Boot::Same {
            recovery = recovery.same_boot();
        }
        let reader = self.store.reader();
        for run in &self.log {
            recovery = match run.kind {
                EntryKind::Configuration => configurations(recovery, &reader, *run)?,
                EntryKind::Command | EntryKind::NoOp => recovery.run(*run),
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
