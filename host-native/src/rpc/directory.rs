//! Where clients reach each node: what a node tells whoever connects.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use kraft_proto::cluster::Epoch;
use kraft_proto::ids::NodeId;
use kraft_proto::limits::MEMBERS_MAX;
use kraft_wire::lock;
use kraft_wire::rpc::{ADDRESS_BYTES_MAX, Whereabouts};

/// The client addresses of nodes, one each. What a node says of itself replaces what a file says of it.
#[derive(Debug, Default)]
pub struct Directory {
    epoch: AtomicU64,
    nodes: Mutex<BTreeMap<NodeId, String>>,
}

impl Directory {
    /// Notes where clients reach `node` from now on; says whether that is news. An address that is too long, and a node
    /// beyond as many as a cluster has, are left out.
    pub fn note(&self, node: NodeId, address: &str) -> News {
        let mut nodes = lock(&self.nodes);
        let known = nodes.get(&node);
        if address.is_empty()
            || address.len() > ADDRESS_BYTES_MAX
            || known.is_some_and(|known| known == address)
            || (known.is_none() && nodes.len() >= MEMBERS_MAX)
        {
            return News::None;
        }
        nodes.insert(node, address.to_owned());
        News::Changed
    }

    /// The cluster was founded anew so often.
    pub fn set_epoch(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Relaxed);
    }

    /// How often the cluster was founded anew.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Relaxed))
    }

    /// Forgets a node that has left.
    pub fn forget(&self, node: NodeId) {
        lock(&self.nodes).remove(&node);
    }

    /// Where clients reach `node`, if that is known.
    pub fn of(&self, node: NodeId) -> Option<String> {
        lock(&self.nodes).get(&node).cloned()
    }

    /// Every node that is known, in order.
    pub fn all(&self) -> Vec<Whereabouts> {
        let nodes = lock(&self.nodes);
        let all = nodes.iter().map(|(node, address)| Whereabouts {
            node: *node,
            address: address.clone(),
        });
        all.collect()
    }
}

/// Whether something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It was known, or is not believed.
    None,
    /// It is noted.
    Changed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_of_a_node_stands_and_memory_is_bounded() {
        let directory = Directory::default();
        assert_eq!(directory.note(NodeId(1), "a:1"), News::Changed);
        assert_eq!(directory.note(NodeId(1), "a:1"), News::None);
        assert_eq!(directory.note(NodeId(1), "b:1"), News::Changed);
        assert_eq!(directory.of(NodeId(1)).as_deref(), Some("b:1"));
        let long = "x".repeat(ADDRESS_BYTES_MAX + 1);
        assert_eq!(directory.note(NodeId(1), &long), News::None);
        for node in 0..100 {
            directory.note(NodeId(node), "c:1");
        }
        assert_eq!(directory.all().len(), MEMBERS_MAX);
        directory.forget(NodeId(1));
        assert_eq!(directory.of(NodeId(1)), None);
    }
}
