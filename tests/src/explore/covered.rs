//! Which worlds need no visit: those whose every future another world has as well.
//!
//! Messages are never taken off the network, and each may be lost. So of two worlds that differ in
//! their networks alone, the one whose network has all that the other's has can do whatever the
//! other can, move by move, and breaks every invariant that the other breaks: the other is *covered*
//! and needs no visit. A search that goes breadth first and leaves out what is covered by a world no
//! deeper still finds a shortest way to whatever is wrong.

use std::collections::HashMap;

use super::arena::Map;

/// A set of numbers, as bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bits(Box<[u64]>);

impl Bits {
    /// The set of these numbers. Equal sets are equal values.
    pub fn of(numbers: impl Iterator<Item = u32>) -> Self {
        let mut words = Vec::new();
        for number in numbers {
            let word = number as usize / 64;
            if words.len() <= word {
                words.resize(word + 1, 0);
            }
            words[word] |= 1_u64 << (number % 64);
        }
        Self(words.into())
    }

    /// Whether everything in this set is in the other.
    pub fn is_within(&self, other: &Self) -> bool {
        let mut pairs = self.0.iter().zip(&other.0);
        self.0.len() <= other.0.len() && pairs.all(|(one, other)| one & !other == 0)
    }
}

/// A world that was visited: what it is but for its network, and that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    situation: u32,
    network: u32,
}

/// The worlds visited, by what they are but for their networks: their situations.
#[derive(Default)]
pub struct Covered {
    situations: Map<u128, u32>,
    /// The last visited world of each.
    heads: Vec<u32>,
    /// Each world visited: its network, and the one visited before it in its situation. Eight bytes
    /// a world.
    visited: Vec<(u32, u32)>,
    networks: Vec<Bits>,
    numbers: HashMap<Bits, u32>,
}

/// No world: there are never so many.
const NONE: u32 = u32::MAX;

impl Covered {
    /// The number of a network.
    pub fn network(&mut self, messages: Bits) -> u32 {
        *self.numbers.entry(messages).or_insert_with_key(|messages| {
            self.networks.push(messages.clone());
            self.networks.len() as u32 - 1
        })
    }

    /// Visits a world, unless it is covered. `print` tells it from all others but for its network.
    pub fn visit(&mut self, print: u128, network: u32) -> Option<Visit> {
        let fresh = self.heads.len() as u32;
        let situation = *self.situations.entry(print).or_insert(fresh);
        if situation == fresh {
            self.heads.push(NONE);
        }
        let visit = Visit { situation, network };
        let head = self.heads[situation as usize];
        if self
            .covers(visit)
            .any(|other| other == network || self.is_within(network, other))
        {
            return None;
        }
        self.visited.push((network, head));
        self.heads[situation as usize] = self.visited.len() as u32 - 1;
        Some(visit)
    }

    /// Whether another world came to cover one that was visited.
    pub fn is_covered(&self, visit: Visit) -> bool {
        let mut others = self.covers(visit).filter(|other| *other != visit.network);
        others.any(|other| self.is_within(visit.network, other))
    }

    /// The networks of all visited worlds that are the same otherwise, the newest first.
    fn covers(&self, visit: Visit) -> impl Iterator<Item = u32> {
        let mut place = self.heads[visit.situation as usize];
        std::iter::from_fn(move || {
            let (network, before) = *self.visited.get(place as usize)?;
            place = before;
            Some(network)
        })
    }

    fn is_within(&self, one: u32, other: u32) -> bool {
        self.networks[one as usize].is_within(&self.networks[other as usize])
    }

    /// How many worlds were visited.
    pub fn visited(&self) -> usize {
        self.visited.len()
    }

    /// How many of them differ in more than their networks.
    pub fn situations(&self) -> usize {
        self.heads.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_covered_by_one_with_more_messages_and_by_no_other() {
        let mut covered = Covered::default();
        let mut visit = |print, messages: &[u32]| {
            let network = covered.network(Bits::of(messages.iter().copied()));
            covered.visit(print, network).is_some()
        };
        assert!(visit(1, &[3, 70]));
        assert!(!visit(1, &[70, 3]), "the same");
        assert!(!visit(1, &[70]) && !visit(1, &[]), "less");
        assert!(
            visit(1, &[3, 71]) && visit(1, &[3, 70, 200]),
            "more, or other"
        );
        assert!(visit(2, &[]), "another world");
        assert_eq!((covered.visited(), covered.situations()), (4, 2));
    }
}
