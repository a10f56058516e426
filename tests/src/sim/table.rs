//! A map in order of its keys that is one list of pairs.
//!
//! A world has a dozen small maps of as many types, and a page loads the code of each: a B-tree is
//! several kilobytes of it a type, a list a few hundred bytes. Keys mostly come in their order, so that
//! a new one lands at or near the end; and a branch of a world copies a list in one go.

use serde::{Serialize, Serializer};

/// Pairs in order of their keys. Serialized as a map.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord + Copy, V> Table<K, V> {
    /// Where the key is, or else where it belongs.
    fn find(&self, key: K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(&key))
    }

    pub fn get(&self, key: K) -> Option<&V> {
        let place = self.find(key).ok()?;
        Some(&self.0[place].1)
    }

    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let place = self.find(key).ok()?;
        Some(&mut self.0[place].1)
    }

    /// What the key has, which is this if it had nothing.
    pub fn or_insert(&mut self, key: K, value: V) -> &mut V {
        let place = self.find(key).unwrap_or_else(|place| {
            self.0.insert(place, (key, value));
            place
        });
        &mut self.0[place].1
    }

    pub fn remove(&mut self, key: K) -> Option<V> {
        let place = self.find(key).ok()?;
        Some(self.0.remove(place).1)
    }

    pub fn first_key(&self) -> Option<K> {
        self.0.first().map(|(key, _)| *key)
    }

    pub fn pop_first(&mut self) -> Option<V> {
        (!self.0.is_empty()).then(|| self.0.remove(0).1)
    }

    pub fn keys(&self) -> impl Iterator<Item = K> + '_ {
        self.0.iter().map(|(key, _)| *key)
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keeps the pairs that this says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(*key, value));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sim::chance::Chance;
    use crate::sim::hash::encode;

    #[test]
    fn a_table_is_what_a_b_tree_is_to_whoever_asks_and_to_the_hash() {
        let (mut table, mut tree) = (Table::default(), BTreeMap::new());
        let mut chance = Chance::about(&[7]);
        for round in 0..4_000_u64 {
            let key = chance.number(0, 60);
            match chance.number(0, 9) {
                0..5 => {
                    *table.or_insert(key, 0) += round;
                    *tree.entry(key).or_insert(0) += round;
                }
                5 => assert_eq!(table.remove(key), tree.remove(&key)),
                6 => assert_eq!(table.pop_first(), tree.pop_first().map(|(_, value)| value)),
                7 => {
                    table.retain(|key, value| !(key + *value).is_multiple_of(5));
                    tree.retain(|key, value| !(*key + *value).is_multiple_of(5));
                }
                8 => table
                    .values_mut()
                    .zip(tree.values_mut())
                    .for_each(|(a, b)| {
                        *a += 1;
                        *b += 1;
                    }),
                _ => assert_eq!(table.get_mut(key), tree.get_mut(&key)),
            }
            assert_eq!(table.get(key), tree.get(&key));
            assert_eq!(table.first_key(), tree.keys().next().copied());
            assert!(table.keys().eq(tree.keys().copied()));
            assert_eq!(table.is_empty(), tree.is_empty());
            assert_eq!(encode(&table), encode(&tree));
        }
        let json = serde_json::to_string(&tree).unwrap();
        assert_eq!(serde_json::to_string(&table).unwrap(), json);
    }
}
