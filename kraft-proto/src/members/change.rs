//! Changes of the members: one at a time as it is, several by way of joint consensus (Raft §6).

use core::fmt;

use heapless::Vec;

use super::{Member, Members, MembersError, Seats};
use crate::ids::{NodeId, StoreId};
use crate::limits::MEMBERS_MAX;

/// One change of the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// This node is to vote: a new one, or a learner that is promoted.
    Voter(Member),
    /// This node is to receive the log without a vote: a new one, or a voter that is demoted.
    Learner(Member),
    /// This node is to leave.
    Remove(NodeId),
}

impl Change {
    /// Whom it is about.
    pub const fn id(&self) -> NodeId {
        match self {
            Self::Voter(member) | Self::Learner(member) => member.id,
            Self::Remove(id) => *id,
        }
    }
}

/// Why changes make no configuration. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// Everybody is already what they are to be, or no change was named.
    Nothing,
    /// This node is to leave and is no member.
    NotMember(NodeId),
    /// This member is bound to this other store. Remove it first.
    OtherStore(NodeId, StoreId),
    /// What would come out is no cluster.
    Members(MembersError),
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("everybody is that already"),
            Self::NotMember(id) => write!(f, "node {id} is no member"),
            Self::OtherStore(id, store) => write!(
                f,
                "node {id} runs on store {store}: remove it before it joins with another"
            ),
            Self::Members(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ChangeError {}

impl From<MembersError> for ChangeError {
    fn from(error: MembersError) -> Self {
        Self::Members(error)
    }
}

/// What one member is, in the newest configuration and in the one on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub member: Member,
    pub voter: bool,
    pub outgoing: bool,
    pub learner: bool,
}

pub(super) type SeatList = Vec<Seat, MEMBERS_MAX>;

impl Members {
    /// Everybody's seats, in ascending order of id.
    pub(super) fn seats(&self) -> SeatList {
        let seat = |(place, member): (usize, &Member)| {
            let bit = 1 << place;
            Seat {
                member: *member,
                voter: self.voters.0 & bit != 0,
                outgoing: self.voters_outgoing.0 & bit != 0,
                learner: self.learners.0 & bit != 0,
            }
        };
        self.stores.iter().enumerate().map(seat).collect()
    }

    /// The members with these seats. Who has none is no member.
    pub(super) fn seated(mut seats: SeatList) -> Result<Self, MembersError> {
        seats.retain(|seat| seat.voter || seat.outgoing || seat.learner);
        seats.sort_unstable_by_key(|seat| seat.member.id);
        let bits = |sits: fn(&Seat) -> bool| {
            let taken = seats.iter().enumerate().filter(|(_, seat)| sits(seat));
            Seats(taken.fold(0, |bits, (place, _)| bits | 1 << place))
        };
        let members = Self {
            stores: seats.iter().map(|seat| seat.member).collect(),
            voters: bits(|seat| seat.voter),
            voters_outgoing: bits(|seat| seat.outgoing),
            learners: bits(|seat| seat.learner),
        };
        match members.voters().is_empty() {
            true => Err(MembersError::NoVoters),
            false => Ok(members),
        }
    }

    /// The configuration that `changes` lead to: with one of them the final one, as any majority of
    /// it meets any majority of this; with more, one in which both majorities decide.
    pub(crate) fn changed(&self, changes: &[Change]) -> Result<Self, ChangeError> {
        for (place, change) in changes.iter().enumerate() {
            if changes[..place].iter().any(|c| c.id() == change.id()) {
                return Err(MembersError::Repeated(change.id()).into());
            }
        }
        let mut seats = self.seats();
        if changes.len() > 1 {
            for seat in &mut seats {
                seat.outgoing = seat.voter;
            }
        }
        // Those that leave make room first.
        for change in changes {
            if let Change::Remove(id) = change {
                let seat = seats.iter_mut().find(|seat| seat.member.id == *id);
                let seat = seat.ok_or(ChangeError::NotMember(*id))?;
                (seat.voter, seat.learner) = (false, false);
            }
        }
        seats.retain(|seat| seat.voter || seat.outgoing || seat.learner);
        for change in changes {
            let (member, voter) = match change {
                Change::Voter(member) => (*member, true),
                Change::Learner(member) => (*member, false),
                Change::Remove(_) => continue,
            };
            sit(&mut seats, member, voter)?;
        }
        let next = Self::seated(seats)?;
        match next.left() == *self {
            true => Err(ChangeError::Nothing),
            false => Ok(next),
        }
    }

