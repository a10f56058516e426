//! Whole frames: the core's header and the entries behind it.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{EntryKind, Envelope, Frame, Message, entry_prefix};

use super::fields::Refusal;
use super::payloads::{self, Data, Machine};
use super::snapshots;

/// What kind of entries a message carries.
pub fn entry_kind(message: &Message) -> EntryKind {
    match message {
        Message::Append(append) => append.kind,
        // The core's bytes, like those of a configuration.
        Message::Snapshot { .. } => EntryKind::Configuration,
        _ => EntryKind::Command,
    }
}

/// The bytes of a message whose entries hold `data`.
pub fn encode(envelope: &Envelope, data: &[Data]) -> Result<Vec<u8>, Refusal> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut frame = envelope.encode(&mut header).map_err(Refusal::new)?.to_vec();
    let kind = entry_kind(&envelope.message);
    for data in data {
        let bytes = payloads::to_bytes(kind, data.as_deref());
        frame.extend(entry_prefix(bytes.len() as u32));
        frame.extend(&*bytes);
    }
    Ok(frame)
}

/// Decodes a frame whose entries are text, and the state that comes with a snapshot.
pub fn decode(bytes: &[u8]) -> Result<(Frame<'_>, Option<Machine>), Refusal> {
    let split = snapshots::split(bytes);
    let (frame, machine) = split.map_err(|error| Refusal(format!("blob: {error}")))?;
    let kind = entry_kind(&frame.envelope().message);
    for entry in frame.entries() {
        payloads::from_bytes(kind, entry)?;
    }
    Ok((frame, machine))
}
