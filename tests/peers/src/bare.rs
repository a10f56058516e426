//! raftbare: a core without payloads, and without bytes on the wire. Messages are handed over as
//! they are; payloads are copied from the leader's log when a follower is to append them.

use raftbare::{Action, Message, Node, NodeId};

use crate::contest::{Applied, Contender, NODES, PAYLOAD, RECORD, Store};

struct Member {
    node: Node,
    store: Store,
    /// The index before the batch, where the batch lies, and how much of it is applied.
    base: u64,
    at: usize,
    done: u64,
    applied: Applied,
}

/// Three nodes of raftbare.
pub struct Bare {
    members: [Member; NODES],
    network: Vec<(usize, Message)>,
}

impl Default for Bare {
    fn default() -> Self {
        let ids = [0, 1, 2].map(NodeId::new);
        let members = ids.map(|id| Member {
            node: Node::start(id),
            store: Store::new(id.get() as usize),
            base: u64::MAX,
            at: 0,
            done: 0,
            applied: Applied::default(),
        });
        let mut bare = Self {
            members,
            network: Vec::with_capacity(64),
        };
        bare.members[0].node.create_cluster(&ids);
        bare.run_until_idle();
        assert!(bare.members[0].node.role().is_leader());
        bare
    }
}

impl Bare {
    fn run_until_idle(&mut self) {
        loop {
            for place in 0..NODES {
                self.act(place);
            }
            if self.network.is_empty() {
                return;
            }
            let mut network = std::mem::take(&mut self.network);
            for (to, message) in network.drain(..) {
                self.members[to].node.handle_message(message);
            }
            self.network = network;
        }
    }

    fn act(&mut self, place: usize) {
        while let Some(action) = self.members[place].node.actions_mut().next() {
            match action {
                Action::BroadcastMessage(message) => {
                    let mut peers = (0..NODES).filter(|peer| *peer != place);
                    let first = peers.next().expect("two peers");
                    let second = peers.next().expect("two peers");
                    self.network.push((first, message.clone()));
                    self.network.push((second, message));
                }
                Action::SendMessage(to, message) => {
                    self.network.push((to.get() as usize, message));
                }
                Action::AppendLogEntries(entries) if place > 0 => {
                    self.append(place, entries.prev_position().index.get(), entries.len());
                }
                Action::AppendLogEntries(_)
                | Action::SetElectionTimeout
                | Action::SaveCurrentTerm
                | Action::SaveVotedFor => {}
                Action::InstallSnapshot(_) => unreachable!("nothing is compacted"),
            }
        }
        self.members[place].apply();
    }

    /// Copies payloads of the batch from the leader's log.
    fn append(&mut self, place: usize, prev: u64, count: usize) {
        let [leader, member] = self.members.get_disjoint_mut([0, place]).expect("two");
        if prev < leader.base || leader.base == u64::MAX {
            return;
        }
        assert_eq!(prev, leader.base, "a batch is one message");
        let (at, room) = member.store.reserve(count * RECORD);
        room.copy_from_slice(leader.store.bytes(leader.at, count * RECORD));
        (member.base, member.at, member.done) = (prev, at, 0);
    }
}

impl Member {
    fn apply(&mut self) {
        let committed = self.node.commit_index().get().saturating_sub(self.base);
        if self.base == u64::MAX || committed <= self.done {
            return;
        }
        let count = (committed - self.done) as usize;
        let at = self.at + self.done as usize * RECORD;
        self.store.apply(at, count, &mut self.applied);
        self.done = committed;
    }
}

impl Contender for Bare {
    fn batch(&mut self, payloads: &[[u8; PAYLOAD]]) {
        let leader = &mut self.members[0];
        leader.base = leader.node.log().last_position().index.get();
        leader.at = leader.store.keep_all(payloads);
        leader.done = 0;
        for _ in payloads {
            leader.node.propose_command();
        }
        self.run_until_idle();
        // Followers hear of the commit from the next message.
        self.members[0].node.heartbeat();
        self.run_until_idle();
    }

    fn applied(&self) -> [Applied; NODES] {
        self.members.each_ref().map(|member| member.applied)
    }
}
