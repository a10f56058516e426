//! Leader Completeness (Raft §5.4): what is committed in a term is in the log of every leader of a
//! later one.

use kraft_proto::{LogIndex, LogPosition, Role, Term};

use super::Verdict;
use super::facts::Facts;
use crate::sim::entry::{has, term_ends};
use crate::sim::event::Event;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    /// Term, node, and the end of each term of its log when it won.
    leaders: Vec<(u64, usize, Vec<(u64, u64)>)>,
}

impl Oracle {
    pub fn see(&mut self, facts: &Facts, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Role {
                node,
                role: Role::Leader,
                term,
                log,
            } => {
                let earlier = |reported: &u64| *reported < term;
                let Some(place) = facts.committed_in.iter().rposition(earlier) else {
                    self.leaders.push((term, node, term_ends(log)));
                    return Ok(());
                };
                let last = LogPosition::new(
                    Term(facts.committed[place].term),
                    LogIndex(place as u64 + 1),
                );
                self.leaders.push((term, node, term_ends(log)));
                if !has(log, last) {
                    return Err(lacks(node, term, last));
                }
                Ok(())
            }
            Event::Committed {
                term, log, upto, ..
            } => {
                let entry = log[upto - 1];
                let last = LogPosition::new(Term(entry.term), LogIndex(upto as u64));
                for (led, node, ends) in self.leaders.iter().rev() {
                    let there = |(of, end): &(u64, u64)| *of == entry.term && last.index.0 <= *end;
                    if *led > term && !ends.iter().any(there) {
                        return Err(lacks(*node, *led, last));
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
