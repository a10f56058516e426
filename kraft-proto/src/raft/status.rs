//! A view of a node for humans: what it does, and why nothing moves if nothing does.

use heapless::Vec;
use serde::Serialize;

use super::{Dropped, Raft, RoleState, WAITING_MAX, Waiting};
use crate::durability::Durability;
use crate::entry::Run;
use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::limits::MEMBERS_MAX;
use crate::members::Members;
use crate::message::Watermarks;
use crate::output::Role;
use crate::progress::PeerState;
use crate::time::Instant;

/// What a leader knows of a peer. It knows nothing before it has heard it in its own term, and nothing
/// is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PeerStatus {
    /// Who.
    pub id: NodeId,
    /// How it is fed. [`PeerState::Snapshot`]: it needs entries through [`Status::compacted`], which
    /// only a snapshot brings.
    pub state: PeerState,
    /// The newest incarnation of it that was heard; its number is 0 before the first.
    pub incarnation: Incarnation,
    /// When it was heard last; `None`: not since this node leads.
    pub heard: Option<Instant>,
    /// Whether it may have forgotten what it reported, as it said last; `None`: it has not said so
    /// since this node leads, or since it was started.
    pub trust: Option<Trust>,
    /// How often its disk was found to have gone back to an older copy of itself, in this term.
    pub set_backs: u32,
    /// How far it holds the leader's log, as it said last; `None`: it has not said so since this node
    /// leads, or since it was started.
    pub watermarks: Option<Watermarks>,
    /// Entries of the leader's log it does not hold yet, as far as that is known.
    /// [`Lag`](crate::Lag) turns that into time.
    pub lag_entries: Option<u64>,
    /// The next entry it will be sent.
    pub next: LogIndex,
    /// Appends sent and not answered.
    pub in_flight: usize,
    /// The newest round of heartbeats it answered.
    pub round_answered: u64,
}

/// A node's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Who it is.
    pub id: NodeId,
    /// Which store it runs on.
    pub store: StoreId,
    /// Which incarnation of that store.
    pub incarnation: Incarnation,
    /// Whether it may have forgotten what it reported.
    pub trust: Trust,
    /// What this incarnation was called before its disk was found to have gone back to an older copy of
    /// itself; `None` unless it was.
    pub set_back: Option<Incarnation>,
    /// What it does.
    pub role: Role,
    /// In which term.
    pub term: Term,
    /// Whom it voted for.
    pub vote: Option<NodeId>,
    /// Whom it follows; itself when it leads.
    pub leader: Option<NodeId>,
    /// Whom this leader is handing over to.
    pub transfer_to: Option<NodeId>,
    /// Who is in the cluster, as the newest configuration in its log has it.
    pub members: Members,
    /// Where that stands; 0 for the one the cluster began with.
    pub members_at: LogIndex,
    /// The last committed entry.
    pub commit: LogPosition,
    /// The last entry.
    pub last: LogPosition,
    /// The end of the snapshot that stands for the log before it; zero where the log is whole.
    pub compacted: LogPosition,
    /// The first entry of the log's window: of those before it the host is asked.
    pub first_known: LogIndex,
    /// Term runs in the window, of [`Config::term_runs_max`](crate::Config::term_runs_max).
    pub term_runs: usize,
    /// What its own disk holds.
    pub watermarks: Watermarks,
    /// Entries it acknowledged in this term, as leader, that are not committed.
    pub entries_at_risk: u64,
    /// Entries accepted and not handed to its disk yet.
    pub unwritten: u64,
    /// What a leader knows of the others; empty on others.
    pub peers: Vec<PeerStatus, MEMBERS_MAX>,
    /// What it waits for, the most fundamental first.
    pub waiting: Vec<Waiting, WAITING_MAX>,
    /// Messages, and words of its host, dropped since it started.
    pub dropped: Dropped,
}

impl Status {
    /// Entries the slowest peer lacks, of those of which that is known; `None` if it is of none.
    pub fn lag_entries_max(&self) -> Option<u64> {
        self.lags().max()
    }

    /// Entries such a peer lacks on average, rounded up: above zero if any lacks one.
    pub fn lag_entries_mean(&self) -> Option<u64> {
        let all = self.lags().fold(0, u64::saturating_add);
        let known = self.lags().count() as u64;
        (known > 0).then(|| all.div_ceil(known))
    }

    /// Peers of which it is not known what they hold.
    pub fn peers_unknown(&self) -> usize {
        self.peers.len() - self.lags().count()
    }

    fn lags(&self) -> impl Iterator<Item = u64> {
        self.peers.iter().filter_map(|peer| peer.lag_entries)
    }

    /// Nodes whose disk was found to have gone back to an older copy of itself, as far as this one
    /// knows: itself in this incarnation, and on a leader its peers in this term.
    pub fn disks_set_back(&self) -> usize {
        let own = usize::from(self.set_back.is_some());
        let peers = self.peers.iter();
        own + peers.filter(|peer| peer.set_backs > 0).count()
    }

