//! The newest configuration's place in the log, and the configuration before it.
//!
//! A configuration counts from when its entry is appended, committed or not (Raft §6), so a node
//! whose entry is cut off goes back to the one before. No further: a leader appends a configuration
//! only once the one before is committed, and what is committed is never cut.

use serde::Serialize;

use crate::ids::LogIndex;
use crate::members::Members;

/// Where the configuration in force stands, and what it would fall back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Configurations {
    at: LogIndex,
    before: Members,
    before_at: LogIndex,
}

impl Configurations {
    /// The configuration a cluster begins with, or a snapshot brought, follows no other.
    pub fn new(members: &Members, at: LogIndex) -> Self {
        Self {
            at,
            before: members.clone(),
            before_at: at,
        }
    }

    /// Where the entry of the configuration in force stands; 0 for the one a cluster begins with.
    pub fn at(&self) -> LogIndex {
        self.at
    }

    /// The configuration before.
    pub fn before(&self) -> &Members {
        &self.before
    }

    /// Where the configuration at `index` stands, and which it is, as far as that is known here.
    pub fn at_index<'a>(
        &'a self,
        current: &'a Members,
        index: LogIndex,
    ) -> Option<(&'a Members, LogIndex)> {
        if index >= self.at {
            return Some((current, self.at));
        }
        (index >= self.before_at).then_some((&self.before, self.before_at))
    }

    /// Where the one before stands. It is committed, whether or not this node knows.
    pub fn before_at(&self) -> LogIndex {
        self.before_at
    }

    /// An entry at `at` brings `next` in place of `current`.
    pub fn enter(&mut self, current: &mut Members, next: Members, at: LogIndex) {
        self.before = core::mem::replace(current, next);
        self.before_at = self.at;
        self.at = at;
    }

    /// The log was cut behind `keep`.
    pub fn fall_back(&mut self, current: &mut Members, keep: LogIndex) {
        if self.at > keep {
            self.at = self.before_at;
            *current = self.before.clone();
        }
    }
}
