//! Renaming nodes: values as bytes, in which every [`NodeId`] went through a permutation.
//!
//! The bytes come from the same `Serialize` that makes a node's canonical bytes, so nothing of a
//! value is left out but what no rule reads. Lists whose elements begin with a node's id are sorted
//! again after the renaming: the core keeps them in the order of ids or of arrival, and only ever
//! searches them.

use std::fmt;

use kraft_proto::NodeId;
use serde::Serialize;
use serde::ser::{self, Impossible};

use super::configuration::NodeMask;
use super::symmetry::{NODES, renamed, renamed_mask};

/// A value as bytes, renamed. Equal values have equal bytes, and different ones have not, but for
/// what is not read.
pub fn bytes(value: &impl Serialize, permutation: &[usize; NODES], unread: Unread) -> Vec<u8> {
    let mut renaming = Renaming {
        out: Vec::new(),
        permutation,
        unread,
        naming: Naming::Nothing,
        leaf: Leaf::Other,
        counting: Counting::Absolute,
        newest: [0; 2],
        order: Vec::new(),
    };
    match value.serialize(&mut renaming) {
        Ok(()) => renaming.out,
        Err(never) => unreachable!("{never}"),
    }
}

/// What the number that comes next names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Nothing,
    Node,
    Store,
    /// One bit for each node.
    Nodes,
    /// One bit for each place in the list of nodes before it.
    Seats,
}

/// What an element of a list began with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Expected,
    Node,
    Other,
}

/// How the number that comes next counts.
///
/// A node numbers its writes, and only ever compares the numbers with each other. Nodes that made
/// more or fewer writes before are the same from now on, so numbers are told by how far they lie
/// behind the newest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counting {
    Absolute,
    /// It is the newest of its count.
    Newest(usize),
    Behind(usize),
}

impl Counting {
    const LOG: usize = 0;
    const HARD: usize = 1;

    /// By the structure and its field. What is not known here counts as it is: there are more
    /// worlds then, and none is missed.
    fn of(name: &str, field: &str) -> Self {
        match (name, field) {
            ("Writes", "seq") => Self::Newest(Self::LOG),
            ("Mark" | "InFlight", "seq") | ("Truncation", "before") | ("Writes", "always") => {
                Self::Behind(Self::LOG)
            }
            ("Writes", "hard_changed") => Self::Newest(Self::HARD),
            ("Writes", "hard_emitted" | "hard_synced" | "word_changed" | "trust_changed") => {
                Self::Behind(Self::HARD)
            }
            _ => Self::Absolute,
        }
    }
}

/// What no rule reads, so that nodes which differ in it alone are the same from now on: structures
/// and their fields.
pub type Unread = &'static [(&'static str, &'static str)];

/// Not read while the quorum is not checked, no disk is ever found stuck, no lease is held, and hosts answer
/// at once what they are asked of their logs.
pub const NEVER_READ: Unread = &[
    ("Raft", "cuts"),
    ("Progress", "heard"),
    ("Leader", "disk_owes"),
    ("Leader", "tenure"),
];

/// Nor is this, unless leadership may be handed over: whether the target is to be trusted.
pub const NOT_READ_WITHOUT_TRANSFERS: Unread = &[
    ("Raft", "cuts"),
    ("Progress", "heard"),
    ("Leader", "disk_owes"),
    ("Leader", "tenure"),
    ("Progress", "trust"),
    ("HeartbeatReply", "trust"),
];

/// Statistics, which no rule reads either.
const NOT_STATE: &str = "Dropped";

struct Renaming<'p> {
    out: Vec<u8>,
    permutation: &'p [usize; NODES],
    unread: Unread,
    naming: Naming,
    leaf: Leaf,
    counting: Counting,
    /// The newest number of each count.
    newest: [u64; 2],
    /// How the last list of nodes was sorted: what stands there stood where this says.
    order: Vec<usize>,
}

/// Nothing fails here; serde wants a type for it.
#[derive(Debug)]
struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl Renaming<'_> {
    /// In as few bytes as it needs: seven bits each, least first.
    fn number(&mut self, mut number: u64) {
        match self.naming {
            Naming::Nothing => {}
            // A store is called as its node is; 0 is any store, and renamed to itself.
            Naming::Node | Naming::Store => {
                number = renamed(NodeId(number), self.permutation).0;
            }
            Naming::Nodes => {
                number = renamed_mask(NodeMask(number as u8), self.permutation)
                    .0
                    .into();
            }
            Naming::Seats => {
                let seats = self.order.iter().zip(0..);
                number = seats.fold(0, |seats, (was, is)| seats | (number >> was & 1) << is);
            }
        }
        if self.leaf == Leaf::Expected {
            self.leaf = match self.naming {
                Naming::Node => Leaf::Node,
                _ => Leaf::Other,
            };
        }
        self.naming = Naming::Nothing;
        match std::mem::replace(&mut self.counting, Counting::Absolute) {
            Counting::Absolute => {}
            Counting::Newest(count) => self.newest[count] = std::mem::take(&mut number),
            Counting::Behind(count) => number = self.newest[count].wrapping_sub(number),
        }
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    fn text(&mut self, bytes: &[u8]) -> Result<(), Never> {
        self.number(bytes.len() as u64);
        self.out.extend(bytes);
        Ok(())
    }
}

macro_rules! numbers {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name(self, value: $kind) -> Result<(), Never> {
            self.number(value as u64);
            Ok(())
        })*
    };
}

