//! Snapshots: made of a log that is to go, sent to a node that lacks it, taken from a leader.

use kraft_proto::limits::SNAPSHOT_BYTES_MAX;
use kraft_proto::{Frame, LogIndex, LogPosition, Snapshot};
use wasm_bindgen::prelude::*;

use super::Node;
use crate::arguments::node;

#[wasm_bindgen]
impl Node {
    /// The core's part of a snapshot of the state after `index`, to be kept beside the state.
    #[wasm_bindgen(js_name = snapshotAt)]
    pub fn snapshot_at(&self, index: f64) -> Result<Vec<u8>, JsError> {
        let snapshot = self.raft.snapshot_at(self.position_at(index)?)?;
        let mut buffer = [0; SNAPSHOT_BYTES_MAX];
        Ok(snapshot.encode(&mut buffer)?.to_vec())
    }

    /// The store has a snapshot through `index`, synced, and the log before it is gone.
    pub fn compacted(&mut self, index: f64) -> Result<(), JsError> {
        let upto = self.position_at(index)?;
        self.raft.compacted(upto)?;
        self.bodies.drop_through(upto.index);
        Ok(())
    }

    /// The message that brings a snapshot to a node; nothing where this node may not send it now.
    #[wasm_bindgen(js_name = snapshotFrame)]
    pub fn snapshot_frame(&self, to: f64, core: &[u8]) -> Result<Option<Vec<u8>>, JsError> {
        let last = Snapshot::decode(core)?.last();
        let Some(envelope) = self.raft.snapshot_message(node(to), last) else {
            return Ok(None);
        };
        let mut frame = Vec::new();
        envelope.frame(&mut frame, |_| Some(core))?;
        Ok(Some(frame))
    }

    /// Takes a message that brings a snapshot, whose state is here in full. The last entry it covers
    /// if it is to be written, when `poll` says so; 0 if it is of no use.
    #[wasm_bindgen(js_name = handleSnapshot)]
    pub fn handle_snapshot(&mut self, now_us: f64, from: f64, bytes: &[u8]) -> f64 {
        let Ok(frame) = Frame::decode(bytes) else {
            return 0.0;
        };
        if frame.from() != node(from) {
            return 0.0;
        }
        let now = self.at(now_us);
        let taken = self.raft.handle_message(now, &frame);
        match (taken.snapshot(), frame.entries().next()) {
            (Some(last), Some(core)) => {
                self.incoming = Some((last, core.to_vec()));
                last.index.0 as f64
            }
            _ => 0.0,
        }
    }
}

impl Node {
    /// The entry that stands at an index of the log, or that a snapshot of it ends with.
    fn position_at(&self, index: f64) -> Result<LogPosition, JsError> {
        let index = LogIndex(index as u64);
        let compacted = self.raft.status().compacted;
        if index <= compacted.index {
            return Ok(LogPosition { index, ..compacted });
        }
        let run = self.run_from(index, 1);
        let missing = || JsError::new(&format!("there is no entry {index}: nothing was done"));
        Ok(LogPosition::new(run.ok_or_else(missing)?.term, index))
    }
}
