//! Whether this node's replica is the same as its peers': what it tells them, and what it hears.

use bytes::Bytes;
use kraft_proto::{Instant, NodeId};

use super::engine::Engine;
use crate::replicas::{Digest, Finding, answers};
use crate::transport::{Fault, Route};

impl Engine {
    /// Takes a frame of the host's own; `false` if it is none.
    pub(super) fn take_digest(&mut self, from: NodeId, frame: &Bytes) -> bool {
        match Digest::decode(frame) {
            None => return false,
            Some(Err(error)) => {
                tracing::warn!("a frame of node {from} was dropped: {error}");
                self.parts.transport.disconnect(from, Fault::Garbage);
            }
            Some(Ok(said)) => {
                let finding = self.replicas.peers.hear(&self.replicas.own, from, said);
                self.take_finding(from, finding);
            }
        }
        true
    }

    /// Compares what waited for more to be applied, and tells the peers what is due.
    pub(super) fn compare_replicas(&mut self, now: Instant) {
        for (peer, finding) in self.replicas.peers.catch_up(&self.replicas.own) {
            self.take_finding(peer, finding);
        }
        let peers: Vec<NodeId> = self.parts.raft.members().iter().map(|m| m.id).collect();
        for said in self.replicas.due(now) {
            for peer in peers.iter().filter(|peer| **peer != self.parts.node) {
                self.tell_digest(*peer, said);
            }
        }
    }

    /// `peer` comes with another connection.
    pub(super) fn renew_replica(&mut self, peer: NodeId) {
        self.replicas.peers.renew(peer);
        self.tell_digest(peer, self.replicas.own.now());
    }

    fn tell_digest(&self, peer: NodeId, said: Digest) {
        let frame = Bytes::copy_from_slice(&said.encode());
        // It is told again: what does not go out now is no loss.
        let _ = self.parts.transport.send(peer, Route::Control, [frame]);
    }

    fn take_finding(&mut self, peer: NodeId, finding: Finding) {
        match finding {
            Finding::Differs(range) | Finding::Narrowed(range) => tracing::error!(
                "node {peer} and this node have applied different entries, first after {} and not \
                 after {}: one of the two replicas is wrong",
                range.after,
                range.through
            ),
            Finding::SameAgain(upto) => tracing::info!(
                "node {peer} and this node have applied the same entries again, through {upto}"
            ),
            Finding::Same(_) | Finding::Known | Finding::Awaited | Finding::Incomparable => {}
        }
        if finding.is_comparison() {
            self.parts.metrics.replicas_compared();
        }
        for said in answers(&self.replicas.own, finding) {
            self.tell_digest(peer, said);
        }
    }

    /// Why this replica is not to be read from: it differs from those of a majority.
    pub(super) fn outvoted(&self) -> Option<String> {
        let members = self.parts.raft.members();
        let differing = self.replicas.peers.differing();
        let differing = differing.filter(|(peer, _)| members.voters().contains(*peer));
        (differing.count() > members.voters().len() / 2).then(|| {
            "this node has applied other entries than a majority: what it serves is wrong".into()
        })
    }
}
