//! One node: the core, the bytes of its entries, and its clients.

mod clients;
mod getters;
mod outputs;
mod snapshots;
mod view;

use std::collections::VecDeque;

use kraft_proto::{
    Answer, EntryKind, Frame, History, Instant, Lag, LogIndex, LogPosition, Message, NodeId, Raft,
    Run, Slot, Term, Unsynced, Waits,
};
use wasm_bindgen::prelude::*;

use self::clients::Refused;
use self::outputs::Shown;
use crate::arguments::node;
use crate::at_risk::AtRisk;
use crate::bodies::Bodies;
use crate::codes::{Fate, Heard};

/// A node that runs.
#[wasm_bindgen]
pub struct Node {
    raft: Raft,
    bodies: Bodies,
    history: History<Vec<Run>>,
    waits: Waits<u32, Vec<Slot<u32>>>,
    tokens: u32,
    /// Writes handed out and not synced, oldest first.
    writes: VecDeque<(u32, Handed)>,
    handed: u32,
    shown: Shown,
    answer: Option<Answer<u32>>,
    refused: Refused,
    at_risk: AtRisk,
    /// How far behind in time each peer of this leader is.
    lags: Vec<(NodeId, Lag)>,
    /// How far commit has been told.
    commit: LogIndex,
    /// The moment of the last input.
    now: Instant,
    /// The snapshot taken from a leader and not restored yet: its end, and the core's part.
    incoming: Option<(LogPosition, Vec<u8>)>,
}

/// A write in the hands of the store.
enum Handed {
    Write(kraft_proto::Write),
    Written(Unsynced),
}

impl Node {
    pub(crate) fn new(
        raft: Raft,
        bodies: Bodies,
        history: History<Vec<Run>>,
        waits_max: usize,
    ) -> Self {
        Self {
            raft,
            bodies,
            history,
            waits: Waits::new(vec![Slot::default(); waits_max]),
            tokens: 0,
            writes: VecDeque::new(),
            handed: 0,
            shown: Shown::default(),
            answer: None,
            refused: Refused::default(),
            at_risk: AtRisk::default(),
            lags: Vec::new(),
            commit: LogIndex::ZERO,
            now: Instant::ZERO,
            incoming: None,
        }
    }

    /// The moment of an input.
    fn at(&mut self, now_us: f64) -> Instant {
        self.now = moment(now_us);
        self.now
    }
}

#[wasm_bindgen]
impl Node {
    /// Takes a message of a peer, or drops it; what was wrong with it then.
    #[wasm_bindgen(js_name = handleMessage)]
    pub fn handle_message(&mut self, now_us: f64, from: f64, bytes: &[u8]) -> Heard {
        let Ok(frame) = Frame::decode(bytes) else {
            return Heard::NoMessage;
        };
        if frame.from() != node(from) {
            return Heard::OtherNode;
        }
        if matches!(frame.envelope().message, Message::Snapshot { .. }) {
            return Heard::NoState;
        }
        let class = match &frame.envelope().message {
            Message::Append(append) => Some(append.class()),
            _ => None,
        };
        let now = self.at(now_us);
        let taken = self.raft.handle_message(now, &frame);
        for (at, body) in taken.entries() {
            self.bodies.keep(at, class, body);
        }
        Heard::Taken
    }

    /// A write is held by the operating system.
    pub fn written(&mut self, now_us: f64, token: u32) {
        let place = self.writes.iter().position(|(each, _)| *each == token);
        let Some(place) = place else { return };
        if let Handed::Write(write) = &self.writes[place].1 {
            let (receipt, unsynced) = write.clone().written();
            self.writes[place].1 = Handed::Written(unsynced);
            let now = self.at(now_us);
            self.raft.handle_stored(now, receipt);
        }
    }

    /// A write is on the disk.
    pub fn synced(&mut self, now_us: f64, token: u32) {
        let place = self.writes.iter().position(|(each, _)| *each == token);
        let Some((_, handed)) = place.and_then(|place| self.writes.remove(place)) else {
            return;
        };
        let receipt = match handed {
            Handed::Write(write) => write.synced(),
            Handed::Written(unsynced) => unsynced.synced(),
        };
        let now = self.at(now_us);
        self.raft.handle_stored(now, receipt);
    }

    /// Does what is due.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now_us: f64) {
        let now = self.at(now_us);
        self.raft.handle_timeout(now);
        let history = |index| self.history.run_at(index);
        self.waits.handle_timeout(now, &mut self.raft, history);
    }

    /// When `handleTimeout` is due, in microseconds.
    #[wasm_bindgen(js_name = pollTimeout)]
    pub fn poll_timeout(&self) -> f64 {
        self.raft.poll_timeout().min(self.waits.poll_timeout()).0 as f64
    }

    /// Starts an election at once.
    pub fn campaign(&mut self, now_us: f64) {
        let now = self.at(now_us);
        self.raft.campaign(now);
    }

    /// Prepares a clean stop: go on until `isStopped`.
    pub fn stop(&mut self, now_us: f64) {
        let now = self.at(now_us);
        self.raft.stop(now);
    }

    /// Whether it has stopped.
    #[wasm_bindgen(js_name = isStopped, getter)]
    pub fn is_stopped(&self) -> bool {
        self.raft.is_stopped()
    }

    /// What became of an entry.
    pub fn fate(&self, term: f64, index: f64) -> Fate {
        let of = position(term, index);
        let fate = (self.raft).fate_with(of, |index| self.history.run_at(index));
        fate.into()
    }

    /// The bytes of a command in the log; nothing for entries that are the protocol's own.
    pub fn command(&self, index: f64) -> Option<Vec<u8>> {
        let index = LogIndex(index as u64);
        let run = self.run_from(index, 1)?;
        let command = run.kind == EntryKind::Command;
        let at = LogPosition::new(run.term, index);
        let bytes = command.then(|| self.bodies.at(at))?;
        bytes.map(<[u8]>::to_vec)
    }
}

impl Node {
    /// The entries of one term and kind from `first` on: as the core knows, or below its window its host.
    fn run_from(&self, first: LogIndex, count_max: u32) -> Option<Run> {
        let by_core = self.raft.run_from(first, count_max);
        by_core.or_else(|| {
            let run = self.history.run_at(first)?;
            let count = run.last().since(first.prev()).min(u64::from(count_max)) as u32;
            Some(Run {
                first,
                count,
                ..run
            })
        })
    }
}

fn position(term: f64, index: f64) -> LogPosition {
    LogPosition::new(Term(term as u64), LogIndex(index as u64))
}

fn moment(us: f64) -> Instant {
    Instant(us as u64)
}
