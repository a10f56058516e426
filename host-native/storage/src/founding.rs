//! What a store was formatted with: the configuration its cluster began with.
//!
//! It stands in the store from the format on and never changes. Later configurations stand in the
//! log; a configuration file only says where the members are.

use std::fmt;

use kraft_proto::Members;
use kraft_proto::ids::NodeId;
use serde::{Deserialize, Serialize};

/// With which configuration a store began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Founding {
    /// That of a new cluster: the configuration at index 0, and where its members were then.
    Cluster {
        /// Who they are.
        members: Box<Members>,
        /// Where each of them was, in the order of `members`; empty where nobody said.
        contacts: Vec<Contact>,
    },
    /// None: it joins a cluster that runs, and knows nobody until log or snapshot say who is in it.
    Joins,
}

/// Where a member was when the store was formatted: a hint, which says nothing of who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Where peers reach it, `host:port`.
    pub peers: String,
    /// Where clients reach it, `host:port`.
    pub clients: String,
}

/// The form in which it is written.
#[derive(Serialize, Deserialize)]
enum Written {
    Joins,
    Cluster {
        members: Vec<u8>,
        contacts: Vec<Contact>,
    },
}

impl Founding {
    /// A new cluster of these members, wherever they are.
    pub fn of(members: Members) -> Self {
        Self::Cluster {
            members: Box::new(members),
            contacts: Vec::new(),
        }
    }

    /// A new cluster of one.
    ///
    /// # Panics
    ///
    /// Never: one voter makes a cluster.
    pub fn alone(node: NodeId) -> Self {
        Self::of(Members::new([node], []).expect("one voter makes a cluster"))
    }

    /// Where this member was; `None` where nobody said.
    pub fn contact(&self, id: NodeId) -> Option<&Contact> {
        match self {
            Self::Cluster { members, contacts } => {
                let place = members.iter().position(|member| member.id == id)?;
                contacts.get(place)
            }
            Self::Joins => None,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let written = match self {
            Self::Joins => Written::Joins,
            Self::Cluster { members, contacts } => Written::Cluster {
                members: members.to_bytes().to_vec(),
                contacts: contacts.clone(),
            },
        };
        postcard::to_allocvec(&written).expect("a list of bytes and texts has an encoding")
    }

    /// Reads what [`Founding::to_bytes`] wrote; `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (written, rest) = postcard::take_from_bytes(bytes).ok()?;
        let read = match written {
            Written::Joins => Self::Joins,
            Written::Cluster { members, contacts } => Self::Cluster {
                members: Box::new(Members::from_bytes(&members)?),
                contacts,
            },
        };
        // Bytes behind it, and a second encoding of the same, are somebody else's.
        (rest.is_empty() && read.to_bytes() == bytes).then_some(read)
    }
}

/// Who the members are, for people: `1, 2 and 3`.
impl fmt::Display for Founding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joins => f.write_str("nobody"),
            Self::Cluster { members, .. } => {
                let ids: Vec<String> = members.iter().map(|member| member.id.to_string()).collect();
                match ids.as_slice() {
                    [] => f.write_str("nobody"),
                    [one] => f.write_str(one),
                    [first @ .., last] => write!(f, "{} and {last}", first.join(", ")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn founding(ids: std::ops::RangeInclusive<u64>) -> Founding {
        let contact = |id| Contact {
            peers: format!("node-{id}.example:7001"),
            clients: format!("node-{id}.example:7002"),
        };
        Founding::Cluster {
            members: Box::new(Members::new(ids.clone().map(NodeId), []).unwrap()),
            contacts: ids.map(contact).collect(),
        }
    }

    #[test]
    fn it_reads_back_and_nothing_may_follow_it() {
        let without = Founding::alone(NodeId(7));
        for one in [founding(1..=15), without, Founding::Joins] {
            let bytes = one.to_bytes();
            assert_eq!(Founding::from_bytes(&bytes), Some(one));
            for end in 0..bytes.len() {
                assert_eq!(Founding::from_bytes(&bytes[..end]), None, "{end} bytes");
            }
            assert_eq!(Founding::from_bytes(&[&bytes[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn a_member_is_found_where_it_was() {
        let three = founding(1..=3);
        assert_eq!(
            three.contact(NodeId(2)).unwrap().peers,
            "node-2.example:7001"
        );
        assert_eq!(three.contact(NodeId(4)), None);
        assert_eq!(three.to_string(), "1, 2 and 3");
        assert_eq!(Founding::Joins.contact(NodeId(1)), None);
    }
}
