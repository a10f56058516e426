//! One fate: what is said to have become of an entry is true, and stays so.

use kraft_proto::{Fate, Grade, LogIndex, LogPosition, Unkept};

use super::Verdict;
use super::facts::Facts;
use crate::sim::event::Event;
use crate::sim::table::Table;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    lost: Table<LogPosition, ()>,
}

impl Oracle {
    pub fn see(&mut self, facts: &Facts, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Committed {
                log, from, upto, ..
            } if !self.lost.is_empty() => {
                for (entry, index) in log[from..upto].iter().zip(from as u64 + 1..) {
                    let position = LogPosition::new(entry.term, LogIndex(index));
                    if self.lost.get(position).is_some() {
                        return Err(format!("{position} was told lost, and commits"));
                    }
                }
                Ok(())
            }
            Event::Told { of, fate, .. } => self.told(facts, of, fate),
            Event::Answered { answer, .. } | Event::Awaited { answer } => match answer.grade {
                Grade::Lost => self.told(facts, answer.position, Fate::Lost),
                // Whoever waits for commit and hears yes waited long enough.
                Grade::AsAsked if matches!(event, Event::Awaited { .. }) => {
                    self.told(facts, answer.position, Fate::Committed)
                }
                _ => Ok(()),
            },
            Event::Settled {
                term,
                committed_upto,
                unkept,
                early,
                ..
            } => {
                let of_term = early.iter().filter(|early| early.term.0 == term);
                for early in of_term {
                    let fate = match unkept {
                        _ if early.index <= committed_upto => Fate::Committed,
                        Unkept::Lost => Fate::Lost,
                        Unkept::Unknown => Fate::Unknown,
                    };
                    self.told(facts, *early, fate)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn told(&mut self, facts: &Facts, of: LogPosition, fate: Fate) -> Verdict {
        match fate {
            Fate::Committed if !facts.is_committed(of) => {
                Err(format!("{of} is told committed, and is not"))
            }
            Fate::Lost if facts.is_committed(of) => {
                Err(format!("{of} is told lost, and is committed"))
            }
            Fate::Lost => {
                self.lost.or_insert(of, ());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
