//! Whether this node's replica is the same as its peers': what it tells them, and what it hears.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::{EntryKind, Instant, LogIndex, LogPosition, NodeId};
use kraft_wire::api::DifferingReplica;

use super::engine::Engine;
use crate::checksummed;
use crate::replicas::{Comparison, Digest, Finding, RunningDigest, answers};
use crate::transport::{Fault, Route};

/// How often the peers are told, while entries are applied.
const TELL: Duration = Duration::from_secs(1);

/// How often they are told again, where nothing was applied: what was told before may be lost.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The digest of this replica, what was told of it, and how those of the peers compare.
pub(super) struct ReplicaCheck {
    own: RunningDigest,
    peers: Comparison,
    /// The newest entry and the newest mark that the peers were told of.
    told: LogIndex,
    told_mark: LogIndex,
    tell_at: Instant,
    tell_again_at: Instant,
}

impl ReplicaCheck {
    pub fn new() -> Self {
        Self {
            own: RunningDigest::after(LogIndex::ZERO),
            peers: Comparison::default(),
            told: LogIndex::ZERO,
            told_mark: LogIndex::ZERO,
            tell_at: Instant::ZERO,
            tell_again_at: Instant::ZERO,
        }
    }

    /// An entry was applied, which is these bytes.
    pub fn applied(&mut self, position: LogPosition, kind: EntryKind, entry: &[u8]) {
        self.own
            .add(position, checksummed::checksum_of(position, kind, entry));
    }

    /// The peers that differ, as they are reported.
    pub fn differing(&self) -> Vec<DifferingReplica> {
        let differing = self.peers.differing();
        let differing = differing.map(|(node, range)| DifferingReplica {
            node,
            after: range.after,
            through: range.through,
        });
        differing.take(MEMBERS_MAX).collect()
    }

    /// What is due to be told by now.
    fn due(&mut self, now: Instant) -> impl Iterator<Item = Digest> + use<> {
        let newest = self.own.newest_mark();
        let mark = newest.filter(|mark| mark.at > self.told_mark);
        self.told_mark = mark.map_or(self.told_mark, |mark| mark.at);
        let digest = self.own.now();
        let more = digest.at > self.told && now >= self.tell_at;
        let again = now >= self.tell_again_at;
        if more || again {
            self.told = digest.at;
            (self.tell_at, self.tell_again_at) = (now.after(TELL), now.after(TELL_AGAIN));
        }
        mark.into_iter().chain((more || again).then_some(digest))
    }
}

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
