//! Where members are, as the log has it: a part of every replica beside sessions and state machine, so that nodes learn of
//! a move by themselves and a snapshot carries it.
//!
//! ```text
//! ┌───┬───────────────────────────┐
//! │ 2 │ postcard of a `BookEntry` │      an entry of the log, where a command begins with its format, 1
//! └───┴───────────────────────────┘
//! ```
//!
//! An address is a hint for those who look for a node. Who it is that answers there, its certificate says.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use kraft_proto::NodeId;
use kraft_wire::api::Contact;
use kraft_wire::codec;
use kraft_wire::rpc::ADDRESS_BYTES_MAX;
use serde::{Deserialize, Serialize};

use crate::saved::{damaged, read_bytes};

/// The first byte of such an entry.
const FORMAT: u8 = 2;

/// The longest, in bytes.
const ENTRY_BYTES_MAX: usize = 64 + 2 * ADDRESS_BYTES_MAX;

/// Nodes that stand in it at most: members, and those that have left and are not forgotten yet.
pub const NODES_MAX: usize = 64;

/// What stands of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Where it is.
    pub contact: Contact,
    /// The voter whose place it takes once it has caught up.
    pub replaces: Option<NodeId>,
}

/// A change of the book, as an entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookEntry {
    /// A node is there.
    Is(NodeId, Listed),
    /// A node has left.
    Left(NodeId),
}

/// Where members are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressBook {
    nodes: BTreeMap<NodeId, Listed>,
    /// How often it was changed.
    changes: u64,
}

impl BookEntry {
    /// The log's bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_onto(self, vec![FORMAT])
    }

    /// Reads an entry of the log; `None` for one that is something else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[FORMAT])?;
        codec::decode(rest, ENTRY_BYTES_MAX).ok()
    }
}

impl AddressBook {
    /// Carries out an entry of the log.
    pub fn apply(&mut self, entry: BookEntry) {
        self.changes += 1;
        match entry {
            BookEntry::Is(node, listed) => {
                if self.has_room(node) {
                    self.nodes.insert(node, listed);
                }
            }
            BookEntry::Left(node) => drop(self.nodes.remove(&node)),
        }
    }

    /// Whether there is room for this node.
    pub fn has_room(&self, node: NodeId) -> bool {
        self.nodes.contains_key(&node) || self.nodes.len() < NODES_MAX
    }

    /// What stands of a node.
    pub fn get(&self, node: NodeId) -> Option<&Listed> {
        self.nodes.get(&node)
    }

    /// Every node in it.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Listed)> {
        self.nodes.iter().map(|(node, listed)| (*node, listed))
    }

    /// Grows with every change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Writes it down.
    pub fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        let nodes: Vec<_> = self.nodes.iter().collect();
        let bytes = codec::encode_onto(&nodes, Vec::new());
        to.write_all(&(bytes.len() as u64).to_le_bytes())?;
        to.write_all(&bytes)
    }

    /// Reads back what was saved.
    pub fn load(from: &mut dyn Read) -> io::Result<Self> {
        let limit = NODES_MAX * ENTRY_BYTES_MAX;
        let bytes = read_bytes(from, limit)?;
        let nodes: Vec<(NodeId, Listed)> = codec::decode(&bytes, limit).map_err(damaged)?;
        Ok(Self {
            nodes: nodes.into_iter().collect(),
            changes: 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(node: u64, host: &str) -> BookEntry {
        let contact = Contact {
            peers: format!("{host}:1"),
            clients: format!("{host}:2"),
        };
        let replaces = (node == 4).then_some(NodeId(3));
        BookEntry::Is(NodeId(node), Listed { contact, replaces })
    }

    #[test]
    fn a_book_reads_back_as_it_was_saved() {
        let mut book = AddressBook::default();
        for entry in [
            is(1, "a"),
            is(4, "b"),
            is(2, "c"),
            BookEntry::Left(NodeId(2)),
        ] {
            book.apply(BookEntry::decode(&entry.encode()).unwrap());
        }
        assert_eq!(book.iter().count(), 2);
        let mut saved = Vec::new();
        book.save(&mut saved).unwrap();
        let read = AddressBook::load(&mut saved.as_slice()).unwrap();
        assert!(read.iter().eq(book.iter()));
        for length in 0..saved.len() {
            assert!(AddressBook::load(&mut &saved[..length]).is_err());
        }
    }

    #[test]
    fn it_takes_so_many_nodes_and_no_more() {
        let mut book = AddressBook::default();
        for node in 1..=2 * NODES_MAX as u64 {
            book.apply(is(node, "host"));
        }
        assert_eq!(book.iter().count(), NODES_MAX);
        book.apply(is(1, "moved"));
        assert_eq!(book.get(NodeId(1)).unwrap().contact.peers, "moved:1");
    }

    #[test]
    fn other_entries_are_none_of_it() {
        for bytes in [&b""[..], b"\x01", b"\x02", b"\x02\x00", b"\x03abc"] {
            assert_eq!(BookEntry::decode(bytes), None);
        }
    }
}
