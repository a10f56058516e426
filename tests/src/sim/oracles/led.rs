//! A leader as oracles remember it: what its log was when it won.

use kraft_proto::LogPosition;

use crate::sim::entry::{Entry, term_ends};

/// A node that won an election.
#[derive(Clone, Debug)]
pub(crate) struct Led {
    pub term: u64,
    pub node: usize,
    /// The last index of each term of its log.
    ends: Vec<(u64, u64)>,
}

impl Led {
    pub fn new(term: u64, node: usize, log: &[Entry]) -> Self {
        Self {
            term,
            node,
            ends: term_ends(log),
        }
    }

    /// Whether its log had the entry at a position.
    pub fn had(&self, position: LogPosition) -> bool {
        let of_term =
            |(term, end): &(u64, u64)| *term == position.term.0 && position.index.0 <= *end;
        self.ends.iter().any(of_term)
    }
}
