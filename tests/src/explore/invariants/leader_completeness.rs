//! Leader Completeness (Raft §5.4): every leader has what was committed in earlier terms.

use super::{Verdict, View, terms};

pub fn check(view: &View) -> Verdict {
    for led in &view.history.leaders {
        for (place, committed) in view.history.committed.iter().enumerate() {
            if committed.in_term < led.term && led.log.get(place) != Some(&committed.entry) {
                return Err(format!(
                    "node {} leads term {} with {}, and lacks entry {}, committed in term {}",
                    led.node,
                    led.term,
                    terms(&led.log),
                    place + 1,
                    committed.in_term
                ));
            }
        }
    }
    Ok(())
}
