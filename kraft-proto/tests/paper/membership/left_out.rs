//! Who is no member any more: a leader that goes, and a node that hears of it when it asks.

use kraft_proto::{
    Agreed, Change, CheckQuorum, Class, CommitMode, Config, Envelope, FsyncMode, LogIndex, Message,
    Output, PreVote, Role, Standing, StoreId, Waiting,
};

use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, at, id, ms};

use super::*;

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
