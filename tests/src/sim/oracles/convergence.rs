//! Convergence: when the faults are over, every log becomes the same, all of it committed, and
//! everyone who waited was answered.

use super::Verdict;
use crate::sim::event::Event;

pub(crate) fn see(event: &Event<'_>) -> Verdict {
    match *event {
        Event::Rest { outcome: Err(what) } => Err(format!("no rest after the faults: {what}")),
        _ => Ok(()),
    }
}
