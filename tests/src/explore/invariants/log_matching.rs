//! Log Matching (Raft §5.3): logs that have an entry in common have everything before it in common.

use super::{Verdict, View, terms};

pub fn check(view: &View) -> Verdict {
    for (place, one) in view.nodes.iter().enumerate() {
        if one.log.is_sorted_by_key(|entry| entry.term) {
            for other in &view.nodes[place + 1..] {
                let mut pairs = one.log.iter().zip(&other.log);
                let common = pairs.clone().rposition(|(a, b)| a.term == b.term);
                let agree =
                    common.is_none_or(|last| pairs.by_ref().take(last + 1).all(|(a, b)| a == b));
                if !agree {
                    return Err(format!(
                        "node {} has {}, node {} has {}",
                        one.id,
                        terms(&one.log),
                        other.id,
                        terms(&other.log)
                    ));
                }
            }
        } else {
            return Err(format!(
                "terms go back on node {}: {}",
                one.id,
                terms(&one.log)
            ));
        }
    }
    Ok(())
}
