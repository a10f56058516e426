//! Writes on their way, and those who await commits, by the number the core's waits know them by.

use std::collections::HashMap;

use kraft_proto::{Class, Instant, LogPosition};
use kraft_wire::command::AnsweredBy;
use kraft_wire::payload::Payload;

use super::Told;
use crate::rpc::{Origin, Reply};

/// A write on its way.
#[derive(Debug)]
pub(in crate::node) struct PendingWrite {
    pub reply: Reply,
    pub asked: Class,
    pub started: Instant,
    /// Bytes of its entry.
    pub bytes: usize,
    pub position: LogPosition,
    pub machine: Machine,
    /// What the state machine said, once it was applied.
    pub outcome: Option<Payload>,
    /// What the core said, where only the state machine's answer is missing.
    pub told: Option<Told>,
}

/// Whether a write waits for what the state machine says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) enum Machine {
    /// The answer is the state machine's, which has not spoken yet.
    IsAwaited,
    /// It has spoken, or has nothing to say: it was not asked, takes no such write, or passed it by way of a snapshot.
    IsDone,
}

impl From<AnsweredBy> for Machine {
    fn from(answered_by: AnsweredBy) -> Self {
        match answered_by {
            AnsweredBy::Machine => Self::IsAwaited,
            AnsweredBy::Log => Self::IsDone,
        }
    }
}

/// Writes on their way.
#[derive(Debug, Default)]
pub(super) struct Writes {
    writes: Vec<Option<PendingWrite>>,
    free: Vec<u32>,
    /// Those that the state machine answers.
    by_position: HashMap<LogPosition, u32>,
}

impl Writes {
    pub fn insert(&mut self, write: PendingWrite) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.writes.push(None);
            (self.writes.len() - 1) as u32
        });
        if write.machine == Machine::IsAwaited {
            self.by_position.insert(write.position, number);
        }
        self.writes[number as usize] = Some(write);
        number
    }

    pub fn remove(&mut self, number: u32) -> Option<PendingWrite> {
        let write = self.writes.get_mut(number as usize)?.take()?;
        self.free.push(number);
        self.by_position.remove(&write.position);
        Some(write)
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut PendingWrite> {
        self.writes.get_mut(number as usize)?.as_mut()
    }

    /// Those of a client that wait for the core.
    pub fn of(&self, who: &Origin) -> impl Iterator<Item = u32> {
        let those = self.writes.iter().enumerate().filter(|(_, write)| {
            let write = write.as_ref();
            write.is_some_and(|write| write.told.is_none() && write.reply.origin() == *who)
        });
        those.map(|(number, _)| number as u32)
    }

    /// Those through a position whose answer is the state machine's.
    pub fn awaiting_machine_through(&self, upto: LogPosition) -> Vec<u32> {
        let through = self.by_position.iter().filter(|(at, _)| **at <= upto);
        through.map(|(_, number)| *number).collect()
    }

    /// The write at a position whose answer is the state machine's.
    pub fn awaiting_machine(&self, position: LogPosition) -> Option<u32> {
        self.by_position.get(&position).copied()
    }
}

/// Somebody who awaits the commit of an entry.
#[derive(Debug)]
pub(in crate::node) struct PendingAwait {
    pub reply: Reply,
    pub position: LogPosition,
}

/// Those who await commits.
#[derive(Debug, Default)]
pub(super) struct Awaits {
    by_number: HashMap<u32, PendingAwait>,
    last: u32,
}

impl Awaits {
    pub fn insert(&mut self, awaiting: PendingAwait) -> u32 {
        // Fewer wait at once than there are numbers.
        self.last = self.last.wrapping_add(1);
        self.by_number.insert(self.last, awaiting);
        self.last
    }

    pub fn remove(&mut self, number: u32) -> Option<PendingAwait> {
        self.by_number.remove(&number)
    }

    /// Those of a client.
    pub fn of(&self, who: &Origin) -> impl Iterator<Item = u32> {
        let those = (self.by_number.iter()).filter(|(_, awaiting)| awaiting.reply.origin() == *who);
        those.map(|(number, _)| *number)
    }
}
