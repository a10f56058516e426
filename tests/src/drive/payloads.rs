//! What the entries hold. The core knows the log's shape only, so the driver keeps the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kraft_proto::{EntryKind, LogIndex, Members};

use super::fields::Refusal;
use super::hex;

/// What one entry holds: text, or nothing. In a configuration the text is its bytes in hex.
pub type Data = Option<String>;

/// Stands on the wire for a command that holds nothing, which no text begins with.
const NOTHING: &[u8] = &[0xff];

/// The bytes of an entry on the wire.
pub fn to_bytes(kind: EntryKind, data: Option<&str>) -> Cow<'_, [u8]> {
    match (kind, data) {
        (EntryKind::Command, Some(text)) => Cow::Borrowed(text.as_bytes()),
        (EntryKind::Command, None) => Cow::Borrowed(NOTHING),
        (EntryKind::Configuration, Some(text)) => Cow::Owned(configuration_bytes(text)),
        (EntryKind::NoOp | EntryKind::Configuration, _) => Cow::Borrowed(&[]),
    }
}

fn configuration_bytes(text: &str) -> Vec<u8> {
    // What is no hex is no configuration either.
    hex::decode(text).unwrap_or_default()
}

/// What an entry with these bytes holds.
pub fn from_bytes(kind: EntryKind, bytes: &[u8]) -> Result<Data, Refusal> {
    match kind {
        EntryKind::NoOp => Ok(None),
        EntryKind::Configuration => Ok(Some(hex::encode(bytes))),
        EntryKind::Command if bytes == NOTHING => Ok(None),
        EntryKind::Command => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(Refusal::new("blob: an entry in it is not text")),
        },
    }
}

/// One entry.
pub type Entry = kit::Entry<Data>;

/// A node's log.
pub type Log = kit::Log<Data>;

/// What was applied, by index: all the state that a driver's machine has. A snapshot made up by hand
/// may leave gaps.
pub type Machine = BTreeMap<LogIndex, Entry>;

/// What a command holds.
pub fn text(entry: &Entry) -> Data {
    let command = entry.kind == EntryKind::Command;
    entry.data.clone().filter(|_| command)
}

/// The bytes of a configuration.
pub fn configuration(entry: &Entry) -> Vec<u8> {
    configuration_bytes(entry.data.as_deref().unwrap_or_default())
}

/// The members of a configuration.
pub fn members(entry: &Entry) -> Option<Members> {
    match entry.kind {
        EntryKind::Configuration => Members::from_bytes(&configuration(entry)),
        EntryKind::Command | EntryKind::NoOp => None,
    }
}
