//! Leader Append-Only (Raft §5.3): a leader never overwrites or deletes entries of its log.

use kraft_proto::Role;

use super::Verdict;
use crate::sim::event::Event;

#[derive(Clone, Debug)]
pub(crate) struct Oracle {
    /// For each node that leads: its term, and how long its log is.
    leading: Vec<Option<(u64, usize)>>,
}

impl Oracle {
    pub fn new(nodes: usize) -> Self {
        Self {
            leading: vec![None; nodes],
        }
    }

    pub fn see(&mut self, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Role {
                node,
                role,
                term,
                log,
                ..
            } => self.leading[node] = (role == Role::Leader).then_some((term, log.len())),
            Event::Started { node, .. } | Event::Ended { node, .. } => self.leading[node] = None,
            Event::Log {
                node, from, log, ..
            } => {
                if let Some((term, len)) = &mut self.leading[node] {
                    if from < *len || log.len() < *len {
                        return Err(format!(
                            "node {} leads term {term} and changes entry {} of {len}",
                            node + 1,
                            from + 1
                        ));
                    }
                    *len = log.len();
                }
            }
            _ => {}
        }
        Ok(())
    }
}
