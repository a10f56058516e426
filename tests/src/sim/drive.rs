//! The hosts at work: news goes into the cores, and what they ask for is done.

use kraft_proto::{
    Agreed, Fate, Frame, LogPosition, Message, Output, ReadOutcome, ReadTicket, Role, Standing,
    Trust, WriteKind,
};
use kraft_proto::{EntryKind, LogIndex, Term};

use super::action::DiskState;
use super::entry;
use super::event::{End, Event};
use super::members::{generation, seats};
use super::node::{Stopping, life};
use super::plant::Plant;
use super::world::World;

/// How often a node is measured, in things that happen.
const MEASURED_EVERY: u64 = 256;

impl World {
    pub(super) fn deliver(&mut self) {
        let Some(packet) = self.links.take() else {
            return;
        };
        let (from, to) = (usize::from(packet.from), usize::from(packet.to));
        let node = &mut self.nodes[to];
        let Some(live) = &mut node.live else { return };
        let frame = match Frame::decode(&packet.bytes) {
            Ok(frame) => frame,
            Err(error) => {
                let what = format!("what node {} sent does not decode: {error:?}", from + 1);
                return self.witness.object("log_matching", what);
            }
        };
        let envelope = frame.envelope();
        if let Message::Append(append) = &envelope.message
            && append.count > 0
            && node.disk.state() == DiskState::Full
        {
            return;
        }
        if live.role == Role::Leader && live.term == envelope.term.0 {
            self.witness.see(Event::Heard {
                term: live.term,
                from,
                life: life(generation(envelope.store), envelope.incarnation.nonce.0),
            });
        }
        let now = node.clock.show(self.now_us);
        let len = live.log.len();
        let planted = node.plant == Some(Plant::AnswersFromBefore);
        let before = planted.then(|| live.log.clone());
        self.chain = packet.chain;
        let answered = matches!(envelope.message, Message::Matched(_));
        if let Some(from) = live.receive(now, &frame, packet.state) {
            if let Some(before) = before.filter(|_| from < len) {
                live.before = before;
            }
            if from < len && live.role == Role::Leader {
                // Its host may not have been told yet that it leads no more.
                let status = live.raft.status();
                (live.role, live.term) = (status.role, status.term.0);
                self.witness.see(Event::Role {
                    node: to,
                    role: live.role,
                    term: live.term,
                    log: &live.log,
                    sets: live.sets(),
                });
            }
            let (node, log, sets) = (to, &live.log, live.sets());
            self.witness.see(Event::Log {
                node,
                from,
                log,
                sets,
            });
        }
        self.attend(to);
        if answered {
            self.send_again(to, from);
        }
        self.chain = 0;
    }

    pub(super) fn advance_disk(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let Some(done) = node.disk.advance(self.now_us) else {
            return;
        };
        let Some(live) = &mut node.live else { return };
        for (held, run) in &done.held {
            self.witness.see(Event::Held {
                node: place,
                held: *held,
                run: *run,
            });
        }
        if node.plant == Some(Plant::KeepsWrites) {
            node.kept_writes += 1;
        }
        if node.plant == Some(Plant::NeverReports) && place == 0 && !done.held.is_empty() {
            return;
        }
        let now = node.clock.show(self.now_us);
        live.stored(now, done.receipt);
        self.attend(place);
    }

    pub(super) fn wake(&mut self, place: usize) {
        let mut chance = self.chance(1, self.attended);
        let node = &mut self.nodes[place];
        node.poll_us = u64::MAX;
        let now = node.clock.show(self.now_us);
        if let Some(live) = &mut node.live {
            if live.raft.poll_timeout() <= now {
                live.raft.handle_timeout(now);
            }
            let history = |index| live.log.run_at(index);
            live.waits.handle_timeout(now, &mut live.raft, history);
            // A receipt may come twice.
            if chance.permille(20)
                && let Some(receipt) = node.disk.receipt_again()
            {
                live.raft.handle_stored(now, receipt);
            }
        }
        self.answer_late(place);
        self.attend(place);
    }

    /// Looks at a node after anything happened to it, and does what it says.
    pub(super) fn attend(&mut self, place: usize) {
        self.attended += 1;
        let budget = self.setup.outputs_max.unwrap_or(u32::MAX);
        self.nodes[place].poll_us = u64::MAX;
        let mut fetched = 0;
        loop {
            if fetched == budget {
                self.nodes[place].poll_us = self.now_us + 1000;
                break;
            }
            let Some(live) = &mut self.nodes[place].live else {
                break;
            };
            let Some(output) = live.poll() else { break };
            fetched += 1;
            if let Err(what) = self.handle_output(place, output) {
                self.witness.object("contract", what);
                break;
            }
        }
        self.misbehave(place);
        self.answer(place);
        self.end_if_stopped(place);
        self.nodes[place].plan_wake();
        if self.attended.is_multiple_of(MEASURED_EVERY) {
            self.measure(place);
        }
    }

