//! Who sees everything that happens: the oracles, the counts, and a trace for people.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::chronicle::{Chronicle, Happening};
use super::event::Event;
use super::oracles::Oracles;
use super::trace::Scribe;

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
    scribe: Option<Scribe>,
    pub lines: VecDeque<String>,
    /// Records, where somebody watches.
    pub chronicle: Option<Chronicle>,
}

impl Witness {
    pub fn new(oracles: Oracles) -> Self {
        Self {
            oracles,
            violation: None,
            now_us: 0,
            events: 0,
            scribe: None,
            lines: VecDeque::new(),
            chronicle: None,
        }
    }

    /// Something happened.
    pub fn see(&mut self, event: Event<'_>) {
        self.events += 1;
        if let Some(scribe) = self.scribe
            && let Some(line) = (scribe.event)(&event)
        {
            self.note(line);
        }
        if self.violation.is_none()
            && let Err((oracle, what)) = self.oracles.see(self.now_us, &event)
        {
            self.object(oracle, what);
        }
        self.chronicle(&event);
    }

    /// Keeps records from now on.
    pub fn watch(&mut self) {
        self.chronicle.get_or_insert_default();
        self.oracles.contract.watch();
    }

    fn chronicle(&mut self, event: &Event<'_>) {
        let Some(chronicle) = &mut self.chronicle else {
            return;
        };
        chronicle.see(self.now_us, event);
        let Oracles {
            facts, contract, ..
        } = &mut self.oracles;
        for judged in contract.judge(facts, event) {
            chronicle.judge(self.now_us, judged);
        }
    }

    /// A record that no event is.
    pub fn tell(&mut self, record: Happening) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.tell(self.now_us, record);
        }
    }

    pub fn set_tracing(&mut self, tracing: Tracing) {
        self.scribe = match tracing {
            Tracing::Off => None,
            Tracing::Last(most) => Some(Scribe::new(most)),
        };
    }

    /// Something is done to the world: a line for the trace alone.
    pub fn note_action(&mut self, action: &Action) {
        if let Some(scribe) = self.scribe {
            self.note((scribe.action)(action));
        }
    }

    fn note(&mut self, line: String) {
        let Some(Scribe { most, .. }) = self.scribe else {
            return;
        };
        if self.lines.len() >= most {
            self.lines.pop_front();
        }
        let (millis, micros) = (self.now_us / 1000, self.now_us % 1000);
        let line = format!("{millis:>6}.{micros:03} ms  {line}");
        self.lines.push_back(line);
    }

    /// A promise was broken; only the first counts.
    pub fn object(&mut self, oracle: &str, what: String) {
        if self.scribe.is_some() {
            self.note(format!("VIOLATION of {oracle}: {what}"));
        }
        self.violation.get_or_insert(Violation {
            at_us: self.now_us,
            oracle: oracle.to_string(),
            what,
        });
    }
}
