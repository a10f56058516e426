//! Clients who proposed: which `id` stands where, and what it has heard.

use std::collections::{BTreeMap, VecDeque};

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Answer, Class, CommitMode, Durability, Fate, Grade, Instant, LogIndex, LogPosition, Output,
    ProposeError, Proposed, Raft, Slot, Term, Unkept, Waits,
};
use serde_json::Value;

use super::fields::Refusal;
use super::line::{Line, held_word};
use super::payloads::Log;

/// How many may wait for an answer of one node.
const WAITING_MAX: usize = 16_384;

/// The clients of one node.
#[derive(Debug)]
pub struct Clients {
    waits: Waits<u64, Vec<Slot<u64>>>,
    /// Ids by the token they wait under.
    ids: BTreeMap<u64, Value>,
    tokens: u64,
    /// Acknowledged before commit, in the order they were.
    early: VecDeque<Early>,
}

/// A client that heard `ok` before commit.
#[derive(Debug)]
struct Early {
    id: Value,
    position: LogPosition,
    mode: CommitMode,
}

impl Default for Clients {
    fn default() -> Self {
        let slots = (0..WAITING_MAX).map(|_| Slot::default()).collect();
        Self {
            waits: Waits::new(slots),
            ids: BTreeMap::new(),
            tokens: 0,
            early: VecDeque::new(),
        }
    }
}

impl Clients {
    /// Whether another may propose.
    pub fn check_room(&self) -> Result<(), Refusal> {
        let room = self.waits.check_room();
        room.map_err(|busy| Refusal::new(ProposeError::Busy(busy)))
    }

    /// `id` proposed the first entry of `proposed`.
    pub fn proposed(
        &mut self,
        id: Value,
        proposed: &Proposed,
        asked: Class,
        durability: &Durability,
        now: Instant,
    ) {
        let all = proposed.mode == CommitMode::All;
        let deadline = all.then(|| now.after(durability.all_timeout));
        let fallback = match all {
            true => durability.fallback,
            false => Fallback::Refuse,
        };
        let position = LogPosition::new(proposed.run.term, proposed.run.first);
        self.tokens += 1;
        self.ids.insert(self.tokens, id);
        // The caller checked that there is room.
        let _ = self
            .waits
            .insert(self.tokens, position, proposed, asked, deadline, fallback);
    }

    /// What follows from an output of the core.
    pub fn handle_output(&mut self, output: &Output, raft: &Raft, log: &Log, out: &mut Vec<Line>) {
        let history = |index| log.run_at(index);
        self.waits.handle_output(output, raft, history);
        match output {
            Output::Settled {
                term,
                committed_upto,
                unkept,
            } => self.settle(*term, *committed_upto, *unkept, out),
            Output::Commit { .. } | Output::Restored { .. } => {
                self.early
                    .retain(|early| raft.fate_with(early.position, history) != Fate::Committed);
            }
            _ => {}
        }
        self.answer(raft, log, out);
    }

    /// What follows from the time.
    pub fn handle_timeout(
        &mut self,
        now: Instant,
        raft: &mut Raft,
        log: &Log,
        out: &mut Vec<Line>,
    ) {
        let history = |index| log.run_at(index);
        self.waits.handle_timeout(now, raft, history);
        self.answer(raft, log, out);
    }

    /// Early acknowledgements of a term that commit did not carry.
    fn settle(
        &mut self,
        term: Term,
        committed_upto: LogIndex,
        unkept: Unkept,
        out: &mut Vec<Line>,
    ) {
        let result = match unkept {
            Unkept::Lost => "lost",
            Unkept::Unknown => "unknown",
        };
        self.early.retain(|early| {
            if early.position.term != term {
                return true;
            }
            if early.position.index > committed_upto {
                out.push(ack(&early.id, early.position, early.mode, None, result));
            }
            false
        });
    }

    fn answer(&mut self, raft: &Raft, log: &Log, out: &mut Vec<Line>) {
        while let Some(answer) = self.waits.poll_answer() {
            let Some(id) = self.ids.remove(&answer.token) else {
                continue;
            };
            out.push(answered(&id, &answer));
            let fate = raft.fate_with(answer.position, |index| log.run_at(index));
            let committed = fate == Fate::Committed;
            if answer.held.is_some() && !committed {
                self.early.push_back(Early {
                    id,
                    position: answer.position,
                    mode: answer.asked.mode,
                });
            }
        }
    }
}

fn answered(id: &Value, answer: &Answer<u64>) -> Line {
    let result = match answer.grade {
        Grade::AsAsked | Grade::Fallback => "ok",
        Grade::TimedOut => "timeout",
        Grade::Lost => "lost",
        Grade::Unknown => "unknown",
    };
    let mut line = ack(id, answer.position, answer.asked.mode, None, result);
    if let Line::Ack {
        held, fell_back, ..
    } = &mut line
    {
        *held = answer.held.map(held_word);
        *fell_back = answer.grade == Grade::Fallback;
    }
    line
}

fn ack(
    id: &Value,
    position: LogPosition,
    mode: CommitMode,
    held: Option<String>,
    result: &'static str,
) -> Line {
    Line::Ack {
        id: id.clone(),
        index: position.index,
        term: position.term,
        mode: mode.to_string(),
        held,
        result,
        fell_back: false,
    }
}
