//! A handful of nodes in virtual time, for tests that tell one story each.
//!
//! ```text
//!  Cluster ─┬─ nodes      alive: a Raft, its disk's manners, its outputs
//!           ├─ stores     what each machine's system and disk hold, alive or not
//!           ├─ network    packets in the order they were sent
//!           └─ oracles    one leader a term, one entry an index, the right bytes everywhere
//! ```

#![allow(dead_code, reason = "each test uses what its story needs")]

pub mod clients;
pub mod history;
pub mod messages;
mod node;
mod oracles;
pub mod store;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kraft_proto::{
    Change, Class, Config, EntryKind, Envelope, Frame, HardState, Instant, LogIndex, LogPosition,
    Members, MembersProposeError, Message, NodeId, Nonce, Output, ProposeError, Proposed, Raft,
    Recovery, Role, Run, StoreId, Term, WriteKind,
};

use history::History;
use messages::Packet;
pub use node::{Answering, Disk, Node, Serving};
use oracles::{Committed, apply, check_completeness, restore};
use store::{Stop, Store, Synced, payload};

pub struct Cluster {
    pub nodes: BTreeMap<NodeId, Node>,
    pub stores: BTreeMap<NodeId, Store>,
    pub network: VecDeque<Packet>,
    pub now: Instant,
    pub members: Members,
    configs: BTreeMap<NodeId, Config>,
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Drops what it says yes to.
    pub lossy: fn(&Envelope) -> bool,
    /// Of a hundred messages, how many are lost by chance, and the state of that chance.
    pub loss_percent: u64,
    /// How many messages were delivered.
    pub delivered: u64,
    chance: u64,
    leaders: BTreeMap<Term, NodeId>,
    committed: Committed,
    /// How often each node was started.
    starts: BTreeMap<NodeId, u64>,
}

pub fn id(n: u64) -> NodeId {
    NodeId(n)
}

pub fn at(term: u64, index: u64) -> LogPosition {
    LogPosition::new(Term(term), LogIndex(index))
}

pub fn run(term: u64, first: u64, count: u32) -> Run {
    Run {
        term: Term(term),
        kind: EntryKind::Command,
        first: LogIndex(first),
        count,
    }
}

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A recovery as a host makes it after a stop of this kind.
pub fn recovered(hard: HardState, members: Members, stop: Option<Stop>) -> Recovery {
    let recovery = Recovery::resume(hard, members);
    match stop {
        Some(Stop::Kill) => recovery.same_boot(),
        None => recovery,
        Some(Stop::PowerCut) => recovery,
    }
}

impl Cluster {
    pub fn new(voters: u64) -> Self {
        Self::with(voters, |config| config)
    }

    pub fn with(voters: u64, settings: impl Fn(Config) -> Config) -> Self {
        let members = Members::new((1..=voters).map(NodeId), []).unwrap();
        Self::of(members, settings)
    }

    /// Voters 1 to `voters`, and learners numbered on from there.
    pub fn with_learners(voters: u64, learners: u64) -> Self {
        let learners = (voters + 1..=voters + learners).map(NodeId);
        let members = Members::new((1..=voters).map(NodeId), learners).unwrap();
        Self::of(members, |config| config)
    }

