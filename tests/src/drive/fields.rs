//! Reading the fields of a request, with refusals that name the field.

use std::fmt;

use kraft_proto::{LogIndex, NodeId, Term};
use serde_json::{Map, Value};

/// Why a request is refused. Nothing was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl Refusal {
    /// A refusal in these words.
    pub fn new(words: impl fmt::Display) -> Self {
        Self(words.to_string())
    }
}

/// A JSON object whose fields are asked for by name. `null` counts as left out.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// The fields of a value, which must be an object.
    pub fn of(value: &'a Value, name: &str) -> Result<Self, Refusal> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Refusal(format!("{name}: expected an object"))),
        }
    }

    /// The value of a field that may be left out.
    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The value of a field that must be there.
    pub fn need(self, name: &str) -> Result<&'a Value, Refusal> {
        self.get(name)
            .ok_or_else(|| Refusal(format!("{name}: missing")))
    }

    /// A whole number that may be left out.
    pub fn number(self, name: &str) -> Result<Option<u64>, Refusal> {
        self.read(name, "a whole number from 0", Value::as_u64)
    }

    /// A whole number that must be there.
    pub fn need_number(self, name: &str) -> Result<u64, Refusal> {
        self.need(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// A whole number of 32 bits that may be left out.
    pub fn small_number(self, name: &str) -> Result<Option<u32>, Refusal> {
        self.read(name, "a whole number below 2^32", |value| {
            value.as_u64()?.try_into().ok()
        })
    }

    /// `true` or `false`, or left out.
    pub fn truth(self, name: &str) -> Result<Option<bool>, Refusal> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A string that may be left out.
    pub fn text(self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.read(name, "a string", Value::as_str)
    }

    /// A string that must be there.
    pub fn need_text(self, name: &str) -> Result<&'a str, Refusal> {
        self.need(name)?;
        Ok(self.text(name)?.unwrap_or_default())
    }

    /// A list that may be left out.
    pub fn list(self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        self.read(name, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// A node that must be there.
    pub fn need_node(self, name: &str) -> Result<NodeId, Refusal> {
        self.need_number(name).map(NodeId)
    }

    /// A term that must be there.
    pub fn need_term(self, name: &str) -> Result<Term, Refusal> {
        self.need_number(name).map(Term)
    }

    /// An index that must be there.
    pub fn need_index(self, name: &str) -> Result<LogIndex, Refusal> {
        self.need_number(name).map(LogIndex)
    }

    /// An index that may be left out.
    pub fn index(self, name: &str) -> Result<Option<LogIndex>, Refusal> {
        Ok(self.number(name)?.map(LogIndex))
    }

    /// A list of nodes that may be left out.
    pub fn nodes(self, name: &str) -> Result<Option<Vec<NodeId>>, Refusal> {
        self.read(name, "a list of node numbers", |value| {
            let nodes = value.as_array()?.iter();
            nodes.map(|node| node.as_u64().map(NodeId)).collect()
        })
    }

    /// A word that parses, or is left out.
    pub fn word<T>(self, name: &str) -> Result<Option<T>, Refusal>
    where
        T: std::str::FromStr<Err: fmt::Display>,
    {
        match self.text(name)? {
            None => Ok(None),
            Some(word) => match word.parse() {
                Ok(parsed) => Ok(Some(parsed)),
                Err(error) => Err(Refusal(format!("{name}: {error}"))),
            },
        }
    }

    fn read<T>(
        self,
        name: &str,
        expected: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(Refusal(format!("{name}: expected {expected}"))),
            },
        }
    }
}
