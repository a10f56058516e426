//! Raft §6: changes of the members, learners, and voters that are not disturbed.

mod acks;
mod left_out;
mod own_entries;

use kraft_proto::{
    Change, Class, CommitMode, FsyncMode, Held, LogIndex, LogPosition, Member, MembersProposeError,
    Message, Role, StoreId, Waiting,
};

use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, Disk, id, ms};

/// §6: "the new servers join the cluster as non-voting members (the leader replicates log entries
/// to them, but they are not considered for majorities)."
#[test]
fn learners_receive_the_log_and_count_for_nothing() {
    let mut cluster = Cluster::with_learners(3, 2);
    cluster.elect(1);
    let all = Class::new(CommitMode::All, FsyncMode::Commit);
    let with_learners = cluster.propose(1, all);
    cluster.run_until_idle();
    let position = with_learners.run.last_position();
    assert_eq!(cluster.holders(position, Held::Synced), [1, 2, 3, 4, 5]);
    cluster.isolate(4);
    cluster.isolate(5);
    let without = cluster.propose(1, all);
    cluster.run_until_idle();
    assert!(cluster.acked(1, &without), "every voter holds it");
    cluster.heal();
    cluster.isolate(2);
    cluster.isolate(3);
    let by_learners = cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let position = by_learners.run.last_position();
    assert_eq!(cluster.holders(position, Held::Synced), [1, 4, 5]);
    assert!(!cluster.acked(1, &by_learners), "one voter of three");
}

#[test]
fn a_learner_never_campaigns() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    for n in 1..=3 {
        cluster.kill(n);
    }
    cluster.pass(ms(3000));
    cluster.campaign(4);
    assert_eq!((cluster.role(4), cluster.term(4)), (Role::Follower, 1));
}

/// §6: "servers disregard RequestVote RPCs when they believe a current leader exists", so that
/// removed servers cannot disrupt the cluster.
#[test]
fn voters_that_hear_a_leader_ignore_candidates_and_their_terms() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let last = LogPosition::new(kraft_proto::Term(99), LogIndex(99));
    cluster.inject(envelope(3, 2, 9, Message::Vote { last }));
    assert_eq!(
        (cluster.term(2), cluster.status(2).leader),
        (1, Some(id(1)))
    );
    assert_eq!(cluster.status(2).dropped.candidates, 1);
    cluster.kill(1);
    // Once the leader is not heard for the shortest election timeout, they vote.
    let heard = cluster.now;
    cluster.now = heard.after(ms(150));
    cluster.inject(envelope(3, 2, 9, Message::Vote { last }));
    assert_eq!((cluster.term(2), cluster.status(2).vote), (9, Some(id(3))));
}

fn voter(n: u64) -> Change {
    Change::Voter(member(n))
}

fn member(n: u64) -> Member {
    Member {
        id: id(n),
        store: StoreId(n),
    }
}

fn voters(cluster: &Cluster, n: u64) -> Vec<u64> {
    cluster
        .status(n)
        .members
        .voters()
        .iter()
        .map(|id| id.0)
        .collect()
}

/// Three voters led by node 1, and these nodes waiting to join.
fn with_joiners(joiners: &[u64]) -> Cluster {
    let mut cluster = Cluster::new(3);
    for n in joiners {
        cluster.join(*n);
    }
    cluster.elect(1);
    cluster
}

/// §6: "once a given server adds the new configuration entry to its log, it uses that configuration
/// for all future decisions (a server always uses the latest configuration in its log, regardless of
/// whether the entry is committed)."
#[test]
fn a_configuration_counts_from_when_it_is_appended() {
    let mut cluster = with_joiners(&[4]);
    cluster.isolate(4);
    cluster.isolate(3);
    let change = cluster.change(1, &[voter(4)]).unwrap();
    cluster.run_until_idle();
    assert_eq!(voters(&cluster, 1), [1, 2, 3, 4]);
    assert_eq!(voters(&cluster, 2), [1, 2, 3, 4]);
    assert!(!cluster.acked(1, &change), "two of four");
    cluster.heal();
    cluster.pass(ms(200));
    assert!(cluster.acked(1, &change));
    assert_eq!(voters(&cluster, 4), [1, 2, 3, 4]);
    let all = cluster.propose(1, Class::new(CommitMode::All, FsyncMode::Commit));
    cluster.run_until_idle();
    let held = cluster.holders(all.run.last_position(), Held::Synced);
    assert_eq!(held, [1, 2, 3, 4]);
}

/// §6, joint consensus: "agreement (for elections and entry commitment) requires separate majorities
/// from both the old and new configurations."
#[test]
fn while_joint_both_majorities_decide() {
    for cut_off in [[2, 3], [4, 5]] {
        let mut cluster = with_joiners(&[4, 5]);
        for n in cut_off {
            cluster.isolate(n);
        }
        let changes = [
            voter(4),
            voter(5),
            Change::Remove(id(2)),
            Change::Remove(id(3)),
        ];
        let change = cluster.change(1, &changes).unwrap();
        cluster.run_until_idle();
        assert!(cluster.status(1).members.is_joint());
        assert!(!cluster.acked(1, &change), "without {cut_off:?}");
        cluster.heal();
        cluster.pass(ms(200));
        assert!(cluster.acked(1, &change));
        assert_eq!(
            voters(&cluster, 1),
            [1, 4, 5],
            "the leader leaves by itself"
        );
        assert!(!cluster.status(1).members.is_joint());
    }
}

