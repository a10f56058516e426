//! Who is in the cluster.

mod bytes;
mod change;

use core::fmt;

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, StoreId};
use crate::limits::MEMBERS_MAX;

pub use bytes::ConfigurationBytes;
pub use change::{Change, ChangeError};

/// Some of the members: one bit for each place among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Seats(u16);

const _: () = assert!(MEMBERS_MAX <= u16::BITS as usize);

/// Some of the members, in ascending order of id.
#[derive(Clone, Copy, Debug)]
pub struct NodeSet<'a> {
    members: &'a [Member],
    seats: Seats,
}

impl<'a> NodeSet<'a> {
    /// How many they are.
    pub const fn len(self) -> usize {
        self.seats.0.count_ones() as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.seats.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = NodeId> + Clone + use<'a> {
        let seated = self.members.iter().enumerate();
        seated
            .filter(move |(place, _)| self.seats.0 & (1 << place) != 0)
            .map(|(_, member)| member.id)
    }

    /// Whether `id` is one of them.
    pub fn contains(self, id: NodeId) -> bool {
        self.iter().any(|member| member == id)
    }
}

/// One member and the store it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: NodeId,
    /// Its store; with [`StoreId::ANY`] the first that answers is the one believed.
    pub store: StoreId,
}

/// Voters, learners, and while a change is under way the voters that are leaving (Raft §6).
///
/// Invariants, checked where it is built:
/// 1. at least one voter;
/// 2. at most [`MEMBERS_MAX`] members over the union;
/// 3. nobody is voter and learner of the newest configuration at once; ids ascend and do not repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Members {
    stores: Vec<Member, MEMBERS_MAX>,
    voters: Seats,
    voters_outgoing: Seats,
    learners: Seats,
}

/// Why a list of members is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MembersError {
    /// Nobody could vote.
    NoVoters,
    /// More than [`MEMBERS_MAX`].
    TooMany,
    /// This id stands in the lists twice.
    Repeated(NodeId),
}

impl fmt::Display for MembersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVoters => f.write_str("no cluster without a voter: name at least one"),
            Self::TooMany => write!(f, "a cluster has at most {MEMBERS_MAX} members"),
            Self::Repeated(id) => write!(f, "node {id} is listed twice"),
        }
    }
}

impl core::error::Error for MembersError {}

impl Members {
    /// A cluster of these voters and learners, whichever stores they have.
    pub fn new(
        voters: impl IntoIterator<Item = NodeId>,
        learners: impl IntoIterator<Item = NodeId>,
    ) -> Result<Self, MembersError> {
        let any = |id| Member {
            id,
            store: StoreId::ANY,
        };
        Self::with_stores(voters.into_iter().map(any), learners.into_iter().map(any))
    }

    /// A cluster of these voters and learners, each bound to its store.
    pub fn with_stores(
        voters: impl IntoIterator<Item = Member>,
        learners: impl IntoIterator<Item = Member>,
    ) -> Result<Self, MembersError> {
        let mut members = Self {
            stores: Vec::new(),
            voters: Seats::default(),
            voters_outgoing: Seats::default(),
            learners: Seats::default(),
        };
        for member in voters {
            members.add(member)?;
        }
        let voting = members.stores.clone();
        for member in learners {
            members.add(member)?;
        }
        if voting.is_empty() {
            return Err(MembersError::NoVoters);
        }
        members.stores.sort_unstable_by_key(|member| member.id);
        for (place, member) in members.stores.iter().enumerate() {
            match voting.contains(member) {
                true => members.voters.0 |= 1 << place,
                false => members.learners.0 |= 1 << place,
            }
        }
        Ok(members)
    }

    fn add(&mut self, member: Member) -> Result<(), MembersError> {
        if self.contains(member.id) {
            return Err(MembersError::Repeated(member.id));
        }
        self.stores.push(member).map_err(|_| MembersError::TooMany)
    }

    fn set(&self, seats: Seats) -> NodeSet<'_> {
        NodeSet {
            members: &self.stores,
            seats,
        }
    }

    /// The voters of the newest configuration.
    pub fn voters(&self) -> NodeSet<'_> {
        self.set(self.voters)
    }

    /// The voters on their way out; empty unless a change is under way.
    pub fn voters_outgoing(&self) -> NodeSet<'_> {
        self.set(self.voters_outgoing)
    }

    /// Those who receive the log and do not vote.
    pub fn learners(&self) -> NodeSet<'_> {
        self.set(self.learners)
    }

    /// Everybody, in ascending order of id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.stores.iter()
    }

    /// Whether `id` is a member of any kind.
    pub fn contains(&self, id: NodeId) -> bool {
        self.stores.iter().any(|member| member.id == id)
    }

    /// Whether a change is under way that needs both majorities (Raft §6, *joint consensus*).
    pub fn is_joint(&self) -> bool {
        !self.voters_outgoing().is_empty()
    }

    /// Whether `id` votes in an active configuration.
    pub fn is_voter(&self, id: NodeId) -> bool {
        self.voters().contains(id) || self.voters_outgoing().contains(id)
    }

    /// The smallest number of voters in an active configuration.
    pub fn voters_min(&self) -> usize {
        match self.voters_outgoing().len() {
            0 => self.voters().len(),
            outgoing => outgoing.min(self.voters().len()),
        }
    }
}