impl<'r, 'p> ser::Serializer for &'r mut Renaming<'p> {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = List<'r, 'p>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Impossible<(), Never>;
    type SerializeStruct = Fields<'r, 'p>;
    type SerializeStructVariant = Fields<'r, 'p>;

    numbers!(
        serialize_bool: bool, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_char: char
    );

    fn serialize_f32(self, value: f32) -> Result<(), Never> {
        self.serialize_u32(value.to_bits())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Never> {
        self.serialize_u64(value.to_bits())
    }

    fn serialize_str(self, value: &str) -> Result<(), Never> {
        self.text(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Never> {
        self.text(value)
    }

    fn serialize_none(self) -> Result<(), Never> {
        self.counting = Counting::Absolute;
        self.serialize_u8(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Never> {
        let counting = std::mem::replace(&mut self.counting, Counting::Absolute);
        self.number(1);
        self.counting = counting;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        at: u32,
        _: &'static str,
    ) -> Result<(), Never> {
        self.serialize_u32(at)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.naming = match name {
            "NodeId" => Naming::Node,
            "StoreId" => Naming::Store,
            "NodeMask" => Naming::Nodes,
            "Seats" => Naming::Seats,
            _ => Naming::Nothing,
        };
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        at: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        self.number(u64::from(at));
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List<'r, 'p>, Never> {
        self.number(len.unwrap_or_default() as u64);
        Ok(List {
            begins: self.out.len(),
            ends: Vec::new(),
            order: Order::Kept,
            renaming: self,
        })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        at: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Never> {
        self.number(u64::from(at));
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Never> {
        Err(ser::Error::custom("a node holds no maps"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields<'r, 'p>, Never> {
        let renaming = self;
        Ok(Fields { renaming, name })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        at: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Fields<'r, 'p>, Never> {
        self.number(u64::from(at));
        let renaming = self;
        Ok(Fields { renaming, name })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Whether the order of a list means something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Kept,
    ByNode,
}

struct List<'r, 'p> {
    renaming: &'r mut Renaming<'p>,
    begins: usize,
    ends: Vec<usize>,
    order: Order,
}

impl ser::SerializeSeq for List<'_, '_> {
    type Ok = ();
    type Error = Never;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        let outer = std::mem::replace(&mut self.renaming.leaf, Leaf::Expected);
        value.serialize(&mut *self.renaming)?;
        if self.renaming.leaf == Leaf::Node {
            self.order = Order::ByNode;
        }
        self.renaming.leaf = outer;
        self.ends.push(self.renaming.out.len());
        Ok(())
    }

    fn end(self) -> Result<(), Never> {
        if self.order == Order::Kept {
            return Ok(());
        }
        let begins = std::iter::once(self.begins).chain(self.ends.iter().copied());
        let spans = begins.zip(self.ends.iter().copied());
        let out = &mut self.renaming.out;
        let elements = spans.map(|(from, to)| out[from..to].to_vec()).zip(0..);
        let mut elements: Vec<(Vec<u8>, usize)> = elements.collect();
        elements.sort();
        out.truncate(self.begins);
        out.extend(elements.iter().flat_map(|(bytes, _)| bytes));
        self.renaming.order = elements.iter().map(|(_, was)| *was).collect();
        Ok(())
    }
}

/// The fields of a structure.
struct Fields<'r, 'p> {
    renaming: &'r mut Renaming<'p>,
    name: &'static str,
}

macro_rules! fields {
    ($($trait:ident::$method:ident),*) => {
        $(impl ser::$trait for &mut Renaming<'_> {
            type Ok = ();
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        })*
    };
}

fields!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! named_fields {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Fields<'_, '_> {
            type Ok = ();
            type Error = Never;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                field: &'static str,
                value: &T,
            ) -> Result<(), Never> {
                let unread = self.renaming.unread.contains(&(self.name, field));
                if self.name == NOT_STATE || unread {
                    return Ok(());
                }
                self.renaming.counting = Counting::of(self.name, field);
                value.serialize(&mut *self.renaming)
            }

            fn end(self) -> Result<(), Never> {
                Ok(())
            }
        })*
    };
}

named_fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use kraft_proto::{Ballot, StoreId};

    use super::super::symmetry::PERMUTATIONS;
    use super::*;

    fn plain(value: &impl Serialize, permutation: &[usize; NODES]) -> Vec<u8> {
        bytes(value, permutation, &[])
    }

    #[test]
    fn a_list_by_node_is_the_same_after_renaming_and_another_keeps_its_order() {
        let votes = |ids: [u64; 2]| ids.map(|id| (NodeId(id), Ballot::Granted)).to_vec();
        let swap = &PERMUTATIONS[2];
        assert_eq!(
            plain(&votes([1, 2]), swap),
            plain(&votes([1, 2]), &[0, 1, 2])
        );
        assert_eq!(
            plain(&votes([2, 1]), &[0, 1, 2]),
            plain(&votes([1, 2]), &[0, 1, 2])
        );
        assert_ne!(
            plain(&votes([1, 3]), swap),
            plain(&votes([1, 3]), &[0, 1, 2])
        );
        assert_ne!(plain(&vec![2_u64, 1], swap), plain(&vec![1_u64, 2], swap));
    }

    #[test]
    fn stores_are_renamed_along_and_any_store_stays_any() {
        let swap = &PERMUTATIONS[2];
        assert_eq!(plain(&StoreId(1), swap), [2]);
        assert_eq!(plain(&StoreId::ANY, swap), [0]);
        assert_eq!(plain(&1_u64, swap), [1]);
    }
}
