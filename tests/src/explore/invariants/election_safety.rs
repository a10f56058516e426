//! Election Safety (Raft §5.2): at most one leader a term.

use super::{Verdict, View};

pub fn check(view: &View) -> Verdict {
    let leaders = &view.history.leaders;
    for (place, one) in leaders.iter().enumerate() {
        for other in &leaders[place + 1..] {
            if one.term == other.term {
                return Err(format!(
                    "nodes {} and {} both lead term {}",
                    one.node, other.node, one.term
                ));
            }
        }
    }
    Ok(())
}
