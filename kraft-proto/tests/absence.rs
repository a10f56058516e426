//! A leader whose process stood still, or whose machine slept: what it heard before says nothing of now.

mod cluster;

use cluster::{Cluster, id, ms};
use kraft_proto::{
    Class, CommitMode, Config, ConfigError, FsyncMode, Instant, Members, Nonce, ProposeError, Raft,
    ReadError, Recovery, Role, StoreId,
};

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
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    assert_eq!(cluster.role(1), Role::Leader);
}

/// A machine that slept for a month finds everything overdue, and goes on.
#[test]
fn a_cluster_that_slept_for_thirty_days_elects_a_leader_and_goes_on() {
    for voters in [1, 3] {
        let mut cluster = Cluster::new(voters);
        cluster.elect(1);
        cluster.pass(ms(500));
        cluster.propose(1, Class::default());
        cluster.now = cluster.now.after(ms(30 * 24 * 60 * 60 * 1000));
        cluster.pass(ms(2_000));
        let leader = cluster.leader().expect("somebody leads");
        let proposed = cluster.propose(leader, Class::default());
        cluster.run_until_idle();
        assert!(cluster.acked(leader, &proposed));
        let dropped = cluster.status(leader).dropped;
        assert_eq!(dropped.clocks, 0, "a long sleep is no error");
    }
}

/// The story: 1. a host hands *never*, the answer of `poll_timeout` where nothing is due, back as the
/// time; 2. believed, it puts every deadline where none comes; 3. the node is silent for good.
#[test]
fn a_moment_that_no_clock_gets_to_is_counted_and_changes_nothing() {
    let century = Instant::ZERO.after(ms(101 * 366 * 24 * 60 * 60 * 1000));
    for never in [Instant::NEVER, Instant(u64::MAX - 1), century] {
        for voters in [1, 3] {
            let mut cluster = Cluster::new(voters);
            cluster.elect(1);
            cluster.pass(ms(500));
            cluster.raft(1).handle_timeout(never);
            let refused = cluster.raft(1).read(never).err();
            assert_eq!(refused, None, "it is read as of now");
            cluster.raft(1).campaign(never);
            assert_eq!(cluster.status(1).dropped.clocks, 3);
            cluster.pass(ms(500));
            let proposed = cluster.propose(1, Class::default());
            cluster.run_until_idle();
            assert!(cluster.acked(1, &proposed), "node 1 leads on");
        }
        let members = Members::new([id(1)], []).unwrap();
        let config = Config::new(id(1), StoreId(1), 1);
        let started = Raft::new(config, Recovery::bootstrap(members), Nonce(1), never);
        assert_eq!(started.err(), Some(ConfigError::Clock));
    }
}
