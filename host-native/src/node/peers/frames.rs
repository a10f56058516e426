//! Turning an envelope into frames: an append is joined with its entries' bytes here.

use bytes::{BufMut, Bytes, BytesMut};
use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{CommitMode, Envelope, Message, entry_prefix};

use super::Peers;
use crate::node::log::Log;
use crate::transport::Route;

/// Bytes of entries after which an append goes on in another frame.
const ENTRIES_BYTES: usize = 1024 * 1024;

/// Entries longer than this are sent where they lie, not copied together with others.
const COPY_MAX: usize = 16 * 1024;

impl Peers {
    /// Sends a message. If an entry's bytes are no longer to be had at exactly its position, the
    /// message is dropped, as the network might have.
    pub fn send(&self, mode: CommitMode, envelope: Envelope, log: &Log) {
        if envelope.entries() == 0 {
            let frame = frame(&envelope, &[]);
            let _ = self.transport.send(envelope.to, Route::Control, frame);
            return;
        }
        let mut rest = Some(envelope);
        while let Some(envelope) = rest.take() {
            let Message::Append(append) = envelope.message else {
                return;
            };
            let payloads = match log.read(append.run(), ENTRIES_BYTES) {
                Ok(payloads) => payloads,
                Err(error) => {
                    tracing::debug!("an append was not sent: {error}");
                    return;
                }
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
            let _ = self.transport.send(envelope.to, Route::Append(mode), frame);
        }
    }
}

impl Peers {
    /// Sends the core's message that brings a snapshot, with the core's part of it as its one entry.
    pub fn send_snapshot(&self, envelope: &Envelope, core: &[u8]) {
        let frame = frame(envelope, &[Bytes::copy_from_slice(core)]);
        let _ = self.transport.send(envelope.to, Route::Snapshot, frame);
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
