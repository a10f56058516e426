//! Pure quorum arithmetic (after Raft §5.2, §6), apart from whoever asks.

use crate::ids::{LogIndex, NodeId};
use crate::limits::MEMBERS_MAX;
use crate::members::{Members, NodeSet};

/// How many of `n` are a majority.
pub(crate) const fn majority(n: usize) -> usize {
    n / 2 + 1
}

/// The highest index that at least `count` of `voters` hold; 0 when there are fewer voters.
fn held_by_count(voters: NodeSet<'_>, count: usize, held: impl Fn(NodeId) -> LogIndex) -> LogIndex {
    let mut sorted = [LogIndex::ZERO; MEMBERS_MAX];
    let mut len = 0;
    for voter in voters.iter() {
        let value = held(voter);
        let mut place = len;
        while place > 0 && sorted[place - 1] < value {
            sorted[place] = sorted[place - 1];
            place -= 1;
        }
        sorted[place] = value;
        len += 1;
    }
    match count {
        0 => LogIndex(u64::MAX),
        n if n > len => LogIndex::ZERO,
        n => sorted[n - 1],
    }
}

/// The smaller answer of the active configurations.
fn in_each(members: &Members, answer: impl Fn(NodeSet<'_>) -> LogIndex) -> LogIndex {
    let incoming = answer(members.voters());
    match members.voters_outgoing() {
        none if none.is_empty() => incoming,
        outgoing => incoming.min(answer(outgoing)),
    }
}

/// The highest index a majority of every active configuration holds.
pub(crate) fn held_by_majority(members: &Members, held: impl Fn(NodeId) -> LogIndex) -> LogIndex {
    in_each(members, |voters| {
        held_by_count(voters, majority(voters.len()), &held)
    })
}

/// The highest index every voter holds.
pub(crate) fn held_by_all(members: &Members, held: impl Fn(NodeId) -> LogIndex) -> LogIndex {
    in_each(members, |voters| held_by_count(voters, voters.len(), &held))
}

/// The highest index that `count` voters of every active configuration hold, `leader` among them.
/// The count is clamped to the voters there are; one that makes a majority anywhere must make it
/// everywhere.
pub(crate) fn held_by_at_least(
    members: &Members,
    count: usize,
    leader: NodeId,
    held: impl Fn(NodeId) -> LogIndex,
) -> LogIndex {
    let by_count = in_each(members, |voters| {
        held_by_count(voters, count.min(voters.len()), &held)
    });
    let with_leader = by_count.min(held(leader));
    if count > members.voters_min() / 2 {
        with_leader.min(held_by_majority(members, &held))
    } else {
        with_leader
    }
}

/// Whether those who satisfy `yes` are a majority of every active configuration.
pub(crate) fn has_majority(members: &Members, yes: impl Fn(NodeId) -> bool) -> bool {
    let in_one = |voters: NodeSet<'_>| {
        voters.is_empty() || voters.iter().filter(|id| yes(*id)).count() >= majority(voters.len())
    };
    in_one(members.voters()) && in_one(members.voters_outgoing())
}

/// Whether an election is won: in every active configuration by a majority with at least
/// n − majority + 1 clean votes, or by every vote.
///
/// A relied-on copy lies on a majority; the clean votes meet it in a node that forgot nothing.
pub(crate) fn elects(
    members: &Members,
    granted: impl Fn(NodeId) -> bool,
    clean: impl Fn(NodeId) -> bool,
) -> bool {
    let in_one = |voters: NodeSet<'_>| {
        let n = voters.len();
        let granted = voters.iter().filter(|id| granted(*id)).count();
        let clean = voters.iter().filter(|id| clean(*id)).count();
        n == 0 || granted == n || (granted >= majority(n) && clean > n - majority(n))
    };
    in_one(members.voters()) && in_one(members.voters_outgoing())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(voters: u64) -> Members {
        Members::new((1..=voters).map(NodeId), []).unwrap()
    }

    #[test]
    fn the_majority_holds_the_median() {
        let held = |id: NodeId| LogIndex([9, 4, 7, 2, 5][id.0 as usize - 1]);
        assert_eq!(held_by_majority(&members(5), held), LogIndex(5));
        assert_eq!(held_by_majority(&members(4), held), LogIndex(4));
        assert_eq!(held_by_all(&members(5), held), LogIndex(2));
    }

    #[test]
    fn at_least_counts_the_leader() {
        let held = |id: NodeId| LogIndex([3, 9, 9, 9, 1][id.0 as usize - 1]);
        let at_least = |n| held_by_at_least(&members(5), n, NodeId(1), held);
        assert_eq!(at_least(1), LogIndex(3));
        assert_eq!(at_least(3), LogIndex(3));
        assert_eq!(at_least(5), LogIndex(1));
        assert_eq!(at_least(9), LogIndex(1), "clamped to the voters there are");
    }

    #[test]
    fn suspects_alone_elect_nobody_unless_everyone_votes() {
        let five = members(5);
        let upto = |n| move |id: NodeId| id.0 <= n;
        assert!(elects(&five, upto(3), upto(3)));
        assert!(!elects(&five, upto(4), upto(2)));
        assert!(elects(&five, upto(4), upto(3)));
        assert!(elects(&five, upto(5), upto(0)));
        let two = members(2);
        assert!(!elects(&two, upto(1), upto(1)));
        assert!(elects(&two, upto(2), upto(0)));
    }
}
