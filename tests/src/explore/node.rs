//! One node and its disk, and what an input makes of them.

use std::time::Duration;

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    CheckQuorum, Config, Envelope, Frame, Instant, LogIndex, LogPosition, Members, NodeId, Output,
    PreVote, Raft, Recovery, Role, StoreId, Term, entry_prefix,
};
use serde::Serialize;

use super::bound::{Bound, HardStates};
use super::disk::{Disk, Entry, runs};
use super::rule::{Rule, Told};
use super::symmetry::NODES;

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

/// What may happen to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A message arrives.
    Message(Envelope),
    /// Its newest hard state is synced.
    HardStateSynced,
    /// Its log is synced.
    LogSynced,
    /// No leader was heard for an election timeout.
    Campaign,
    /// A client proposes an entry.
    Propose,
    /// Every deadline that is set is due.
    Deadlines,
    /// Its process is killed, and starts again.
    Kill,
    /// Its power is cut, and it starts again.
    CutPower,
}

/// What a node did that others see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It sent something.
    Sent(Envelope),
    /// It acknowledged entries of its term that every later leader must have.
    Acked(LogPosition),
    /// It learned that its log is committed through an index.
    Committed(LogIndex),
    /// It won an election.
    Elected(Term),
}

/// The settings of every node: see the module's documentation on time.
fn config(id: NodeId) -> Config {
    let mut config = Config::new(id, StoreId(id.0), 0);
    config.election_timeout_min = Duration::from_secs(3600);
    config.election_timeout_max = config.election_timeout_min;
    config.heartbeat = Duration::from_nanos(1);
    config.durability.lazy_flush = Duration::from_nanos(1);
    config.pre_vote = PreVote::Off;
    config.check_quorum = CheckQuorum::Off;
    config
}

fn members() -> Members {
    let ids = (1..=NODES as u64).map(NodeId);
    match Members::new(ids, []) {
        Ok(members) => members,
        Err(error) => unreachable!("{error}"),
    }
}

fn started(id: NodeId, disk: &Disk, told: Told) -> Raft {
    let resumed = Recovery::resume(disk.hard, members());
    let resumed = match told {
        Told::SameBoot => resumed.same_boot(),
        Told::PowerMayHaveFailed => resumed,
    };
    let recovery = runs(&disk.log).fold(resumed, Recovery::run);
    match Raft::new(config(id), recovery, NOW) {
        Ok(raft) => raft,
        Err(error) => panic!("node {id} does not start: {error}"),
    }
}

impl Node {
    /// A node on an empty disk, whose first life is on the disk.
    pub fn new(id: NodeId) -> Self {
        let disk = Disk::default();
        let raft = started(id, &disk, Told::PowerMayHaveFailed);
        let mut node = Self { raft, disk };
        node.drain(Rule::Kept, HardStates::AtOnce);
        node
    }

    /// Takes an input. What it did, or `None` where the input cannot be.
    pub fn take(&mut self, input: Input, rule: Rule, bound: &Bound) -> Option<Vec<Deed>> {
        let id = self.raft.status().id;
        match input {
            Input::Message(envelope) => self.receive(&envelope),
            Input::HardStateSynced => {
                let receipt = self.disk.sync_hard_state()?;
                self.raft.handle_stored(NOW, receipt);
            }
            Input::LogSynced => {
                let receipt = self.disk.sync_log()?;
                self.raft.handle_stored(NOW, receipt);
            }
            Input::Campaign => {
                let leads = self.raft.status().role == Role::Leader;
                (!leads).then(|| self.raft.campaign(NOW))?;
            }
            Input::Propose => {
                self.raft.propose(NOW, bound.class, 1).ok()?;
            }
            Input::Deadlines => {
                (self.raft.poll_timeout() <= NOW).then(|| self.raft.handle_timeout(NOW))?;
            }
            Input::Kill => {
                self.disk.kill();
                self.raft = started(id, &self.disk, Told::SameBoot);
            }
            Input::CutPower => {
                self.disk.cut_power(rule);
                self.raft = started(id, &self.disk, rule.told_after_power_cut());
            }
        }
        Some(self.drain(rule, bound.hard_states))
    }

    fn receive(&mut self, envelope: &Envelope) {
        let mut header = [0; FRAME_HEADER_MAX];
        let Ok(bytes) = envelope.encode(&mut header) else {
            unreachable!("a header has room");
        };
        let mut bytes = bytes.to_vec();
        for _ in 0..envelope.entries() {
            bytes.extend(entry_prefix(0));
        }
        match Frame::decode(&bytes) {
            // Entries are their positions here: there are no bytes to keep.
            Ok(frame) => drop(self.raft.handle_message(NOW, &frame)),
            Err(error) => panic!("a node sent {envelope:?}: {error}"),
        }
    }

    fn drain(&mut self, rule: Rule, hard_states: HardStates) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let voters = self.raft.members().voters_min();
        while let Some(output) = self.raft.poll_output() {
            match output {
                Output::Send { envelope, .. } => deeds.push(Deed::Sent(rule.sent(envelope))),
                Output::Write(write) => {
                    let written = self.disk.take(write);
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
                Output::Ack { .. }
                | Output::Settled { .. }
                | Output::Read { .. }
                | Output::Role { .. }
                | Output::Superseded { .. } => {}
                // No bound reaches as many terms as a log remembers, and nothing is compacted.
                Output::Restored { .. } | Output::Snapshot { .. } => {
                    unreachable!("{output:?} without a snapshot")
                }
            }
        }
        deeds
    }

    /// The log inside the core.
    pub fn log(&self) -> Vec<Entry> {
        let mut log = Vec::new();
        while let Some(run) = self.raft.run_from(LogIndex(log.len() as u64 + 1), 1) {
            let (term, kind) = (run.term, run.kind);
            log.push(Entry { term, kind });
        }
        log
    }
}
