//! Who is in the cluster and where, and how that is changed.

use kraft_proto::cluster::Epoch;
use kraft_proto::ids::{LogIndex, NodeId, StoreId};
use serde::{Deserialize, Serialize};

use super::status::Voting;

/// Where a node is: a hint for those who look for it, which says nothing of who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// Where peers reach it, `host:port`.
    pub peers: String,
    /// Where clients reach it, `host:port`.
    pub clients: String,
}

/// One change of who is in the cluster, or of where they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MembersChange {
    /// A node receives the log from now on, without a vote.
    Add {
        /// Its id.
        node: NodeId,
        /// Its store; with [`StoreId::ANY`] the first that answers is the one believed.
        store: StoreId,
        /// Where it is.
        contact: Contact,
        /// The voter whose place it takes once it has caught up.
        replaces: Option<NodeId>,
    },
    /// Members that receive the log vote from now on.
    Promote {
        /// Which.
        nodes: Vec<NodeId>,
    },
    /// Members leave.
    Remove {
        /// Which.
        nodes: Vec<NodeId>,
    },
    /// A member that receives the log votes from now on, and a voter leaves, as one.
    Replace {
        /// Who leaves.
        old: NodeId,
        /// Who votes in its place.
        new: NodeId,
    },
    /// A member is at another place, or is going to be.
    Move {
        /// Which.
        node: NodeId,
        /// Where it is.
        contact: Contact,
    },
}

/// A change that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChangeMembers {
    /// Which.
    pub change: MembersChange,
    /// Whether it is to be made although it makes the cluster weaker.
    pub care: Care,
}

/// Whether a change is made that makes the cluster weaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Care {
    /// It is refused, and the refusal says what would be lost.
    #[default]
    Refuse,
    /// It is made, wherever Raft allows it.
    Force,
}

/// Who is in the cluster, as one node knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembersReport {
    /// Who says so.
    pub node: NodeId,
    /// The cluster, as its certificates name it.
    pub cluster: String,
    /// How often it was founded anew.
    pub epoch: Epoch,
    /// Where the entry of this configuration stands in the log; 0 for the one that the cluster began with.
    pub at: LogIndex,
    /// Whether it is known to be committed, and no change is under way.
    pub settled: bool,
    /// The members.
    pub members: Vec<MemberReport>,
    /// Those that the cluster began with, whoever of them is left.
    pub founders: Vec<MemberReport>,
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReport {
    /// Its id.
    pub id: NodeId,
    /// Its store.
    pub store: StoreId,
    /// Whether it votes.
    pub voting: Voting,
    /// Where it is.
    pub contact: Contact,
    /// Whose place it takes once it has caught up.
    pub replaces: Option<NodeId>,
    /// Entries that it lacks; only its leader knows.
    pub lag_entries: Option<u64>,
}
