//! Commit rests on synced copies only: what is committed is on the disks of a majority, for ever.

use super::{Verdict, View};

pub fn check(view: &View) -> Verdict {
    for (place, committed) in view.history.committed.iter().enumerate() {
        let nodes = view.nodes.iter();
        let holders = nodes.filter(|node| node.synced.get(place) == Some(&committed.entry));
        let holders: Vec<String> = holders.map(|node| node.id.to_string()).collect();
        if holders.len() <= view.nodes.len() / 2 {
            return Err(format!(
                "entry {} is committed, and synced on [{}] only",
                place + 1,
                holders.join(" ")
            ));
        }
    }
    Ok(())
}
