//! A snapshot as the driver has it: the core's part, and the entries applied, which are all the state
//! a driver's machine has.
//!
//! ```text
//! on the wire:  frame of the core, its part as the one entry │ entries as text │ length of that, 4 bytes
//! as a write:   snapshot <hex of the core's part> <entries as text, or ->
//! entries:      <index>:<term>:<command, no-op or configuration>:<hex or ->,…
//! ```

use kit::Kept;
use kraft_proto::{Frame, LogIndex, LogPosition, Message, Snapshot, Term, WireError};

use super::disk::{data_from, data_word, kind_from, kind_word};
use super::fields::Refusal;
use super::hex;
use super::payloads::{Entry, Machine};

/// Bytes behind a snapshot's entries: their length.
const LENGTH: usize = 4;

/// A snapshot and the state it brings.
#[derive(Clone, Debug)]
pub struct Held {
    /// The core's part.
    pub core: Snapshot,
    /// What was applied.
    pub machine: Machine,
}

impl Held {
    /// The last entry it covers.
    pub fn last(&self) -> LogPosition {
        self.core.last()
    }

    /// The bytes of the core's part.
    pub fn core_bytes(&self) -> Vec<u8> {
        Kept::of(&self.core).core
    }

    /// As the blob of a write.
    pub fn blob(&self) -> String {
        let entries = match entries_text(&self.machine) {
            text if text.is_empty() => "-".to_owned(),
            text => text,
        };
        format!("snapshot {} {entries}", hex::encode(&self.core_bytes()))
    }

    /// From the words of such a blob.
    pub fn from_blob(core: &str, entries: &str) -> Option<Self> {
        let core = Snapshot::decode(&hex::decode(core)?).ok()?;
        let machine = match entries {
            "-" => Machine::default(),
            text => entries_from(text)?,
        };
        Some(Self { core, machine })
    }

    /// What stands behind the frame on the wire.
    pub fn behind_frame(&self) -> Vec<u8> {
        let mut bytes = entries_text(&self.machine).into_bytes();
        let length = (bytes.len() as u32).to_le_bytes();
        bytes.extend(length);
        bytes
    }
}

/// Decodes a frame and, where that brings a snapshot, what stands behind it.
pub fn split(bytes: &[u8]) -> Result<(Frame<'_>, Option<Machine>), WireError> {
    let whole = Frame::decode(bytes);
    let Err(WireError::TrailingBytes) = whole else {
        return whole.map(|frame| (frame, None));
    };
    let apart = || {
        let (rest, length) = bytes.split_last_chunk::<LENGTH>()?;
        let end = rest
            .len()
            .checked_sub(u32::from_le_bytes(*length) as usize)?;
        let (frame, entries) = rest.split_at(end);
        let frame = Frame::decode(frame).ok()?;
        let brings = matches!(frame.envelope().message, Message::Snapshot { .. });
        let machine = match std::str::from_utf8(entries).ok()? {
            "" => Machine::default(),
            text => entries_from(text)?,
        };
        brings.then_some((frame, Some(machine)))
    };
    apart().ok_or(WireError::TrailingBytes)
}

fn entries_text(machine: &Machine) -> String {
    let texts = machine.iter().map(|(index, entry)| {
        let (kind, data) = (kind_word(entry.kind), data_word(entry.data.as_ref()));
        format!("{index}:{}:{kind}:{data}", entry.term)
    });
    texts.collect::<Vec<_>>().join(",")
}

fn entries_from(text: &str) -> Option<Machine> {
    let mut machine = Machine::default();
    for entry in text.split(',') {
        let mut words = entry.split(':');
        let index = LogIndex(words.next()?.parse().ok().filter(|index| *index > 0)?);
        let entry = Entry {
            term: Term(words.next()?.parse().ok()?),
            kind: kind_from(words.next()?)?,
            data: data_from(words.next()?)?,
        };
        machine.insert(index, entry);
        words.next().is_none().then_some(())?;
    }
    Some(machine)
}

/// The core's part of a snapshot nobody took: its history is forgotten, and `members` its bytes of
/// these. `WIRE.md` has the form.
pub fn made_up(last: LogPosition, members: &[u8]) -> Result<Vec<u8>, Refusal> {
    let (index, base) = (last.index.0, (last.term.0, last.index.0));
    let bytes = kit::history_bytes(index, base, &[], index, members);
    match Snapshot::decode(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Refusal(format!("msg: {error}"))),
    }
}
