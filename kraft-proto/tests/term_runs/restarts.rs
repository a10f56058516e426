//! A cluster whose log has more terms than a window starts, elects and feeds as any other.

use kraft_proto::{Class, Fate, PeerState, Role, Waiting};

use crate::cluster::{Answering, Cluster, at, ms};
use crate::{narrow, terms};

/// The story: 1. node 3 is away for seventy changes of leader, all committed by 1 and 2; 2. node 1
/// restarts, node 2 is gone, and node 3 is back; 3. all data is on node 1's disk: it leads, and commits.
#[test]
fn a_node_that_was_away_for_seventy_leaders_is_fed_and_a_majority_with_it_commits() {
    for window in [2, 64] {
        let mut cluster = Cluster::with(3, |config| kraft_proto::Config {
            term_runs_max: window,
            ..config
        });
        cluster.elect(3);
        let first = cluster.propose(3, Class::default()).run.last_position();
        cluster.run_until_idle();
        cluster.isolate(3);
        cluster.pass(ms(1000));
        for change in 0..70 {
            let leader = cluster.leader().unwrap();
            let heir = kraft_proto::NodeId(3 - leader);
            let now = cluster.now;
            cluster
                .raft(leader)
                .transfer_leadership(now, Some(heir))
                .unwrap();
            cluster.run_until_idle();
            assert_eq!(cluster.leader(), Some(heir.0), "change {change}");
            cluster.propose(heir.0, Class::default());
            cluster.run_until_idle();
        }
        let committed = cluster.commit(1);
        assert!(committed.term.0 >= 70);
        cluster.kill(1);
        cluster.kill(2);
        cluster.heal();
        cluster.restart(1);
        cluster.pass(ms(2000));
        assert_eq!(cluster.leader(), Some(1), "window {window}");
        let position = cluster.propose(1, Class::default()).run.last_position();
        cluster.pass(ms(100));
        for n in [1, 3] {
            for of in [first, committed, position] {
                assert_eq!(cluster.fate(n, of), Fate::Committed, "node {n}, {of}");
            }
        }
    }
}

/// The story: 1. a cluster of three hundred terms stops, and starts again; 2. it elects at the first
/// election timeout, as one of few terms does; 3. what is on its disks has a fate.
#[test]
fn a_cluster_of_three_hundred_terms_elects_at_the_first_timeout_and_knows_every_fate() {
    let mut cluster = Cluster::new(3);
    for n in 1..=3 {
        cluster.start_on(n, 300, terms(1..=300));
    }
    let longest = cluster
        .raft(1)
        .poll_timeout()
        .max(cluster.raft(2).poll_timeout());
    cluster.pass(longest.since(cluster.now) + ms(1));
    let leader = cluster.leader().expect("a leader");
    assert!(cluster.commit(leader).index.0 > 300);
    for n in 1..=3 {
        cluster.pass(ms(100));
        assert_eq!(cluster.fate(n, at(300, 300)), Fate::Committed);
        assert_eq!(cluster.fate(n, at(7, 7)), Fate::Committed);
        assert_eq!(cluster.fate(n, at(7, 8)), Fate::Lost);
        assert_eq!(cluster.fate(n, at(8, 7)), Fate::Lost);
    }
}

/// The story: 1. node 3's disk is replaced by a blank one; 2. the others have three hundred terms and no
/// snapshot; 3. node 3 is fed all of them from their logs.
#[test]
fn a_blank_node_of_an_old_cluster_is_fed_from_its_log() {
    let mut cluster = Cluster::with(3, narrow);
    for n in 1..=2 {
        cluster.start_on(n, 300, terms(1..=300));
    }
    cluster.pass(ms(1000));
    let leader = cluster.leader().unwrap();
    assert_eq!(cluster.commit(3), cluster.commit(leader));
    assert_eq!(cluster.terms(3), cluster.terms(leader));
    assert_eq!(cluster.fate(3, at(9, 9)), Fate::Committed);
}

/// A pending question holds up its own peer and nobody else, and is asked again once a heartbeat.
#[test]
fn a_host_that_never_answers_holds_up_the_peer_far_behind_alone() {
    let mut cluster = Cluster::with(3, narrow);
    for n in 1..=2 {
        cluster.start_on(n, 300, terms(1..=300));
        cluster.node(n).answering = Answering::WhenTold;
    }
    cluster.pass(ms(1000));
    let leader = cluster.leader().unwrap();
    let position = cluster
        .propose(leader, Class::default())
        .run
        .last_position();
    cluster.run_until_idle();
    assert_eq!(cluster.fate(leader, position), Fate::Committed);
    let status = cluster.status(leader);
    let behind = status.peers.iter().find(|peer| peer.id.0 == 3).unwrap();
    assert_ne!(behind.state, PeerState::Snapshot, "nothing is gone");
    let waits = |reason: &Waiting| matches!(reason, Waiting::Recall(_));
    assert!(status.waiting.iter().any(waits), "{:?}", status.waiting);
    cluster.node(leader).asked.clear();
    cluster.pass(ms(500));
    let asked = cluster.node(leader).asked.len();
    assert!(
        (9..=11).contains(&asked),
        "asked {asked} times in 10 heartbeats"
    );
    cluster.answer(leader);
    cluster.node(leader).answering = Answering::AtOnce;
    cluster.pass(ms(1000));
    assert_eq!(cluster.commit(3), cluster.commit(leader));
    assert_eq!(cluster.role(leader), Role::Leader);
}
