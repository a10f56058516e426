//! Raft §6: changes of the members, learners, and voters that are not disturbed.

use kraft_proto::{
    Agreed, Change, CheckQuorum, Class, CommitMode, Config, EntryKind, Envelope, FsyncMode, Held,
    LogIndex, LogPosition, Member, MembersProposeError, Message, Output, PreVote, Role, Standing,
    StoreId, Waiting,
};

use crate::cluster::messages::{append, envelope};
use crate::cluster::{Cluster, Disk, at, id, ms, run};

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

/// §6: "the leader steps down once it has committed the C_new log entry"; "while it is committing
/// C_new, it does not count itself in majorities."
#[test]
fn a_removed_leader_counts_itself_no_more_and_then_steps_down() {
    let mut cluster = with_joiners(&[]);
    cluster.isolate(3);
    let change = cluster.change(1, &[Change::Remove(id(1))]).unwrap();
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Leader);
    assert_eq!(cluster.commit(1).index.0, 1, "one of the two that count");
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(cluster.commit(1), change.run.last_position());
    assert_eq!(cluster.role(1), Role::Follower);
    assert!(cluster.status(1).waiting.contains(&Waiting::LeftOut));
    cluster.pass(ms(2000));
    assert!(matches!(cluster.leader(), Some(2 | 3)));
}

/// Thesis §4.2.2: a leader that is removed may hand leadership over first. Here it does so as it leaves,
/// and no time passes without a leader.
#[test]
fn a_removed_leader_has_one_of_those_who_stay_take_over_at_once() {
    let mut cluster = with_joiners(&[]);
    cluster.isolate(3);
    cluster.change(1, &[Change::Remove(id(1))]).unwrap();
    cluster.run_until_idle();
    cluster.heal();
    // Node 3 hears of it with the next heartbeats; an election timeout is at least 150 ms.
    cluster.pass(ms(110));
    assert_eq!(cluster.role(1), Role::Follower);
    let heir = cluster.leader().expect("somebody leads already");
    assert!(heir == 2 || heir == 3);
    assert_eq!(cluster.term(heir), 2, "one election, and it was won");
    let class = Class::new(CommitMode::Sync, FsyncMode::Commit);
    let proposed = cluster.propose(heir, class);
    cluster.run_until_idle();
    assert!(cluster.acked(heir, &proposed));
}

/// A word to take over that the target could not keep would only cost a term: it lacks an entry, and who
/// has that one would not vote for it.
#[test]
fn a_removed_leader_says_nothing_to_those_who_lack_its_last_entries() {
    let mut cluster = with_joiners(&[]);
    cluster.change(1, &[Change::Remove(id(1))]).unwrap();
    let class = Class::new(CommitMode::LeaderOnly, FsyncMode::Commit);
    cluster.poll();
    cluster.propose(1, class);
    cluster.poll();
    // The change reaches the others, and what was proposed behind it does not.
    let late = |e: &Envelope| matches!(e.message, Message::Append(a) if a.prev.index.0 >= 2);
    drop(cluster.intercept(late));
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Follower, "it is committed");
    assert_eq!(
        (cluster.term(2), cluster.term(3)),
        (1, 1),
        "nobody was told"
    );
    cluster.pass(ms(2000));
    assert!(matches!(cluster.leader(), Some(2 | 3)));
}

/// What a node was told of the members last.
fn told_of_members(cluster: &Cluster, n: u64) -> Option<(u64, Agreed, Standing)> {
    let outputs = cluster.nodes[&id(n)].outputs.iter();
    let mut told = outputs.filter_map(|output| match output {
        Output::Members { at, agreed, own } => Some((at.0, *agreed, *own)),
        _ => None,
    });
    told.next_back()
}

