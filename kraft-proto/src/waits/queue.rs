//! Queues of slots, linked by their numbers in both directions: any of them leaves at once.

use super::slot::{NONE, Slot};

/// The ends of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    head: u32,
    tail: u32,
}

impl Queue {
    pub const EMPTY: Self = Self {
        head: NONE,
        tail: NONE,
    };

    /// The slot that came first.
    pub fn head(&self) -> Option<u32> {
        (self.head != NONE).then_some(self.head)
    }

    /// Puts a slot behind the others. It stands in no other queue.
    pub fn push<T>(&mut self, slots: &mut [Slot<T>], slot: u32) {
        slots[slot as usize].next = NONE;
        slots[slot as usize].prev = self.tail;
        match self.tail {
            NONE => self.head = slot,
            tail => slots[tail as usize].next = slot,
        }
        self.tail = slot;
    }

    /// Takes a slot out. It stands in this queue.
    pub fn remove<T>(&mut self, slots: &mut [Slot<T>], slot: u32) {
        let (next, prev) = (slots[slot as usize].next, slots[slot as usize].prev);
        match prev {
            NONE => self.head = next,
            prev => slots[prev as usize].next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => slots[next as usize].prev = prev,
        }
    }

    /// Takes the slot out that came first.
    pub fn pop<T>(&mut self, slots: &mut [Slot<T>]) -> Option<u32> {
        let head = self.head()?;
        self.remove(slots, head);
        Some(head)
    }
}
