//! The clients: what they asked for, whom they ask next, and what they were told.

use std::collections::{BTreeMap, VecDeque};

use kraft_proto::{Class, LogPosition};
use serde::{Deserialize, Serialize};

use super::action::Target;

/// A write that was refused and is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub to: Target,
    pub class: Class,
    pub count: u32,
    /// How often it may still be refused.
    pub patience: u8,
}

/// How often a client asks.
pub(crate) const PATIENCE: u8 = 12;
/// How long it waits in between.
pub(crate) const RETRY_US: u64 = 30_000;
/// Positions clients remember, to ask for their fate.
const REMEMBERED_MAX: usize = 16;

/// Every client.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Clients {
    /// Refused writes, by the time they are asked for again and a number that breaks ties.
    again: BTreeMap<(u64, u64), Wish>,
    asked: u64,
    /// Entries proposed and reads asked for so far: each has a number.
    pub entries: u64,
    pub reads: u64,
    /// Positions answered early, the newest last.
    remembered: VecDeque<LogPosition>,
}

impl Clients {
    pub fn ask_again(&mut self, at_us: u64, wish: Wish) {
        self.asked += 1;
        self.again.insert((at_us, self.asked), wish);
    }

    pub fn next_at(&self) -> u64 {
        self.again
            .first_key_value()
            .map_or(u64::MAX, |((at, _), _)| *at)
    }

    pub fn take(&mut self) -> Option<Wish> {
        self.again.pop_first().map(|(_, wish)| wish)
    }

    pub fn remember(&mut self, position: LogPosition) {
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back(position);
    }

    /// Positions worth asking for.
    pub fn remembered(&self) -> impl Iterator<Item = LogPosition> + '_ {
        self.remembered.iter().copied()
    }
}
