//! What a store tells of its log, with what is wrong with it on purpose.

use std::collections::BTreeMap;

use kraft_proto::{EntryKind, LogIndex, Run, Term};

use crate::flawed::Flaw;

/// Which entry stands where, as far as it is told.
#[derive(Default)]
pub struct Told(BTreeMap<LogIndex, (Term, EntryKind)>);

impl Told {
    /// An incarnation begins with these runs.
    pub fn recovered(runs: &[Run], flaw: Flaw) -> Self {
        let mut told = Self::default();
        if flaw != Flaw::ForgetsRuns {
            runs.iter().for_each(|run| told.take(*run, flaw));
        }
        told
    }

    /// A run is put in the place of what stands from its first entry on.
    pub fn take(&mut self, run: Run, flaw: Flaw) {
        if !matches!(flaw, Flaw::TellsCutTail | Flaw::TellsReplaced) {
            self.0.split_off(&run.first);
        }
        for at in run.positions() {
            let fresh = (at.term, run.kind);
            let stands = self.0.entry(at.index).or_insert(fresh);
            if flaw != Flaw::TellsReplaced {
                *stands = fresh;
            }
        }
    }

    /// The run around an index.
    pub fn run_at(&self, index: LogIndex, flaw: Flaw) -> Option<Run> {
        let (term, kind) = *self.0.get(&index)?;
        let alike = |(_, entry): &(&LogIndex, &(Term, EntryKind))| **entry == (term, kind);
        let before = self.0.range(..index).rev().take_while(alike).count() as u64;
        let behind = self.0.range(index..).take_while(alike).count() as u64;
        let longer = u64::from(flaw == Flaw::StretchesRun);
        Some(Run {
            term,
            kind,
            first: LogIndex(index.0 - before),
            count: (before + behind + longer) as u32,
        })
    }
}
