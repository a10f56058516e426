//! The clients: what they asked for, whom they ask next, and what they were told.

use std::collections::VecDeque;

use kraft_proto::{Class, LogPosition};
use serde::{Deserialize, Serialize};

use super::action::Target;
use super::commands::Client;
use super::sessions::{Request, SESSIONS_MAX};
use super::table::Table;

/// A write, and how often it may still be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub to: Target,
    pub class: Class,
    pub count: u32,
    /// How often it may still be refused.
    pub patience: u8,
    /// Which ask of the clients it is. For who watches: it decides nothing.
    #[serde(skip)]
    pub ask: u64,
}

/// What a client does later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Errand {
    /// It asks for a write that was refused.
    Write(Wish),
    /// It asks again for what it was not answered.
    AskAgain(Request),
    /// A second copy of what it asked arrives.
    Copy {
        to: Target,
        request: Request,
        class: Class,
    },
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
    /// What they do later, by the time and a number that breaks ties.
    errands: Table<(u64, u64), Errand>,
    asked: u64,
    /// Writes asked for so far, accepted or not.
    #[serde(skip)]
    pub asks: u64,
    /// Those with sessions.
    pub sessions: [Client; SESSIONS_MAX as usize],
    /// Entries proposed and reads asked for so far: each has a number.
    pub entries: u64,
    pub reads: u64,
    /// Positions answered early, the newest last.
    remembered: VecDeque<LogPosition>,
}

impl Clients {
    pub fn later(&mut self, at_us: u64, errand: Errand) {
        self.asked += 1;
        self.errands.or_insert((at_us, self.asked), errand);
    }

    pub fn next_at(&self) -> u64 {
        self.errands.first_key().map_or(u64::MAX, |(at, _)| at)
    }

    pub fn take(&mut self) -> Option<Errand> {
        self.errands.pop_first()
    }

    pub fn remember(&mut self, position: LogPosition) {
        if self.remembered.len() == REMEMBERED_MAX {
            self.remembered.pop_front();
        }
        self.remembered.push_back(position);
    }

    /// Positions worth asking for, the newest last.
    pub fn remembered(&self) -> impl DoubleEndedIterator<Item = LogPosition> + '_ {
        self.remembered.iter().copied()
    }
}
