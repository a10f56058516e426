//! Turning an envelope into frames: an append is joined with its entries' bytes here.

use bytes::{BufMut, Bytes, BytesMut};
use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{CommitMode, EntryKind, Envelope, Message, Run, entry_prefix};

use super::engine::Engine;
use crate::checksummed;
use crate::transport::Route;

/// Bytes of entries after which an append goes on in another frame.
const ENTRIES_BYTES: usize = 1024 * 1024;

/// Entries longer than this are sent where they lie, not copied together with others.
const COPY_MAX: usize = 16 * 1024;

impl Engine {
    /// Sends a message. If an entry's bytes are no longer to be had at exactly its position, the
    /// message is dropped, as the network might have.
    pub(super) fn send(&mut self, mode: CommitMode, envelope: Envelope) {
        if envelope.entries() == 0 {
            let frame = frame(&envelope, &[]);
            let _ = self
                .parts
                .transport
                .send(envelope.to, Route::Control, frame);
            return;
        }
        let mut rest = Some(envelope);
        while let Some(envelope) = rest.take() {
            let Message::Append(append) = envelope.message else {
                return;
            };
            let Some(payloads) = self.payloads(append.run()) else {
                return;
            };
            let count = payloads.len() as u32;
            let head = match envelope.split_at(count) {
                Some((head, tail)) => {
                    rest = Some(tail);
                    head
                }
                None => envelope,
            };
            let frame = frame(&head, &payloads);
            let _ = self
                .parts
                .transport
                .send(envelope.to, Route::Append(mode), frame);
        }
    }

    /// The bytes of the first entries of a run: all of it, or about as many as fit a frame.
    fn payloads(&self, run: Run) -> Option<Vec<Bytes>> {
        if run.kind == EntryKind::NoOp {
            return Some(checksummed::bare(run));
        }
        let mut payloads = Vec::with_capacity(run.count as usize);
        let mut bytes = 0;
        for position in run.positions() {
            let Some(payload) = self.cache.get(position) else {
                break;
            };
            if bytes > 0 && bytes + payload.len() > ENTRIES_BYTES {
                break;
            }
            bytes += payload.len();
            payloads.push(payload.clone());
        }
        if !payloads.is_empty() {
            return Some(payloads);
        }
        let reader = self.parts.disk.reader();
        match reader.read(run, ENTRIES_BYTES) {
            Ok(payloads) => Some(payloads),
            Err(error) => {
                tracing::debug!("an append was not sent: {error}");
                None
            }
        }
    }
}

/// A frame in pieces: short entries together, long ones where they lie.
fn frame(envelope: &Envelope, payloads: &[Bytes]) -> Vec<Bytes> {
    let mut header = [0; FRAME_HEADER_MAX];
    let header = match envelope.encode(&mut header) {
        Ok(header) => header,
        Err(_) => unreachable!("a header never needs more than FRAME_HEADER_MAX bytes"),
    };
    let short: usize = payloads.iter().map(|p| p.len().min(COPY_MAX) + 4).sum();
    let mut pieces = Vec::new();
    let mut together = BytesMut::with_capacity(header.len() + short);
    together.put_slice(header);
    for payload in payloads {
        together.put_slice(&entry_prefix(payload.len() as u32));
        if payload.len() <= COPY_MAX {
            together.put_slice(payload);
        } else {
            pieces.push(together.split().freeze());
            pieces.push(payload.clone());
        }
    }
    if !together.is_empty() {
        pieces.push(together.freeze());
    }
    pieces
}
