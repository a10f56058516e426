//! A handful of nodes in virtual time, for tests that tell one story each.

#![allow(dead_code, reason = "each test uses what its story needs")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Append, Class, CommitMode, Config, EntryKind, Envelope, Frame, FsyncMode, HardState,
    Incarnation, Instant, LogIndex, LogPosition, Members, Message, NodeId, Output, Proposed, Raft,
    Recovery, Role, Run, StoreId, Term, Unsynced, WriteKind, entry_prefix,
};

/// When a node's disk reports a forced write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// At once.
    Prompt,
    /// Not until [`Cluster::sync`].
    Held,
}

pub struct Node {
    pub raft: Raft,
    pub disk: Disk,
    pub unsynced: Vec<(WriteKind, Unsynced)>,
    pub outputs: Vec<Output>,
}

pub struct Cluster {
    pub nodes: BTreeMap<NodeId, Node>,
    pub network: VecDeque<Envelope>,
    pub now: Instant,
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Drops what it says yes to.
    pub lossy: fn(&Envelope) -> bool,
    pub members: Members,
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

fn bytes(envelope: &Envelope) -> Vec<u8> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut frame = envelope.encode(&mut header).unwrap().to_vec();
    for _ in 0..envelope.entries() {
        frame.extend(entry_prefix(0));
    }
    frame
}

impl Cluster {
    pub fn new(voters: u64) -> Self {
        Self::with(voters, |config| config)
    }

    pub fn with(voters: u64, settings: impl Fn(Config) -> Config) -> Self {
        let members = Members::new((1..=voters).map(NodeId), []).unwrap();
        let mut cluster = Self {
            nodes: BTreeMap::new(),
            network: VecDeque::new(),
            now: Instant::ZERO,
            cut: BTreeSet::new(),
            lossy: |_| false,
            members: members.clone(),
        };
        for n in 1..=voters {
            let recovery = Recovery::bootstrap(members.clone());
            cluster.start(n, recovery, &settings);
        }
        cluster
    }

    pub fn start(&mut self, n: u64, recovery: Recovery, settings: impl Fn(Config) -> Config) {
        let config = settings(Config::new(NodeId(n), StoreId(n), n));
        let node = Node {
            raft: Raft::new(config, recovery, self.now).unwrap(),
            disk: Disk::Prompt,
            unsynced: Vec::new(),
            outputs: Vec::new(),
        };
        self.nodes.insert(NodeId(n), node);
    }

    /// A recovery with this log, of a node that was in `term`.
    pub fn recovery(&self, term: u64, runs: impl IntoIterator<Item = Run>) -> Recovery {
        let hard = HardState {
            term: Term(term),
            ..HardState::default()
        };
        runs.into_iter()
            .fold(Recovery::resume(hard, self.members.clone()), Recovery::run)
    }

    pub fn node(&mut self, n: u64) -> &mut Node {
        self.nodes.get_mut(&NodeId(n)).unwrap()
    }

    pub fn raft(&mut self, n: u64) -> &mut Raft {
        &mut self.node(n).raft
    }

    /// Nothing passes between these two any more.
    pub fn cut(&mut self, a: u64, b: u64) {
        self.cut.insert((NodeId(a), NodeId(b)));
        self.cut.insert((NodeId(b), NodeId(a)));
    }

    pub fn isolate(&mut self, n: u64) {
        for other in 1..=self.nodes.len() as u64 {
            if other != n {
                self.cut(n, other);
            }
        }
    }

    pub fn heal(&mut self) {
        self.cut.clear();
        self.lossy = |_| false;
    }

    /// Takes every node's outputs once.
    pub fn poll(&mut self) {
        let now = self.now;
        for node in self.nodes.values_mut() {
            while let Some(output) = node.raft.poll_output() {
                match output {
                    Output::Send { envelope, .. } => self.network.push_back(envelope),
                    Output::Write(write) => {
                        let kind = write.kind();
                        let (written, unsynced) = write.written();
                        node.raft.handle_stored(now, written);
                        match node.disk {
                            Disk::Prompt => node.raft.handle_stored(now, unsynced.synced()),
                            Disk::Held => node.unsynced.push((kind, unsynced)),
                        }
                    }
                    other => node.outputs.push(other),
                }
            }
        }
    }

    /// The held writes of a node are synced.
    pub fn sync(&mut self, n: u64) {
        let now = self.now;
        let node = self.node(n);
        for (_, unsynced) in node.unsynced.drain(..) {
            node.raft.handle_stored(now, unsynced.synced());
        }
        self.settle();
    }

    /// Delivers everything until nothing is on its way.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            self.poll();
            let Some(envelope) = self.network.pop_front() else {
                return;
            };
            if self.cut.contains(&(envelope.from, envelope.to)) || (self.lossy)(&envelope) {
                continue;
            }
            let now = self.now;
            let frame = bytes(&envelope);
            if let Some(node) = self.nodes.get_mut(&envelope.to) {
                let _ = node
                    .raft
                    .handle_message(now, &Frame::decode(&frame).unwrap());
            }
        }
        panic!("the cluster never comes to rest");
    }

    /// Lets time pass in steps of one millisecond.
    pub fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_millis() {
            self.now = self.now.after(Duration::from_millis(1));
            let now = self.now;
            for node in self.nodes.values_mut() {
                if node.raft.poll_timeout() <= now {
                    node.raft.handle_timeout(now);
                }
            }
            self.settle();
        }
    }

    pub fn elect(&mut self, n: u64) {
        let now = self.now;
        self.raft(n).campaign(now);
        self.settle();
        assert_eq!(self.raft(n).status().role, Role::Leader, "node {n} leads");
    }

    pub fn propose(&mut self, n: u64, class: Class) -> Proposed {
        let now = self.now;
        self.raft(n).propose(now, class, 1).unwrap()
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
        let append = Append {
            prev,
            kind: run.kind,
            run_term: run.term,
            count: run.count,
            commit: LogIndex(commit),
            force_upto: run.last(),
            relied_upto: LogIndex::ZERO,
            mode: CommitMode::Sync,
            fsync: FsyncMode::Commit,
        };
        let envelope = Envelope {
            from: NodeId(from),
            to: NodeId(to),
            store: StoreId(from),
            incarnation: Incarnation(1),
            term: Term(term),
            message: Message::Append(append),
        };
        let (now, frame) = (self.now, bytes(&envelope));
        let _ = self
            .raft(to)
            .handle_message(now, &Frame::decode(&frame).unwrap());
        self.poll();
    }

    pub fn commit(&self, n: u64) -> LogPosition {
        self.nodes[&NodeId(n)].raft.status().commit
    }

    pub fn leader(&self) -> Option<u64> {
        let leads = |node: &&Node| node.raft.status().role == Role::Leader;
        let leaders = self.nodes.values().filter(leads);
        leaders
            .map(|node| node.raft.status())
            .max_by_key(|status| status.term)
            .map(|status| status.id.0)
    }

    pub fn is_append(envelope: &Envelope) -> bool {
        matches!(envelope.message, Message::Append(_))
    }
}
