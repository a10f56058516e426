//! What holds in every run, whatever its story.

use std::collections::BTreeMap;

use kraft_proto::{LogIndex, LogPosition, Term};

use super::node::Node;

/// What was committed first at an index, and by the leader of which term.
pub type Committed = BTreeMap<LogIndex, (LogPosition, Term)>;

/// State Machine Safety (Raft figure 3): no two nodes apply different entries at one index.
pub fn apply(committed: &mut Committed, node: &mut Node, upto: LogPosition) {
    while node.applied < upto.index {
        node.applied = node.applied.next();
        if let Some(position) = node.position_at(node.applied) {
            let (first, _) = *committed
                .entry(node.applied)
                .or_insert((position, upto.term));
            assert_eq!(first, position, "two entries are committed at one index");
        }
    }
}

/// A snapshot takes the place of the state: it ends with the entry committed there.
pub fn restore(committed: &Committed, node: &mut Node, upto: LogPosition) {
    let here = committed.get(&upto.index).map(|(position, _)| *position);
    assert!(
        here.is_none_or(|here| here == upto),
        "a snapshot of another history"
    );
    assert!(
        node.applied < upto.index,
        "a snapshot undoes what is applied"
    );
    node.applied = upto.index;
}

/// Leader Completeness (Raft figure 3): what was committed in an earlier term is in the log of
/// every leader since.
pub fn check_completeness(committed: &Committed, node: &Node, term: Term) {
    let compacted = node.raft.status().compacted.index;
    for (index, (position, by)) in committed {
        if *by < term && *index > compacted {
            let own = node.position_at(*index);
            assert_eq!(own, Some(*position), "the leader of term {term} lacks it");
        }
    }
}
