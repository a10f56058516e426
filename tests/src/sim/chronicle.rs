//! What happens in a world, as records for a page: who, which entries, which client, and when.
//!
//! The trace tells a person; this tells a program, which draws it. Nothing is kept unless somebody
//! watches ([`World::watch`](super::World::watch)), and no more than `KEPT_MAX` records: whoever asks
//! for those since some number has no more need of the ones before.

use kraft_proto::{Grade, Held, LogPosition, Role};
use serde::Serialize;

use super::cells::{Column, Row};
use super::entry::Entry;
use super::event::{End, Event};
use super::oracles::contract::Judged;

/// Records that are kept for who has not asked yet.
const KEPT_MAX: usize = 100_000;

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A client asks for a write: `ask`. Refused, it asks again.
    Asked,
    /// The client asks no more: its write was never accepted.
    GaveUp,
    /// A node accepts it: it stands at `term` and `last` in its log.
    Proposed,
    /// The client is answered: `word` is the grade, `shape` what each node had.
    Answered,
    /// What became of an answered write: `word` is `kept` or `lost`, `cell` its place in the contract.
    Judged,
    /// A node starts, with so many entries: `last`.
    Started,
    /// A node ended: `word` is how.
    Ended,
    /// A suspect is trusted again.
    Readmitted,
    /// A node's role, `word`, in `term`.
    Role,
    /// A disk has entries `first` through `last` of `term`: `word` is how.
    Held,
}

/// One record. What says nothing about it is 0 or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Microseconds of the world's clock.
    pub at_us: u64,
    /// What happened.
    pub what: What,
    /// To whom, from 1 on.
    pub node: u8,
    /// The term of the entries, or of the role.
    pub term: u64,
    /// The first entry, by its index.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Which of the clients' asks, from 1 on.
    pub ask: u64,
    /// How: a depth, a grade, a role, an end.
    pub word: &'static str,
    /// How deep each node has the entry: see [`World::shape`](super::World::shape).
    pub shape: String,
    /// The row and the column of the contract, if anything befell the answer.
    pub cell: Option<(Row, Column)>,
}

impl Happening {
    pub(crate) fn new(what: What, word: &'static str) -> Self {
        Self {
            at_us: 0,
            what,
            node: 0,
            term: 0,
            first: 0,
            last: 0,
            ask: 0,
            word,
            shape: String::new(),
            cell: None,
        }
    }

    pub(crate) fn node(mut self, place: usize) -> Self {
        self.node = place as u8 + 1;
        self
    }

    pub(crate) fn ask(mut self, ask: u64) -> Self {
        self.ask = ask;
        self
    }

    pub(crate) fn at(self, position: LogPosition) -> Self {
        self.span(position.term.0, position.index.0, position.index.0)
    }

    fn span(mut self, term: u64, first: u64, last: u64) -> Self {
        (self.term, self.first, self.last) = (term, first, last);
        self
    }
}

/// The records nobody has asked for yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    /// The number of the first of them.
    first: u64,
    records: Vec<Happening>,
}

impl Chronicle {
    /// Those from this number on, and the number behind the last; the ones before are forgotten.
    pub fn since(&mut self, number: u64) -> (&[Happening], u64) {
        let known = number.saturating_sub(self.first) as usize;
        self.records.drain(..known.min(self.records.len()));
        self.first = self.first.max(number);
        (&self.records, self.first + self.records.len() as u64)
    }

    pub fn tell(&mut self, now_us: u64, mut record: Happening) {
        if self.records.len() == KEPT_MAX {
            // Nobody asks: the number of the next record says how many are gone.
            self.first += KEPT_MAX as u64;
            self.records.clear();
        }
        record.at_us = now_us;
        self.records.push(record);
    }

    pub fn judge(&mut self, now_us: u64, judged: Judged) {
        let word = if judged.kept { "kept" } else { "lost" };
        let mut record = Happening::new(What::Judged, word).at(judged.position);
        record.cell = judged.column.map(|column| (judged.row, column));
        self.tell(now_us, record);
    }

    /// What of an event a page draws.
    pub fn see(&mut self, now_us: u64, event: &Event<'_>) {
        let record =
            match *event {
                Event::Started { node, log, .. } => Happening::new(What::Started, "")
                    .node(node)
                    .span(last_term(log), 1, log.len() as u64),
                Event::Ended { node, end, led } => Happening::new(What::Ended, how(end))
                    .node(node)
                    .span(led.unwrap_or(0), 0, 0),
                Event::Readmitted { node } => Happening::new(What::Readmitted, "").node(node),
                Event::Role {
                    node, role, term, ..
                } => Happening::new(What::Role, named(role))
                    .node(node)
                    .span(term, 0, 0),
                Event::Held { node, held, run } => Happening::new(What::Held, depth(held))
                    .node(node)
                    .span(run.term.0, run.first.0, run.last().0),
                _ => return,
            };
        self.tell(now_us, record);
    }
}

fn last_term(log: &[Entry]) -> u64 {
    log.last().map_or(0, |entry| entry.term.0)
}

fn how(end: End) -> &'static str {
    match end {
        End::Killed => "killed",
        End::PowerCut => "power_cut",
        End::Stopped => "stopped",
    }
}

fn named(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Candidate => "candidate",
        Role::PreCandidate => "pre_candidate",
        Role::Follower => "follower",
    }
}

pub(crate) fn depth(held: Held) -> &'static str {
    match held {
        Held::Accepted => "accepted",
        Held::Written => "written",
        Held::Synced => "synced",
    }
}

pub(crate) fn graded(grade: Grade) -> &'static str {
    match grade {
        Grade::AsAsked => "as_asked",
        Grade::Fallback => "fallback",
        Grade::TimedOut => "timed_out",
        Grade::Lost => "lost",
        Grade::Unknown => "unknown",
    }
}
