//! A peer's frame on its way into the core: its bytes are what they claim to be, and there is room for
//! its entries.

use bytes::Bytes;
use kraft_proto::{EntryKind, Frame, Message, NodeId, Run};

use super::Engine;
use crate::checksummed::{self, ChecksumError};

impl Engine {
    /// Hands a frame to the core, if its bytes are what they claim to be.
    pub(super) fn take_frame(&mut self, from: NodeId, bytes: &Bytes) {
        let frame = match Frame::decode(bytes) {
            Ok(frame) if frame.from() == from => frame,
            Ok(frame) => {
                tracing::warn!(
                    "node {from} sent a message as node {}: dropped",
                    frame.from()
                );
                self.peers.disconnect(from);
                return;
            }
            Err(error) => {
                tracing::warn!("a frame of node {from} was dropped: {error}");
                self.peers.disconnect(from);
                return;
            }
        };
        let now = self.now();
        match &frame.envelope().message {
            Message::Append(append) => {
                let (run, raft) = (append.run(), &self.raft);
                let bytes = bytes.len() as u64;
                if run.count > 0 && self.log.admit_append(now, raft, run, bytes).is_err() {
                    // As if the network had lost it: the leader sends it again, and by then there
                    // may be room.
                    return;
                }
                if let Err(error) = verify(run, &frame) {
                    tracing::warn!("an append of node {from} was dropped: {error}");
                    self.peers.disconnect(from);
                    return;
                }
            }
            Message::Snapshot { last } => return self.take_snapshot(&frame, *last),
            _ => {}
        }
        let taken = self.raft.handle_message(now, &frame);
        for (position, entry) in taken.entries() {
            self.log.accept(position, bytes.slice_ref(entry));
        }
    }
}

/// Whether the entries of an append are what they were when they were made. Whether a configuration is
/// one, the core sees for itself.
fn verify(run: Run, frame: &Frame<'_>) -> Result<(), ChecksumError> {
    if run.kind == EntryKind::Configuration {
        return Ok(());
    }
    let mut entries = run.positions().zip(frame.entries());
    entries.try_for_each(|(position, entry)| {
        checksummed::verify(position, run.kind, entry).map(|_| ())
    })
}
