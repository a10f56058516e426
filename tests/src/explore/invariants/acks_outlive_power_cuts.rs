//! The contract (`kraft-proto/DURABILITY.md`): what a majority's copies acknowledged, later leaders have, although
//! a minority lost its power. What outlives nothing more has left the history.

use super::{Verdict, View, terms};

pub fn check(view: &View) -> Verdict {
    for led in &view.history.leaders {
        for acked in &view.history.acked {
            let place = (acked.upto.index.0 as usize).wrapping_sub(1);
            let entry = led.log.get(place);
            let has = entry.is_some_and(|entry| entry.term == acked.upto.term);
            if led.term > acked.upto.term && !has {
                return Err(format!(
                    "node {} leads term {} with {}, and lacks {}, which was acknowledged",
                    led.node,
                    led.term,
                    terms(&led.log),
                    acked.upto
                ));
            }
        }
    }
    Ok(())
}
