//! State Machine Safety (Raft §5.4.3): nobody applies another entry at an index.

use super::{Verdict, View, terms};

pub fn check(view: &View) -> Verdict {
    for node in view.nodes {
        let applied = &node.log[..node.commit.0 as usize];
        let committed = view.history.committed.iter().map(|c| &c.entry);
        if applied.len() > committed.len() || !applied.iter().eq(committed.take(applied.len())) {
            return Err(format!(
                "node {} applies {} instead",
                node.id,
                terms(applied)
            ));
        }
    }
    Ok(())
}
