//! A node's snapshots: made, sent, and put in place of its state.

use kraft_proto::{Class, CommitMode, LogIndex, LogPosition, NodeId};

use super::Node;
use crate::drive::canonical::{canonical, kind};
use crate::drive::fields::Refusal;
use crate::drive::line::Line;
use crate::drive::pending::Stream;
use crate::drive::snapshots::Held;
use crate::drive::{frame, hex};

impl Node {
    /// Takes a snapshot of what is applied and drops the log through `upto`.
    ///
    /// The driver's disk is the list of its blobs, which keeps all of the log: so it may be dropped here
    /// before the caller says that the snapshot is synced.
    pub fn compact(&mut self, upto: LogIndex) -> Result<(), Refusal> {
        let core = self.raft.snapshot_at(self.position_at(self.applied));
        let core = core.map_err(Refusal::new)?;
        let upto = self.position_at(upto);
        self.raft.compacted(upto).map_err(Refusal::new)?;
        self.log.drop_through(self.raft.status().compacted);
        let machine = self.machine.clone();
        let held = Held { core, machine };
        let id = self.pending.add(Stream::Log, None);
        self.out.push(Line::Write {
            id,
            mode: Class::default().mode.to_string(),
            kind: vec!["snapshot"],
            first_index: None,
            last_index: None,
            term: None,
            vote: None,
            sync: true,
            blob: held.blob(),
        });
        self.kept = Some(held);
        self.drain();
        Ok(())
    }

    /// What stands at an index of the log; where nothing does, that index in no term.
    fn position_at(&self, index: LogIndex) -> LogPosition {
        let term = self.log.term_at(index);
        LogPosition::new(term.unwrap_or_default(), index)
    }

    /// Sends a snapshot of what is applied, or one at hand where none can be made there.
    pub(super) fn send_snapshot(&mut self, to: NodeId, upto: LogIndex) {
        let made = self.raft.snapshot_at(self.position_at(self.applied));
        let made = made.map(|core| Held {
            core,
            machine: self.machine.clone(),
        });
        let held = match (made, &self.kept) {
            (Ok(made), _) => made,
            (Err(_), Some(kept)) if kept.last().index >= upto => kept.clone(),
            (Err(_), _) => return,
        };
        let Some(envelope) = self.raft.snapshot_message(to, held.last()) else {
            return;
        };
        let core = hex::encode(&held.core_bytes());
        if let Ok(mut bytes) = frame::encode(&envelope, &[Some(core)]) {
            bytes.extend(held.behind_frame());
            self.out.push(Line::Send {
                to,
                kind: kind(&envelope.message),
                mode: CommitMode::All.to_string(),
                msg: canonical(&envelope, Vec::new()),
                blob: hex::encode(&bytes),
            });
        }
    }

    /// The state is replaced by the snapshot that took the log's place.
    pub(super) fn restore(&mut self, index: LogIndex) {
        if let Some(taken) = self.taken.take() {
            self.machine = taken.machine.clone();
            self.kept = Some(taken);
        }
        self.applied = index;
        self.out.push(Line::SnapshotApplied { index });
    }
}
