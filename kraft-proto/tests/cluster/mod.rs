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
pub mod messages;
mod node;
mod oracles;
mod run;
pub mod store;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kraft_proto::{
    Change, Class, Config, EntryKind, Envelope, HardState, Instant, LogIndex, LogPosition, Members,
    MembersProposeError, Message, NodeId, Nonce, ProposeError, Proposed, Raft, Recovery, Role, Run,
    StoreId, Term,
};

use kit::Kept;
use messages::Packet;
pub use node::{Answering, Disk, Node, Serving};
use oracles::Committed;
use store::{Stop, Store, payload};

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

/// The runs of a node's log, by the writes it handed out.
pub type History = kraft_proto::History<Vec<Run>>;

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

    /// A node takes a snapshot of what is applied at `index`, on its disk, and drops its log before.
    pub fn compact(&mut self, n: u64, index: u64) -> LogPosition {
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        let last = node.snapshot(LogIndex(index));
        node.raft.compacted(last).unwrap();
        for medium in [&mut store.written, &mut store.synced] {
            let core = node.snapshots[&last].clone();
            medium.compact(Kept { last, core });
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
            let core = bytes.clone();
            medium.snapshot = Some(Kept { last, core });
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
