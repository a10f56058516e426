//! One node: the core, and the little a driver keeps for it.

mod snapshots;

use std::collections::BTreeMap;

use kraft_proto::{
    Change, Class, EntryKind, Envelope, Fate, Force, Frame, Incarnation, LogIndex, LogPosition,
    Message, NodeId, Nonce, Output, Raft, ReadOutcome, ReadTicket, Role, Run, Snapshot, StoreId,
    Term, Trust, WriteKind,
};
use serde_json::Value;

use super::canonical::{canonical, kind};
use super::clients::Clients;
use super::disk;
use super::fields::{Fields, Refusal};
use super::frame;
use super::handmade::{self, Defaults};
use super::hex;
use super::line::{Entry, Line, State, role_word};
use super::options::{Options, moment};
use super::payloads::{self, Data, Log, Machine, from_bytes};
use super::pending::{Pending, Stream};
use super::snapshots::Held;

/// What was last heard of a peer, and said to it.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    heard: Option<(StoreId, Incarnation)>,
    prev_index: LogIndex,
    round: u64,
}

/// A bare node and the world it believes in.
#[derive(Debug)]
pub struct Node {
    id: NodeId,
    raft: Raft,
    ticks: u64,
    log: Log,
    applied: LogIndex,
    /// What was applied: all the state there is.
    machine: Machine,
    /// The snapshot that took the log's place last, until it is restored.
    taken: Option<Held>,
    /// The newest snapshot made or restored here.
    kept: Option<Held>,
    pending: Pending,
    peers: BTreeMap<NodeId, Peer>,
    clients: Clients,
    reads: Vec<(ReadTicket, Value, LogPosition)>,
    role: (Role, Term),
    out: Vec<Line>,
}

impl Node {
    /// Starts a node, for the time `starts`. Its writes are numbered after `last_write`, the last of
    /// its earlier incarnations.
    pub fn start(options: Options, starts: u64, last_write: u64) -> Result<Self, Refusal> {
        let Options {
            config,
            members,
            disk,
            stop,
            nonce,
        } = options;
        let nonce = nonce.unwrap_or(Nonce(starts));
        let recovery = disk.recovery(members, stop);
        let raft = Raft::new(config, recovery, nonce, moment(0)).map_err(Refusal::new)?;
        let (machine, applied) = match &disk.snapshot {
            Some(held) => (held.machine.clone(), held.last().index),
            None => (Machine::default(), LogIndex::ZERO),
        };
        let restored =
            (applied > LogIndex::ZERO).then_some(Line::SnapshotApplied { index: applied });
        let mut node = Self {
            id: config.id,
            role: (Role::Follower, raft.status().term),
            raft,
            ticks: 0,
            log: disk.log,
            applied,
            machine,
            taken: None,
            kept: disk.snapshot,
            pending: Pending::after(last_write),
            peers: BTreeMap::new(),
            clients: Clients::default(),
            reads: Vec::new(),
            out: Vec::from_iter(restored),
        };
        node.drain();
        Ok(node)
    }

    /// The number of its newest write.
    pub fn last_write(&self) -> u64 {
        self.pending.last()
    }

