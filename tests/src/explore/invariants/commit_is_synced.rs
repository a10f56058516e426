//! Commit rests on synced copies only: what is committed is on the disks of a majority of those who
//! decided it, of each part while they were joint, for ever.

use super::{Verdict, View};

pub fn check(view: &View) -> Verdict {
    for (place, committed) in view.history.committed.iter().enumerate() {
        let holds = |id| {
            let mut nodes = view.nodes.iter();
            let node = nodes.find(|node| node.id == id);
            node.is_some_and(|node| node.synced.get(place) == Some(&committed.entry))
        };
        if !committed.by.has_majority(holds) {
            let nodes = view.nodes.iter().map(|node| node.id);
            let holders: Vec<String> = nodes
                .filter(|id| holds(*id))
                .map(|id| id.to_string())
                .collect();
            return Err(format!(
                "entry {} is committed, and synced on [{}] only",
                place + 1,
                holders.join(" ")
            ));
        }
    }
    Ok(())
}
