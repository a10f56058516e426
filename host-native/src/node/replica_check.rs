//! The digest of this replica, and how those of the peers compare.

use std::time::Duration;

use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::{EntryKind, Instant, LogIndex, LogPosition};
use kraft_wire::api::DifferingReplica;

use crate::checksummed;
use crate::replicas::{Comparison, Digest, RunningDigest};

/// How often the peers are told, while entries are applied.
const TELL: Duration = Duration::from_secs(1);

/// How often they are told again, where nothing was applied: what was told before may be lost.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The digest of this replica, what was told of it, and how those of the peers compare.
pub(super) struct ReplicaCheck {
    pub(super) own: RunningDigest,
    pub(super) peers: Comparison,
    /// The newest entry and the newest mark that the peers were told of.
    pub(super) told: LogIndex,
    pub(super) told_mark: LogIndex,
    pub(super) tell_at: Instant,
    pub(super) tell_again_at: Instant,
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
    pub(super) fn due(&mut self, now: Instant) -> impl Iterator<Item = Digest> + use<> {
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
