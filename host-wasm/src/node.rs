//! One node: the core, the bytes of its entries, and its clients.

mod getters;
mod snapshots;

use std::collections::VecDeque;

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Answer, EntryKind, Envelope, Force, Frame, Instant, LogIndex, LogPosition, Message, Output,
    ProposeError, Raft, ReadError, ReadOutcome, Receipt, Run, Slot, Term, Unsynced, Waits,
    WriteKind as Kind, entry_prefix,
};
use wasm_bindgen::prelude::*;

use crate::bytes::{self, Bodies};
use crate::codes::{self, Fate, OutputKind, Refusal, WriteKind};
use crate::start::{class, node};

/// A node that runs.
#[wasm_bindgen]
pub struct Node {
    raft: Raft,
    bodies: Bodies,
    waits: Waits<u32, Vec<Slot<u32>>>,
    tokens: u32,
    /// Writes handed out and not synced, oldest first.
    writes: VecDeque<(u32, Handed)>,
    handed: u32,
    shown: Shown,
    answer: Option<Answer<u32>>,
    refused: Refused,
    /// The snapshot taken from a leader and not restored yet: its end, and the core's part.
    incoming: Option<(LogPosition, Vec<u8>)>,
}

/// A write in the hands of the store.
enum Handed {
    Write(kraft_proto::Write),
    Written(Unsynced),
}

/// The last output, for the getters.
#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    to: u64,
    term: u64,
    index: u64,
    mode: u32,
    held: Option<kraft_proto::Held>,
    write: Option<(WriteKind, Force)>,
    token: u32,
    rest: Option<kraft_proto::Rest>,
}

/// Why the last proposal or read was not taken.
struct Refused {
    why: Refusal,
    said: String,
    hint: u64,
}

impl Node {
    pub(crate) fn new(raft: Raft, bodies: Bodies, waits_max: usize) -> Self {
        Self {
            raft,
            bodies,
            waits: Waits::new(vec![Slot::default(); waits_max]),
            tokens: 0,
            writes: VecDeque::new(),
            handed: 0,
            shown: Shown::default(),
            answer: None,
            refused: Refused {
                why: Refusal::Nothing,
                said: String::new(),
                hint: 0,
            },
            incoming: None,
        }
    }

    /// The bytes of an entry of `run`.
    fn body(&self, kind: EntryKind, at: LogPosition) -> Option<&[u8]> {
        match kind {
            EntryKind::Barrier => Some(&[]),
            EntryKind::Command | EntryKind::Configuration => self.bodies.at(at),
        }
    }

    /// The bytes of a configuration are the core's, until they are here.
    fn keep_configuration(&mut self, run: Run) {
        let at = run.last_position();
        if run.kind == EntryKind::Configuration
            && self.bodies.at(at).is_none()
            && let Some(bytes) = self.raft.configuration_bytes(at)
        {
            self.bodies.keep(at, &bytes);
        }
    }

    /// A message with its entries; `None` if their bytes are not here any more.
    fn frame(&mut self, envelope: &Envelope) -> Option<Vec<u8>> {
        let mut header = [0; FRAME_HEADER_MAX];
        let mut frame = envelope.encode(&mut header).ok()?.to_vec();
        if let Message::Append(append) = &envelope.message {
            let run = append.run();
            self.keep_configuration(run);
            for at in run.positions() {
                let body = self.body(run.kind, at)?;
                frame.extend(entry_prefix(body.len() as u32));
                frame.extend(body);
            }
        }
        Some(frame)
    }

    fn show_write(&mut self, write: kraft_proto::Write) {
        self.handed = self.handed.wrapping_add(1);
        self.shown.token = self.handed;
        self.shown.index = 0;
        let kind = match write.kind() {
            Kind::HardState(hard) => {
                self.shown.bytes = bytes::hard_state(&hard);
                WriteKind::HardState
            }
            Kind::Entries(run) => {
                self.keep_configuration(run);
                let record = bytes::record(run, |at| self.body(run.kind, at));
                self.shown.bytes = record.expect("bytes are kept until they are written");
                self.shown.index = run.first.0;
                WriteKind::Record
            }
            Kind::Snapshot(last) => {
                let taken = self.incoming.as_ref().filter(|(at, _)| *at == last);
                let (_, core) = taken.expect("a snapshot is kept until it is written");
                self.shown.bytes.clone_from(core);
                self.shown.index = last.index.0;
                WriteKind::Install
            }
            Kind::Force => WriteKind::Force,
        };
        self.shown.write = Some((kind, write.force()));
        self.writes.push_back((self.handed, Handed::Write(write)));
    }