    fn of(members: Members, settings: impl Fn(Config) -> Config) -> Self {
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            stores: BTreeMap::new(),
            network: VecDeque::new(),
            now: Instant::ZERO,
            members: members.clone(),
            configs: BTreeMap::new(),
            cut: BTreeSet::new(),
            lossy: |_| false,
            loss_percent: 0,
            delivered: 0,
            chance: 1,
            leaders: BTreeMap::new(),
            committed: BTreeMap::new(),
            starts: BTreeMap::new(),
        };
        for member in members.iter() {
            let recovery = Recovery::bootstrap(members.clone());
            cluster.start(member.id.0, recovery, &settings);
        }
        cluster
    }

    /// Starts a node from a made-up recovery.
    pub fn start(&mut self, n: u64, recovery: Recovery, settings: impl Fn(Config) -> Config) {
        let config = settings(Config::new(NodeId(n), StoreId(n), n));
        let nonce = self.nonce(n);
        let raft = Raft::new(config, recovery, nonce, self.now).unwrap();
        self.put(config, raft, []);
    }

    /// A node is up, on a store that holds a snapshot of its core alone, or this log.
    fn put(&mut self, config: Config, raft: Raft, runs: impl IntoIterator<Item = Run>) {
        let store = Store::of(&raft, &History::of(runs));
        self.configs.insert(config.id, config);
        self.nodes.insert(config.id, Node::new(raft, &store));
        self.stores.insert(config.id, store);
    }

    /// What a node of these members saved in `term`, and nothing of its log yet.
    pub fn resume(&self, term: u64) -> Recovery {
        let hard = HardState {
            term: Term(term),
            ..HardState::default()
        };
        Recovery::resume(hard, self.members.clone())
    }

    /// A recovery with this log, of a node that was in `term`.
    pub fn recovery(&self, term: u64, runs: impl IntoIterator<Item = Run>) -> Recovery {
        runs.into_iter().fold(self.resume(term), Recovery::run)
    }

    /// Starts a node anew on this log, in `term`, with the settings it had.
    pub fn start_on(&mut self, n: u64, term: u64, runs: impl IntoIterator<Item = Run>) {
        self.start_from(n, self.resume(term), runs);
    }

    /// Starts a node anew with this log behind what is recovered already, with the settings it had.
    pub fn start_from(&mut self, n: u64, recovery: Recovery, runs: impl IntoIterator<Item = Run>) {
        let (config, runs) = (self.configs[&NodeId(n)], Vec::from_iter(runs));
        let recovery = runs.iter().copied().fold(recovery, Recovery::run);
        let nonce = self.nonce(n);
        let raft = Raft::new(config, recovery, nonce, self.now).unwrap();
        self.put(config, raft, runs);
    }

    /// Other settings, from a node's next start on.
    pub fn set(&mut self, n: u64, settings: impl Fn(Config) -> Config) {
        let config = self.configs.get_mut(&NodeId(n)).unwrap();
        *config = settings(*config);
    }

    /// Of a node's next start: how many there were with it, so that the first incarnation of a node that
    /// nobody set back is (1, 1), and so on.
    fn nonce(&mut self, n: u64) -> Nonce {
        let starts = self.starts.entry(NodeId(n)).or_default();
        *starts += 1;
        Nonce(*starts)
    }

    fn stop(&mut self, n: u64, stop: Stop) {
        self.nodes.remove(&NodeId(n));
        self.stores.get_mut(&NodeId(n)).unwrap().stop(stop);
    }

    /// The process dies. What it wrote is with the operating system.
    pub fn kill(&mut self, n: u64) {
        self.stop(n, Stop::Kill);
    }

    /// The machine dies. What was not synced is gone.
    pub fn cut_power(&mut self, n: u64) {
        self.stop(n, Stop::PowerCut);
    }

    /// Starts a stopped node from its store, with the settings it had.
    pub fn restart(&mut self, n: u64) {
        let (members, config) = (self.members.clone(), self.configs[&NodeId(n)]);
        let nonce = self.nonce(n);
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        let raft = Raft::new(config, store.recover(members), nonce, self.now).unwrap();
        self.nodes.insert(NodeId(n), Node::new(raft, store));
    }

    pub fn node(&mut self, n: u64) -> &mut Node {
        self.nodes.get_mut(&NodeId(n)).unwrap()
    }

    pub fn raft(&mut self, n: u64) -> &mut Raft {
        &mut self.node(n).raft
    }

    /// Every disk gets these manners.
    pub fn disks(&mut self, disk: Disk) {
        for node in self.nodes.values_mut() {
            node.disk = disk;
        }
    }

    /// Nothing passes between these two any more.
    pub fn cut(&mut self, a: u64, b: u64) {
        self.cut.insert((NodeId(a), NodeId(b)));
        self.cut.insert((NodeId(b), NodeId(a)));
    }

    pub fn isolate(&mut self, n: u64) {
        let others: Vec<u64> = self.configs.keys().map(|id| id.0).collect();
        for other in others {
            if other != n {
                self.cut(n, other);
            }
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
        self.lossy = |_| false;
        self.loss_percent = 0;
    }

    /// Takes every node's outputs once.
    pub fn poll(&mut self) {
        let now = self.now;
        for (id, node) in &mut self.nodes {
            let store = self.stores.get_mut(id).unwrap();
            if node.disk != Disk::Busy {
                // It is not busy any more.
                for write in std::mem::take(&mut node.queued) {
                    node.take(write, store, now);
                }
            }
            while let Some(output) = node.raft.poll_output() {
                match output {
                    Output::OwnEntry {
                        at,
                        kind,
                        ref bytes,
                    } => {
                        assert_ne!(kind, EntryKind::Command, "{at}");
                        node.bytes.insert(at, bytes.to_vec());
                        node.outputs.push(output);
                    }
                    Output::Send { envelope, .. } => {
                        let bytes = |at| {
                            let known = node.bytes.get(&at);
                            known.unwrap_or_else(|| panic!("no bytes of {at}")).clone()
                        };
                        self.network.push_back(Packet::new(envelope, bytes));
                    }
                    Output::Write(write) => {
                        node.writes.push((write.kind(), write.force()));
                        node.history.take(write.kind());
                        match write.kind() {
                            WriteKind::HardState(_) => node.take(write, store, now),
                            _ if node.disk == Disk::Busy => node.queued.push_back(write),
                            _ => node.take(write, store, now),
                        }
                    }
                    Output::Recall { question, index } => {
                        node.asked.push(question);
                        if node.answering == Answering::AtOnce
                            && let Some(run) = node.history.run_at(index)
                        {
                            node.raft.handle_recalled(now, question, run);
                        }
                        node.outputs.push(output);
                    }
                    Output::Snapshot { to, upto } => {
                        assert!(upto <= node.applied, "a snapshot of what is not committed");
                        if node.serving == Serving::AtOnce {
                            let newest = node.snapshots.keys().copied().max();
                            let newest = newest.filter(|last| last.index >= upto);
                            let last = newest.unwrap_or_else(|| node.snapshot(node.applied));
                            self.network.extend(node.snapshot_packet(to, last));
                        }
                        node.outputs.push(output);
                    }
                    Output::Restored { upto } => {
                        restore(&self.committed, node, upto);
                        node.outputs.push(output);
                    }
                    Output::Commit { upto } => {
                        apply(&mut self.committed, node, upto);
                        node.outputs.push(output);
                    }
                    Output::Role {
                        role: Role::Leader,
                        term,
                        ..
                    } => {
                        let leads = *self.leaders.entry(term).or_insert(*id);
                        assert_eq!(leads, *id, "two leaders in term {term}");
                        check_completeness(&self.committed, node, term);
                        node.outputs.push(output);
                    }
                    other => node.outputs.push(other),
                }
            }
        }
    }

    /// The operating system of a busy node takes what waits for it.
    pub fn write(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        for write in std::mem::take(&mut node.queued) {
            node.take(write, store, now);
        }
        self.run_until_idle();
    }

    /// The oldest write that waits for a busy node's disk is written and synced.
    pub fn write_one(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        if let Some(write) = node.queued.pop_front() {
            node.take(write, store, now);
            node.force(store, now, |_| true);
        }
    }

    /// What a node was asked to write so far is written and synced.
    pub fn sync(&mut self, n: u64) {
        self.write(n);
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        node.force(self.stores.get_mut(&NodeId(n)).unwrap(), now, |_| true);
        self.run_until_idle();
    }

    /// The hard state that a node was asked to save is synced; its log is not.
    pub fn sync_hard_state(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        node.force(store, now, |synced| matches!(synced, Synced::Hard(_)));
        self.run_until_idle();
    }

    /// Hands one packet to its receiver, if that is up.
    pub fn deliver(&mut self, packet: &Packet) {
        self.delivered += 1;
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&packet.envelope.to) {
            let frame = Frame::decode(&packet.frame).unwrap();
            let taken = node.raft.handle_message(now, &frame);
            for (position, bytes) in taken.entries() {
                node.bytes.insert(position, bytes.to_vec());
            }
            if let Some(last) = taken.snapshot() {
                let bytes = frame.entries().next().unwrap();
                node.snapshots.insert(last, bytes.to_vec());
            }
        }
    }

    /// A node's host answers everything it was asked, and is asked for it, by what it knows then.
    pub fn answer(&mut self, n: u64) {
        while !self.node(n).asked.is_empty() {
            let now = self.now;
            let node = self.node(n);
            for question in std::mem::take(&mut node.asked) {
                if let Some(run) = node.history.run_at(question.index()) {
                    node.raft.handle_recalled(now, question, run);
                }
            }
            self.poll();
        }
    }

    /// A node takes a snapshot of what is applied at `index`, on its disk, and drops its log before.
    pub fn compact(&mut self, n: u64, index: u64) -> LogPosition {
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        let last = node.snapshot(LogIndex(index));
        node.raft.compacted(last).unwrap();
        for medium in [&mut store.written, &mut store.synced] {
            medium.compact(last, node.snapshots[&last].clone());
        }
        node.bytes.retain(|at, _| at.index > last.index);
        last
    }

    /// A node that was started from a made-up recovery has this snapshot, of which its core alone
    /// could not tell the bytes any more.
    pub fn keep_snapshot(&mut self, n: u64, last: LogPosition, bytes: Vec<u8>) {
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        for medium in [&mut store.written, &mut store.synced] {
            medium.snapshot = Some((last, bytes.clone()));
        }
        node.snapshots.insert(last, bytes);
        node.applied = last.index;
    }

    /// A node sends a snapshot at hand to another, once it is asked for it or by itself.
    pub fn send_snapshot(&mut self, n: u64, to: u64, last: LogPosition) -> Packet {
        let node = &self.nodes[&NodeId(n)];
        let packet = node.snapshot_packet(NodeId(to), last).unwrap();
        self.network.push_back(packet.clone());
        packet
    }

    /// Hands a made-up message to its receiver and takes what follows from it.
    pub fn inject(&mut self, envelope: Envelope) {
        self.deliver(&Packet::made_up(envelope));
        self.poll();
    }

    /// Takes packets off the network.
    pub fn intercept(&mut self, which: impl Fn(&Envelope) -> bool) -> Vec<Packet> {
        let (taken, left) = std::mem::take(&mut self.network)
            .into_iter()
            .partition(|packet| which(&packet.envelope));
        self.network = left;
        Vec::from(taken)
    }

    fn is_lost(&mut self, envelope: &Envelope) -> bool {
        // A linear congruential generator: any will do.
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.cut.contains(&(envelope.from, envelope.to))
            || (self.lossy)(envelope)
            || (self.chance >> 33) % 100 < self.loss_percent
    }

    /// Chooses another chance.
    pub fn seed(&mut self, seed: u64) {
        self.chance = seed;
    }

    /// Delivers everything until nothing is on its way.
    pub fn run_until_idle(&mut self) {
        for _ in 0..100_000 {
            self.poll();
            let Some(packet) = self.network.pop_front() else {
                return;
            };
            if !self.is_lost(&packet.envelope) {
                self.deliver(&packet);
            }
        }
        panic!("the cluster never comes to rest");
    }

    /// Lets time pass, from one deadline to the next.
    pub fn pass(&mut self, time: Duration) {
        self.run_until_idle();
        let end = self.now.after(time);
        while self.now < end {
            let deadlines = self.nodes.values().map(|node| node.raft.poll_timeout());
            let next = deadlines.min().unwrap_or(end);
            let soon = self.now.after(Duration::from_micros(1));
            self.now = next.clamp(soon, end);
            let now = self.now;
            for node in self.nodes.values_mut() {
                if node.raft.poll_timeout() <= now {
                    node.raft.handle_timeout(now);
                }
            }
            self.run_until_idle();
        }
    }

    pub fn campaign(&mut self, n: u64) {
        let now = self.now;
        self.raft(n).campaign(now);
        self.run_until_idle();
    }

    pub fn elect(&mut self, n: u64) {
        self.campaign(n);
        assert_eq!(self.raft(n).status().role, Role::Leader, "node {n} leads");
    }

    /// Starts an empty node that is to join: it knows the members the cluster began with.
    pub fn join(&mut self, n: u64) {
        let recovery = Recovery::bootstrap(self.members.clone());
        self.start(n, recovery, |config| config);
    }

    pub fn change(&mut self, n: u64, changes: &[Change]) -> Result<Proposed, MembersProposeError> {
        let now = self.now;
        self.raft(n).propose_members(now, changes)
    }

    pub fn propose(&mut self, n: u64, class: Class) -> Proposed {
        self.propose_many(n, class, 1)
    }

    pub fn propose_many(&mut self, n: u64, class: Class, count: u32) -> Proposed {
        self.try_propose_many(n, class, count).unwrap()
    }

    pub fn try_propose(&mut self, n: u64, class: Class) -> Result<Proposed, ProposeError> {
        self.try_propose_many(n, class, 1)
    }

    fn try_propose_many(
        &mut self,
        n: u64,
        class: Class,
        count: u32,
    ) -> Result<Proposed, ProposeError> {
        let now = self.now;
        let node = self.node(n);
        let proposed = node.raft.propose(now, class, count)?;
        for position in proposed.run.positions() {
            node.bytes.insert(position, payload(position));
        }
        Ok(proposed)
    }

    /// Hands a made-up append to a node and takes its outputs.
    pub fn append(
        &mut self,
        from: u64,
        to: u64,
        term: u64,
        prev: LogPosition,
        run: Run,
        commit: u64,
    ) {
        let append = messages::append(prev, run, commit);
        self.inject(messages::envelope(from, to, term, Message::Append(append)));
    }
}
