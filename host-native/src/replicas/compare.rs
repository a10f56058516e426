//! What peers said of their digests, held against one's own.
//!
//! Only applied entries are covered, and they are committed: where two digests of one range differ,
//! one of two replicas has other entries than its cluster, or lost track of them.

use std::collections::BTreeMap;

use kraft_proto::ids::{LogIndex, NodeId};

use super::digest::{Digest, RunningDigest};

/// Peers that are remembered. More than a cluster has members.
const PEERS_MAX: usize = 64;

/// Where the entries of a peer and of this replica first differ: behind `after`, and not behind
/// `through`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Through here they are the same; 0 where nothing was compared before.
    pub after: LogIndex,
    /// Here they are not.
    pub through: LogIndex,
}

/// What came of a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Both have the same entries through here.
    Same(LogIndex),
    /// Both have the same entries again, through here: one of them has another disk now.
    SameAgain(LogIndex),
    /// They differ, which was not known.
    Differs(Difference),
    /// They differ within less than was known.
    Narrowed(Difference),
    /// They differ, as was known.
    Known,
    /// It is compared once this replica has applied as much.
    Awaited,
    /// It cannot be compared: it covers another range, or is of an entry too long ago.
    Incomparable,
}

impl Finding {
    /// Whether two digests of one range were held against each other.
    pub fn is_comparison(self) -> bool {
        !matches!(self, Self::Awaited | Self::Incomparable)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    same: LogIndex,
    awaited: Option<Digest>,
    differs: Option<Difference>,
}

/// How the replicas of all peers compare with one's own.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    peers: BTreeMap<NodeId, Peer>,
}

impl Comparison {
    /// `peer` said its digest.
    pub fn hear(&mut self, own: &RunningDigest, peer: NodeId, said: Digest) -> Finding {
        if said.start != own.start() {
            return Finding::Incomparable;
        }
        if self.peers.len() == PEERS_MAX && !self.peers.contains_key(&peer) {
            return Finding::Incomparable;
        }
        let peer = self.peers.entry(peer).or_default();
        match own.at(said.at) {
            Some(own) => peer.compare(own, said),
            None if said.at > own.now().at => {
                // The nearest is reached first; others come later.
                let nearest = peer.awaited.filter(|awaited| awaited.at <= said.at);
                peer.awaited = nearest.or(Some(said));
                Finding::Awaited
            }
            None => Finding::Incomparable,
        }
    }

    /// What came of digests that were awaited, now that more is applied.
    pub fn catch_up(&mut self, own: &RunningDigest) -> Vec<(NodeId, Finding)> {
        let mut found = Vec::new();
        for (&id, peer) in &mut self.peers {
            let Some(said) = peer.awaited.filter(|said| said.at <= own.now().at) else {
                continue;
            };
            peer.awaited = None;
            let finding = match own.at(said.at) {
                Some(own) => peer.compare(own, said),
                None => Finding::Incomparable,
            };
            found.push((id, finding));
        }
        found
    }

    /// `peer` comes with a connection, and perhaps a disk, of its own: what it said before is past.
    /// A difference stays until both are seen to have the same again.
    pub fn renew(&mut self, peer: NodeId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            (peer.same, peer.awaited) = (LogIndex::ZERO, None);
        }
    }

    /// The peers that differ, and where.
    pub fn differing(&self) -> impl Iterator<Item = (NodeId, Difference)> {
        let peers = self.peers.iter();
        peers.filter_map(|(&id, peer)| Some((id, peer.differs?)))
    }
}

impl Peer {
    fn compare(&mut self, own: Digest, said: Digest) -> Finding {
        let at = said.at;
        match (own.value == said.value, self.differs) {
            (true, None) => {
                self.same = self.same.max(at);
                Finding::Same(self.same)
            }
            (true, Some(known)) if at >= known.through => {
                (self.same, self.differs) = (at, None);
                Finding::SameAgain(at)
            }
            (true, Some(known)) if at > known.after => {
                self.narrow(Difference { after: at, ..known })
            }
            (true, Some(_)) => Finding::Known,
            (false, None) => {
                let after = if self.same < at {
                    self.same
                } else {
                    LogIndex::ZERO
                };
                let through = at;
                let difference = Difference { after, through };
                self.differs = Some(difference);
                Finding::Differs(difference)
            }
            (false, Some(known)) if at <= known.after => {
                // What was the same is not any more: the peer has another disk.
                let after = LogIndex::ZERO;
                self.narrow(Difference { after, through: at })
            }
            (false, Some(known)) if at < known.through => self.narrow(Difference {
                through: at,
                ..known
            }),
            (false, Some(_)) => Finding::Known,
        }
    }

    fn narrow(&mut self, difference: Difference) -> Finding {
        self.differs = Some(difference);
        Finding::Narrowed(difference)
    }
}
