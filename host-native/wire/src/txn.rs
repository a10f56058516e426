//! A transaction of the bundled store: keys are compared, and where all of them are as said, keys are changed, as one.

use serde::{Deserialize, Serialize};

use crate::codec;
use crate::key_value::{KEYS_PER_WRITE_MAX, Key, KeyValue, Unfit, Value};

/// Bytes of a value that an answer shows. Each node remembers the last answers of every session, so they are short.
pub const FOUND_BYTES_MAX: usize = 256;

/// Keys are compared first; where all are as said, the changes are made in their order, else none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Txn {
    /// What must be so.
    #[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_WRITE_MAX>")]
    pub compare: Vec<Compare>,
    /// What is changed then.
    #[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_WRITE_MAX>")]
    pub then: Vec<Change>,
}

/// What one key must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compare {
    /// Which key.
    pub key: Key,
    /// What it must hold; `None`: it must not exist.
    pub holds: Option<Value>,
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is stored.
    Put(KeyValue),
    /// It is removed; a key that is not there is no error.
    Delete(Key),
}

/// The first key that was not as said, and what it held.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mismatch {
    /// Which comparison, counted from 0.
    pub at: u16,
    /// What the key held; `None`: it does not exist.
    pub found: Option<Found>,
}

/// A value that was found: its first [`FOUND_BYTES_MAX`] bytes, and how long it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Found {
    /// Its first bytes.
    pub front: Value,
    /// Its whole length.
    pub bytes: u32,
}

impl Txn {
    /// A transaction that compares nothing and changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `key` must hold `value`.
    ///
    /// # Errors
    /// If either is too long, or the key is empty.
    pub fn holds(self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Self, Unfit> {
        self.compares(key, Some(Value::try_from(value.as_ref())?))
    }

    /// `key` must not exist.
    ///
    /// # Errors
    /// If it is too long, or empty.
    pub fn absent(self, key: impl AsRef<[u8]>) -> Result<Self, Unfit> {
        self.compares(key, None)
    }

    fn compares(mut self, key: impl AsRef<[u8]>, holds: Option<Value>) -> Result<Self, Unfit> {
        let key = Key::try_from(key.as_ref())?;
        self.compare.push(Compare { key, holds });
        Ok(self)
    }

    /// Stores `value` at `key`.
    ///
    /// # Errors
    /// If either is too long, or the key is empty.
    pub fn put(mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Self, Unfit> {
        let (key, value) = (
            Key::try_from(key.as_ref())?,
            Value::try_from(value.as_ref())?,
        );
        self.then.push(Change::Put(KeyValue { key, value }));
        Ok(self)
    }

    /// Removes `key`.
    ///
    /// # Errors
    /// If it is too long, or empty.
    pub fn delete(mut self, key: impl AsRef<[u8]>) -> Result<Self, Unfit> {
        self.then.push(Change::Delete(Key::try_from(key.as_ref())?));
        Ok(self)
    }
}

impl Change {
    /// Which key.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put(pair) => &pair.key,
            Self::Delete(key) => key,
        }
    }
}

impl Found {
    /// What is shown of `value`.
    pub fn of(value: &Value) -> Self {
        let shown = value.len().min(FOUND_BYTES_MAX);
        Self {
            front: Value::try_from(&value[..shown]).expect("no longer than a value"),
            bytes: value.len() as u32,
        }
    }

    /// Whether the value is shown whole.
    pub fn is_whole(&self) -> bool {
        self.front.len() == self.bytes as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{AnsweredBy, COMMAND_MAX, Operation};
    use crate::key_value::{Measure, VALUE_MAX};

    #[test]
    fn a_transaction_reads_back_and_is_bounded() {
        let txn = Txn::new().holds("a", "1").unwrap().absent("b").unwrap();
        let nothing = Operation::Txn(txn.clone());
        assert_eq!(nothing.check(), Err(Unfit::NoKeys), "it changes nothing");
        let txn = txn.put("b", "2").unwrap().delete("a").unwrap();
        let operation = Operation::Txn(txn.clone());
        assert_eq!(operation.answered_by(), AnsweredBy::Machine);
        let keys: Vec<_> = operation.keys().map(ToString::to_string).collect();
        assert_eq!(keys, ["b", "a"], "its zones are those of what it changes");
        let bytes = operation.encode().unwrap();
        assert_eq!(Operation::decode(bytes.as_bytes()), Ok(operation));

        let many = |count| (0..count).try_fold(Txn::new(), |txn, n| txn.delete(format!("{n}")));
        let most = Operation::Txn(many(KEYS_PER_WRITE_MAX).unwrap());
        assert_eq!(most.check(), Ok(()));
        let mut over = many(KEYS_PER_WRITE_MAX).unwrap();
        over = over.absent("one more").unwrap();
        assert!(matches!(
            Operation::Txn(over).check(),
            Err(Unfit::TooLarge {
                what: Measure::Keys,
                ..
            })
        ));
        let large = vec![0; VALUE_MAX];
        let large = (0..4).try_fold(txn, |txn, n| txn.holds(format!("{n}"), &large));
        assert!(matches!(
            Operation::Txn(large.unwrap()).check(),
            Err(Unfit::TooLarge { what: Measure::Command, limit, .. }) if limit == COMMAND_MAX as u64
        ));
    }

    #[test]
    fn what_is_found_is_shown_in_short() {
        let found = Found::of(&Value::try_from("100").unwrap());
        assert!(found.is_whole());
        let found = Found::of(&Value::new(vec![7; VALUE_MAX]).unwrap());
        assert!(!found.is_whole());
        assert_eq!(found.front.len(), FOUND_BYTES_MAX);
        assert_eq!(found.bytes as usize, VALUE_MAX);
    }
}
