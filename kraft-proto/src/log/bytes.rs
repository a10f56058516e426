//! The shape of a log as bytes: part of a snapshot. `WIRE.md` is normative: they travel and lie on
//! disks.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use super::{Log, TermRun};
use crate::entry::EntryKind;
use crate::ids::{LogIndex, LogPosition, Term};
use crate::limits::{INDEX_MAX, TERM_MAX, TERM_RUNS_MAX};

/// A log's shape as it is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Written {
    last: LogIndex,
    base: LogPosition,
    runs: Vec<WrittenRun, TERM_RUNS_MAX>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRun {
    term: Term,
    first: LogIndex,
    kind: EntryKind,
}

impl Written {
    pub fn of(log: &Log) -> Self {
        let runs = log.runs.iter().map(|run| WrittenRun {
            term: run.term,
            first: run.first(),
            kind: run.kind(),
        });
        Self {
            last: log.last,
            base: log.base,
            runs: runs.collect(),
        }
    }

    /// The log of this shape; `None` if no log has it.
    pub fn log(&self) -> Option<Log> {
        let Self { last, base, runs } = self;
        let nothing_before = base.term == Term::ZERO && base.index == LogIndex::ZERO;
        let something_before = base.term > Term::ZERO && base.index > LogIndex::ZERO;
        let in_range = last.0 <= INDEX_MAX
            && base.term.0 <= TERM_MAX
            && runs.iter().all(|run| run.term.0 <= TERM_MAX);
        let joined = match runs.first() {
            Some(first) => {
                first.first == base.index.next()
                    && first.term >= base.term.max(Term(1))
                    && runs.last().is_some_and(|newest| newest.first <= *last)
            }
            None => *last == base.index,
        };
        let ordered = runs.windows(2).all(|pair| {
            let opens = match pair[1].term == pair[0].term {
                true => pair[1].kind != EntryKind::Command,
                false => pair[1].term > pair[0].term,
            };
            opens && pair[1].first > pair[0].first
        });
        let sound = in_range && joined && ordered && (nothing_before || something_before);
        let opened = |run: &WrittenRun| TermRun::new(run.term, run.first, run.kind);
        sound.then(|| Log {
            base: *base,
            runs: runs.iter().map(opened).collect(),
            last: *last,
            window: TERM_RUNS_MAX as u8,
        })
    }
}
