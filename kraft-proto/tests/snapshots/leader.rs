//! A leader whose log is gone where a peer needs it.

use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{
    Change, Class, LogIndex, Message, NodeId, Output, PeerState, PeerStatus, SnapshotError, Waiting,
};

use super::cluster::messages::{envelope, heartbeat_reply, watermarks};
use super::cluster::{Cluster, Serving, at, id, ms, run};
use super::{bare, deliver};

/// Node 1 leads, has committed 1 to 6 and compacted through 4; node 3 has entry 1.
fn third_behind() -> Cluster {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.isolate(3);
    for _ in 0..5 {
        cluster.propose(1, Class::default());
        cluster.run_until_idle();
    }
    cluster.compact(1, 4);
    cluster
}

fn peer(cluster: &Cluster, n: u64) -> PeerStatus {
    let status = cluster.status(1);
    status.peers.iter().find(|p| p.id == id(n)).unwrap().clone()
}

fn asked(cluster: &Cluster) -> Vec<(NodeId, u64)> {
    let outputs = cluster.nodes[&id(1)].outputs.iter();
    let asked = outputs.filter_map(|output| match output {
        Output::Snapshot { to, upto } => Some((*to, upto.0)),
        _ => None,
    });
    asked.collect()
}

/// 1. The leader sends node 3 an append, which is answered late; 2. it compacts, and node 3 needs a
///    snapshot; 3. the answer says what node 3 had: taken as the end of it, the leader would try an
///    entry that is gone.
#[test]
fn a_late_answer_does_not_end_the_need_of_a_snapshot() {
    let mut cluster = third_behind();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(peer(&cluster, 3).state, PeerState::Snapshot);
    for late in [
        Message::Matched(watermarks(3, 3)),
        heartbeat_reply(1, 3, watermarks(3, 3)),
        Message::Rejected {
            rejected: LogIndex(6),
            hint: at(1, 5),
            trust: kraft_proto::Trust::Clean,
        },
    ] {
        cluster.inject(envelope(3, 1, 1, late));
        assert_eq!(peer(&cluster, 3).state, PeerState::Snapshot);
    }
    assert_eq!(asked(&cluster), [(id(3), 4)], "once");
    cluster.inject(envelope(3, 1, 1, Message::Matched(watermarks(4, 4))));
    assert_eq!(peer(&cluster, 3).state, PeerState::Replicate);
}

/// The log was compacted further while the snapshot was on its way.
#[test]
fn a_snapshot_that_ends_before_what_is_gone_by_now_leads_to_another() {
    let mut cluster = third_behind();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.heal();
    cluster.pass(ms(100));
    let first = cluster.send_snapshot(1, 3, at(1, 4));
    cluster.network.clear();
    cluster.compact(1, 6);
    cluster.node(1).serving = Serving::AtOnce;
    deliver(&mut cluster, &first);
    cluster.pass(ms(100));
    assert_eq!(asked(&cluster), [(id(3), 4), (id(3), 6)]);
    assert_eq!(super::restored(&cluster), [4, 6]);
    assert_eq!(cluster.commit(3), cluster.commit(1));
}

/// 1. Node 3 gets the snapshot and dies before it says so; 2. its next incarnation has it on its disk; 3.
///    asked, it says how far its log reaches, and needs no second one.
#[test]
fn a_peer_that_restarts_with_the_snapshot_needs_no_other() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.lossy = |e| e.from == id(3) && matches!(e.message, Message::Matched(_));
    cluster.pass(ms(100));
    assert_eq!(super::restored(&cluster), [4]);
    cluster.kill(3);
    cluster.heal();
    cluster.restart(3);
    cluster.pass(ms(200));
    assert_eq!(asked(&cluster), [(id(3), 4)]);
    assert_eq!(peer(&cluster, 3).state, PeerState::Replicate);
    assert_eq!(cluster.commit(3), cluster.commit(1));
}

/// Thesis §3.10: the target is told to campaign only once it has the whole log, snapshot or not.
#[test]
fn a_transfer_waits_for_the_snapshot_or_its_time_limit() {
    let mut cluster = third_behind();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.heal();
    cluster.pass(ms(100));
    let now = cluster.now;
    let begun = cluster.raft(1).transfer_leadership(now, Some(id(3)));
    assert_eq!(begun, Ok(id(3)));
    cluster.pass(ms(100));
    assert_eq!(
        cluster.status(1).transfer_to,
        Some(id(3)),
        "nobody campaigns early"
    );
    assert_eq!(cluster.term(3), 1);
    cluster.send_snapshot(1, 3, at(1, 4));
    cluster.pass(ms(100));
    assert_eq!(cluster.leader(), Some(3));
    // And gives up where none comes.
    let mut cluster = third_behind();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.heal();
    let now = cluster.now;
    let begun = cluster.raft(1).transfer_leadership(now, Some(id(3)));
    assert_eq!(begun, Ok(id(3)));
    cluster.pass(ms(1000));
    assert_eq!(cluster.status(1).transfer_to, None);
    assert_eq!(cluster.leader(), Some(1));
}

/// A newcomer starts from nothing, and a log that is gone.
#[test]
fn a_learner_joins_by_snapshot() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.join(4);
    let newcomer = kraft_proto::Member {
        id: id(4),
        store: kraft_proto::StoreId(4),
    };
    cluster.change(1, &[Change::Learner(newcomer)]).unwrap();
    cluster.pass(ms(300));
    assert_eq!(cluster.commit(4), cluster.commit(1));
    assert_eq!(cluster.status(4).compacted.index, LogIndex(4));
    assert!(cluster.status(4).members.learners().contains(id(4)));
}

