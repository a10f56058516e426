//! What the entries hold. The core knows the log's shape only, so the driver keeps the rest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kraft_proto::{EntryKind, LogIndex, LogPosition, Members, Run, Term};

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The term that created it.
    pub term: Term,
    /// What it is for.
    pub kind: EntryKind,
    /// What it holds.
    pub data: Data,
}

impl Entry {
    /// What a command holds.
    pub fn text(&self) -> Data {
        self.data
            .clone()
            .filter(|_| self.kind == EntryKind::Command)
    }

    /// The bytes of a configuration.
    pub fn configuration(&self) -> Vec<u8> {
        configuration_bytes(self.data.as_deref().unwrap_or_default())
    }

    /// The members of a configuration.
    pub fn members(&self) -> Option<Members> {
        match self.kind {
            EntryKind::Configuration => Members::from_bytes(&self.configuration()),
            EntryKind::Command | EntryKind::NoOp => None,
        }
    }
}

/// A node's log, from index 1 or from behind a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payloads {
    /// The end of what is gone.
    base: LogPosition,
    entries: BTreeMap<LogIndex, Entry>,
}

impl Payloads {
    /// A log with nothing behind `base`.
    pub fn behind(base: LogPosition) -> Self {
        Self {
            base,
            entries: BTreeMap::new(),
        }
    }

    /// The end of the log.
    pub fn last(&self) -> LogPosition {
        self.entries
            .last_key_value()
            .map_or(self.base, |(index, entry)| {
                LogPosition::new(entry.term, *index)
            })
    }

    /// Drops everything through `base`; and everything, if the log does not have that entry.
    pub fn drop_through(&mut self, base: LogPosition) {
        let behind = match self.term_at(base.index) == Some(base.term) {
            true => self.entries.split_off(&base.index.next()),
            false => BTreeMap::new(),
        };
        *self = Self {
            base,
            entries: behind,
        };
    }

    /// Puts one entry, wherever it stands.
    pub fn put(&mut self, index: LogIndex, entry: Entry) {
        self.entries.insert(index, entry);
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (LogIndex, &Entry)> {
        self.entries.iter().map(|(index, entry)| (*index, entry))
    }

    /// The entry at an index.
    pub fn at(&self, index: LogIndex) -> Option<&Entry> {
        self.entries.get(&index)
    }

    /// The entry at a position: none if another term's stands there.
    pub fn get(&self, position: LogPosition) -> Option<&Entry> {
        self.at(position.index)
            .filter(|entry| entry.term == position.term)
    }

    /// The term at an index; 0 before the first entry ever.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.at(index).map(|entry| entry.term)
    }

    /// The entries of one term and kind around an index.
    pub fn run_at(&self, index: LogIndex) -> Option<Run> {
        let there = self.at(index)?;
        let alike =
            |(_, entry): &(&LogIndex, &Entry)| (entry.term, entry.kind) == (there.term, there.kind);
        let alone = there.kind == EntryKind::Configuration;
        let before = self.entries.range(..index).rev().take_while(alike);
        let behind = self.entries.range(index.next()..).take_while(alike);
        let (before, behind) = match alone {
            true => (0, 0),
            false => (before.count(), behind.count()),
        };
        Some(Run {
            term: there.term,
            kind: there.kind,
            first: LogIndex(index.0 - before as u64),
            count: (before + 1 + behind) as u32,
        })
    }

    /// Puts entries where `run` says; what stood there and behind is gone.
    pub fn replace(&mut self, run: Run, data: impl IntoIterator<Item = Data>) {
        self.entries.split_off(&run.first);
        for (position, data) in run.positions().zip(data) {
            let entry = Entry {
                term: run.term,
                kind: run.kind,
                data,
            };
            self.put(position.index, entry);
        }
    }
}
