//! The digest of this replica, and how those of the peers compare.

use std::time::Duration;

use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::{EntryKind, Instant, LogIndex, LogPosition, Members, NodeId};
use kraft_wire::api::DifferingReplica;

use crate::checksummed;
use crate::replicas::{Comparison, Digest, Finding, RunningDigest, answers};

/// How often the peers are told, while entries are applied.
const TELL: Duration = Duration::from_secs(1);

/// How often they are told again, where nothing was applied: what was told before may be lost.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The digest of this replica, what was told of it, and how those of the peers compare.
pub(in crate::node) struct ReplicaCheck {
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

    /// The digest of everything applied.
    pub fn now(&self) -> Digest {
        self.own.now()
    }

    /// The replica is that of a snapshot, in which the digest was this.
    pub fn restore(&mut self, digest: Digest) {
        self.own = RunningDigest::resume(digest);
    }

    /// An entry was applied, which is these bytes.
    pub fn applied(&mut self, position: LogPosition, kind: EntryKind, entry: &[u8]) {
        self.own
            .add(position, checksummed::checksum_of(position, kind, entry));
    }

    /// Compares what a peer said of its replica.
    pub fn hear(&mut self, peer: NodeId, said: Digest) -> Finding {
        self.peers.hear(&self.own, peer, said)
    }

    /// Compares what waited for more to be applied here.
    pub fn catch_up(&mut self) -> Vec<(NodeId, Finding)> {
        self.peers.catch_up(&self.own)
    }

    /// What to tell a peer that comes with another connection.
    pub fn renew(&mut self, peer: NodeId) -> Digest {
        self.peers.renew(peer);
        self.own.now()
    }

    /// What to tell a peer of whom this was found.
    pub fn answers(&self, finding: Finding) -> impl Iterator<Item = Digest> {
        answers(&self.own, finding)
    }

    /// What all peers are due to be told by now.
    pub fn due(&mut self, now: Instant) -> Vec<Digest> {
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
        let digest = (more || again).then_some(digest);
        mark.into_iter().chain(digest).collect()
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

    /// Why this replica is not to be read from: it differs from those of a majority.
    pub fn outvoted(&self, members: &Members) -> Option<String> {
        let differing = self.peers.differing();
        let differing = differing.filter(|(peer, _)| members.voters().contains(*peer));
        (differing.count() > members.voters().len() / 2).then(|| {
            "this node has applied other entries than a majority: what it serves is wrong".into()
        })
    }
}