    /// What it asked of the world since this was last called.
    pub fn take_out(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.out)
    }

    /// Lets `count` ticks pass, one by one.
    pub fn tick(&mut self, count: u64) {
        for _ in 0..count {
            self.ticks += 1;
            self.raft.handle_timeout(moment(self.ticks));
            self.drain();
        }
    }

    /// Delivers a message as it stood on the wire.
    pub fn deliver_blob(&mut self, from: NodeId, blob: &str) -> Result<(), Refusal> {
        let bytes = hex::decode(blob).ok_or_else(|| Refusal::new("blob: not hex"))?;
        let (frame, machine) = frame::decode(&bytes)?;
        if frame.from() != from {
            return Err(Refusal(format!(
                "blob: a message of node {}, not of node {from}",
                frame.from()
            )));
        }
        self.deliver(&frame, machine);
        Ok(())
    }

    /// Delivers a message written by hand.
    pub fn deliver_handmade(
        &mut self,
        from: NodeId,
        kind: &str,
        msg: Fields<'_>,
    ) -> Result<(), Refusal> {
        let peer = self.peers.get(&from).copied().unwrap_or_default();
        let (store, incarnation) = peer
            .heard
            .unwrap_or((StoreId(from.0), Incarnation::new(1, Nonce(1))));
        let status = self.raft.status();
        let defaults = Defaults {
            to: self.id,
            store,
            incarnation,
            class: self.raft.durability().default,
            voters: self.raft.members().voters_min(),
            prev_index: peer.prev_index,
            round: peer.round,
            receiver: (status.store, status.incarnation),
            members: status.members.to_bytes().to_vec(),
        };
        let bytes = handmade::frames(from, kind, msg, defaults)?;
        let frames: Vec<(Frame<'_>, Option<Machine>)> = bytes
            .iter()
            .map(|bytes| frame::decode(bytes))
            .collect::<Result<_, _>>()
            .map_err(|Refusal(why)| Refusal(why.replacen("blob", "msg", 1)))?;
        for (frame, machine) in frames {
            self.deliver(&frame, machine);
        }
        Ok(())
    }

    /// `machine` is the state that comes with a snapshot; one made up by hand brings none.
    fn deliver(&mut self, frame: &Frame<'_>, machine: Option<Machine>) {
        let envelope = frame.envelope();
        let peer = self.peers.entry(envelope.from).or_default();
        peer.heard = Some((envelope.store, envelope.incarnation));
        let taken = self.raft.handle_message(self.now(), frame);
        if let Some(run) = taken.run() {
            // That each entry is text was checked when the frame was decoded.
            let data = taken
                .entries()
                .map(|(_, bytes)| from_bytes(run.kind, bytes).unwrap_or_default());
            self.log.replace(run, data);
        }
        if let Some(last) = taken.snapshot() {
            self.log = Log::behind(last);
            let core = frame.entries().next().map(Snapshot::decode);
            self.taken = core.and_then(Result::ok).map(|core| Held {
                core,
                machine: machine.unwrap_or_default(),
            });
        }
        self.drain();
    }

    /// A write is on the disk.
    pub fn synced(&mut self, id: u64) -> Result<(), Refusal> {
        if let Some(receipt) = self.pending.synced(id)? {
            self.raft.handle_stored(self.now(), receipt);
        }
        self.drain();
        Ok(())
    }

    /// Proposes one entry for the client `id`.
    pub fn propose(&mut self, id: &Value, data: Data, class: Class) -> Result<State, Refusal> {
        self.clients.check_room()?;
        let now = self.now();
        let proposed = self.raft.propose(now, class, 1).map_err(Refusal::new);
        if let Ok(proposed) = &proposed {
            self.log.replace(proposed.run, [data]);
            self.clients
                .proposed(id.clone(), proposed, class, self.raft.durability(), now);
        }
        self.drain();
        let run = proposed?.run;
        Ok(State::Proposed {
            index: run.first,
            term: run.term,
        })
    }

    /// Proposes other members.
    pub fn change_members(&mut self, changes: &[Change]) -> Result<State, Refusal> {
        let proposed = self.raft.propose_members(self.now(), changes);
        self.drain();
        let run = proposed.map_err(Refusal::new)?.run;
        Ok(State::Proposed {
            index: run.first,
            term: run.term,
        })
    }

    /// The class of a proposal that names none.
    pub fn default_class(&self) -> Class {
        self.raft.durability().default
    }

    /// Starts a linearizable read that sees the entry at `after` too.
    pub fn read(&mut self, id: &Value, after: LogPosition) -> Result<(), Refusal> {
        let ticket = self.raft.read_after(self.now(), after);
        let ticket = ticket.map_err(Refusal::new);
        if let Ok(ticket) = &ticket {
            self.reads.push((*ticket, id.clone(), after));
        }
        self.drain();
        ticket.map(|_| ())
    }

    /// Starts an election.
    pub fn campaign(&mut self) {
        self.raft.campaign(self.now());
        self.drain();
    }

    /// Hands leadership to another node.
    pub fn transfer(&mut self, to: Option<NodeId>) -> Result<(), Refusal> {
        let begun = self.raft.transfer_leadership(self.now(), to);
        self.drain();
        begun.map(|_| ()).map_err(Refusal::new)
    }

    /// What became of an entry.
    pub fn fate(&self, of: LogPosition) -> State {
        State::Fate {
            fate: match (self.raft).fate_with(of, |index| self.log.run_at(index)) {
                Fate::Committed => "committed",
                Fate::Pending => "pending",
                Fate::Lost => "lost",
                Fate::Unknown => "unknown",
            },
        }
    }

    /// Everything about the node.
    pub fn state(&self) -> State {
        let status = self.raft.status();
        let log: Vec<Entry> = self
            .log
            .positions()
            .map(|(at, entry)| Entry {
                index: at.index,
                term: entry.term,
                data: payloads::text(entry),
            })
            .collect();
        State::Node {
            term: status.term,
            vote: status.vote,
            role: role_word(status.role),
            leader: status.leader,
            commit: status.commit.index,
            applied: self.applied,
            first_index: status.compacted.index.next(),
            last_index: status.last.index,
            suspect: status.trust == Trust::Suspect,
            log,
            config: self.raft.members().into(),
        }
    }

    fn now(&self) -> kraft_proto::Instant {
        moment(self.ticks)
    }

    /// Does what the core says until it says nothing more.
    fn drain(&mut self) {
        let now = self.now();
        if self.raft.poll_timeout() <= now {
            self.raft.handle_timeout(now);
        }
        while let Some(output) = self.raft.poll_output() {
            self.handle_output(output);
        }
        let (raft, log) = (&mut self.raft, &self.log);
        self.clients.handle_timeout(now, raft, log, &mut self.out);
    }

    /// The core adds entries of its own: no-ops, which hold nothing, and configurations.
    fn keep_own_entry(&mut self, at: LogPosition, kind: EntryKind, bytes: &[u8]) {
        let run = Run {
            term: at.term,
            kind,
            first: at.index,
            count: 1,
        };
        let data = (kind == EntryKind::Configuration).then(|| hex::encode(bytes));
        self.log.replace(run, [data]);
    }

    fn handle_output(&mut self, output: Output) {
        match &output {
            Output::OwnEntry { at, kind, bytes } => self.keep_own_entry(*at, *kind, bytes),
            Output::Send { mode, envelope } => self.send(mode.to_string(), envelope),
            Output::Commit { upto } => self.commit(upto.index),
            Output::Restored { upto } => self.restore(upto.index),
            Output::Snapshot { to, upto } => self.send_snapshot(*to, *upto),
            Output::Read { ticket, outcome } => self.answer_reads(*ticket, *outcome),
            Output::Role { role, term, .. } => self.change_role(*role, *term),
            Output::Write(_)
            | Output::Ack { .. }
            | Output::Settled { .. }
            | Output::Members { .. }
            | Output::Superseded { .. } => {}
            Output::Recall { question, index } => {
                if let Some(run) = self.log.run_at(*index) {
                    self.raft.handle_recalled(self.now(), *question, run);
                }
            }
        }
        let (raft, log) = (&self.raft, &self.log);
        self.clients
            .handle_output(&output, raft, log, &mut self.out);
        if let Output::Write(write) = output {
            self.write(write);
        }
    }

    fn send(&mut self, mode: String, envelope: &Envelope) {
        let peer = self.peers.entry(envelope.to).or_default();
        let mut data = Vec::new();
        match envelope.message {
            Message::Append(append) => {
                peer.prev_index = append.prev.index;
                for position in append.run().positions() {
                    match self.log.find(position) {
                        Some(entry) => data.push(entry.data.clone()),
                        // Not what the core means any more: the message counts as lost.
                        None => return,
                    }
                }
            }
            Message::Heartbeat(beat) if beat.round > 0 => peer.round = beat.round,
            _ => {}
        }
        // A header fits its buffer, see `FRAME_HEADER_MAX`.
        let Ok(bytes) = frame::encode(envelope, &data) else {
            return;
        };
        self.out.push(Line::Send {
            to: envelope.to,
            kind: kind(&envelope.message),
            mode,
            msg: canonical(envelope, data),
            blob: hex::encode(&bytes),
        });
    }

    /// Applies what is committed.
    fn commit(&mut self, upto: LogIndex) {
        self.out.push(Line::Commit { index: upto });
        while self.applied < upto {
            let index = self.applied.next();
            let Some(entry) = self.log.at(index) else {
                return;
            };
            self.out.push(Line::Apply {
                index,
                term: entry.term,
                data: payloads::text(entry),
                config: payloads::members(entry).as_ref().map(Into::into),
            });
            self.machine.insert(index, entry.clone());
            self.applied = index;
        }
    }

    fn answer_reads(&mut self, ticket: ReadTicket, outcome: ReadOutcome) {
        let (index, result) = match outcome {
            ReadOutcome::Ready(index) => (Some(index), "ok"),
            ReadOutcome::Failed => (None, "fail"),
        };
        let (out, raft) = (&mut self.out, &self.raft);
        let history = |index| self.log.run_at(index);
        self.reads.retain(|(of, id, after)| {
            if *of != ticket {
                return true;
            }
            let (index, result) = match raft.fate_with(*after, history) {
                Fate::Lost if index.is_some() => (None, "lost"),
                _ => (index, result),
            };
            out.push(Line::Read {
                id: id.clone(),
                index,
                result,
            });
            false
        });
    }

    /// The core also tells of a new leader to follow, which is no news to the caller.
    fn change_role(&mut self, role: Role, term: Term) {
        if self.role != (role, term) {
            self.role = (role, term);
            let role = role_word(role);
            self.out.push(Line::Role { role, term });
        }
    }

    /// Hands a write out: from then on it counts as written.
    fn write(&mut self, write: kraft_proto::Write) {
        let kind = write.kind();
        let mode = write.class().mode.to_string();
        let sync = write.force() == Force::Now;
        let (receipt, unsynced) = write.written();
        let (names, run, hard) = match kind {
            WriteKind::HardState(hard) => (vec!["hard_state"], None, Some(hard)),
            WriteKind::Entries(run) => (vec!["entries"], Some(run), None),
            WriteKind::Snapshot(_) => (vec!["snapshot"], None, None),
            WriteKind::Force => (Vec::new(), None, None),
        };
        let stream = match hard {
            Some(_) => Stream::HardState,
            None => Stream::Log,
        };
        let id = self.pending.add(stream, Some(unsynced));
        self.out.push(Line::Write {
            id,
            mode,
            kind: names,
            first_index: run.map(|run| run.first),
            last_index: run.map(|run| run.last()),
            term: hard.map(|hard| hard.term),
            vote: hard.map(|hard| hard.vote),
            sync,
            blob: disk::blob(kind, &self.log, self.taken.as_ref()),
        });
        self.raft.handle_stored(self.now(), receipt);
    }
}