/// §6: "removed servers (those not in C_new) can disrupt the cluster": not here. The first of those
/// whom it asks for a vote tells it that it is out, and it asks no more.
#[test]
fn a_removed_node_hears_of_it_when_it_asks_and_disturbs_nobody() {
    for (pre_vote, check_quorum) in [
        (PreVote::Off, CheckQuorum::Off),
        (PreVote::On, CheckQuorum::On),
    ] {
        let mut cluster = Cluster::with(3, |config| Config {
            pre_vote,
            check_quorum,
            ..config
        });
        cluster.elect(1);
        cluster.isolate(3);
        let removal = cluster.change(1, &[Change::Remove(id(3))]).unwrap();
        cluster.run_until_idle();
        assert!(cluster.acked(1, &removal));
        let term = cluster.term(1);
        cluster.heal();
        cluster.pass(ms(400));
        let at = removal.run.first;
        let out = (at.0, Agreed::Committed, Standing::LeftOut);
        assert_eq!(told_of_members(&cluster, 3), Some(out));
        assert!(cluster.status(3).waiting.contains(&Waiting::LeftOut));
        let (asked, heard) = (cluster.term(3), cluster.status(2).dropped);
        cluster.pass(ms(3000));
        assert_eq!(cluster.term(3), asked, "it asks no more");
        assert_eq!(cluster.status(2).dropped, heard, "and nobody hears of it");
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, term));
        // It joins again, and votes and campaigns like anybody.
        cluster.change(1, &[voter(3)]).unwrap();
        cluster.pass(ms(500));
        assert!(matches!(
            told_of_members(&cluster, 3),
            Some((_, Agreed::Committed, Standing::Voter))
        ));
        cluster.campaign(3);
        cluster.pass(ms(3000));
        cluster.kill(cluster.leader().unwrap());
        cluster.pass(ms(3000));
        assert!(cluster.leader().is_some(), "node 3 is one of two of three");
    }
}

/// A learner that was removed is fed no more and asks for no votes: where it hears no leader it asks one
/// voter after the other, until it is told.
#[test]
fn a_removed_learner_hears_of_it_when_it_asks_and_disturbs_nobody() {
    for pre_vote in [PreVote::Off, PreVote::On] {
        let mut cluster = Cluster::with_learners(3, 1);
        for n in 1..=4 {
            cluster.set(n, |config| Config { pre_vote, ..config });
            cluster.restart(n);
        }
        cluster.elect(1);
        cluster.run_until_idle();
        let removal = cluster.change(1, &[Change::Remove(id(4))]).unwrap();
        cluster.run_until_idle();
        assert!(cluster.acked(1, &removal));
        let (term, at) = (cluster.term(1), removal.run.first);
        cluster.pass(ms(700));
        let out = (at.0, Agreed::Committed, Standing::LeftOut);
        assert_eq!(told_of_members(&cluster, 4), Some(out));
        assert!(cluster.status(4).waiting.contains(&Waiting::LeftOut));
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, term));
        cluster.lossy = |envelope| {
            let asks = matches!(envelope.message, Message::PreVote { .. });
            assert!(!asks, "it asks no more");
            false
        };
        cluster.pass(ms(3000));
        assert_eq!((cluster.role(4), cluster.term(4)), (Role::Follower, term));
    }
}

/// What it asks elects nobody, whatever is answered: a learner is no candidate.
#[test]
fn a_learner_that_hears_no_leader_asks_and_is_never_elected() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    cluster.run_until_idle();
    let term = cluster.term(4);
    cluster.kill(1);
    cluster.kill(2);
    cluster.pass(ms(3000));
    assert_eq!((cluster.role(4), cluster.term(4)), (Role::Follower, term));
    assert!(
        cluster.leader().is_none(),
        "one of three voters is no majority"
    );
}

/// The story: 1. node 3 is to leave, and that is not committed; 2. told of it then, it would be quiet, and
/// nobody could be elected if the entry were cut off: its vote may be needed until it is committed.
#[test]
fn a_removal_that_is_not_committed_is_told_to_nobody() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    let pending = told_of_members(&cluster, 1);
    assert_eq!(pending, Some((2, Agreed::Pending, Standing::Voter)));
    let vote = Message::Vote { last: at(1, 1) };
    cluster.inject(envelope(3, 1, 9, vote));
    let told = |e: &Envelope| matches!(e.message, Message::LeftOut { .. });
    assert!(cluster.intercept(told).is_empty());
    cluster.kill(1);
    cluster.heal();
    cluster.pass(ms(2000));
    assert!(cluster.leader().is_some(), "node 3's vote was needed");
    cluster.restart(1);
    cluster.pass(ms(1000));
    let back = told_of_members(&cluster, 1);
    assert_eq!(back, Some((0, Agreed::Committed, Standing::Voter)));
}