/// Thesis §4.1 as corrected: "a leader must not append a new configuration until it has committed
/// an entry from its current term", and one change follows another.
#[test]
fn one_change_at_a_time_and_none_before_the_no_op() {
    let mut cluster = with_joiners(&[4, 5]);
    cluster.isolate(2);
    cluster.isolate(3);
    let change = cluster.change(1, &[voter(4)]).unwrap();
    cluster.run_until_idle();
    let again = cluster.change(1, &[voter(5)]).unwrap_err();
    assert_eq!(again, MembersProposeError::UnderWay(change.run.first));
    let waiting = cluster.status(1).waiting;
    assert!(waiting.contains(&Waiting::Members(change.run.first)));
    cluster.heal();
    cluster.isolate(1);
    cluster.disks(Disk::LogHeld);
    cluster.pass(ms(1000));
    let leader = cluster.leader().unwrap();
    assert_ne!(leader, 1);
    let early = cluster.change(leader, &[voter(5)]).unwrap_err();
    assert_eq!(early, MembersProposeError::NotReady);
}

#[test]
fn a_configuration_that_is_cut_off_gives_way_to_the_one_before() {
    let mut cluster = with_joiners(&[4]);
    for n in 2..=4 {
        cluster.isolate(n);
    }
    cluster.change(1, &[voter(4)]).unwrap();
    cluster.run_until_idle();
    assert_eq!(voters(&cluster, 1), [1, 2, 3, 4]);
    cluster.kill(1);
    cluster.heal();
    cluster.pass(ms(1000));
    cluster.restart(1);
    assert_eq!(voters(&cluster, 1), [1, 2, 3, 4], "recovered from its log");
    cluster.pass(ms(1000));
    assert_eq!(voters(&cluster, 1), [1, 2, 3]);
    assert_eq!(cluster.status(1).members_at.0, 0);
}

#[test]
fn a_cluster_restarted_while_joint_goes_on_and_leaves() {
    let mut cluster = with_joiners(&[4]);
    cluster.isolate(4);
    let changes = [voter(4), Change::Remove(id(1)), Change::Learner(member(2))];
    cluster.change(1, &changes).unwrap();
    cluster.run_until_idle();
    for n in 1..=4 {
        cluster.kill(n);
    }
    cluster.heal();
    for n in 1..=4 {
        cluster.restart(n);
    }
    assert!(cluster.status(1).members.is_joint());
    cluster.pass(ms(3000));
    let leader = cluster.leader().unwrap();
    assert_eq!(voters(&cluster, leader), [3, 4]);
    assert!(!cluster.status(leader).members.is_joint());
    assert!(cluster.status(leader).members.learners().contains(id(2)));
}

#[test]
fn a_learner_is_promoted_and_a_voter_demoted() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    cluster.change(1, &[voter(4)]).unwrap();
    cluster.run_until_idle();
    assert_eq!(voters(&cluster, 4), [1, 2, 3, 4]);
    cluster.change(1, &[Change::Learner(member(2))]).unwrap();
    cluster.run_until_idle();
    assert_eq!(voters(&cluster, 1), [1, 3, 4]);
    cluster.kill(1);
    cluster.isolate(2);
    cluster.pass(ms(1000));
    assert!(matches!(cluster.leader(), Some(3 | 4)));
}

#[test]
fn elections_take_both_majorities_while_joint() {
    let mut cluster = with_joiners(&[4, 5]);
    cluster.isolate(4);
    cluster.isolate(5);
    let changes = [
        voter(4),
        voter(5),
        Change::Remove(id(2)),
        Change::Remove(id(3)),
    ];
    cluster.change(1, &changes).unwrap();
    cluster.run_until_idle();
    cluster.kill(1);
    cluster.pass(ms(3000));
    assert_eq!(
        cluster.leader(),
        None,
        "two of the old three, none of the new"
    );
    cluster.heal();
    cluster.pass(ms(3000));
    let leader = cluster.leader().expect("four of five are up");
    assert_eq!(voters(&cluster, leader), [1, 4, 5]);
}

/// 1. a leader alone adds a second voter, and by that no longer hears a majority;
/// 2. its quorum is checked before the newcomer could answer: it must not step down for that.
#[test]
fn a_newcomer_gets_its_time_to_answer() {
    let mut cluster = Cluster::new(1);
    cluster.join(2);
    cluster.elect(1);
    cluster.pass(ms(149));
    cluster.isolate(2);
    let change = cluster.change(1, &[voter(2)]).unwrap();
    cluster.pass(ms(10));
    assert_eq!(cluster.role(1), Role::Leader);
    cluster.heal();
    cluster.pass(ms(100));
    assert!(cluster.acked(1, &change));
}

/// What the target of a transfer is to have matched must not grow meanwhile.
#[test]
fn members_stay_as_they_are_while_leadership_moves() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.pass(ms(100));
    // Node 2 cannot answer, so the transfer is under way for a while.
    cluster.cut(1, 2);
    let now = cluster.now;
    cluster.propose(1, Class::default());
    cluster
        .raft(1)
        .transfer_leadership(now, Some(id(2)))
        .unwrap();
    let change = [Change::Learner(Member {
        id: id(4),
        store: StoreId::ANY,
    })];
    let refused = cluster.raft(1).propose_members(now, &change).unwrap_err();
    assert_eq!(refused, MembersProposeError::Transferring(id(2)));
}

#[test]
fn who_does_not_lead_names_the_leader_that_changes_members() {
    let mut cluster = with_joiners(&[4]);
    cluster.run_until_idle();
    let refused = cluster.change(2, &[voter(4)]).unwrap_err();
    assert_eq!(refused, MembersProposeError::NotLeader(Some(id(1))));
}
