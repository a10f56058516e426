//! The table of term runs is bounded: full on purpose, in every way it can fill.

mod cluster;

use std::time::Duration;

use cluster::{Cluster, Disk, Serving, at, run};
use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{
    CheckQuorum, Class, Config, Fate, HardState, Nonce, PeerState, PreVote, Raft, Recovery,
    StoreId, Term,
};

/// A leader that writes a barrier at each of 200 elections it wins, and never gets one across,
/// would push its own uncommitted history out of the table, and could then never be caught up with.
#[test]
fn two_hundred_elections_won_in_vain_forget_no_history() {
    let mut cluster = Cluster::with(3, |config| Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    });
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.settle();
    cluster.lossy = Cluster::is_append;
    for _ in 0..200 {
        let winner = cluster.leader().map_or(1, |leader| leader % 3 + 1);
        let term = cluster.raft(winner).status().term;
        cluster.pass(Duration::from_millis(400));
        let now = cluster.now;
        cluster.raft(winner).campaign(now);
        cluster.settle();
        assert!(cluster.raft(winner).status().term >= term);
    }
    let terms = cluster.raft(1).status().term;
    assert!(terms.0 >= 100, "only {terms} terms");
    cluster.heal();
    cluster.pass(Duration::from_secs(3));
    let leader = cluster.leader().expect("a leader after healing");
    assert!(cluster.raft(leader).status().term_runs < TERM_RUNS_MAX);
    let position = cluster
        .propose(leader, Class::default())
        .run
        .last_position();
    cluster.pass(Duration::from_secs(1));
    for n in 1..=3 {
        assert_eq!(cluster.raft(n).fate(position), Fate::Committed, "node {n}");
    }
}

#[test]
fn a_log_of_three_hundred_terms_starts_and_serves_what_it_remembers() {
    let mut cluster = Cluster::new(3);
    for n in 1..=3 {
        let recovery = cluster.recovery(300, (1..=300).map(|t| run(t, t, 1)));
        cluster.start(n, recovery, |config| config);
    }
    cluster.pass(Duration::from_secs(5));
    let leader = cluster.leader().expect("a leader");
    assert!(cluster.commit(leader).index.0 > 300);
    let status = cluster.raft(leader).status();
    assert!(status.term_runs <= TERM_RUNS_MAX);
    assert_eq!(cluster.raft(leader).fate(at(300, 300)), Fate::Committed);
    assert_eq!(cluster.raft(leader).fate(at(7, 7)), Fate::Unknown);
}

#[test]
fn a_follower_that_needs_forgotten_history_is_named_and_catches_up_by_snapshot() {
    let mut cluster = Cluster::new(3);
    for n in 1..=2 {
        let recovery = cluster.recovery(300, (1..=300).map(|t| run(t, t, 1)));
        cluster.start(n, recovery, |config| config);
        cluster.node(n).serving = Serving::WhenTold;
    }
    cluster.pass(Duration::from_secs(5));
    let leader = cluster.leader().expect("a leader");
    let status = cluster.raft(leader).status();
    let behind = status.peers.iter().find(|peer| peer.id.0 == 3).unwrap();
    assert_eq!(behind.state, PeerState::Snapshot);
    assert!(status.first_known.0 > 1);
    assert!(cluster.commit(leader).index.0 > 300, "the majority goes on");
    cluster.node(leader).serving = Serving::AtOnce;
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.commit(3), cluster.commit(leader));
    assert_eq!(cluster.raft(3).fate(at(299, 299)), Fate::Committed);
}

#[test]
fn a_gap_in_the_recovered_log_is_refused() {
    let cluster = Cluster::new(1);
    let hard = HardState {
        term: Term(2),
        ..HardState::default()
    };
    let recovery = Recovery::resume(hard, cluster.members.clone())
        .run(run(1, 1, 2))
        .run(run(1, 4, 1));
    let config = Config::new(cluster::id(1), StoreId(1), 1);
    let refused = Raft::new(config, recovery, Nonce(1), cluster.now);
    assert_eq!(refused.unwrap_err(), kraft_proto::ConfigError::Gap);
}

/// Appends of one entry each, of as many terms, to node 1 from node 2 in term 1000.
fn flood(cluster: &mut Cluster, terms: std::ops::RangeInclusive<u64>, commit: u64) {
    for term in terms {
        let prev = at(term - 1, term - 1);
        cluster.append(2, 1, 1000, prev, run(term, term, 1), commit);
    }
}

/// The story: 1. A node commits its first entry. 2. It takes 100 terms that nobody commits, and forgets the
/// oldest. 3. An append starts before its commit, at entries it can no longer compare: replacing
/// them could drop what it holds for others, and the table says nothing of them.
#[test]
fn history_that_cannot_be_compared_is_not_replaced() {
    let mut cluster = Cluster::new(3);
    flood(&mut cluster, 1..=2, 2);
    flood(&mut cluster, 3..=103, 2);
    let before = cluster.raft(1).status();
    assert!(before.first_known > before.commit.index.next());
    let again = run(1000, 1, 5);
    cluster.append(2, 1, 1000, at(0, 0), again, 2);
    let after = cluster.raft(1).status();
    assert_eq!((after.last, after.holding), (before.last, before.holding));
}

/// The story: 1. A disk is silent while one entry of each of 200 terms arrives. 2. The table forgets entries
/// that were never handed to the disk. 3. Nothing could name them to it any more: it would never
/// write again.
#[test]
fn what_was_not_written_yet_is_not_forgotten() {
    let mut cluster = Cluster::new(3);
    cluster.node(1).disk = Disk::Held;
    cluster.sync(1);
    flood(&mut cluster, 1..=200, 0);
    let full = cluster.raft(1).status();
    assert!(full.dropped.busy > 0, "appends are turned away");
    for _ in 0..100 {
        cluster.sync(1);
        let next = cluster.raft(1).status().last.index.0 + 1;
        flood(&mut cluster, next..=next, 0);
    }
    let after = cluster.raft(1).status();
    assert!(
        after.last.index > full.last.index,
        "and taken once there is room"
    );
    assert!(
        after.holding.synced.0 + 32 > after.last.index.0,
        "{after:?}"
    );
}
