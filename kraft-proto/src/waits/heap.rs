//! Heaps of slots: the one that is due first is at hand, whatever the number of those that are not.
//!
//! A heap's places lie in the slots themselves, so it holds all of them and needs no room of its own.

use super::slot::{NONE, Slot};

/// What is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The earliest deadline.
    Deadline,
    /// The earliest position: commit decides in that order.
    Position,
}

/// Slots in one order. Those of one key are taken as they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heap {
    order: Order,
    len: u32,
}

impl Heap {
    pub const fn new(order: Order) -> Self {
        Self { order, len: 0 }
    }

    /// The slot that is due first.
    pub fn first<T>(&self, slots: &[Slot<T>]) -> Option<u32> {
        (self.len > 0).then(|| self.holder(slots, 0))
    }

    /// Adds a slot that waits and is not in it.
    pub fn insert<T>(&mut self, slots: &mut [Slot<T>], slot: u32) {
        let place = self.len;
        self.len += 1;
        self.seat(slots, place, slot);
        self.rise(slots, place);
    }

    /// Takes a slot out, if it is in it.
    pub fn remove<T>(&mut self, slots: &mut [Slot<T>], slot: u32) {
        let place = slots[slot as usize].seats[self.order as usize].place;
        if place == NONE {
            return;
        }
        slots[slot as usize].seats[self.order as usize].place = NONE;
        self.len -= 1;
        let last = self.holder(slots, self.len);
        if place < self.len {
            self.seat(slots, place, last);
            self.rise(slots, place);
            let place = slots[last as usize].seats[self.order as usize].place;
            self.sink(slots, place);
        }
    }

    fn holder<T>(&self, slots: &[Slot<T>], place: u32) -> u32 {
        slots[place as usize].seats[self.order as usize].holder
    }

    fn seat<T>(&self, slots: &mut [Slot<T>], place: u32, slot: u32) {
        slots[place as usize].seats[self.order as usize].holder = slot;
        slots[slot as usize].seats[self.order as usize].place = place;
    }

    /// What is due at a place, in an order that is total.
    fn due<T>(&self, slots: &[Slot<T>], place: u32) -> (u64, u64, u64) {
        let wait = &slots[self.holder(slots, place) as usize].wait;
        wait.as_ref().map_or((0, 0, 0), |wait| match self.order {
            Order::Deadline => (wait.deadline.0, 0, wait.number),
            Order::Position => (wait.position.term.0, wait.position.index.0, wait.number),
        })
    }

    fn swap<T>(&self, slots: &mut [Slot<T>], one: u32, other: u32) {
        let (a, b) = (self.holder(slots, one), self.holder(slots, other));
        self.seat(slots, one, b);
        self.seat(slots, other, a);
    }

    fn rise<T>(&self, slots: &mut [Slot<T>], mut place: u32) {
        while place > 0 {
            let above = (place - 1) / 2;
            if self.due(slots, above) <= self.due(slots, place) {
                return;
            }
            self.swap(slots, above, place);
            place = above;
        }
    }

    fn sink<T>(&self, slots: &mut [Slot<T>], mut place: u32) {
        loop {
            let left = 2 * u64::from(place) + 1;
            let below = left..left + 2;
            let below = below.filter(|below| *below < u64::from(self.len));
            let below = below.min_by_key(|below| self.due(slots, *below as u32));
            let Some(below) = below.map(|below| below as u32) else {
                return;
            };
            if self.due(slots, place) <= self.due(slots, below) {
                return;
            }
            self.swap(slots, place, below);
            place = below;
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::super::Grade;
    use super::super::slot::Wait;
    use super::*;
    use crate::durability::Fallback;
    use crate::ids::LogPosition;
    use crate::modes::{Class, CommitMode, Held};
    use crate::time::Instant;

    fn slots(deadlines: &[u64]) -> Vec<Slot<u32>> {
        let slot = |(number, deadline): (usize, &u64)| Slot {
            wait: Some(Wait {
                token: number as u32,
                position: LogPosition::ZERO,
                asked: Class::default(),
                mode: CommitMode::Sync,
                held: Held::Synced,
                majority_is_enough: true,
                deadline: Instant(*deadline),
                fallback: Fallback::Refuse,
                number: number as u64,
                queue: None,
                answer: (CommitMode::Sync, None, Grade::Unknown),
            }),
            ..Slot::default()
        };
        deadlines.iter().enumerate().map(slot).collect()
    }

    /// Whatever is added and taken out, what is left comes out in order.
    #[test]
    fn what_is_due_first_comes_first_whoever_left_meanwhile() {
        for seed in 1..300_u64 {
            let mut state = seed;
            let mut draw = move || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            let deadlines: Vec<u64> = (0..40).map(|_| draw() % 8).collect();
            let mut slots = slots(&deadlines);
            let mut heap = Heap::new(Order::Deadline);
            let mut inside: Vec<u32> = Vec::new();
            for slot in 0..40 {
                heap.insert(&mut slots, slot);
                inside.push(slot);
                if draw() % 3 == 0 {
                    let gone = inside.remove((draw() % inside.len() as u64) as usize);
                    heap.remove(&mut slots, gone);
                    heap.remove(&mut slots, gone);
                }
            }
            inside.sort_by_key(|slot| (deadlines[*slot as usize], *slot));
            for expected in inside {
                assert_eq!(heap.first(&slots), Some(expected), "seed {seed}");
                heap.remove(&mut slots, expected);
            }
            assert_eq!(heap.first(&slots), None, "seed {seed}");
        }
    }
}
