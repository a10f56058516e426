//! Applying what is committed, a little at a time, so that a node that catches up stays reachable.

use kraft_proto::{EntryKind, Grade, LogIndex, Run};
use kraft_wire::rows::Effect;

use super::engine::Engine;
use super::error::NodeError;
use crate::checksummed;

/// Entries applied before inputs are looked at again.
const ENTRIES_AT_ONCE: u32 = 2048;

/// Bytes read back from the disk at once.
const BYTES_AT_ONCE: usize = 1024 * 1024;

impl Engine {
    pub(super) fn has_entries_to_apply(&self) -> bool {
        self.replica.applied().index < self.commit
    }

    /// The entries from `first` on, of one term and one kind.
    fn run_to_apply(&self, first: LogIndex) -> Option<Run> {
        self.parts
            .raft
            .run_from(first, ENTRIES_AT_ONCE)
            .or_else(|| {
                let run = self.parts.history.run_at(first)?;
                let left = run.last().since(first.prev()).min(ENTRIES_AT_ONCE.into());
                Some(Run {
                    first,
                    count: left as u32,
                    ..run
                })
            })
            .map(|run| {
                let committed = self.commit.since(first.prev());
                Run {
                    count: u64::from(run.count).min(committed) as u32,
                    ..run
                }
            })
    }

    /// Applies some of what is committed.
    pub(super) fn apply_some(&mut self) -> Result<(), NodeError> {
        let mut left = ENTRIES_AT_ONCE;
        while left > 0 && self.has_entries_to_apply() {
            let first = self.replica.applied().index.next();
            let Some(run) = self.run_to_apply(first) else {
                return Ok(());
            };
            let run = Run {
                count: run.count.min(left),
                ..run
            };
            let payloads = match self.cache.run(run) {
                Some(payloads) => payloads,
                None => self
                    .parts
                    .disk
                    .reader()
                    .read(run, BYTES_AT_ONCE)
                    .map_err(NodeError::Unreadable)?,
            };
            left -= (payloads.len() as u32).clamp(1, left);
            for (position, entry) in run.positions().zip(&payloads) {
                self.replicas.applied(position, run.kind, entry);
                if run.kind != EntryKind::Command {
                    self.replica.pass(position);
                    continue;
                }
                // Checked when it came in and when it was read: what does not open now was damaged
                // since.
                let payload = checksummed::verify(position, run.kind, entry)
                    .map_err(|_| NodeError::Damaged(position))?;
                let applied = self.replica.apply(position, payload);
                self.own_requests.applied(position.index);
                let Some(token) = self.writes.awaiting_effect(position) else {
                    continue;
                };
                let effect = applied
                    .answer()
                    .and_then(|answer| Effect::from_bytes(answer));
                let Some(write) = self.writes.get_mut(token) else {
                    continue;
                };
                write.effect = effect;
                if let Some(answer) = write.acked.take() {
                    debug_assert!(answer.grade != Grade::Lost);
                    self.respond(answer);
                }
            }
        }
        Ok(())
    }
}