/// The members that a cluster began with are nobody's word against a stranger: it may know newer ones.
#[test]
fn a_stranger_is_told_nothing_by_those_who_know_only_the_first_members() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.run_until_idle();
    let vote = Message::Vote { last: at(0, 0) };
    cluster.inject(envelope(9, 2, 9, vote));
    let told = |e: &Envelope| matches!(e.message, Message::LeftOut { .. });
    assert!(cluster.intercept(told).is_empty());
}

/// The word is for a store, and for as long as nothing newer is known.
#[test]
fn who_is_told_late_that_it_is_out_knows_better() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose_many(1, Class::default(), 5);
    cluster.run_until_idle();
    cluster.isolate(3);
    let left_out = |store, at| Message::LeftOut {
        store: StoreId(store),
        at: LogIndex(at),
    };
    // Of another store, of what is committed here by now, beyond any log.
    for (store, at) in [(9, 100), (3, 6), (3, u64::MAX / 4)] {
        cluster.inject(envelope(1, 3, 1, left_out(store, at)));
        assert_eq!(told_of_members(&cluster, 3), None, "store {store} at {at}");
        cluster.pass(ms(400));
        assert_eq!(cluster.role(3), Role::PreCandidate, "it asks on");
    }
    cluster.inject(envelope(1, 3, 1, left_out(3, 100)));
    assert_eq!(cluster.role(3), Role::Follower);
    cluster.pass(ms(1000));
    assert_eq!(cluster.role(3), Role::Follower);
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

/// Of an entry above a configuration that may yet be cut off nobody hears early, and of one below
/// it only by those who would elect the next leader if it were.
#[test]
fn early_acknowledgements_wait_for_the_configuration_below_them() {
    let relaxed = Class::new(CommitMode::Sync, FsyncMode::None);
    let mut cluster = with_joiners(&[4]);
    cluster.disks(Disk::LogHeld);
    let below = cluster.propose(1, relaxed);
    cluster.change(1, &[voter(4)]).unwrap();
    let above = cluster.propose(1, relaxed);
    let alone = cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None));
    let at_once = cluster.propose(1, Class::new(CommitMode::Async, FsyncMode::None));
    cluster.run_until_idle();
    assert!(cluster.acked(1, &below));
    for waits in [&above, &alone, &at_once] {
        assert!(!cluster.acked(1, waits));
    }
    for n in 1..=4 {
        cluster.sync(n);
    }
    for told in [&above, &alone, &at_once] {
        assert!(cluster.acked(1, told));
    }
}

/// The story, were entries below counted among the new voters only: 1. of four voters node 3 is to
/// leave; 2. an entry before that is written on a majority of the three that stay, and acknowledged;
/// 3. the change is cut off, the power of one of these two fails, and three of four elect a leader
///    that never had the entry.
#[test]
fn entries_below_a_configuration_have_the_copies_that_the_old_one_asks() {
    let mut cluster = Cluster::new(4);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    cluster.isolate(3);
    cluster.isolate(4);
    let below = cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::None));
    cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    let held = cluster.holders(below.run.last_position(), Held::Written);
    assert_eq!(held, [1, 2]);
    assert!(!cluster.acked(1, &below), "two of four");
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
fn what_was_asked_of_more_voters_than_are_left_is_clamped() {
    let mut cluster = with_joiners(&[]);
    cluster.isolate(3);
    let three = cluster.propose(1, Class::new(CommitMode::AtLeast(3), FsyncMode::Commit));
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &three));
    cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    assert!(cluster.acked(1, &three), "every voter there is holds it");
}

/// A follower takes no bytes for a configuration that are none.
#[test]
fn a_configuration_that_does_not_decode_is_dropped() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let run = kraft_proto::Run {
        kind: EntryKind::Configuration,
        ..run(1, 2, 1)
    };
    cluster.append(1, 2, 1, at(1, 1), run, 0);
    assert_eq!(cluster.status(2).last.index.0, 1);
    assert_eq!(cluster.status(2).dropped.malformed, 1);
}

