//! Linearizable reads: a read sees everything that was committed, acknowledged by a majority or
//! more, or read, before it was asked for; and the write it was to see, if that lives.

use kraft_proto::{Fate, LogPosition};

use super::Verdict;
use super::facts::Facts;
use crate::sim::event::Event;
use crate::sim::table::Table;

/// What an open read must see.
#[derive(Clone, Copy, Debug)]
struct Open {
    floor: u64,
    after: Option<LogPosition>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    open: Table<u64, Open>,
    /// How far earlier reads saw.
    seen: u64,
}

impl Oracle {
    pub fn see(&mut self, facts: &Facts, outliving: u64, event: &Event<'_>) -> Verdict {
        match *event {
            Event::ReadAsked { id, after } => {
                let committed = facts.committed.len() as u64;
                let floor = committed.max(outliving).max(self.seen);
                self.open.or_insert(id, Open { floor, after });
                Ok(())
            }
            Event::ReadFailed { id } => {
                self.open.remove(id);
                Ok(())
            }
            Event::ReadServed {
                node,
                id,
                index,
                applied,
                fate,
            } => {
                self.seen = self.seen.max(applied);
                let Some(Open { floor, after }) = self.open.remove(id) else {
                    return Ok(());
                };
                let node = node + 1;
                if index < floor {
                    return Err(format!(
                        "node {node} serves read {id} at {index}; {floor} entries were there before it"
                    ));
                }
                let Some((after, fate)) = after.zip(fate) else {
                    return Ok(());
                };
                match fate {
                    Fate::Committed if index >= after.index.0 => Ok(()),
                    Fate::Lost if !facts.is_committed(after) => Ok(()),
                    Fate::Unknown => Ok(()),
                    Fate::Committed | Fate::Lost | Fate::Pending => Err(format!(
                        "node {node} serves read {id} at {index}, and {after}, which it was to see, is {fate:?} there"
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}
