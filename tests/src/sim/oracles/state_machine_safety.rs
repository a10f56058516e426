//! State Machine Safety (Raft §5.4.3): every node applies the one sequence, in order, and nothing
//! is committed that does not lie on the disks of a majority.

use kraft_proto::{CommitMode, Held, LogIndex, LogPosition};

use super::Verdict;
use super::facts::Facts;
use crate::sim::event::Event;
use crate::sim::members::nodes;

pub(crate) fn see(facts: &Facts, event: &Event<'_>) -> Verdict {
    let Event::Committed {
        node,
        term,
        log,
        from,
        upto,
    } = *event
    else {
        return Ok(());
    };
    let node = node + 1;
    if upto <= from {
        return Err(format!(
            "node {node} goes back from commit {from} to {upto}"
        ));
    }
    if upto > facts.committed.len() || log[from..upto] != facts.committed[from..upto] {
        return Err(format!(
            "node {node} applies another sequence within {}..={upto}",
            from + 1
        ));
    }
    if upto <= facts.committed_before {
        return Ok(());
    }
    let last = LogPosition::new(log[upto - 1].term, LogIndex(upto as u64));
    let holders = facts.holders(last, Held::Synced);
    // A slow host may hear of a commit in a later term than that of the leader who counted.
    let counted = |term| {
        let sets = facts.sets(term);
        sets.is_some_and(|sets| sets.everybody() != 0 && sets.enough(CommitMode::Sync, holders))
    };
    if !(last.term.0..=term).any(counted) {
        return Err(format!(
            "node {node} commits {last} in term {term}, which is synced on {}",
            nodes(holders)
        ));
    }
    Ok(())
}
