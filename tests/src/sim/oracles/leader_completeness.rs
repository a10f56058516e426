//! Leader Completeness (Raft §5.4): what is committed in a term is in the log of every leader of a
//! later one.

use kraft_proto::{LogIndex, LogPosition, Role};

use super::Verdict;
use super::facts::Facts;
use super::led::Led;
use crate::sim::entry::has;
use crate::sim::event::Event;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    leaders: Vec<Led>,
}

impl Oracle {
    pub fn see(&mut self, facts: &Facts, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Role {
                node,
                role: Role::Leader,
                term,
                log,
                ..
            } => {
                self.leaders.push(Led::new(term, node, log));
                let earlier = |reported: &u64| *reported < term;
                let Some(place) = facts.committed_in.iter().rposition(earlier) else {
                    return Ok(());
                };
                let entry = facts.committed[place];
                let last = LogPosition::new(entry.term, LogIndex(place as u64 + 1));
                if !has(log, last) {
                    return Err(lacks(node, term, last));
                }
                Ok(())
            }
            Event::Committed {
                term, log, upto, ..
            } => {
                let entry = log[upto - 1];
                let last = LogPosition::new(entry.term, LogIndex(upto as u64));
                for led in self.leaders.iter().rev() {
                    if led.term > term && !led.had(last) {
                        return Err(lacks(led.node, led.term, last));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn lacks(node: usize, term: u64, position: LogPosition) -> String {
    format!(
        "node {} leads term {term} without {position}, which was committed",
        node + 1
    )
}
