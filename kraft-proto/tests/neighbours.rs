//! Stories of what stands next to a limit: the last entry that is gone, a second leader.

mod cluster;

use cluster::messages::{envelope, heartbeat};
use cluster::{Cluster, at, id, ms, run};
use kraft_proto::limits::MEMBERS_MAX;
use kraft_proto::{
    Class, CommitMode, Config, ConfigError, FsyncMode, HardState, Instant, LogPosition, Members,
    Message, Nonce, Output, Raft, Recovery, StoreId, Term,
};

#[test]
fn an_entry_of_no_term_is_no_history() {
    let members = Members::new([id(1)], []).unwrap();
    let hard = HardState {
        term: Term(1),
        ..HardState::default()
    };
    let recovery = Recovery::resume(hard, members).run(run(0, 1, 1));
    let config = Config::new(id(1), StoreId(1), 1);
    let started = Raft::new(config, recovery, Nonce(1), Instant::ZERO);
    assert_eq!(started.err(), Some(ConfigError::Gap));
}

/// Node 3 lacks one entry, and that is the last one the leader's snapshot took.
#[test]
fn who_lacks_just_the_last_entry_that_is_gone_gets_a_snapshot() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose_many(1, Class::default(), 3);
    cluster.run_until_idle();
    cluster.isolate(3);
    let last = cluster.propose(1, Class::default()).run.last_position();
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), last);
    cluster.compact(1, last.index.0);
    cluster.heal();
    cluster.pass(ms(1000));
    assert_eq!(cluster.commit(3), cluster.commit(1));
    let asked = |output: &Output| matches!(output, Output::Snapshot { to, .. } if *to == id(3));
    assert!(cluster.node(1).outputs.iter().any(asked));
}

#[test]
fn a_follower_stays_with_the_first_leader_of_a_term() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let beat = heartbeat(0, 1);
    cluster.inject(envelope(3, 2, 1, beat));
    let status = cluster.status(2);
    assert_eq!(
        (status.leader, status.dropped.second_leader),
        (Some(id(1)), 1)
    );
    assert_eq!(status.last, at(1, 1));
}

/// Asked again and again by one follower, a leader that hears no majority keeps room for others.
#[test]
fn a_question_asked_again_takes_no_more_room() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let question = Message::ReadIndex {
        ticket: 7,
        after: LogPosition::ZERO,
    };
    for _ in 0..20 {
        cluster.inject(envelope(2, 1, 1, question));
    }
    assert_eq!(cluster.status(1).dropped.busy, 0);
}

/// The round that was begun for one follower proves nothing to another that asked after it.
#[test]
fn two_followers_that_ask_one_after_the_other_are_answered_each_by_its_own_round() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let question = Message::ReadIndex {
        ticket: 7,
        after: LogPosition::ZERO,
    };
    cluster.inject(envelope(2, 1, 1, question));
    let first = cluster.intercept(|envelope| envelope.to == id(2));
    assert_eq!(first.len(), 1);
    cluster.inject(envelope(3, 1, 1, question));
    cluster.intercept(|_| true);
    cluster.deliver(&first[0]);
    cluster.poll();
    for packet in cluster.intercept(|_| true) {
        cluster.deliver(&packet);
    }
    cluster.poll();
    let answers =
        cluster.intercept(|envelope| matches!(envelope.message, Message::ReadIndexReply { .. }));
    let answered: Vec<u64> = answers.iter().map(|packet| packet.envelope.to.0).collect();
    assert_eq!(answered, [2]);
}

#[test]
fn every_number_of_voters_can_be_asked_for() {
    let mut cluster = Cluster::new(MEMBERS_MAX as u64);
    cluster.elect(1);
    for count in 1..=MEMBERS_MAX as u8 {
        for fsync in [FsyncMode::None, FsyncMode::Commit] {
            let class = Class::new(CommitMode::AtLeast(count), fsync);
            let proposed = cluster.propose(1, class);
            cluster.pass(ms(60));
            assert!(cluster.acked(1, &proposed), "{class:?}");
        }
    }
}
