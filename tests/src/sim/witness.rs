//! Who sees everything that happens: the oracles, the counts, and a trace for people.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::oracles::Oracles;
use super::trace;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Microseconds after the start of the world.
    pub at_us: u64,
    /// Which oracle says so.
    pub oracle: String,
    /// What it says.
    pub what: String,
}

/// How much of the trace is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// Nothing.
    Off,
    /// The last so many lines.
    Last(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub oracles: Oracles,
    pub violation: Option<Violation>,
    pub now_us: u64,
    pub events: u64,
    pub tracing: Tracing,
    pub lines: VecDeque<String>,
}

impl Witness {
    pub fn new(oracles: Oracles) -> Self {
        Self {
            oracles,
            violation: None,
            now_us: 0,
            events: 0,
            tracing: Tracing::Off,
            lines: VecDeque::new(),
        }
    }

    /// Something happened.
    pub fn see(&mut self, event: Event<'_>) {
        self.events += 1;
        if self.tracing != Tracing::Off
            && let Some(line) = trace::line(&event)
        {
            self.note(|| line);
        }
        if self.violation.is_none()
            && let Err((oracle, what)) = self.oracles.see(self.now_us, &event)
        {
            self.object(oracle, what);
        }
    }

    /// A line for the trace alone.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let Tracing::Last(most) = self.tracing else {
            return;
        };
        if self.lines.len() >= most {
            self.lines.pop_front();
        }
        let (millis, micros) = (self.now_us / 1000, self.now_us % 1000);
        let line = format!("{millis:>6}.{micros:03} ms  {}", line());
        self.lines.push_back(line);
    }

    /// A promise was broken; only the first counts.
    pub fn object(&mut self, oracle: &str, what: String) {
        self.note(|| format!("VIOLATION of {oracle}: {what}"));
        self.violation.get_or_insert(Violation {
            at_us: self.now_us,
            oracle: oracle.to_string(),
            what,
        });
    }
}