    /// Shows an output; `None` if nobody needs to see it.
    fn show(&mut self, output: Output) -> Option<OutputKind> {
        self.shown.bytes.clear();
        Some(match output {
            Output::Send { mode, envelope } => {
                self.shown.bytes = self.frame(&envelope)?;
                self.shown.to = envelope.to.0;
                self.shown.mode = codes::mode(mode);
                OutputKind::Send
            }
            Output::Write(write) => {
                self.show_write(write);
                OutputKind::Write
            }
            Output::Ack { mode, held, upto } => {
                self.shown.mode = codes::mode(mode);
                self.shown.held = Some(held);
                self.show_position(upto);
                OutputKind::Ack
            }
            Output::Commit { upto } => {
                self.show_position(upto);
                OutputKind::Commit
            }
            Output::Settled {
                term,
                committed_upto,
                rest,
            } => {
                self.show_position(LogPosition::new(term, committed_upto));
                self.shown.rest = Some(rest);
                OutputKind::Settled
            }
            Output::Read { ticket, outcome } => {
                self.shown.token = ticket.0 as u32;
                self.shown.index = match outcome {
                    ReadOutcome::Ready(index) => index.0,
                    ReadOutcome::Failed => 0,
                };
                OutputKind::Read
            }
            Output::Role { term, .. } => {
                self.shown.term = term.0;
                OutputKind::Role
            }
            Output::Restored { upto } => {
                self.bodies.drop_through(upto.index);
                self.incoming.take_if(|(last, _)| *last == upto);
                self.show_position(upto);
                OutputKind::Restored
            }
            Output::Snapshot { to, upto } => {
                self.shown.to = to.0;
                self.shown.index = upto.0;
                OutputKind::Snapshot
            }
            Output::Superseded { .. } => OutputKind::Superseded,
        })
    }

    fn show_position(&mut self, position: LogPosition) {
        self.shown.term = position.term.0;
        self.shown.index = position.index.0;
    }

    fn refuse(&mut self, why: Refusal, hint: Option<u64>, said: String) -> f64 {
        self.refused = Refused {
            why,
            said,
            hint: hint.unwrap_or(0),
        };
        -1.0
    }

    /// Reports a write as held.
    fn report(&mut self, now: Instant, receipt: Receipt) {
        self.raft.handle_stored(now, receipt);
    }
}

#[wasm_bindgen]
impl Node {
    /// Proposes one entry. Its token, for the answer; or −1, and `refusal` says why.
    ///
    /// `mode` and `fsync` are numbers, as the TypeScript has them; `deadline_us`: the latest moment
    /// to be told something, 0 for the default.
    pub fn propose(
        &mut self,
        now_us: f64,
        mode: u32,
        fsync: u8,
        deadline_us: f64,
        fallback: u8,
        bytes: &[u8],
    ) -> Result<f64, JsError> {
        let class = class(mode, fsync)?;
        let now = moment(now_us);
        if !self.waits.has_room() {
            let said = "nothing was written: too many clients wait here, ask again later";
            return Ok(self.refuse(Refusal::Busy, None, said.to_string()));
        }
        let proposed = match self.raft.propose(now, class, 1) {
            Ok(proposed) => proposed,
            Err(error) => return Ok(self.refuse_proposal(error)),
        };
        let at = proposed.run.last_position();
        self.bodies.keep(at, bytes);
        self.tokens = self.tokens.wrapping_add(1);
        let durability = *self.raft.durability();
        let by_mode = (proposed.mode == kraft_proto::CommitMode::All)
            .then(|| now.after(durability.all_timeout));
        let deadline = match deadline_us > 0.0 {
            true => Some(moment(deadline_us)),
            false => by_mode,
        };
        let fallback = codes::fallback(fallback);
        // There is room: it was asked for.
        let _ = (self.waits).insert(self.tokens, at, &proposed, class, deadline, fallback);
        self.shown.term = at.term.0;
        self.shown.index = at.index.0;
        Ok(f64::from(self.tokens))
    }

    fn refuse_proposal(&mut self, error: ProposeError) -> f64 {
        let said = error.to_string();
        match error {
            ProposeError::NotLeader(leader) => {
                self.refuse(Refusal::NotLeader, leader.map(|leader| leader.0), said)
            }
            ProposeError::Moving(to) => self.refuse(Refusal::Busy, Some(to.0), said),
            ProposeError::NotReady | ProposeError::Busy(_) => {
                self.refuse(Refusal::Busy, None, said)
            }
            ProposeError::Count | ProposeError::AtLeast { .. } | ProposeError::Exhausted => {
                self.refuse(Refusal::Invalid, None, said)
            }
            ProposeError::Stopped => self.refuse(Refusal::Stopped, None, said),
        }
    }

