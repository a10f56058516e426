//! One node and its disk, and what an input makes of them.

use std::time::Duration;

use kit::framed;
use kraft_proto::{
    CheckQuorum, Config, EntryKind, Envelope, Frame, Instant, LogIndex, LogPosition, Members,
    Message, NodeId, Nonce, Output, PreVote, Raft, ReadOutcome, ReadTicket, Recovery, Role,
    StoreId, Term, Trust, WriteKind,
};
use serde::Serialize;

use super::bound::{Bound, HardStates};
use super::configuration::{Configuration, NodeMask, changes};
use super::disk::{Disk, Entry};
use super::rule::{Rule, Told};

/// The one moment there is.
const NOW: Instant = Instant::ZERO;

/// A node that runs, and its disk.
#[derive(Clone, Debug, Serialize)]
pub struct Node {
    /// The code that ships.
    pub raft: Raft,
    /// Its disk.
    pub disk: Disk,
}

/// A message and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Letter {
    /// The message.
    pub envelope: Envelope,
    /// What the entry holds, if it brings a configuration.
    pub configuration: Configuration,
}

/// What may happen to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A message arrives.
    Message(Letter),
    /// Its newest hard state is synced.
    HardStateSynced,
    /// Its log is synced.
    LogSynced,
    /// No leader was heard for an election timeout.
    Campaign,
    /// A client proposes an entry.
    Propose,
    /// Its deadlines as a leader are due.
    Heartbeat,
    /// What was relied on has been synced for a while.
    Clean,
    /// Somebody proposes that these vote.
    Change(NodeMask),
    /// Somebody wants it to hand leadership to this one.
    Transfer(NodeMask),
    /// A client reads.
    Read,
    /// Its process is killed, and starts again.
    Kill,
    /// Its power is cut, and it starts again.
    CutPower,
}

/// What a node did that others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It sent something.
    Sent(Letter),
    /// It acknowledged entries of its term that every later leader must have.
    Acked(LogPosition),
    /// It learned that its log is committed through an index.
    Committed(LogIndex),
    /// It won an election.
    Elected(Term),
    /// A client's read was taken.
    Asked(ReadTicket),
    /// A read is served, once everything through here is applied.
    Served(ReadTicket, LogIndex),
}

/// The settings of every node: see the module's documentation on time.
fn config(id: NodeId) -> Config {
    let mut config = Config::new(id, StoreId(id.0), 0);
    config.election_timeout_min = Duration::from_secs(3600);
    config.election_timeout_max = config.election_timeout_min;
    config.heartbeat = Duration::from_nanos(1);
    config.durability.lazy_force = Duration::from_nanos(1);
    config.pre_vote = PreVote::Off;
    config.check_quorum = CheckQuorum::Off;
    // So that some of the few terms there are lie below it.
    config.term_runs_max = 2;
    config
}

fn started(id: NodeId, disk: &Disk, told: Told, rule: Rule, bound: &Bound) -> Raft {
    let at_first = Configuration {
        voters: bound.voters,
        outgoing: NodeMask(0),
    };
    let resumed = Recovery::resume(disk.hard, at_first.members());
    let resumed = match told {
        Told::SameBoot => resumed.same_boot(),
        Told::PowerMayHaveFailed => resumed,
    };
    let recovery = disk.log.recover(LogIndex::ZERO, resumed, |entry| {
        rule.read(entry.data).bytes()
    });
    // Each start has the next number here, so the number tells starts apart by itself.
    let nonce = Nonce(disk.hard.incarnation.number + 1);
    match Raft::new(config(id), recovery, nonce, NOW) {
        Ok(raft) => raft,
        Err(error) => panic!("node {id} does not start: {error}"),
    }
}

impl Node {
    /// A node on an empty disk, whose first incarnation is on the disk.
    pub fn new(id: NodeId, bound: &Bound) -> Self {
        let disk = Disk::default();
        let raft = started(id, &disk, Told::PowerMayHaveFailed, Rule::Kept, bound);
        let mut node = Self { raft, disk };
        node.drain(Rule::Kept, HardStates::AtOnce, None);
        node
    }

    /// Takes an input. What it did, or `None` where the input cannot be.
    pub fn take(&mut self, input: Input, rule: Rule, bound: &Bound) -> Option<Vec<Deed>> {
        let id = self.raft.status().id;
        let leads = self.raft.status().role == Role::Leader;
        let (mut came, mut read) = (None, Vec::new());
        match input {
            Input::Message(letter) => came = self.receive(&letter, rule),
            Input::HardStateSynced => {
                let receipt = self.disk.sync_hard_state()?;
                self.raft.handle_stored(NOW, receipt);
            }
            Input::LogSynced => {
                let receipt = self.disk.sync_log()?;
                self.raft.handle_stored(NOW, receipt);
            }
            Input::Campaign => (!leads).then(|| self.raft.campaign(NOW))?,
            Input::Propose => self.raft.propose(NOW, bound.class, 1).map(drop).ok()?,
            Input::Heartbeat => leads.then(|| self.raft.handle_timeout(NOW))?,
            Input::Clean => {
                let trust = self.raft.status().trust;
                (trust == Trust::Dirty && !leads).then(|| self.raft.handle_timeout(NOW))?;
                (self.raft.status().trust == Trust::Clean).then_some(())?;
            }
            Input::Change(to) => {
                let voters = Configuration::of(self.raft.members()).voters;
                let changes = changes(voters, to);
                self.raft.propose_members(NOW, &changes).ok()?;
            }
            Input::Transfer(to) => {
                let to = to.ids().next();
                self.raft.transfer_leadership(NOW, to).ok()?;
            }
            Input::Read => {
                let ticket = self.raft.read(NOW).ok()?;
                read.push(Deed::Asked(ticket));
                let commit = self.raft.status().commit.index;
                let served = rule.served_at_once(commit).filter(|_| leads);
                read.extend(served.map(|index| Deed::Served(ticket, index)));
            }
            Input::Kill => {
                self.disk.kill();
                self.raft = started(id, &self.disk, Told::SameBoot, rule, bound);
            }
            Input::CutPower => {
                self.disk.cut_power(rule);
                self.raft = started(id, &self.disk, rule.told_after_power_cut(), rule, bound);
            }
        }
        let deeds = self.drain(rule, bound.hard_states, came);
        Some(read.into_iter().chain(deeds).collect())
    }