    /// The same without the voters that are on their way out.
    pub(crate) fn left(&self) -> Self {
        let mut seats = self.seats();
        for seat in &mut seats {
            seat.outgoing = false;
        }
        // There are voters left: there were before.
        Self::seated(seats).unwrap_or_else(|_| self.clone())
    }
}

fn sit(seats: &mut SeatList, member: Member, voter: bool) -> Result<(), ChangeError> {
    if let Some(seat) = seats.iter_mut().find(|s| s.member.id == member.id) {
        let bound = seat.member.store;
        if bound == StoreId::ANY {
            seat.member.store = member.store;
        } else if member.store != StoreId::ANY && member.store != bound {
            return Err(ChangeError::OtherStore(member.id, bound));
        }
        (seat.voter, seat.learner) = (voter, !voter);
        return Ok(());
    }
    let seat = Seat {
        member,
        voter,
        outgoing: false,
        learner: !voter,
    };
    seats
        .push(seat)
        .map_err(|_| ChangeError::Members(MembersError::TooMany))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64) -> Member {
        Member {
            id: NodeId(id),
            store: StoreId(100 + id),
        }
    }

    fn members(voters: u64) -> Members {
        Members::with_stores((1..=voters).map(member), []).unwrap()
    }

    fn ids(set: super::super::NodeSet<'_>) -> std::vec::Vec<u64> {
        set.iter().map(|id| id.0).collect()
    }

    extern crate std;

    #[test]
    fn one_change_needs_no_second_majority() {
        let four = members(3).changed(&[Change::Voter(member(4))]).unwrap();
        assert_eq!(ids(four.voters()), [1, 2, 3, 4]);
        assert!(!four.is_joint());
        let two = members(3).changed(&[Change::Remove(NodeId(1))]).unwrap();
        assert_eq!(ids(two.voters()), [2, 3]);
        assert!(!two.contains(NodeId(1)));
    }

    #[test]
    fn several_changes_keep_the_old_voters_until_they_leave() {
        let changes = [
            Change::Voter(member(4)),
            Change::Remove(NodeId(1)),
            Change::Learner(member(2)),
        ];
        let joint = members(3).changed(&changes).unwrap();
        assert_eq!(ids(joint.voters()), [3, 4]);
        assert_eq!(ids(joint.voters_outgoing()), [1, 2, 3]);
        assert_eq!(ids(joint.learners()), [2]);
        let left = joint.left();
        assert_eq!(ids(left.voters()), [3, 4]);
        assert_eq!(ids(left.learners()), [2]);
        assert!(!left.is_joint() && !left.contains(NodeId(1)));
    }

    #[test]
    fn the_limit_counts_the_union_while_joint() {
        let full = members(MEMBERS_MAX as u64);
        let swap = [Change::Remove(NodeId(1)), Change::Voter(member(16))];
        let too_many = ChangeError::Members(MembersError::TooMany);
        assert_eq!(full.changed(&swap), Err(too_many));
        let fewer = full.changed(&[Change::Remove(NodeId(1))]).unwrap();
        assert!(fewer.changed(&[Change::Voter(member(16))]).is_ok());
    }

    #[test]
    fn changes_that_make_no_sense_say_why() {
        let three = members(3);
        let refused = |changes: &[Change]| three.changed(changes).unwrap_err();
        assert_eq!(refused(&[]), ChangeError::Nothing);
        assert_eq!(refused(&[Change::Voter(member(1))]), ChangeError::Nothing);
        let stranger = ChangeError::NotMember(NodeId(9));
        assert_eq!(refused(&[Change::Remove(NodeId(9))]), stranger);
        let twice = [Change::Remove(NodeId(1)), Change::Voter(member(1))];
        let repeated = ChangeError::Members(MembersError::Repeated(NodeId(1)));
        assert_eq!(refused(&twice), repeated);
        let moved = Change::Learner(Member {
            store: StoreId(7),
            ..member(2)
        });
        let bound = ChangeError::OtherStore(NodeId(2), StoreId(102));
        assert_eq!(refused(&[moved]), bound);
        let nobody = [1, 2, 3].map(|id| Change::Remove(NodeId(id)));
        let no_voters = ChangeError::Members(MembersError::NoVoters);
        assert_eq!(refused(&nobody), no_voters);
    }
}