    /// Takes into the log what the core added by itself.
    fn take_own_entry(&mut self, place: usize, at: LogPosition, kind: EntryKind, bytes: &[u8]) {
        let asked_for = match &mut self.nodes[place].live {
            Some(live) => std::mem::take(&mut live.decides_at_once),
            None => return,
        };
        if kind == EntryKind::Configuration && !asked_for {
            // The core went on by itself, since the configuration before decided by now.
            self.catch_up_commit(place);
        }
        if let Some(live) = &mut self.nodes[place].live {
            let from = live.log.len();
            live.take_own_entry(at, kind, bytes);
            let (node, log, sets) = (place, &live.log, live.sets());
            self.witness.see(Event::Log {
                node,
                from,
                log,
                sets,
            });
        }
    }

    fn handle_output(&mut self, place: usize, output: Output) -> Result<(), String> {
        let now_us = self.now_us;
        let node = &mut self.nodes[place];
        let Some(live) = &mut node.live else {
            return Ok(());
        };
        match output {
            Output::OwnEntry { at, kind, bytes } => {
                self.take_own_entry(place, at, kind, &bytes);
            }
            Output::Send { envelope, .. } => {
                let saved = node.disk.saved().hard;
                let chain = match envelope.message {
                    Message::ReadIndex { .. } => 1,
                    _ => self.chain + 1,
                };
                self.witness.see(Event::Sent {
                    envelope: &envelope,
                    saved,
                    chain,
                });
                if let Message::TransferVote { .. } = envelope.message {
                    live.taking_over = Some(envelope.term.0);
                }
                let bytes = live.encode(&envelope, node.plant)?;
                let to = envelope.to.0 as usize - 1;
                if node.plant == Some(Plant::SendsAgain)
                    && let Message::Append(_) = envelope.message
                {
                    node.last_appends.retain(|(peer, ..)| *peer != to);
                    node.last_appends.push((to, envelope, bytes.clone()));
                }
                self.links.send(now_us, place, to, chain, bytes);
            }
            Output::Write(write) => {
                let entries = match write.kind() {
                    WriteKind::Entries(run) => live.entries(run)?,
                    WriteKind::HardState(hard) => {
                        let number = hard.incarnation.number;
                        if number != live.number && !self.set_back.is_some_and(|b| b.is_of(place)) {
                            let id = place + 1;
                            return Err(format!("node {id} is told that its disk went back"));
                        }
                        live.number = number;
                        if live.trust == Trust::Suspect && hard.trust != Trust::Suspect {
                            self.witness.see(Event::Readmitted { node: place });
                            self.tally.readmissions += 1;
                        }
                        live.trust = hard.trust;
                        if hard.trust != Trust::Suspect {
                            self.witness.see(Event::Trusted { node: place });
                        }
                        Vec::new()
                    }
                    WriteKind::Snapshot(last) => live.log[..last.index.0 as usize].to_vec(),
                    WriteKind::Force => Vec::new(),
                };
                node.disk.take(now_us, write, entries, live.taken.clone())?;
            }
            Output::Ack { mode, held, upto } => {
                // A leader that restores a snapshot tells of commit later, and counts already in the
                // configuration that is committed.
                if live.configuration().0 > live.commit {
                    self.catch_up_commit(place);
                }
                let Some(live) = &mut self.nodes[place].live else {
                    return Ok(());
                };
                if upto.index.0 as usize > live.commit {
                    live.early.push(upto);
                }
                self.witness.see(Event::Acked {
                    node: place,
                    deciding: live.deciding(),
                    mode,
                    held,
                    upto,
                });
            }
            Output::Settled {
                term,
                committed_upto,
                unkept,
            } => {
                self.catch_up_commit(place);
                let Some(live) = &mut self.nodes[place].live else {
                    return Ok(());
                };
                self.witness.see(Event::Settled {
                    node: place,
                    term: term.0,
                    committed_upto,
                    unkept,
                    early: &live.early,
                });
                live.early.retain(|early| early.term != term);
            }
            Output::Read { ticket, outcome } => {
                self.end_reads(place, ticket, outcome)?;
            }
            Output::Role { role, term, .. } => {
                if role == Role::Leader && live.role != Role::Leader {
                    self.tally.leaders += 1;
                    if live.taking_over == Some(term.0) {
                        self.tally.deed("took over by a transfer");
                    }
                }
                live.role = role;
                live.term = term.0;
                self.witness.see(Event::Role {
                    node: place,
                    role,
                    term: term.0,
                    log: &live.log,
                    sets: live.sets(),
                });
            }
            Output::Commit { upto } => {
                self.keep_hint(place, upto);
                self.commit_through(place, upto.index, None);
            }
            Output::Snapshot { to, upto } => self.send_snapshot(place, to, upto),
            Output::Restored { upto } => {
                self.tally.deed("snapshot restored");
                self.commit_through(place, upto.index, None);
            }
            Output::Members { at, agreed, own } => {
                self.hear_of_members(place, (at, agreed, own))?;
            }
            Output::Recall { question, index } => self.recall(place, question, index),
            Output::Superseded { by } => {
                return Err(format!(
                    "node {} is told of its own later incarnation {by}",
                    place + 1
                ));
            }
        }
        Ok(())
    }

