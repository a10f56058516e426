//! Entries as the simulated hosts keep them.

use kraft_proto::{EntryKind, LogIndex, LogPosition, Run, Term};
use serde::{Deserialize, Serialize};

use super::sessions::Request;

/// An entry: its term, what it is for, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term that created it.
    pub term: u64,
    /// What it is for.
    pub kind: EntryKind,
    /// Which proposal it is; 0 in a no-op, the number of a configuration (see `members`).
    pub data: u64,
}

impl Entry {
    /// The request of a session it holds, if it holds one.
    pub(crate) fn request(&self) -> Option<Request> {
        match self.kind {
            EntryKind::Command => Request::unpacked(self.data),
            EntryKind::NoOp | EntryKind::Configuration => None,
        }
    }
}

/// The stretches of a log that one write or message could hold.
pub fn runs(log: &[Entry]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (entry, index) in log.iter().zip(1..) {
        match runs.last_mut() {
            Some(run)
                if run.term.0 == entry.term
                    && run.kind == entry.kind
                    && entry.kind == EntryKind::Command =>
            {
                run.count += 1;
            }
            _ => runs.push(Run {
                term: Term(entry.term),
                kind: entry.kind,
                first: LogIndex(index),
                count: 1,
            }),
        }
    }
    runs
}

/// The last index of each term of a log.
pub fn term_ends(log: &[Entry]) -> Vec<(u64, u64)> {
    let mut ends: Vec<(u64, u64)> = Vec::new();
    for (entry, index) in log.iter().zip(1..) {
        match ends.last_mut() {
            Some((term, end)) if *term == entry.term => *end = index,
            _ => ends.push((entry.term, index)),
        }
    }
    ends
}

/// Whether a log has the entry at a position.
pub fn has(log: &[Entry], position: LogPosition) -> bool {
    let place = (position.index.0 as usize).wrapping_sub(1);
    log.get(place)
        .is_some_and(|entry| entry.term == position.term.0)
}

/// The run around an index of a log: entries of one term and one kind.
pub(crate) fn run_at(log: &[Entry], index: LogIndex) -> Option<Run> {
    let place = (index.0 as usize).checked_sub(1)?;
    let there = log.get(place)?;
    let alike = |entry: &&Entry| (entry.term, entry.kind) == (there.term, there.kind);
    let (before, behind) = match there.kind {
        EntryKind::Configuration => (0, 0),
        EntryKind::Command | EntryKind::NoOp => (
            log[..place].iter().rev().take_while(alike).count(),
            log[place + 1..].iter().take_while(alike).count(),
        ),
    };
    Some(Run {
        term: Term(there.term),
        kind: there.kind,
        first: LogIndex((place - before) as u64 + 1),
        count: (before + 1 + behind) as u32,
    })
}
