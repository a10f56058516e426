//! Log Matching (Raft §5.3): a position names one entry, and one entry before it, everywhere and
//! for ever.

use kraft_proto::Term;

use super::Verdict;
use crate::sim::entry::Entry;
use crate::sim::event::Event;

/// The entries of one term: where they begin, and each with the term before it.
#[derive(Clone, Debug, Default)]
struct Known {
    first: usize,
    entries: Vec<(Term, Entry)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    by_term: Vec<Known>,
}

/// Terms beyond this are not kept apart by place in a table.
const TERMS_MAX: usize = 1 << 20;

impl Oracle {
    pub fn see(&mut self, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Started { log, .. } => self.check(log, 0),
            Event::Log { from, log, .. } => self.check(log, from),
            _ => Ok(()),
        }
    }

    fn check(&mut self, log: &[Entry], from: usize) -> Verdict {
        for place in from..log.len() {
            let before = place.checked_sub(1).map(|place| log[place].term);
            let before = before.unwrap_or_default();
            let entry = log[place];
            let term = entry.term.0 as usize;
            if entry.term < before || term > TERMS_MAX {
                return Err(format!("entry {} goes back from term {before}", place + 1));
            }
            if self.by_term.len() <= term {
                self.by_term.resize_with(term + 1, Known::default);
            }
            let known = &mut self.by_term[term];
            if known.entries.is_empty() {
                known.first = place;
            }
            let offset = place.wrapping_sub(known.first);
            match known.entries.get(offset) {
                Some(there) if *there == (before, entry) => {}
                None if offset == known.entries.len() => known.entries.push((before, entry)),
                there => {
                    return Err(format!(
                        "{}.{} is {entry:?} after term {before}, and was {there:?}",
                        entry.term,
                        place + 1
                    ));
                }
            }
        }
        Ok(())
    }
}
