//! Linearizable reads: a read sees everything that was committed, acknowledged by a majority or
//! more, or read, before it was asked for.

use std::collections::BTreeMap;

use super::Verdict;
use super::facts::Facts;
use crate::sim::event::Event;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    /// What each open read must see.
    floors: BTreeMap<u64, u64>,
    /// How far earlier reads saw.
    seen: u64,
}

impl Oracle {
    pub fn see(&mut self, facts: &Facts, outliving: u64, event: &Event<'_>) -> Verdict {
        match *event {
            Event::ReadAsked { id } => {
                let committed = facts.committed.len() as u64;
                self.floors
                    .insert(id, committed.max(outliving).max(self.seen));
            }
            Event::ReadFailed { id } => {
                self.floors.remove(&id);
            }
            Event::ReadServed { node, id, applied } => {
                let floor = self.floors.remove(&id).unwrap_or(0);
                if applied < floor {
                    return Err(format!(
                        "node {} serves read {id} from {applied} entries; {floor} were there before it",
                        node + 1
                    ));
                }
                self.seen = self.seen.max(applied);
            }
            _ => {}
        }
        Ok(())
    }
}
