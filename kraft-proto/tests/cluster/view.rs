//! What a test asks of a cluster. Nothing here changes it.

use kraft_proto::{
    Envelope, Fate, Held, LogIndex, LogPosition, Message, NodeId, Output, Proposed, Raft, Role,
    Status, Unkept,
};

use super::Cluster;
use super::store::Store;

impl Cluster {
    fn view(&self, n: u64) -> &Raft {
        &self.nodes[&NodeId(n)].raft
    }

    pub fn is_up(&self, n: u64) -> bool {
        self.nodes.contains_key(&NodeId(n))
    }

    pub fn status(&self, n: u64) -> Status {
        self.view(n).status()
    }

    pub fn role(&self, n: u64) -> Role {
        self.status(n).role
    }

    pub fn term(&self, n: u64) -> u64 {
        self.status(n).term.0
    }

    pub fn commit(&self, n: u64) -> LogPosition {
        self.status(n).commit
    }

    pub fn fate(&self, n: u64, of: LogPosition) -> Fate {
        let node = &self.nodes[&NodeId(n)];
        let history = |index| node.history.run_at(index);
        node.raft.fate_with(of, history)
    }

    /// Whether a node has acknowledged a proposal as it was asked.
    pub fn acked(&self, n: u64, proposed: &Proposed) -> bool {
        let position = proposed.run.last_position();
        let told = |output: &Output| match output {
            Output::Ack { mode, held, upto } => {
                (*mode, *held, upto.term) == (proposed.mode, proposed.held, position.term)
                    && upto.index >= position.index
            }
            _ => false,
        };
        self.nodes[&NodeId(n)].outputs.iter().any(told)
    }

    /// What a node told of the early acknowledgements of a term.
    pub fn settled(&self, n: u64, term: u64) -> Option<(u64, Unkept)> {
        let outputs = self.nodes[&NodeId(n)].outputs.iter();
        let mut found = outputs.filter_map(|output| match output {
            Output::Settled {
                term: t,
                committed_upto,
                unkept,
            } if t.0 == term => Some((committed_upto.0, *unkept)),
            _ => None,
        });
        let settled = found.next();
        assert!(found.next().is_none(), "term {term} is settled once");
        settled
    }

    /// The nodes whose machine holds an entry this firmly.
    pub fn holders(&self, position: LogPosition, held: Held) -> Vec<u64> {
        let holds = |store: &Store| match held {
            Held::Synced => store.synced.log.find(position).is_some(),
            Held::Accepted | Held::Written => store.written.log.find(position).is_some(),
        };
        let stores = self.stores.iter().filter(|(_, store)| holds(store));
        stores.map(|(id, _)| id.0).collect()
    }

    /// The log of a node as terms, in order.
    pub fn terms(&self, n: u64) -> Vec<u64> {
        let node = &self.nodes[&NodeId(n)];
        let last = node.raft.status().last.index.0;
        let term = |index| node.position_at(LogIndex(index)).map_or(0, |at| at.term.0);
        (1..=last).map(term).collect()
    }

    pub fn leader(&self) -> Option<u64> {
        let all = self.nodes.values().map(|node| node.raft.status());
        all.filter(|status| status.role == Role::Leader)
            .max_by_key(|status| status.term)
            .map(|status| status.id.0)
    }

    pub fn is_append(envelope: &Envelope) -> bool {
        matches!(envelope.message, Message::Append(_))
    }
}
