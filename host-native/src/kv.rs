//! The bundled state machine: an ordered key-value store.

use std::io::{self, Read, Write};
use std::ops::Bound;

use imbl::OrdMap;
use kraft_proto::ids::LogPosition;
use kraft_wire::api::RequestRefusal;
use kraft_wire::command::{AnsweredBy, Operation, REMOVED_MAX};
use kraft_wire::key_value::{KEY_MAX, Key, KeyValue, Measure, Unfit, VALUE_MAX, Value};
use kraft_wire::rows::{
    Effect, KEYS_PER_READ_MAX, Page, Query, Rest, SCAN_BYTES_MAX, SCAN_ROWS_DEFAULT, SCAN_ROWS_MAX,
    Scan, View,
};
use kraft_wire::txn::{Change, Compare, Found, Mismatch, Txn};

use crate::machine::{Size, StateMachine};
use crate::saved::{damaged, read_bytes, read_u64};

/// An ordered map of keys to values. A clone shares what does not change from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kv {
    map: OrdMap<Key, Value>,
    bytes: u64,
}

impl Kv {
    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.map.get(key)
    }

    /// One page of what is wanted.
    pub fn scan(&self, wanted: &Scan) -> Page {
        let limit = wanted.limit.unwrap_or(SCAN_ROWS_DEFAULT).min(SCAN_ROWS_MAX) as usize;
        let mut left = self
            .map
            .range::<_, [u8]>((wanted.lower(), Bound::Unbounded))
            .take_while(|(key, _)| wanted.reaches(key))
            .peekable();
        let mut rows = Vec::new();
        let mut bytes = 0;
        while rows.len() < limit && bytes < SCAN_BYTES_MAX {
            let Some((key, value)) = left.next() else {
                break;
            };
            bytes += key.len() + value.len();
            rows.push(KeyValue {
                key: key.clone(),
                value: value.clone(),
            });
        }
        let more = match left.peek() {
            Some(_) => rows.last().map(|row| row.key.clone()),
            None => None,
        };
        Page { rows, more }
    }

    /// How many keys it holds.
    pub fn entries(&self) -> u64 {
        self.map.len() as u64
    }

    /// The bytes of all its keys and values.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn put(&mut self, key: Key, value: Value) {
        self.remove(&key);
        self.bytes += (key.len() + value.len()) as u64;
        self.map.insert(key, value);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(value) = self.map.remove(key) {
            self.bytes -= (key.len() + value.len()) as u64;
        }
    }

    fn transact(&mut self, txn: Txn) -> Effect {
        for (at, Compare { key, holds }) in txn.compare.iter().enumerate() {
            let found = self.map.get(key);
            if found != holds.as_ref() {
                return Effect::Mismatch(Mismatch {
                    // A write names far fewer.
                    at: at as u16,
                    found: found.map(Found::of),
                });
            }
        }
        for change in txn.then {
            match change {
                Change::Put(KeyValue { key, value }) => self.put(key, value),
                Change::Delete(key) => self.remove(&key),
            }
        }
        Effect::Swapped
    }

    fn delete_prefix(&mut self, prefix: &Key) -> Effect {
        let from = self
            .map
            .range::<_, [u8]>((Bound::Included(prefix.as_bytes()), Bound::Unbounded));
        let mut found = from
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix));
        let keys: Vec<Key> = found.by_ref().take(REMOVED_MAX).cloned().collect();
        let rest = match found.next() {
            Some(_) => Rest::More,
            None => Rest::Nothing,
        };
        for key in &keys {
            self.remove(key);
        }
        Effect::Removed {
            // At most `REMOVED_MAX`.
            keys: keys.len() as u32,
            rest,
        }
    }

    /// The values of several keys.
    ///
    /// # Errors
    /// If they are too many to be shown together.
    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>, Unfit> {
        Measure::KeysRead.check(keys.len(), KEYS_PER_READ_MAX)?;
        let values = keys.iter().map(|key| self.map.get(key));
        let bytes = values.clone().flatten().map(|value| value.len()).sum();
        Measure::ValuesRead.check(bytes, SCAN_BYTES_MAX)?;
        Ok(values.map(Option::<&Value>::cloned).collect())
    }

    fn carry_out(&mut self, operation: Operation) -> Effect {
        match operation {
            Operation::Put { pairs } => {
                for KeyValue { key, value } in pairs {
                    self.put(key, value);
                }
                Effect::Done
            }
            Operation::Delete { keys } => {
                for key in &keys {
                    self.remove(key);
                }
                Effect::Done
            }
            Operation::Txn(txn) => self.transact(txn),
            Operation::DeletePrefix { prefix } => self.delete_prefix(&prefix),
            Operation::Cas { key, expected, new } => {
                if self.map.get(&key) != expected.as_ref() {
                    return Effect::Unequal;
                }
                match new {
                    Some(value) => self.put(key, value),
                    None => self.remove(&key),
                }
                Effect::Swapped
            }
        }
    }
}

