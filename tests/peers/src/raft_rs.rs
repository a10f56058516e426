//! raft-rs with its `MemStorage`. An entry owns its payload: the copy that a proposal makes is the
//! leader's, each follower makes one of its own.

use protobuf::Message as _;
use raft::eraftpb::{Entry, Message, MessageType};
use raft::storage::MemStorage;
use raft::{Config, RawNode};

use crate::contest::{Applied, Contender, NODES, PAYLOAD, Store};

/// How it is driven.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Each entry proposed by itself, and limits as TiKV has them.
    AsUsed,
    /// Everything it offers to batch: one proposal of many entries, messages of any size.
    OneMessage,
    /// The same, and every message encoded and decoded.
    OneMessageOnWire,
}

/// Entries kept before the oldest are dropped.
const LOG_MAX: u64 = 4096;

struct Node {
    raw: RawNode<MemStorage>,
    store: Store,
    applied: Applied,
    applied_upto: u64,
    compacted: u64,
}

/// Three nodes of raft-rs.
pub struct RaftRs {
    usage: Usage,
    nodes: Vec<Node>,
    network: Vec<Message>,
    bytes: Vec<u8>,
}

impl RaftRs {
    /// A cluster whose first node leads.
    pub fn new(usage: Usage) -> Self {
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let nodes = (1..=NODES as u64).map(|id| {
            let mut config = Config {
                id,
                election_tick: 10,
                heartbeat_tick: 3,
                max_size_per_msg: 1024 * 1024,
                max_inflight_msgs: 256,
                ..Config::default()
            };
            if usage != Usage::AsUsed {
                config.max_size_per_msg = u64::MAX;
                config.batch_append = true;
            }
            let storage = MemStorage::new_with_conf_state((vec![1, 2, 3], vec![]));
            Node {
                raw: RawNode::new(&config, storage, &logger).expect("a fine configuration"),
                store: Store::new(id as usize - 1),
                applied: Applied::default(),
                applied_upto: 0,
                compacted: 0,
            }
        });
        let mut cluster = Self {
            usage,
            nodes: nodes.collect(),
            network: Vec::with_capacity(4096),
            bytes: Vec::new(),
        };
        cluster.nodes[0].raw.campaign().expect("node 1 may");
        cluster.run_until_idle();
        cluster
    }

    fn run_until_idle(&mut self) {
        loop {
            for node in &mut self.nodes {
                node.ready(&mut self.network);
            }
            if self.network.is_empty() {
                return;
            }
            let mut network = std::mem::take(&mut self.network);
            for mut message in network.drain(..) {
                if self.usage == Usage::OneMessageOnWire {
                    self.bytes.clear();
                    message.write_to_vec(&mut self.bytes).expect("it encodes");
                    message = Message::parse_from_bytes(&self.bytes).expect("we encoded it");
                }
                let to = message.to as usize - 1;
                self.nodes[to].raw.step(message).expect("an honest message");
            }
            self.network = network;
        }
    }
}

impl Node {
    /// What its documentation says to do with a `Ready`.
    fn ready(&mut self, network: &mut Vec<Message>) {
        while self.raw.has_ready() {
            let mut ready = self.raw.ready();
            network.append(&mut ready.take_messages());
            self.apply(&ready.take_committed_entries());
            if !ready.entries().is_empty() {
                if self.raw.raft.id != 1 {
                    for entry in ready.entries() {
                        self.store.keep(&entry.data);
                    }
                }
                let storage = self.raw.mut_store();
                storage.wl().append(ready.entries()).expect("in order");
            }
            if let Some(hard) = ready.hs() {
                self.raw.mut_store().wl().set_hardstate(hard.clone());
            }
            network.append(&mut ready.take_persisted_messages());
            let mut light = self.raw.advance(ready);
            if let Some(commit) = light.commit_index() {
                let storage = self.raw.mut_store();
                storage.wl().mut_hard_state().set_commit(commit);
            }
            network.append(&mut light.take_messages());
            self.apply(&light.take_committed_entries());
            self.raw.advance_apply();
            self.compact();
        }
    }

    fn apply(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|entry| !entry.data.is_empty()) {
            self.applied.apply(&entry.data);
        }
        if let Some(last) = entries.last() {
            self.applied_upto = last.index;
        }
    }

    /// Drops the oldest half of a long log. One entry stays: the next append is matched with it.
    fn compact(&mut self) {
        if self.applied_upto - self.compacted > LOG_MAX {
            self.compacted = self.applied_upto - LOG_MAX / 2;
            let storage = self.raw.mut_store();
            storage.wl().compact(self.compacted).expect("applied");
        }
    }
}

impl Contender for RaftRs {
    fn batch(&mut self, payloads: &[[u8; PAYLOAD]]) {
        let raw = &mut self.nodes[0].raw;
        if self.usage == Usage::AsUsed {
            for payload in payloads {
                raw.propose(vec![], payload.to_vec()).expect("node 1 leads");
            }
        } else {
            let entries = payloads.iter().map(|payload| Entry {
                data: payload.to_vec().into(),
                ..Entry::default()
            });
            let mut proposal = Message::default();
            proposal.set_msg_type(MessageType::MsgPropose);
            proposal.from = 1;
            proposal.entries = entries.collect::<Vec<_>>().into();
            raw.step(proposal).expect("node 1 leads");
        }
        self.run_until_idle();
    }

    fn applied(&self) -> [Applied; NODES] {
        [0, 1, 2].map(|place| self.nodes[place].applied)
    }
}
