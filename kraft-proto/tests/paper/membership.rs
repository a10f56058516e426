//! Raft §6, as far as it is built: learners, and voters that are not disturbed.

use kraft_proto::{Class, CommitMode, FsyncMode, Held, LogPosition, Message, Role};

use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, id, ms};

/// §6: "the new servers join the cluster as non-voting members (the leader replicates log entries
/// to them, but they are not considered for majorities)."
#[test]
fn learners_receive_the_log_and_count_for_nothing() {
    let mut cluster = Cluster::with_learners(3, 2);
    cluster.elect(1);
    let all = Class::new(CommitMode::All, FsyncMode::Commit);
    let with_learners = cluster.propose(1, all);
    cluster.settle();
    let position = with_learners.run.last_position();
    assert_eq!(cluster.holders(position, Held::Synced), [1, 2, 3, 4, 5]);
    cluster.isolate(4);
    cluster.isolate(5);
    let without = cluster.propose(1, all);
    cluster.settle();
    assert!(cluster.acked(1, &without), "every voter holds it");
    cluster.heal();
    cluster.isolate(2);
    cluster.isolate(3);
    let by_learners = cluster.propose(1, Class::default());
    cluster.settle();
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
    let last = LogPosition::new(kraft_proto::Term(99), kraft_proto::LogIndex(99));
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