    /// Nodes that may have forgotten copies in a power cut, as far as this one hears: itself, and on
    /// a leader its peers.
    pub fn suspects(&self) -> usize {
        let own = usize::from(self.trust == Trust::Suspect);
        let peers = self.peers.iter();
        own + peers
            .filter(|peer| peer.trust == Some(Trust::Suspect))
            .count()
    }
}

impl Raft {
    /// The durability options it runs with.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = started(1, 1);
    /// assert_eq!(node.durability().default, Class::new(CommitMode::Sync, FsyncMode::Commit));
    /// ```
    pub fn durability(&self) -> &Durability {
        &self.config.durability
    }

    /// What the node does at this moment.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let status = started(1, 3).status();
    /// assert_eq!((status.role, status.leader), (Role::Follower, None));
    /// // Why nothing moves, for whoever looks after it.
    /// assert_eq!(status.waiting[0].to_string(), "no leader is heard");
    /// ```
    pub fn status(&self) -> Status {
        let (role, term, leader) = self.role_now();
        let early = self.unsettled.acked(term).unwrap_or_default();
        Status {
            id: self.config.id,
            store: self.config.store,
            incarnation: self.hard.incarnation,
            trust: self.hard.trust,
            set_back: self.set_back,
            role,
            term,
            vote: self.hard.vote,
            leader,
            transfer_to: match &self.role {
                RoleState::Leader(leader) => leader.transfer_to(),
                _ => None,
            },
            members: self.members.clone(),
            members_at: self.configurations.at(),
            commit: self.commit,
            last: self.log.last_position(),
            compacted: self.compacted,
            first_known: self.log.base().index.next(),
            term_runs: self.log.runs_len(),
            watermarks: Watermarks {
                written: self.writes.written(),
                synced: self.writes.synced(),
            },
            entries_at_risk: early.since(self.commit.index),
            unwritten: self.unwritten_through(self.log.last()),
            peers: self.peer_status(),
            waiting: self.waiting(),
            dropped: self.dropped,
        }
    }

    fn peer_status(&self) -> Vec<PeerStatus, MEMBERS_MAX> {
        let RoleState::Leader(leader) = &self.role else {
            return Vec::new();
        };
        let peers = leader.peers.iter().map(|peer| PeerStatus {
            id: peer.id,
            incarnation: peer.incarnations.newest(),
            heard: peer.incarnations.spoke(),
            trust: peer.told_trust(),
            set_backs: peer.incarnations.set_backs(),
            state: peer.state(),
            watermarks: peer.told_watermarks(),
            lag_entries: peer
                .told_watermarks()
                .map(|watermarks| self.log.last().since(watermarks.written)),
            next: peer.next(),
            in_flight: peer.in_flight(),
            round_answered: peer.round_answered,
        });
        peers.collect()
    }

    /// Which node this is.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// assert_eq!(started(3, 3).id(), NodeId(3));
    /// ```
    pub fn id(&self) -> NodeId {
        self.config.id
    }

    /// What it does in its term.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// assert_eq!(leader().role(), Role::Leader);
    /// ```
    pub fn role(&self) -> Role {
        self.role_now().0
    }

    /// The newest term it knows of.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// assert_eq!((started(1, 1).term(), leader().term()), (Term(0), Term(1)));
    /// ```
    pub fn term(&self) -> Term {
        self.hard.term
    }

    /// Who leads that term, itself included, where it knows.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let [_, follower, _] = cluster();
    /// assert_eq!(follower.leader(), Some(NodeId(1)));
    /// ```
    pub fn leader(&self) -> Option<NodeId> {
        self.role_now().2
    }

    /// The last entry that it knows to be committed; [`LogPosition::ZERO`] before the first.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// // The no-op that opens its term.
    /// assert_eq!(leader().commit(), LogPosition::new(Term(1), LogIndex(1)));
    /// ```
    pub fn commit(&self) -> LogPosition {
        self.commit
    }

    /// The last entry of its log, written or not; [`LogPosition::ZERO`] of an empty one.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// node.propose(Instant::ZERO, Class::default(), 5).unwrap();
    /// assert_eq!(node.last().index.since(node.commit().index), 5);
    /// ```
    pub fn last(&self) -> LogPosition {
        self.log.last_position()
    }

    /// The run that holds `index` from there on, at most `count_max` entries: what to read back to
    /// apply or to send. `None` where the log does not reach, and below its window: there the host
    /// knows.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// node.propose(Instant::ZERO, Class::default(), 5).unwrap();
    /// let run = node.run_from(LogIndex(2), 3).unwrap();
    /// assert_eq!((run.kind, run.count), (EntryKind::Command, 3));
    /// ```
    pub fn run_from(&self, index: LogIndex, count_max: u32) -> Option<Run> {
        self.log.run_from(index, count_max)
    }
}
