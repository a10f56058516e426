//! Whether this node's replica is the same as its peers': what it tells them, and what it hears.

use bytes::Bytes;
use kraft_proto::{Instant, NodeId};

use super::Engine;
use crate::replicas::{Digest, Finding};
use crate::transport::Route;

impl Engine {
    /// Takes a frame of the host's own; `false` if it is none.
    pub(super) fn take_digest(&mut self, from: NodeId, frame: &Bytes) -> bool {
        match Digest::decode(frame) {
            None => return false,
            Some(Err(error)) => {
                tracing::warn!("a frame of node {from} was dropped: {error}");
                self.peers.disconnect(from);
            }
            Some(Ok(said)) => {
                let finding = self.applied.check().hear(from, said);
                self.take_finding(from, finding);
            }
        }
        true
    }

    /// Compares what waited for more to be applied, and tells the peers what is due.
    pub(super) fn compare_replicas(&mut self, now: Instant) {
        for (peer, finding) in self.applied.check().catch_up() {
            self.take_finding(peer, finding);
        }
        for said in self.applied.check().due(now) {
            let members = self.raft.members().iter();
            for peer in members.filter(|member| member.id != self.node) {
                self.tell_digest(peer.id, said);
            }
        }
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
            self.metrics.replicas_compared();
        }
        for said in self.applied.checked().answers(finding) {
            self.tell_digest(peer, said);
        }
    }

    fn tell_digest(&self, peer: NodeId, said: Digest) {
        let frame = said.encode().to_vec();
        self.peers.send_own(peer, Route::Control, frame);
    }
}
