//! What one medium would give back.

use kraft_proto::{HardState, LogPosition, Members, Recovery, WriteKind};

use crate::log::Log;
use crate::snapshot::Kept;

/// Hard state, snapshot, and the log behind it with its bytes.
#[derive(Clone, Debug, Default)]
pub struct Medium {
    /// The newest hard state.
    pub hard: HardState,
    /// What the log begins behind.
    pub snapshot: Option<Kept>,
    /// The log.
    pub log: Log<Vec<u8>>,
}

impl Medium {
    /// Takes a write; `bytes` are those of an entry, or of the snapshot that ends there.
    pub fn write(&mut self, kind: WriteKind, bytes: impl Fn(LogPosition) -> Vec<u8>) {
        match kind {
            WriteKind::HardState(hard) => self.hard = hard,
            WriteKind::Force => {}
            WriteKind::Entries(run) => self.log.replace(run, run.positions().map(bytes)),
            WriteKind::Snapshot(last) => {
                self.log = Log::behind(last);
                let core = bytes(last);
                self.snapshot = Some(Kept { last, core });
            }
        }
    }

    /// A snapshot takes the place of the log through its end.
    pub fn compact(&mut self, kept: Kept) {
        self.log.drop_through(kept.last);
        self.snapshot = Some(kept);
    }

    /// What a node of these members recovers from it, as after a stop that may have cut the power.
    pub fn recovery(&self, members: Members) -> Recovery {
        let recovery = Recovery::resume(self.hard, members);
        let recovery = match &self.snapshot {
            Some(kept) => recovery.snapshot(&kept.decode()),
            None => recovery,
        };
        let base = self.log.base().index;
        self.log.recover(base, recovery, |entry| entry.data.clone())
    }
}