    /// A node believes that it is out only once a configuration that says so is committed.
    fn hear_of_members(
        &mut self,
        place: usize,
        (at, agreed, own): (LogIndex, Agreed, Standing),
    ) -> Result<(), String> {
        if (agreed, own) != (Agreed::Committed, Standing::LeftOut) || at == LogIndex::ZERO {
            return Ok(());
        }
        let committed = &self.witness.oracles.facts.committed;
        let entry = committed.get(at.0 as usize - 1);
        let store = self.nodes[place].generation;
        let out = entry.is_some_and(|entry| {
            entry.kind == EntryKind::Configuration && !seats(entry.data, place, store)
        });
        if !out {
            return Err(format!(
                "node {} is told that it is out as of {at}, and there stands {entry:?}",
                place + 1
            ));
        }
        self.tally.deed("heard that it is out");
        Ok(())
    }

    fn end_reads(
        &mut self,
        place: usize,
        ticket: ReadTicket,
        outcome: ReadOutcome,
    ) -> Result<(), String> {
        let Some(live) = &mut self.nodes[place].live else {
            return Ok(());
        };
        let applied = live.commit as u64;
        let several = live.sets().everybody().count_ones() > 1;
        for read in live.reads.iter().filter(|read| read.ticket == ticket) {
            let id = read.id;
            let index = match outcome {
                ReadOutcome::Ready(index) => index.0,
                ReadOutcome::Failed => {
                    self.tally.reads_failed += 1;
                    self.witness.see(Event::ReadFailed { id });
                    continue;
                }
            };
            if index > applied {
                return Err(format!("a read at {index} beyond commit {applied}"));
            }
            self.tally.reads_served += 1;
            self.tally.deed(match live.role {
                // Nobody was asked: no time went by.
                Role::Leader if several && read.asked_us == self.now_us => "read by a lease",
                Role::Leader => "read of a leader",
                _ => "read of a follower",
            });
            if read.after.is_some() {
                self.tally.deed("read of one's own write");
            }
            self.witness.see(Event::ReadServed {
                node: place,
                id,
                index,
                applied,
                fate: read.after.map(|after| live.fate(after)),
            });
        }
        live.reads.retain(|read| read.ticket != ticket);
        Ok(())
    }

    fn commit_through(&mut self, place: usize, upto: LogIndex, term: Option<Term>) {
        let Some(live) = &mut self.nodes[place].live else {
            return;
        };
        let (from, upto) = (live.commit, upto.0 as usize);
        if upto <= from {
            return;
        }
        self.witness.see(Event::Committed {
            node: place,
            term: term.map_or(live.term, |term| term.0),
            log: &live.log,
            from,
            upto,
        });
        live.commit = upto;
        let (raft, log) = (&live.raft, &live.log);
        let history = |index| log.run_at(index);
        live.early
            .retain(|early| raft.fate_with(*early, history) != Fate::Committed);
        for index in from + 1..=upto {
            let Some(live) = &mut self.nodes[place].live else {
                return;
            };
            let entry = live.log[index - 1];
            if let Some(request) = entry::request(&entry) {
                let applied = live.machine.apply(request, self.setup.plant);
                self.applied(place, index as u64, request, applied);
            }
        }
    }

    /// What the core knows to be committed although its host was not told yet.
    pub(super) fn catch_up_commit(&mut self, place: usize) {
        if let Some(live) = &self.nodes[place].live {
            let status = live.raft.status();
            self.commit_through(place, status.commit.index, Some(status.term));
        }
    }

    fn end_if_stopped(&mut self, place: usize) {
        let Some(live) = &self.nodes[place].live else {
            return;
        };
        if live.stopping == Stopping::Asked && live.raft.is_stopped() {
            if live.raft.status().trust == Trust::Dirty {
                let what = format!("node {} stops in order and stays dirty", place + 1);
                self.witness.object("contract", what);
            }
            self.end(place, End::Stopped);
        }
    }
}
