//! How many entries each append holds that is on its way to one peer, the oldest first.
//!
//! Small on purpose: a leader has one for each peer.

use serde::Serialize;

use crate::limits::{APPENDS_IN_FLIGHT_MAX, RUN_ENTRIES_MAX};

/// Two counts, of twelve bits each, stand in three bytes. Each is one less than what it counts, as no
/// append in flight holds nothing.
const BYTES: usize = APPENDS_IN_FLIGHT_MAX * 3 / 2;

const _: () = assert!(RUN_ENTRIES_MAX <= 1 << 12);
const _: () = assert!(APPENDS_IN_FLIGHT_MAX < u8::MAX as usize);
const _: () = assert!(APPENDS_IN_FLIGHT_MAX.is_multiple_of(2));

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct InFlight {
    counts: [u8; BYTES],
    len: u8,
}

impl InFlight {
    pub const fn new() -> Self {
        Self {
            counts: [0; BYTES],
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    fn get(&self, place: usize) -> u16 {
        let at = place / 2 * 3;
        let [low, middle, high] = [0, 1, 2].map(|byte| u16::from(self.counts[at + byte]));
        1 + match place % 2 {
            0 => low | (middle & 0xF) << 8,
            _ => middle >> 4 | high << 4,
        }
    }

    fn set(&mut self, place: usize, count: u16) {
        let less = count - 1;
        let at = place / 2 * 3;
        let middle = self.counts[at + 1];
        match place % 2 {
            0 => {
                self.counts[at] = less as u8;
                self.counts[at + 1] = middle & 0xF0 | (less >> 8) as u8;
            }
            _ => {
                self.counts[at + 1] = middle & 0xF | (less << 4) as u8;
                self.counts[at + 2] = (less >> 4) as u8;
            }
        }
    }

    /// How many entries all of them hold.
    pub fn entries(&self) -> u64 {
        (0..self.len())
            .map(|place| u64::from(self.get(place)))
            .sum()
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The oldest.
    pub fn front(&self) -> Option<u16> {
        (self.len > 0).then(|| self.get(0))
    }

    /// One more, of at least one entry; the caller asked whether there is room.
    pub fn push(&mut self, count: u32) {
        if self.len() < APPENDS_IN_FLIGHT_MAX {
            self.set(self.len(), count.max(1) as u16);
            self.len += 1;
        }
    }

    /// The oldest has arrived.
    pub fn pop(&mut self) {
        if self.len > 0 {
            for place in 1..self.len() {
                self.set(place - 1, self.get(place));
            }
            self.len -= 1;
            // What is not in flight is written in one way only.
            self.set(self.len(), 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leaves_first_and_there_is_room_for_as_many_as_may_be_sent() {
        let mut in_flight = InFlight::new();
        for count in 1..=APPENDS_IN_FLIGHT_MAX as u32 + 1 {
            in_flight.push(count);
        }
        assert_eq!(in_flight.len(), APPENDS_IN_FLIGHT_MAX);
        for count in 1..=APPENDS_IN_FLIGHT_MAX as u16 {
            assert_eq!(in_flight.front(), Some(count));
            in_flight.pop();
        }
        assert_eq!(in_flight.len(), 0);
        in_flight.pop();
        assert_eq!(in_flight, InFlight::new());
    }

    #[test]
    fn each_count_stands_for_itself() {
        let counts = [1, RUN_ENTRIES_MAX, 2, 255, 256, 257, RUN_ENTRIES_MAX - 1, 4];
        let mut in_flight = InFlight::new();
        let mut shorter = InFlight::new();
        in_flight.push(77);
        for count in counts {
            in_flight.push(count);
            shorter.push(count);
        }
        let sum = counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        assert_eq!(in_flight.entries(), 77 + sum);
        in_flight.pop();
        assert_eq!(in_flight, shorter, "the same, whatever was before");
        for count in counts {
            assert_eq!(in_flight.front(), Some(count as u16));
            in_flight.pop();
        }
        assert_eq!((in_flight.front(), in_flight.entries()), (None, 0));
    }
}