    /// Asks for a linearizable read. Its ticket, or −1, and `refusal` says why.
    pub fn read(&mut self, now_us: f64) -> f64 {
        match self.raft.read(moment(now_us)) {
            Ok(ticket) => ticket.0 as f64,
            Err(error) => {
                let said = error.to_string();
                let why = match error {
                    ReadError::NoLeader => Refusal::NotLeader,
                    ReadError::Stopped => Refusal::Stopped,
                    _ => Refusal::Busy,
                };
                self.refuse(why, None, said)
            }
        }
    }

    /// Takes a message of a peer; what is wrong with it, if anything is.
    #[wasm_bindgen(js_name = handleMessage)]
    pub fn handle_message(&mut self, now_us: f64, from: f64, bytes: &[u8]) -> Option<String> {
        let frame = match Frame::decode(bytes) {
            Ok(frame) => frame,
            Err(error) => return Some(error.to_string()),
        };
        if frame.from() != node(from) {
            return Some(format!("node {from} spoke as node {}", frame.from()));
        }
        if matches!(frame.envelope().message, Message::Snapshot { .. }) {
            return Some("a snapshot came without the state it is of".to_string());
        }
        let taken = self.raft.handle_message(moment(now_us), &frame);
        for (at, body) in taken.entries() {
            self.bodies.keep(at, body);
        }
        None
    }

    /// A write is held by the operating system.
    pub fn written(&mut self, now_us: f64, token: u32) {
        let place = self.writes.iter().position(|(each, _)| *each == token);
        let Some(place) = place else { return };
        if let Handed::Write(write) = &self.writes[place].1 {
            let (receipt, unsynced) = write.clone().written();
            self.writes[place].1 = Handed::Written(unsynced);
            self.report(moment(now_us), receipt);
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
        self.report(moment(now_us), receipt);
    }

    /// Does what is due.
    #[wasm_bindgen(js_name = handleTimeout)]
    pub fn handle_timeout(&mut self, now_us: f64) {
        self.raft.handle_timeout(moment(now_us));
        self.waits.handle_timeout(moment(now_us));
    }

    /// When `handleTimeout` is due, in microseconds.
    #[wasm_bindgen(js_name = pollTimeout)]
    pub fn poll_timeout(&self) -> f64 {
        self.raft.poll_timeout().min(self.waits.poll_timeout()).0 as f64
    }

    /// The next output. Its parts are in the getters until the next call.
    pub fn poll(&mut self) -> OutputKind {
        while let Some(output) = self.raft.poll_output() {
            self.waits.handle_output(&output, &self.raft);
            if let Some(kind) = self.show(output) {
                return kind;
            }
        }
        OutputKind::Nothing
    }

    /// Whether there is an answer for a client. Its parts are in the getters that begin with
    /// `answer`, until the next call.
    #[wasm_bindgen(js_name = pollAnswer)]
    pub fn poll_answer(&mut self) -> bool {
        self.answer = self.waits.poll_answer();
        self.answer.is_some()
    }

    /// Starts an election at once.
    pub fn campaign(&mut self, now_us: f64) {
        self.raft.campaign(moment(now_us));
    }

    /// Hands leadership to a voter, 0 for the fittest: to whom, or −1, and `refusal` says why.
    pub fn transfer(&mut self, now_us: f64, to: f64) -> f64 {
        let to = (to > 0.0).then(|| node(to));
        match self.raft.transfer_leadership(moment(now_us), to) {
            Ok(to) => to.0 as f64,
            Err(error) => self.refuse(Refusal::Busy, None, error.to_string()),
        }
    }

    /// Prepares a clean stop: go on until `isStopped`.
    pub fn stop(&mut self, now_us: f64) {
        self.raft.stop(moment(now_us));
    }

    /// Whether it has stopped.
    #[wasm_bindgen(js_name = isStopped, getter)]
    pub fn is_stopped(&self) -> bool {
        self.raft.is_stopped()
    }

    /// What became of an entry.
    pub fn fate(&self, term: f64, index: f64) -> Fate {
        let of = LogPosition::new(Term(term as u64), LogIndex(index as u64));
        self.raft.fate(of).into()
    }

    /// The bytes of a command in the log; nothing for entries that are the protocol's own.
    pub fn command(&self, index: f64) -> Option<Vec<u8>> {
        let run = self.raft.run_from(LogIndex(index as u64), 1)?;
        let command = run.kind == EntryKind::Command;
        let bytes = command.then(|| self.bodies.at(run.last_position()))?;
        bytes.map(<[u8]>::to_vec)
    }

    /// What it waits for, in words.
    pub fn waiting(&self) -> Vec<String> {
        let status = self.raft.status();
        status.waiting.iter().map(ToString::to_string).collect()
    }
}

fn moment(us: f64) -> Instant {
    Instant(us as u64)
}
