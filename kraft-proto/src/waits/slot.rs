//! Room for one who waits, and what links it to the others.

use crate::bounds::Busy;
use crate::durability::Fallback;
use crate::ids::LogPosition;
use crate::modes::{Class, CommitMode, Held};
use crate::time::Instant;

use super::Grade;

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// Someone who waits.
#[derive(Clone, Debug)]
pub(super) struct Wait<T> {
    pub token: T,
    pub position: LogPosition,
    pub asked: Class,
    pub mode: CommitMode,
    pub held: Held,
    /// Whether commit alone fulfils it: nobody asked for more than a majority.
    pub majority_is_enough: bool,
    pub deadline: Instant,
    pub fallback: Fallback,
    /// Breaks ties: who came first.
    pub number: u64,
    /// The queue it stands in; none while it waits for commit.
    pub queue: Option<usize>,
    pub answer: (CommitMode, Option<Held>, Grade),
}

/// Room for one who waits.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    pub(super) wait: Option<Wait<T>>,
    pub(super) next: u32,
    pub(super) prev: u32,
    /// One for each [`Order`](super::heap::Order).
    pub(super) seats: [Seat; 2],
}

/// A slot's share in a heap whose places lie in the slots themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    /// The slot that stands at the place of this one's number.
    pub holder: u32,
    /// The place at which this slot stands.
    pub place: u32,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        let seat = Seat {
            holder: NONE,
            place: NONE,
        };
        Self {
            wait: None,
            next: NONE,
            prev: NONE,
            seats: [seat; 2],
        }
    }
}

/// What a full house says.
pub(super) const fn full(slots: usize) -> Busy {
    Busy {
        bound: crate::bounds::Bound::Waits,
        limit: slots as u64,
    }
}