/// Thesis §4.2.2: "a server that is not part of its own latest configuration should still start new
/// elections, as it might still be needed until the C_new entry is committed."
#[test]
fn a_node_left_out_by_an_open_change_may_be_needed_to_lead() {
    let mut cluster = Cluster::new(4);
    cluster.elect(1);
    cluster.isolate(1);
    cluster.change(1, &[Change::Remove(id(1))]).unwrap();
    cluster.run_until_idle();
    cluster.kill(1);
    cluster.kill(4);
    cluster.heal();
    cluster.restart(1);
    // Three of four are up, and only the log of node 1 is long enough for all of them.
    cluster.pass(ms(5000));
    let leader = cluster.leader().expect("somebody leads");
    assert_ne!(leader, 1, "it led, committed its removal, and left");
    assert_eq!(voters(&cluster, leader), [2, 3, 4]);
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

/// The entries of its own that node `n` handed the bytes of.
fn own_entries(cluster: &Cluster, n: u64) -> Vec<(LogPosition, EntryKind, Vec<u8>)> {
    let outputs = cluster.nodes[&id(n)].outputs.iter();
    let own = outputs.filter_map(|output| match output {
        Output::OwnEntry { at, kind, bytes } => Some((*at, *kind, bytes.to_vec())),
        _ => None,
    });
    own.collect()
}

/// A host keeps them as it keeps those of a proposal; a write or a message that names an entry without
/// bytes would end the test.
#[test]
fn the_bytes_of_own_entries_are_handed_over_once_before_anything_names_them() {
    let mut cluster = with_joiners(&[4, 5]);
    let first = cluster.change(1, &[voter(4)]).unwrap();
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let four = cluster.status(1).members.to_bytes().to_vec();
    let second = cluster.change(1, &[voter(5)]).unwrap();
    cluster.run_until_idle();
    cluster.pass(ms(1000));
    let five = cluster.status(1).members.to_bytes().to_vec();
    let own = [
        (at(1, 1), EntryKind::NoOp, Vec::new()),
        (first.run.last_position(), EntryKind::Configuration, four),
        (second.run.last_position(), EntryKind::Configuration, five),
    ];
    assert_eq!(own_entries(&cluster, 1), own);
    assert_eq!(own_entries(&cluster, 2), [], "they came to it in frames");
}

/// The story: 1. node 1 proposes a configuration, and before its host polls it follows another leader,
/// which goes on from that entry's place in the log; 2. its disk must still be told what it holds.
#[test]
fn the_bytes_of_an_own_entry_outlive_the_term_and_go_with_the_entry() {
    for cut_off in [false, true] {
        let mut cluster = with_joiners(&[4]);
        cluster.run_until_idle();
        let now = cluster.now;
        let change = cluster.raft(1).propose_members(now, &[voter(4)]).unwrap();
        let at_change = change.run.last_position();
        let prev = match cut_off {
            true => at(1, 1),
            false => at_change,
        };
        let next = run(2, prev.index.0 + 1, 1);
        cluster.inject(envelope(2, 1, 2, Message::Append(append(prev, next, 0))));
        let handed = own_entries(&cluster, 1)
            .iter()
            .any(|(at, ..)| *at == at_change);
        assert_eq!(handed, !cut_off);
        assert_eq!(cluster.status(1).last, next.last_position());
    }
}

#[test]
fn who_does_not_lead_names_the_leader_that_changes_members() {
    let mut cluster = with_joiners(&[4]);
    cluster.run_until_idle();
    let refused = cluster.change(2, &[voter(4)]).unwrap_err();
    assert_eq!(refused, MembersProposeError::NotLeader(Some(id(1))));
}

/// What is synced by a majority of the voters there are from now on is committed, and heard at once: the
/// configuration behind it, which the old voters must agree to, is not waited for.
#[test]
fn synced_entries_below_an_open_configuration_are_acknowledged_as_they_commit() {
    let mut cluster = Cluster::new(4);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.isolate(4);
    cluster.lossy = |envelope| match &envelope.message {
        Message::Append(append) => append.run().kind == EntryKind::Configuration,
        _ => false,
    };
    let below = cluster.propose(1, Class::default());
    let change = cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), below.run.last_position());
    assert!(cluster.acked(1, &below) && !cluster.acked(1, &change));
}
