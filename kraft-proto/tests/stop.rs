//! A clean stop leaves nothing that a power cut could take, and says when that is so.

mod cluster;

use cluster::messages::{envelope, heartbeat};
use cluster::{Cluster, Disk, id, ms, run};
use kraft_proto::{
    Change, Class, CommitMode, FsyncMode, MembersProposeError, Message, ProposeError, Role, Trust,
    Waiting,
};

const RELAXED: Class = Class::new(CommitMode::Sync, FsyncMode::None);

#[test]
fn a_node_is_stopped_once_everything_is_synced_and_its_mark_is_gone() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    assert!(!cluster.raft(1).is_stopped(), "nobody asked it to");
    for n in 1..=3 {
        cluster.node(n).disk = Disk::LogHeld;
    }
    cluster.propose(1, RELAXED);
    cluster.run_until_idle();
    assert_eq!(cluster.status(1).trust, Trust::Dirty);
    let waiting = cluster.status(1).waiting;
    assert!(!waiting.contains(&Waiting::Mark), "it is on the disk");
    let now = cluster.now;
    cluster.raft(1).stop(now);
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Follower);
    assert!(!cluster.raft(1).is_stopped(), "its log is not synced");
    assert_eq!(cluster.try_propose(1, RELAXED), Err(ProposeError::Stopped));
    let change = cluster
        .raft(1)
        .propose_members(now, &[Change::Remove(id(3))]);
    assert_eq!(change, Err(MembersProposeError::Stopped));
    // No time passes: a host that stops does not wait for timers.
    cluster.sync(1);
    assert_eq!(cluster.status(1).trust, Trust::Clean);
    assert!(cluster.raft(1).is_stopped());
}

#[test]
fn a_node_with_nothing_to_sync_is_stopped_at_once() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.pass(ms(100));
    let now = cluster.now;
    cluster.raft(3).stop(now);
    assert!(cluster.raft(3).is_stopped());
    cluster.run_until_idle();
    assert_eq!(cluster.role(1), Role::Leader, "the others go on");
}

/// One that has not heard of a commit yet may take over as well: its log is as long.
#[test]
fn a_target_takes_over_before_it_has_heard_of_any_commit() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(2, 1, [run(1, 1, 1)]);
    cluster.run_until_idle();
    cluster.inject(envelope(1, 2, 1, heartbeat(0, 1)));
    assert_eq!(cluster.status(2).leader, Some(id(1)));
    assert_eq!(cluster.commit(2).index.0, 0);
    cluster.inject(envelope(1, 2, 1, Message::TimeoutNow));
    assert_eq!((cluster.role(2), cluster.term(2)), (Role::Candidate, 2));
}
