//! A leader whose process stood still, or whose machine slept: what it heard before says nothing of now.

mod cluster;

use cluster::{Cluster, ms};
use kraft_proto::{Class, CommitMode, FsyncMode, ProposeError, ReadError, Role};

const EARLY: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);

/// Node 1 leads and has just heard everybody; then it alone is away for so long.
fn away(millis: u64) -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.pass(ms(500));
    cluster.isolate(1);
    cluster.now = cluster.now.after(ms(millis));
    cluster
}

#[test]
fn a_leader_that_was_away_acknowledges_nothing_of_its_old_term() {
    let mut cluster = away(10_000);
    assert_eq!(cluster.role(1), Role::Leader, "it does not know yet");
    let refused = cluster.try_propose(1, EARLY).unwrap_err();
    assert_eq!(refused, ProposeError::NotLeader(None));
    assert_eq!(cluster.role(1), Role::Follower);
}

#[test]
fn a_leader_that_was_away_serves_no_read() {
    let mut cluster = away(10_000);
    let now = cluster.now;
    let refused = cluster.raft(1).read(now).unwrap_err();
    assert_eq!(refused, ReadError::NoLeader);
}

#[test]
fn a_leader_whose_clock_says_so_first_leaves_office_too() {
    let mut cluster = away(10_000);
    let now = cluster.now;
    cluster.raft(1).handle_timeout(now);
    assert_eq!(cluster.role(1), Role::Follower);
}

#[test]
fn a_leader_that_was_a_little_late_leads_on() {
    let mut cluster = away(100);
    cluster.heal();
    let proposed = cluster.propose(1, EARLY);
    cluster.settle();
    assert!(cluster.acked(1, &proposed));
    assert_eq!(cluster.role(1), Role::Leader);
}
