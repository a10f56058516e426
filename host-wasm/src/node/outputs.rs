//! What a node asks for, one output at a time, with the bytes that only this crate keeps.

use kraft_proto::{
    Agreed, Class, EntryKind, Envelope, Force, Lag, LogPosition, Message, Output, ReadOutcome,
    Role, Standing, WriteKind as Kind,
};
use wasm_bindgen::prelude::*;

use super::{Handed, Node};
use crate::about::MessageKind;
use crate::bytes;
use crate::codes::{self, OutputKind, WriteKind};

/// The last output, for the getters.
#[derive(Default)]
pub(super) struct Shown {
    pub bytes: Vec<u8>,
    pub to: u64,
    pub term: u64,
    pub index: u64,
    pub mode: u32,
    pub held: Option<kraft_proto::Held>,
    pub write: Option<(WriteKind, Force)>,
    pub token: u32,
    pub unkept: Option<kraft_proto::Unkept>,
    /// Whether the members are known to be committed, and what this node is among them.
    pub members: Option<(Agreed, Standing)>,
    /// What a message is about: its kind, the fsync mode of an append, and how many entries it has.
    pub message: Option<MessageKind>,
    pub fsync: u8,
    pub entries: u32,
}

impl Node {
    /// A message with its entries; `None` if their bytes are not here any more.
    fn frame(&self, envelope: &Envelope) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        envelope
            .frame(&mut frame, |at| self.bodies.at(at))
            .ok()
            .map(|()| frame)
    }

    fn show_write(&mut self, write: kraft_proto::Write) {
        self.history.take(write.kind());
        self.handed = self.handed.wrapping_add(1);
        self.shown.token = self.handed;
        self.shown.index = 0;
        let kind = match write.kind() {
            Kind::HardState(hard) => {
                self.shown.bytes = bytes::hard_state(&hard);
                WriteKind::HardState
            }
            Kind::Entries(run) => {
                let record = bytes::record(run, |at| self.bodies.at(at));
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
            Output::OwnEntry { at, kind, bytes } => {
                let class = (kind == EntryKind::Configuration).then(Class::default);
                self.bodies.keep(at, class, &bytes);
                return None;
            }
            Output::Send { mode, envelope } => {
                self.shown.bytes = self.frame(&envelope)?;
                self.shown.to = envelope.to.0;
                self.shown.mode = codes::mode(mode);
                self.shown.message = Some(MessageKind::from(&envelope.message));
                (self.shown.entries, self.shown.fsync) = match envelope.message {
                    Message::Append(append) => (append.count, append.fsync as u8),
                    _ => (0, 0),
                };
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
                self.commit = upto.index;
                self.at_risk.commit(upto);
                self.show_position(upto);
                OutputKind::Commit
            }
            Output::Settled {
                term,
                committed_upto,
                unkept,
            } => {
                self.at_risk.settle(term, committed_upto);
                self.show_position(LogPosition::new(term, committed_upto));
                self.shown.unkept = Some(unkept);
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
            Output::Role { term, role, .. } => {
                if role == Role::Leader {
                    let peers = self.raft.status().peers;
                    let begun = peers.iter().map(|peer| (peer.id, Lag::new(self.now)));
                    self.lags = begun.collect();
                }
                self.shown.term = term.0;
                OutputKind::Role
            }
            Output::Restored { upto } => {
                self.bodies.drop_through(upto.index);
                self.incoming.take_if(|(last, _)| *last == upto);
                self.commit = self.commit.max(upto.index);
                self.at_risk.commit(upto);
                self.show_position(upto);
                OutputKind::Restored
            }
            Output::Snapshot { to, upto } => {
                self.shown.to = to.0;
                self.shown.index = upto.0;
                OutputKind::Snapshot
            }
            Output::Members { at, agreed, own } => {
                self.shown.index = at.0;
                self.shown.members = Some((agreed, own));
                OutputKind::Members
            }
            Output::Recall { question, index } => {
                if let Some(run) = self.history.run_at(index) {
                    self.raft.handle_recalled(self.now, question, run);
                }
                return None;
            }
            Output::Superseded { .. } => OutputKind::Superseded,
        })
    }

    fn show_position(&mut self, position: LogPosition) {
        self.shown.term = position.term.0;
        self.shown.index = position.index.0;
    }
}

#[wasm_bindgen]
impl Node {
    /// The next output. Its parts are in the getters until the next call.
    pub fn poll(&mut self) -> OutputKind {
        while let Some(output) = self.raft.poll_output() {
            let history = |index| self.history.run_at(index);
            self.waits.handle_output(&output, &self.raft, history);
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
        if let Some(answer) = &self.answer
            && answer.held.is_some()
            && answer.position.index > self.commit
        {
            let bytes = self.bodies.at(answer.position).map_or(0, <[u8]>::len);
            self.at_risk.acknowledge(self.now, answer.position, bytes);
        }
        self.answer.is_some()
    }
}
