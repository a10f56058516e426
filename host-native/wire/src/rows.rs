//! The key-value store in words: what it is asked, what it shows, and what an operation did.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::codec;
use crate::key_value::{Key, KeyValue, Measure, Unfit, Value};
use crate::txn::Mismatch;

/// Rows of a scan that names no limit.
pub const SCAN_ROWS_DEFAULT: u32 = 1000;

/// Rows one scan returns at most.
pub const SCAN_ROWS_MAX: u32 = 10_000;

/// Keys one read names at most. All their values come together, at most [`SCAN_BYTES_MAX`] bytes of them.
pub const KEYS_PER_READ_MAX: usize = 1024;

/// Keys and values one scan returns, in bytes: the row that reaches it is the last.
pub const SCAN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What an operation did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It stored or removed what it named.
    Done,
    /// It found what it expected, and changed what it named.
    Swapped,
    /// A compare-and-set of a log of before found something else, and changed nothing.
    Unequal,
    /// A transaction found something else, and changed nothing.
    Mismatch(Mismatch),
    /// A deletion by prefix removed so many keys.
    Removed {
        /// How many.
        keys: u32,
        /// Whether that was all.
        rest: Rest,
    },
}

/// What a deletion by prefix left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// No key that begins so.
    Nothing,
    /// More of them: delete again.
    More,
}

/// What the store is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// One key.
    Get(Key),
    /// Keys in order.
    Scan(Scan),
    /// Several keys, at one moment.
    GetMany(#[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_READ_MAX>")] Vec<Key>),
}

/// What the store shows when asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum View {
    /// The value of a key; `None`: the key does not exist.
    Value(Option<Value>),
    /// Keys in order.
    Page(Page),
    /// The values of several keys, in the order they were asked for.
    Values(
        #[serde(deserialize_with = "codec::bounded_list::<_, _, KEYS_PER_READ_MAX>")]
        Vec<Option<Value>>,
    ),
}

/// Which rows to read, in order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Only keys that begin with this.
    pub prefix: Option<Key>,
    /// Where to begin.
    pub from: ScanFrom,
    /// The first key no longer wanted.
    pub until: Option<Key>,
    /// Rows at most; `None`: [`SCAN_ROWS_DEFAULT`].
    pub limit: Option<u32>,
}

/// Where a scan begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanFrom {
    /// At the first key.
    #[default]
    Start,
    /// At this key, or the first after it.
    At(Key),
    /// Behind this key: the cursor of the page before.
    After(Key),
}

/// Rows in order of their keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The rows.
    #[serde(deserialize_with = "codec::bounded_list::<_, _, { SCAN_ROWS_MAX as usize }>")]
    pub rows: Vec<KeyValue>,
    /// There are more: continue with [`ScanFrom::After`] this key.
    pub more: Option<Key>,
}

impl Scan {
    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: Key) -> Self {
        Self {
            prefix: Some(prefix),
            ..Self::default()
        }
    }

    /// Refuses more rows than one scan returns.
    pub fn check(&self) -> Result<(), Unfit> {
        let rows = self.limit.unwrap_or(SCAN_ROWS_DEFAULT);
        Measure::Rows.check(rows as usize, SCAN_ROWS_MAX as usize)
    }

    /// The first key that can lie in it.
    pub fn lower(&self) -> Bound<&[u8]> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        match &self.from {
            ScanFrom::At(key) if key.as_bytes() > prefix => Bound::Included(key),
            ScanFrom::After(key) if key.as_bytes() >= prefix => Bound::Excluded(key),
            ScanFrom::Start | ScanFrom::At(_) | ScanFrom::After(_) => Bound::Included(prefix),
        }
    }

    /// Whether `key` lies before its end and begins as it says.
    pub fn reaches(&self, key: &Key) -> bool {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        key.starts_with(prefix) && self.until.as_ref().is_none_or(|until| key < until)
    }
}
