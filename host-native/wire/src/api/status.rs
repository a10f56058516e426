//! How a node sees itself and the cluster.

use std::fmt;

use kraft_proto::ids::{LogIndex, LogPosition, NodeId, StoreId, Term};
use kraft_proto::{PeerState, Role, Trust, Watermarks};
use serde::{Deserialize, Serialize};

use super::words;

/// One node's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Whose.
    pub node: NodeId,
    /// The version of its build.
    pub version: String,
    /// Its store.
    pub store: StoreId,
    /// How many times that store was started.
    pub incarnation: u64,
    /// Whether it may have forgotten copies that it reported.
    #[serde(with = "words::trust")]
    pub trust: Trust,
    /// How long it has been running, in milliseconds.
    pub uptime_ms: u64,
    /// What it does in its term.
    #[serde(with = "words::role")]
    pub role: Role,
    /// Its term.
    pub term: Term,
    /// The leader, where it is known.
    pub leader: Option<NodeId>,
    /// The votes it has, while it asks for them.
    pub candidacy: Option<Candidacy>,
    /// The end of its log.
    pub last: LogPosition,
    /// How far its own log is held.
    pub watermarks: Watermarks,
    /// The last entry it knows to be committed.
    pub commit: LogPosition,
    /// The last entry it has applied.
    pub applied: LogPosition,
    /// The members it knows.
    pub members: Vec<MemberStatus>,
    /// Its followers; empty unless it leads.
    pub peers: Vec<PeerStatus>,
    /// How far they are behind, together.
    pub lag: LagStatus,
    /// What it acknowledged and a majority has not synced yet.
    pub at_risk: AtRisk,
    /// What it acknowledged since its start and commit did not keep.
    pub unkept: UnkeptAcks,
    /// Peers whose replicas are not the same as its own.
    pub differing: Vec<DifferingReplica>,
    /// Nodes that may have forgotten copies in a power cut, as far as it hears.
    pub suspects: u64,
    /// Its disk.
    pub disk: DiskStatus,
    /// Its clients.
    pub places: PlacesStatus,
    /// Its state machine.
    pub data: DataStatus,
    /// Its newest snapshot.
    pub snapshot: Option<SnapshotStatus>,
    /// What it waits for at this moment, one sentence each; most last microseconds.
    pub waiting: Vec<String>,
    /// What an operator should look at, one sentence each.
    pub warnings: Vec<String>,
}

/// The votes of a node that wants to lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Candidacy {
    /// Voters that granted theirs, itself included.
    pub granted: u64,
    /// How many it needs: a majority.
    pub needed: u64,
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Its id.
    pub id: NodeId,
    /// Whether it votes.
    pub voting: Voting,
    /// Where it takes clients, `host:port`; `None` where this node does not know.
    pub client_address: Option<String>,
}

/// Whether a member votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voting {
    /// It votes.
    Voter,
    /// It receives the log and does not vote.
    Learner,
}

/// A follower as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Which.
    pub id: NodeId,
    /// Whether it can be reached.
    pub link: Link,
    /// How it is fed.
    #[serde(with = "words::peer_state")]
    pub state: PeerState,
    /// How long ago it was heard, in milliseconds; none: not since this node leads.
    pub heard_ms: Option<u64>,
    /// How far it holds the leader's log; none while it has not told this leader, which is not zero.
    pub watermarks: Option<Watermarks>,
    /// Entries it lacks; none while that is not known.
    pub lag_entries: Option<u64>,
    /// How long it has lacked the oldest of them, in milliseconds; none while that is not known.
    pub lag_ms: Option<u64>,
    /// For how long it has not told what it holds, in milliseconds.
    pub silent_ms: u64,
    /// Why it does not get on, where it does not.
    pub why: Option<String>,
}

/// Whether a follower can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// There is a connection.
    Connected,
    /// There is none.
    Down,
}

/// What is acknowledged and not yet synced by a majority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AtRisk {
    /// Entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How far the followers of a leader are behind, of those that have told it what they hold; nothing
/// where none has, and on a node that does not lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LagStatus {
    /// Entries the slowest lacks.
    pub entries_max: Option<u64>,
    /// Entries one lacks on average, rounded up.
    pub entries_mean: Option<u64>,
    /// How long the slowest has lacked the oldest of them, in milliseconds.
    pub ms_max: Option<u64>,
    /// The same on average, rounded up.
    pub ms_mean: Option<u64>,
    /// Followers that have not told what they hold.
    pub unknown: u64,
}

/// Acknowledged writes that commit did not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnkeptAcks {
    /// Commit proved that they are gone.
    pub lost: u64,
    /// Their fate cannot be told any more.
    pub unknown: u64,
}

/// A peer that has applied other entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DifferingReplica {
    /// Which.
    pub node: NodeId,
    /// Through here they are known to be the same.
    pub after: LogIndex,
    /// Through here they are not.
    pub through: LogIndex,
}

impl fmt::Display for DifferingReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            node,
            after,
            through,
        } = self;
        write!(
            f,
            "node {node} has applied other entries than this node, first after {after} and not after \
             {through}: one of the two serves wrong data; stop the one that differs from the others"
        )
    }
}

/// A node's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiskStatus {
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes free on its file system.
    pub free_bytes: u64,
    /// Times it was forced since the start.
    pub fsyncs: u64,
    /// Bytes that were forced.
    pub fsync_bytes: u64,
    /// Files of the log.
    pub segments: u64,
    /// Whether it takes more entries.
    pub room: DiskRoom,
}

/// How full a node is of clients and of what they wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlacesStatus {
    /// Writes, and waits for a commit, that have no answer yet.
    pub writes: u64,
    /// How many there may be.
    pub writes_max: u64,
    /// Reads that have no answer yet.
    pub reads: u64,
    /// How many there may be.
    pub reads_max: u64,
    /// Clients' connections.
    pub clients: u64,
    /// Bytes of answers that no client has read yet.
    pub unread_bytes: u64,
}

/// A node's newest snapshot on its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SnapshotStatus {
    /// The last entry it covers.
    pub last: LogPosition,
    /// The length of its file, in bytes.
    pub bytes: u64,
}

/// A node's state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DataStatus {
    /// Keys.
    pub entries: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Client sessions remembered.
    pub sessions: u64,
}

/// Whether the disk takes more entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskRoom {
    /// It does.
    #[default]
    Enough,
    /// They are turned away.
    Full,
}