impl StateMachine for Kv {
    type Command = Operation;
    type Answer = Effect;
    type Query = Query;
    type View = View;

    fn apply(&mut self, _: LogPosition, operation: Operation) -> Effect {
        self.carry_out(operation)
    }

    fn query(&self, query: &Query) -> Result<View, RequestRefusal> {
        Ok(match query {
            Query::Get(key) => View::Value(self.get(key.as_bytes()).cloned()),
            Query::GetMany(keys) => View::Values(self.get_many(keys)?),
            Query::Scan(scan) => {
                scan.check()?;
                View::Page(self.scan(scan))
            }
        })
    }

    fn save(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.entries().to_le_bytes())?;
        for (key, value) in &self.map {
            for bytes in [key.as_bytes(), value.as_bytes()] {
                to.write_all(&(bytes.len() as u64).to_le_bytes())?;
                to.write_all(bytes)?;
            }
        }
        Ok(())
    }

    fn load(from: &mut dyn Read) -> io::Result<Self> {
        let mut kv = Self::default();
        for _ in 0..read_u64(from)? {
            let key = read_bytes(from, KEY_MAX)?;
            let value = read_bytes(from, VALUE_MAX)?;
            let (key, value) = (Key::new(key), Value::new(value));
            kv.put(key.map_err(damaged)?, value.map_err(damaged)?);
        }
        Ok(kv)
    }

    fn check(operation: &Operation) -> Result<(), RequestRefusal> {
        Ok(operation.check()?)
    }

    fn keys(operation: &Operation) -> Box<dyn Iterator<Item = &[u8]> + '_> {
        Box::new(operation.keys().map(|key| key.as_bytes()))
    }

    fn answered_by(operation: &Operation) -> AnsweredBy {
        operation.answered_by()
    }

    fn view_bytes_max(&self, query: &Query) -> usize {
        match query {
            Query::Get(key) => self.get(key.as_bytes()).map_or(0, |value| value.len()),
            Query::Scan(_) | Query::GetMany(_) => SCAN_BYTES_MAX,
        }
    }

    fn size(&self) -> Size {
        Size {
            entries: self.entries(),
            bytes: self.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use kraft_wire::rows::ScanFrom;

    use super::*;

    fn key(key: &str) -> Key {
        Key::try_from(key).unwrap()
    }

    fn value(value: &str) -> Value {
        Value::try_from(value).unwrap()
    }

    fn store(keys: &[&str]) -> Kv {
        let mut kv = Kv::default();
        for name in keys {
            kv.put(key(name), value("v"));
        }
        kv
    }

    fn names(page: &Page) -> Vec<String> {
        page.rows.iter().map(|row| row.key.to_string()).collect()
    }

    #[test]
    fn a_put_of_several_pairs_and_a_delete_of_several_keys() {
        let mut kv = Kv::default();
        let put = Operation::Put {
            pairs: [("a", "1"), ("b", "22"), ("a", "333")]
                .map(|(k, v)| KeyValue {
                    key: key(k),
                    value: value(v),
                })
                .to_vec(),
        };
        assert_eq!(kv.carry_out(put), Effect::Done);
        assert_eq!(kv.get(b"a"), Some(&value("333")));
        assert_eq!((kv.entries(), kv.bytes()), (2, 7));
        let delete = Operation::Delete {
            keys: vec![key("a"), key("never there"), key("b")],
        };
        assert_eq!(kv.carry_out(delete), Effect::Done);
        assert_eq!((kv.entries(), kv.bytes()), (0, 0));
        assert_eq!(kv.get(b"a"), None);
    }

    #[test]
    fn compare_and_set_sets_only_what_it_expected() {
        let mut kv = Kv::default();
        let cas = |expected: Option<&str>, new: Option<&str>| Operation::Cas {
            key: key("k"),
            expected: expected.map(value),
            new: new.map(value),
        };
        assert_eq!(kv.carry_out(cas(Some("1"), Some("2"))), Effect::Unequal);
        assert_eq!(kv.carry_out(cas(None, Some("1"))), Effect::Swapped);
        assert_eq!(kv.carry_out(cas(None, Some("2"))), Effect::Unequal);
        assert_eq!(kv.carry_out(cas(Some("1"), Some("2"))), Effect::Swapped);
        assert_eq!(kv.get(b"k"), Some(&value("2")));
        assert_eq!(kv.carry_out(cas(Some("2"), None)), Effect::Swapped);
        assert_eq!((kv.entries(), kv.bytes()), (0, 0));
    }

    #[test]
    fn a_transaction_is_done_wholly_or_says_what_it_found() {
        let mut kv = store(&["a", "b"]);
        let txn = |txn: Result<Txn, Unfit>| Operation::Txn(txn.unwrap());
        let moved = || {
            txn(Txn::new()
                .holds("a", "v")
                .and_then(|txn| txn.absent("c"))
                .and_then(|txn| txn.put("c", "1"))
                .and_then(|txn| txn.delete("a"))
                .and_then(|txn| txn.put("c", "2")))
        };
        assert_eq!(kv.carry_out(moved()), Effect::Swapped);
        assert_eq!(kv.get(b"c"), Some(&value("2")), "changes are made in order");
        assert_eq!((kv.entries(), kv.bytes()), (2, 4));
        let before = kv.clone();
        let mismatch = |at, found: Option<&str>| {
            let found = found.map(|found| Found::of(&value(found)));
            Effect::Mismatch(Mismatch { at, found })
        };
        assert_eq!(kv.carry_out(moved()), mismatch(0, None));
        let second = txn(Txn::new()
            .holds("b", "v")
            .and_then(|txn| txn.absent("c"))
            .and_then(|txn| txn.delete("b")));
        assert_eq!(kv.carry_out(second), mismatch(1, Some("2")));
        assert_eq!(kv, before, "nothing is changed where one differs");
    }

    #[test]
    fn a_deletion_by_prefix_is_counted_and_bounded() {
        let mut kv = store(&["a", "user", "user:1", "user:2", "user;"]);
        let delete = |prefix| Operation::DeletePrefix {
            prefix: key(prefix),
        };
        let removed = |keys, rest| Effect::Removed { keys, rest };
        assert_eq!(kv.carry_out(delete("user:")), removed(2, Rest::Nothing));
        assert_eq!(kv, store(&["a", "user", "user;"]));
        assert_eq!(kv.carry_out(delete("user:")), removed(0, Rest::Nothing));
        for n in 0..=REMOVED_MAX {
            kv.put(key(&format!("many{n}")), value("v"));
        }
        let most = removed(REMOVED_MAX as u32, Rest::More);
        assert_eq!(kv.carry_out(delete("many")), most);
        assert_eq!(kv.carry_out(delete("many")), removed(1, Rest::Nothing));
        assert_eq!((kv.entries(), kv.bytes()), (3, 13));
    }

    #[test]
    fn several_keys_are_read_as_one_or_not_at_all() {
        let mut kv = store(&["a", "b"]);
        let keys = ["b", "never there", "a", "b"].map(key);
        let there = Some(value("v"));
        let read = kv.get_many(&keys).unwrap();
        assert_eq!(read, [there.clone(), None, there.clone(), there]);
        kv.put(key("large"), Value::new(vec![0; VALUE_MAX]).unwrap());
        let large = vec![key("large"); 5];
        assert!(kv.get_many(&large[..4]).is_ok());
        assert!(kv.get_many(&large).is_err(), "more than one answer holds");
        let many = vec![key("never there"); KEYS_PER_READ_MAX + 1];
        assert!(kv.get_many(&many).is_err());
    }

    #[test]
    fn a_scan_keeps_to_its_prefix_and_range() {
        let kv = store(&["a", "user", "user:1", "user:2", "user:3", "user;", "v"]);
        let mut range = Scan::prefix(key("user:"));
        assert_eq!(names(&kv.scan(&range)), ["user:1", "user:2", "user:3"]);
        range.from = ScanFrom::At(key("user:2"));
        assert_eq!(names(&kv.scan(&range)), ["user:2", "user:3"]);
        range.until = Some(key("user:3"));
        assert_eq!(names(&kv.scan(&range)), ["user:2"]);
        range.from = ScanFrom::At(key("a"));
        assert_eq!(names(&kv.scan(&range)), ["user:1", "user:2"]);
        range.from = ScanFrom::After(key("z"));
        assert!(kv.scan(&range).rows.is_empty());
        assert_eq!(kv.scan(&Scan::default()).rows.len(), 7);
    }

    #[test]
    fn pages_put_together_are_the_whole() {
        let all: Vec<String> = (0..25).map(|n| format!("key{n:02}")).collect();
        let kv = store(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let mut read = Vec::new();
        let mut range = Scan {
            limit: Some(10),
            ..Scan::prefix(key("key"))
        };
        let mut sizes = Vec::new();
        loop {
            let page = kv.scan(&range);
            sizes.push(page.rows.len());
            read.extend(names(&page));
            match page.more {
                Some(last) => range.from = ScanFrom::After(last),
                None => break,
            }
        }
        assert_eq!(sizes, [10, 10, 5]);
        assert_eq!(read, all);
    }

    #[test]
    fn a_page_that_ends_with_the_last_row_says_so() {
        let kv = store(&["a", "b"]);
        let range = Scan {
            limit: Some(2),
            ..Scan::default()
        };
        assert_eq!(kv.scan(&range).more, None);
    }

    #[test]
    fn large_rows_end_a_page_before_its_limit() {
        let mut kv = Kv::default();
        let large = Value::new(vec![0; VALUE_MAX]).unwrap();
        for n in 0..6 {
            kv.put(key(&format!("k{n}")), large.clone());
        }
        let page = kv.scan(&Scan::default());
        assert_eq!(page.rows.len(), 4);
        assert_eq!(page.more, Some(key("k3")));
    }

    #[test]
    fn a_scan_of_more_rows_than_allowed_is_refused() {
        let range = Scan {
            limit: Some(SCAN_ROWS_MAX + 1),
            ..Scan::default()
        };
        assert!(range.check().is_err());
        assert!(Scan::default().check().is_ok());
    }

    #[test]
    fn what_is_saved_is_loaded_and_damage_is_refused() {
        let kv = store(&["a", "user:1", "v"]);
        let mut saved = Vec::new();
        kv.save(&mut saved).unwrap();
        assert_eq!(Kv::load(&mut saved.as_slice()).unwrap(), kv);
        for short in 0..saved.len() {
            assert!(Kv::load(&mut &saved[..short]).is_err(), "{short} bytes");
        }
        saved[8..16].fill(0xff);
        assert!(Kv::load(&mut saved.as_slice()).is_err());
    }
}
