//! How many entries each append holds that is on its way to one peer, the oldest first.
//!
//! Small on purpose: a leader has one for each peer.

use serde::{Deserialize, Serialize};

use crate::limits::{APPENDS_IN_FLIGHT_MAX, RUN_ENTRIES_MAX};

const _: () = assert!(RUN_ENTRIES_MAX <= u16::MAX as u32);
const _: () = assert!(APPENDS_IN_FLIGHT_MAX < u8::MAX as usize);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InFlight {
    counts: [u16; APPENDS_IN_FLIGHT_MAX],
    len: u8,
}

impl InFlight {
    pub const fn new() -> Self {
        Self {
            counts: [0; APPENDS_IN_FLIGHT_MAX],
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// How many entries all of them hold.
    pub fn entries(&self) -> u64 {
        self.counts.iter().copied().map(u64::from).sum()
    }

    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The oldest.
    pub fn front(&self) -> Option<u16> {
        (self.len > 0).then_some(self.counts[0])
    }

    /// One more; the caller asked whether there is room.
    pub fn push(&mut self, count: u32) {
        if let Some(slot) = self.counts.get_mut(usize::from(self.len)) {
            *slot = count as u16;
            self.len += 1;
        }
    }

    /// The oldest has arrived.
    pub fn pop(&mut self) {
        if self.len > 0 {
            self.counts.copy_within(1.., 0);
            self.counts[APPENDS_IN_FLIGHT_MAX - 1] = 0;
            self.len -= 1;
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
}
