//! Kraft: class Sync·Commit, every message encoded and decoded.
//!
//! The leader keeps one framed copy. A frame is written into memory of the node that receives it,
//! and that node keeps the frame as its own copy: kraft hands back slices of what was received.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Class, Config, Envelope, Frame, Instant, LogIndex, Members, NodeId, Nonce, Output, Raft,
    Recovery, StoreId,
};

use crate::contest::{Applied, Contender, NODES, PAYLOAD, RECORD, Store};

const NOW: Instant = Instant::ZERO;

/// Entries that lie one after another in a store.
#[derive(Clone, Copy)]
struct Span {
    first: LogIndex,
    count: u32,
    at: usize,
}

struct Node {
    raft: Raft,
    store: Store,
    /// What is kept and not applied yet.
    kept: Vec<Span>,
    applied: Applied,
}

/// Three nodes of kraft.
pub struct Kraft {
    nodes: [Node; NODES],
    /// Frames without entries on their way: receiver, length, bytes.
    network: Vec<(usize, usize, [u8; FRAME_HEADER_MAX])>,
}

impl Default for Kraft {
    fn default() -> Self {
        let ids = [1, 2, 3].map(NodeId);
        let nodes = ids.map(|id| {
            let config = Config::new(id, StoreId(id.0), id.0);
            let members = Members::new(ids, []).expect("three members");
            let raft =
                Raft::new(config, Recovery::bootstrap(members), Nonce(1), NOW).expect("it starts");
            Node {
                raft,
                store: Store::new(id.0 as usize - 1),
                kept: Vec::with_capacity(64),
                applied: Applied::default(),
            }
        });
        let mut kraft = Self {
            nodes,
            network: Vec::with_capacity(64),
        };
        kraft.nodes[0].raft.campaign(NOW);
        kraft.run_until_idle();
        kraft
    }
}

impl Kraft {
    /// Does what the nodes ask for until they ask for nothing.
    fn run_until_idle(&mut self) {
        loop {
            for place in 0..NODES {
                self.poll(place);
            }
            if self.network.is_empty() {
                return;
            }
            let mut network = std::mem::take(&mut self.network);
            for (to, len, bytes) in network.drain(..) {
                let frame = Frame::decode(&bytes[..len]).expect("we encoded it");
                let _taken = self.nodes[to].raft.handle_message(NOW, &frame);
            }
            self.network = network;
        }
    }

    fn poll(&mut self, place: usize) {
        while let Some(output) = self.nodes[place].raft.poll_output() {
            match output {
                Output::Send { envelope, .. } => self.send(place, &envelope),
                Output::Write(write) => self.nodes[place].raft.handle_stored(NOW, write.synced()),
                Output::Commit { upto } => self.nodes[place].apply(upto.index),
                Output::OwnEntry { .. }
                | Output::Ack { .. }
                | Output::Settled { .. }
                | Output::Read { .. }
                | Output::Role { .. }
                | Output::Snapshot { .. }
                | Output::Recall { .. }
                | Output::Restored { .. }
                | Output::Members { .. }
                | Output::Superseded { .. } => {}
            }
        }
    }

    fn send(&mut self, from: usize, envelope: &Envelope) {
        let to = envelope.to.0 as usize - 1;
        let mut bytes = [0; FRAME_HEADER_MAX];
        let len = envelope.encode(&mut bytes).expect("it fits").len();
        let Some(span) = self.nodes[from].carried(envelope) else {
            // No entries, or one without bytes of ours: the no-op of the term.
            let entries = kraft_proto::entry_prefix(0).repeat(envelope.entries() as usize);
            bytes[len..len + entries.len()].copy_from_slice(&entries);
            self.network.push((to, len + entries.len(), bytes));
            return;
        };
        let [sender, receiver] = self.nodes.get_disjoint_mut([from, to]).expect("two nodes");
        receiver.receive(&bytes[..len], sender.store.bytes(span.at, span.len()));
    }
}

impl Span {
    fn len(&self) -> usize {
        self.count as usize * RECORD
    }
}

impl Node {
    /// Where the entries of an append lie.
    fn carried(&self, envelope: &Envelope) -> Option<Span> {
        let kraft_proto::Message::Append(append) = envelope.message else {
            return None;
        };
        let run = append.run();
        let holds = |span: &&Span| span.first <= run.first && run.last() <= span.last();
        let span = self.kept.iter().find(holds).filter(|_| run.count > 0)?;
        Some(Span {
            first: run.first,
            count: run.count,
            at: span.at + (run.first.0 - span.first.0) as usize * RECORD,
        })
    }

    /// A frame arrives, in memory of this node.
    fn receive(&mut self, header: &[u8], entries: &[u8]) {
        let (at, room) = self.store.reserve(header.len() + entries.len());
        room[..header.len()].copy_from_slice(header);
        room[header.len()..].copy_from_slice(entries);
        let end = at + room.len();
        let frame = Frame::decode(self.store.bytes(at, end - at)).expect("we encoded it");
        let taken = self.raft.handle_message(NOW, &frame);
        if let Some(run) = taken.run() {
            self.kept.push(Span {
                first: run.first,
                count: run.count,
                at: end - run.count as usize * RECORD,
            });
        }
    }

    fn apply(&mut self, upto: LogIndex) {
        while let Some(span) = self.kept.first().filter(|span| span.last() <= upto) {
            self.store
                .apply(span.at, span.count as usize, &mut self.applied);
            self.kept.remove(0);
        }
    }
}

impl Span {
    fn last(&self) -> LogIndex {
        LogIndex(self.first.0 + u64::from(self.count) - 1)
    }
}

impl Contender for Kraft {
    fn batch(&mut self, payloads: &[[u8; PAYLOAD]]) {
        let leader = &mut self.nodes[0];
        let count = payloads.len() as u32;
        let proposed = leader.raft.propose(NOW, Class::default(), count);
        let run = proposed.expect("node 1 leads").run;
        leader.kept.push(Span {
            first: run.first,
            count,
            at: leader.store.keep_all(payloads),
        });
        self.run_until_idle();
    }

    fn applied(&self) -> [Applied; NODES] {
        self.nodes.each_ref().map(|node| node.applied)
    }
}