    /// Takes a message. The configuration it brought, if it did, for the disk.
    fn receive(&mut self, letter: &Letter, rule: Rule) -> Option<Configuration> {
        let envelope = &letter.envelope;
        let brings = brings_configuration(envelope);
        let entry = |at| match brings == Some(at) {
            true => rule.read(letter.configuration).bytes(),
            false => Vec::new(),
        };
        let bytes = framed(envelope, |at| Some(entry(at))).expect("every entry has bytes");
        match Frame::decode(&bytes) {
            // Other entries are their positions here: there are no bytes to keep.
            Ok(frame) => drop(self.raft.handle_message(NOW, &frame)),
            Err(error) => panic!("a node sent {letter:?}: {error}"),
        }
        brings.map(|_| letter.configuration)
    }

    fn letter(&self, envelope: Envelope) -> Letter {
        let configuration = match brings_configuration(&envelope) {
            // What is sent was written before: all that is handed out is taken at once.
            Some(at) => match self.disk.configuration(at) {
                Some(configuration) => configuration,
                None => panic!("nobody knows the configuration at {at}"),
            },
            None => Configuration::default(),
        };
        Letter {
            envelope,
            configuration,
        }
    }

    fn drain(
        &mut self,
        rule: Rule,
        hard_states: HardStates,
        mut came: Option<Configuration>,
    ) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let voters = self.raft.members().voters_min();
        while let Some(output) = self.raft.poll_output() {
            match output {
                Output::OwnEntry { kind, bytes, .. } => {
                    if kind == EntryKind::Configuration {
                        let members = Members::from_bytes(&bytes).expect("the core made them");
                        came = Some(Configuration::of(&members));
                    }
                }
                Output::Send { envelope, .. } => {
                    deeds.push(Deed::Sent(self.letter(rule.sent(envelope))));
                }
                Output::Write(write) => {
                    let configuration = match write.kind() {
                        WriteKind::Entries(run) if run.kind == EntryKind::Configuration => {
                            came.expect("it came in a message, or the core made it")
                        }
                        _ => Configuration::default(),
                    };
                    let written = self.disk.take(write, configuration);
                    let synced = match hard_states {
                        HardStates::AtOnce => self.disk.sync_hard_state(),
                        HardStates::InFlight => None,
                    };
                    for receipt in written.into_iter().chain(synced) {
                        self.raft.handle_stored(NOW, receipt);
                    }
                }
                Output::Ack { mode, upto, .. } if mode.outlives_leader(voters) => {
                    deeds.push(Deed::Acked(upto));
                }
                Output::Commit { upto } => deeds.push(Deed::Committed(upto.index)),
                Output::Role {
                    role: Role::Leader,
                    term,
                    ..
                } => {
                    deeds.push(Deed::Elected(term));
                }
                Output::Read {
                    ticket,
                    outcome: ReadOutcome::Ready(index),
                } => deeds.push(Deed::Served(ticket, index)),
                Output::Ack { .. }
                | Output::Settled { .. }
                | Output::Read { .. }
                | Output::Role { .. }
                | Output::Members { .. }
                | Output::Superseded { .. } => {}
                Output::Recall { question, index } => {
                    if let Some(run) = self.disk.run_at(index) {
                        self.raft.handle_recalled(NOW, question, run);
                    }
                }
                // No bound reaches as many terms as a log remembers, and nothing is compacted.
                Output::Restored { .. } | Output::Snapshot { .. } => {
                    unreachable!("{output:?} without a snapshot")
                }
            }
        }
        deeds
    }

    /// The log inside the core, and below its window its host's.
    pub fn log(&self) -> Vec<Entry> {
        let written = self.disk.written_log();
        let last = self.raft.status().last.index;
        let entry = |index| match self.raft.run_from(LogIndex(index), 1) {
            Some(run) => Entry {
                term: run.term,
                kind: run.kind,
                data: (),
            },
            None => written[index as usize - 1].bare(),
        };
        (1..=last.0).map(entry).collect()
    }
}

/// Where the configuration stands that a message brings, if it does: one at a time, as runs of
/// configurations never have more.
fn brings_configuration(envelope: &Envelope) -> Option<LogPosition> {
    match &envelope.message {
        Message::Append(append) if append.kind == EntryKind::Configuration && append.count > 0 => {
            Some(append.run().last_position())
        }
        _ => None,
    }
}