/// 1. Node 3 has seventy terms of its own, and the leader's snapshot ends among those, below its window;
/// 2. it drops the snapshot until its host has told the term there, and keeps its log meanwhile; 3. the
///    term is another: the next snapshot takes the log's place.
#[test]
fn a_snapshot_that_ends_below_the_window_waits_for_the_host() {
    let mut cluster = Cluster::with(3, bare);
    let terms = TERM_RUNS_MAX as u64 + 20;
    for n in [1, 2] {
        cluster.start_on(n, 200, [run(1, 1, 40), run(200, 41, 1)]);
    }
    cluster.start_on(3, terms, (1..=terms).map(|t| run(t, t, 1)));
    cluster.isolate(3);
    cluster.elect(1);
    let committed = cluster.commit(1);
    cluster.compact(1, 10);
    cluster.heal();
    cluster.pass(ms(1000));
    let recalled = |output: &Output| matches!(output, Output::Recall { .. });
    assert!(cluster.node(3).outputs.iter().any(recalled));
    assert_eq!(asked(&cluster)[0], (id(3), 10));
    assert_eq!(cluster.status(3).compacted, at(1, 10));
    assert_eq!(cluster.commit(3), committed, "it catches up");
}

/// 1. Node 1 starts from a snapshot through 3, with two changes of the members behind it; 2. it leads,
///    and needs node 3 to get anywhere; 3. who was a member at 3 only the snapshot at hand knows, and
///    that is asked for.
#[test]
fn a_snapshot_at_hand_serves_where_none_could_be_made() {
    let mut cluster = Cluster::with(3, bare);
    let three = cluster.members.clone();
    let voters = [id(1), id(2), id(3)];
    let four = kraft_proto::Members::new(voters, [id(4)]).unwrap();
    let five = kraft_proto::Members::new(voters, [id(4), id(5)]).unwrap();
    let core = super::history(&[(1, 1)], 3, &three);
    let snapshot = kraft_proto::Snapshot::decode(&core).unwrap();
    let recovery = cluster.recovery(1, []).snapshot(&snapshot);
    let recovery = recovery.config(at(1, 4), &four.to_bytes());
    let recovery = recovery.config(at(1, 5), &five.to_bytes());
    cluster.start(1, recovery, bare);
    cluster.keep_snapshot(1, at(1, 3), core);
    for (index, members) in [(4, &four), (5, &five)] {
        let bytes = members.to_bytes().to_vec();
        cluster.node(1).bytes.insert(at(1, index), bytes);
    }
    cluster.isolate(2);
    cluster.pass(ms(10));
    cluster.campaign(1);
    cluster.pass(ms(300));
    assert_eq!(cluster.leader(), Some(1), "by the vote of node 3");
    assert_eq!(asked(&cluster)[0], (id(3), 3));
    assert_eq!(super::restored(&cluster), [3]);
    assert_eq!(cluster.commit(3), cluster.commit(1));
    assert!(cluster.commit(1).index > LogIndex(5));
}

/// A snapshot message is given only where the core stands behind it.
#[test]
fn a_snapshot_message_is_given_by_a_leader_of_what_is_committed() {
    let mut cluster = third_behind();
    let message = |cluster: &Cluster, n, to, last| {
        let raft = &cluster.nodes[&id(n)].raft;
        raft.snapshot_message(id(to), last).is_some()
    };
    assert!(message(&cluster, 1, 3, at(1, 4)));
    assert!(!message(&cluster, 2, 3, at(1, 4)), "it follows");
    assert!(!message(&cluster, 1, 9, at(1, 4)), "no member");
    assert!(!message(&cluster, 1, 3, at(2, 4)), "another entry");
    assert!(!message(&cluster, 1, 3, at(0, 0)), "nothing");
    cluster.isolate(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    assert!(!message(&cluster, 1, 3, at(1, 7)), "not committed");
}

/// Below the window a snapshot has no history of its own; the members it was made with are known.
#[test]
fn a_snapshot_may_end_below_the_window() {
    let mut cluster = Cluster::with(3, bare);
    let terms = TERM_RUNS_MAX as u64 + 6;
    for n in [1, 2] {
        cluster.start_on(n, terms, (1..=terms).map(|t| run(t, t, 1)));
    }
    cluster.isolate(3);
    cluster.elect(1);
    assert!(cluster.status(1).first_known > LogIndex(6));
    let raft = cluster.raft(1);
    assert_eq!(raft.snapshot_at(at(5, 5)).unwrap().last(), at(5, 5));
    let newer_than_what_follows = at(terms, 5);
    let refused = raft.snapshot_at(newer_than_what_follows).unwrap_err();
    assert_eq!(refused, SnapshotError::Mismatch(newer_than_what_follows));
    cluster.compact(1, 5);
    cluster.heal();
    cluster.pass(ms(1000));
    assert_eq!(asked(&cluster), [(id(3), 5)]);
    assert_eq!(cluster.commit(3), cluster.commit(1));
    assert_eq!(cluster.status(3).compacted, at(5, 5));
}

/// What is gone is committed, all of it: a snapshot can be made, and nothing else is waited for.
#[test]
fn a_log_that_is_gone_as_far_as_it_is_committed_waits_for_a_snapshot_only() {
    let mut cluster = third_behind();
    cluster.node(1).serving = Serving::WhenTold;
    let commit = cluster.commit(1).index;
    cluster.compact(1, commit.0);
    cluster.heal();
    cluster.pass(ms(100));
    let waiting = cluster.status(1).waiting;
    assert!(waiting.contains(&Waiting::Snapshot(id(3))), "{waiting:?}");
}
