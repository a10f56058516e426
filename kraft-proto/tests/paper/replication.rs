//! Raft §5.3: log replication.

use std::time::Duration;

use kraft_proto::{
    Append, CheckQuorum, Class, Config, LogIndex, LogPosition, Message, PeerState, PreVote, Role,
};

use crate::cluster::messages::{append, envelope, heartbeat};
use crate::cluster::{Cluster, Disk, at, id, ms, run};

fn appends(cluster: &mut Cluster, to: u64) -> Vec<Append> {
    cluster.poll();
    let sent = cluster.intercept(|e| e.to == id(to));
    sent.iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::Append(append) => Some(append),
            _ => None,
        })
        .collect()
}

/// §5.3: "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs
/// in parallel to each of the other servers", naming "the index and term of the entry in its log
/// that immediately precedes the new entries". Its own disk is written meanwhile.
#[test]
fn a_proposal_goes_to_everybody_at_once_and_names_the_entry_before_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node(1).disk = Disk::Busy;
    let first = cluster.propose(1, Class::default()).run;
    assert_eq!(first.first, LogIndex(2));
    for to in [2, 3] {
        let sent = appends(&mut cluster, to);
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].prev, sent[0].run()), (at(1, 1), first));
    }
    assert_eq!(cluster.status(1).watermarks.written, LogIndex(1));
}

/// §5.3: "A log entry is committed once the leader that created the entry has replicated it on a
/// majority of the servers." On their disks, and the leader's own copy counts as any other: once it
/// is synced.
#[test]
fn an_entry_is_committed_once_a_majority_of_disks_holds_it() {
    for synced_order in [[1, 2, 3], [2, 3, 1], [3, 1, 2]] {
        let mut cluster = Cluster::new(5);
        cluster.elect(1);
        cluster.disks(Disk::Held);
        let position = cluster.propose(1, Class::default()).run.last_position();
        cluster.run_until_idle();
        assert_eq!(
            cluster.commit(1),
            at(1, 1),
            "written everywhere is not enough"
        );
        for (count, n) in synced_order.into_iter().enumerate() {
            cluster.sync(n);
            let committed = cluster.commit(1) == position;
            assert_eq!(committed, count + 1 == 3, "{} copies", count + 1);
        }
    }
}

/// §5.3: "This also commits all preceding entries in the leader's log, including entries created by
/// previous leaders."
#[test]
fn a_commit_carries_everything_before_it() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 4, [run(1, 1, 2), run(3, 3, 2), run(4, 5, 1)]);
    cluster.elect(1);
    assert_eq!(cluster.commit(1), at(5, 6));
    assert_eq!(cluster.terms(2), [1, 1, 3, 3, 4, 5]);
}

/// §5.3: "The leader keeps track of the highest index it knows to be committed, and it includes
/// that index in future AppendEntries RPCs ... so that the other servers eventually find out."
#[test]
fn followers_learn_of_commit_from_what_the_leader_sends_next() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let position = cluster.propose(1, Class::default()).run.last_position();
    cluster.run_until_idle();
    for n in 1..=3 {
        assert_eq!(cluster.commit(n), position, "node {n}");
    }
}

/// §5.3: "If the follower does not find an entry in its log with the same index and term, then it
/// refuses the new entries."
#[test]
fn an_append_whose_predecessor_is_missing_or_differs_is_refused() {
    for prev in [at(1, 3), at(2, 2), at(1, 9)] {
        let mut cluster = Cluster::new(3);
        cluster.start_on(1, 2, [run(1, 1, 2)]);
        cluster.run_until_idle();
        cluster.append(2, 1, 2, prev, run(2, prev.index.0 + 1, 1), 0);
        assert_eq!(cluster.terms(1), [1, 1]);
        let answers = cluster.intercept(|e| e.to == id(2));
        let refused = answers.iter().any(|packet| {
            matches!(packet.envelope.message, Message::Rejected { rejected, .. } if rejected == prev.index)
        });
        assert!(refused, "after {prev}");
    }
}

/// Figure 2, AppendEntries: "If an existing entry conflicts with a new one (same index but
/// different terms), delete the existing entry and all that follow it."
#[test]
fn a_conflicting_entry_goes_with_all_that_follow_it() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 3, [run(1, 1, 2), run(2, 3, 5)]);
    cluster.run_until_idle();
    cluster.append(2, 1, 3, at(1, 2), run(3, 3, 1), 0);
    assert_eq!(cluster.terms(1), [1, 1, 3]);
}

/// The story: 1. entries 1 to 5 arrive; 2. the append of 1 and 2 arrives late, or once more; 3. a node that
/// cuts its log at every append drops 3 to 5, which the leader counts.
#[test]
fn an_append_that_comes_late_or_twice_drops_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.run_until_idle();
    cluster.append(2, 1, 1, at(0, 0), run(1, 1, 2), 0);
    cluster.append(2, 1, 1, at(1, 2), run(1, 3, 3), 0);
    for _ in 0..2 {
        cluster.append(2, 1, 1, at(0, 0), run(1, 1, 2), 0);
        assert_eq!(cluster.terms(1), [1; 5]);
        assert_eq!(cluster.status(1).watermarks.synced, LogIndex(5));
    }
}

/// Figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit, index of last new
/// entry)."
#[test]
fn commit_reaches_no_further_than_what_the_append_proves() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 2, [run(1, 1, 5)]);
    cluster.run_until_idle();
    cluster.append(2, 1, 2, at(1, 1), run(1, 2, 1), 9);
    assert_eq!(
        cluster.commit(1),
        at(1, 2),
        "3 to 5 may not be the leader's"
    );
}

/// Figure 7: "When the leader at the top comes to power, it is possible that any of scenarios
/// (a–f) could occur in follower logs."
const FIGURE_7: [(&str, &[u64]); 6] = [
    ("a", &[1, 1, 1, 4, 4, 5, 5, 6, 6]),
    ("b", &[1, 1, 1, 4]),
    ("c", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]),
    ("d", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]),
    ("e", &[1, 1, 1, 4, 4, 4, 4]),
    ("f", &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]),
];
const FIGURE_7_LEADER: [u64; 10] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

fn start_on_terms(cluster: &mut Cluster, n: u64, terms: &[u64]) {
    let entries = terms.iter().zip(1..);
    let runs: Vec<_> = entries.map(|(term, index)| run(*term, index, 1)).collect();
    cluster.start_on(n, 7, runs);
}

#[test]
fn figure_7_all_six_followers_come_to_agree_with_the_leader() {
    let mut cluster = Cluster::new(7);
    start_on_terms(&mut cluster, 1, &FIGURE_7_LEADER);
    for ((_, terms), n) in FIGURE_7.iter().zip(2..) {
        start_on_terms(&mut cluster, n, terms);
    }
    cluster.elect(1);
    assert_eq!(cluster.term(1), 8);
    cluster.pass(ms(200));
    let agreed = [&FIGURE_7_LEADER[..], &[8]].concat();
    for n in 1..=7 {
        assert_eq!(cluster.terms(n), agreed, "node {n}");
        assert_eq!(cluster.commit(n), at(8, 11), "node {n}");
    }
}

/// Figure 7, each by itself: who could vote for that leader, and in how few rejections it is found
/// where the logs agree.
#[test]
fn figure_7_each_follower_takes_at_most_one_rejection_a_term() {
    for (name, terms) in FIGURE_7 {
        let mut cluster = Cluster::new(5);
        start_on_terms(&mut cluster, 1, &FIGURE_7_LEADER);
        start_on_terms(&mut cluster, 2, terms);
        cluster.campaign(1);
        let voted = cluster.status(2).vote == Some(id(1));
        assert_eq!(voted, !["c", "d"].contains(&name), "follower {name}");
        cluster.pass(ms(200));
        assert_eq!(cluster.terms(2), cluster.terms(1), "follower {name}");
    }
}

/// §5.3: "Instead of rejecting one entry at a time, ... one AppendEntries RPC will be required for
/// each term with conflicting entries."
#[test]
fn back_off_takes_one_rejection_a_term_and_not_one_an_entry() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 5, [run(1, 1, 10), run(5, 11, 2000)]);
    cluster.start_on(2, 4, [run(1, 1, 10), run(2, 11, 900), run(3, 911, 900)]);
    cluster.cut(1, 3);
    cluster.cut(2, 3);
    let now = cluster.now;
    cluster.raft(1).campaign(now);
    let mut rejections = 0;
    for _ in 0..1000 {
        cluster.poll();
        let rejects = |packet: &crate::cluster::messages::Packet| {
            matches!(packet.envelope.message, Message::Rejected { .. })
        };
        rejections += cluster.network.iter().filter(|p| rejects(p)).count();
        for packet in cluster.intercept(|e| e.to != id(3)) {
            cluster.deliver(&packet);
        }
    }
    assert_eq!(cluster.terms(2), cluster.terms(1));
    assert!((1..=2).contains(&rejections), "{rejections} rejections");
}

/// Figure 3 *Leader Append-Only*: "a leader never overwrites or deletes entries in its log; it only
/// appends new entries", whatever followers hold.
#[test]
fn a_leader_only_appends() {
    let mut cluster = Cluster::new(3);
    cluster.start_on(1, 3, [run(1, 1, 2), run(3, 3, 1)]);
    cluster.start_on(2, 3, [run(1, 1, 2), run(2, 3, 9)]);
    cluster.elect(1);
    let term = cluster.term(1);
    let hostile = append(at(1, 2), run(2, 3, 9), 9);
    cluster.inject(envelope(2, 1, term, Message::Append(hostile)));
    cluster.inject(envelope(2, 1, term, heartbeat(9, 1)));
    assert_eq!(cluster.role(1), Role::Leader);
    assert_eq!(cluster.terms(1), [1, 1, 3, term]);
    assert!(cluster.status(1).dropped.second_leader > 0);
}

/// Figure 3 *Log Matching*: logs that share an entry share everything before it, here after a
/// hundred quarrels over who leads.
#[test]
fn logs_that_share_an_entry_share_all_before_it() {
    let mut cluster = Cluster::new(5);
    cluster.seed(7);
    for round in 0..100 {
        cluster.heal();
        cluster.loss_percent = 20;
        cluster.isolate(round % 5 + 1);
        cluster.campaign((round * 3) % 5 + 1);
        if let Some(leader) = cluster.leader() {
            let _ = cluster.try_propose(leader, Class::default());
        }
        cluster.pass(ms(40));
        let logs: Vec<_> = (1..=5).map(|n| cluster.terms(n)).collect();
        for (a, b) in (0..5).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let shared = logs[a].iter().zip(&logs[b]).rposition(|(a, b)| a == b);
            let upto = shared.map_or(0, |last| last + 1);
            assert_eq!(logs[a][..upto], logs[b][..upto], "round {round}");
        }
    }
    assert!(cluster.commit(1).index > LogIndex(10), "something happened");
}

/// §5.3: "If followers crash or run slowly, or if network packets are lost, the leader retries
/// AppendEntries RPCs indefinitely", also where it has answered the client already.
#[test]
fn a_follower_that_missed_everything_is_fed_until_it_has_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    let position = cluster
        .propose_many(1, Class::default(), 3000)
        .run
        .last_position();
    cluster.pass(Duration::from_secs(2));
    assert_eq!(cluster.commit(1), position);
    assert_eq!(cluster.status(3).last, at(1, 1));
    cluster.heal();
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.commit(3), position);
}

/// §5.5: "Raft RPCs are idempotent": a follower that crashed before it answered is asked again.
#[test]
fn a_follower_that_crashed_before_it_answered_is_asked_again() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.lossy = |e| e.from == id(2) && !matches!(e.message, Message::HeartbeatReply { .. });
    let position = cluster.propose(1, Class::default()).run.last_position();
    cluster.run_until_idle();
    assert_eq!(cluster.status(2).last, position);
    cluster.kill(2);
    cluster.lossy = |_| false;
    cluster.restart(2);
    cluster.pass(ms(100));
    assert_eq!(cluster.commit(1), position);
    assert_eq!(cluster.commit(2), position);
}

/// The story: 1. a leader takes it that its appends arrive, and sends the next behind them; 2. one is lost,
/// the next is refused, and the leader steps back and sends both again, the first of them is lost
/// once more; 3. without asking *where do we agree?* and waiting for the answer, it goes round and
/// round. With a fifth of all messages lost, whatever the chance, every proposal gets there.
#[test]
fn lost_messages_delay_and_do_not_livelock() {
    for seed in 1..=20 {
        let mut cluster = Cluster::with(3, |config| Config {
            pre_vote: PreVote::Off,
            check_quorum: CheckQuorum::Off,
            append_entries_max: 2,
            election_timeout_min: Duration::from_secs(3000),
            election_timeout_max: Duration::from_secs(3000),
            ..config
        });
        cluster.elect(1);
        cluster.seed(seed);
        cluster.loss_percent = 20;
        let mut position = LogPosition::ZERO;
        for _ in 0..20 {
            position = cluster
                .propose_many(1, Class::default(), 10)
                .run
                .last_position();
            cluster.pass(ms(20));
        }
        cluster.pass(Duration::from_secs(5));
        for n in 2..=3 {
            let held = cluster.status(n).last;
            assert_eq!(held, position, "seed {seed}: node {n} was left behind");
        }
        assert_eq!(cluster.commit(1), position, "seed {seed}");
    }
}

/// One append at a time until one matches, then many; a peer that refuses is asked again.
#[test]
fn a_peer_is_probed_with_one_append_until_one_matches() {
    let mut cluster = Cluster::with(3, |config| Config {
        append_entries_max: 1,
        ..config
    });
    cluster.start_on(1, 1, [run(1, 1, 20)]);
    cluster.cut(1, 3);
    cluster.campaign(1);
    cluster.heal();
    cluster.isolate(3);
    assert_eq!(cluster.role(1), Role::Leader);
    cluster.propose_many(1, Class::default(), 20);
    let peer = |cluster: &Cluster, n| {
        let peers = cluster.status(1).peers;
        peers.into_iter().find(|peer| peer.id == id(n)).unwrap()
    };
    assert_eq!(peer(&cluster, 2).state, PeerState::Replicate);
    let to_2 = appends(&mut cluster, 2);
    let to_3 = appends(&mut cluster, 3);
    assert_eq!(to_2.len(), 16, "as many as may be in flight");
    assert_eq!(to_3.len(), 0, "one is out already");
    assert_eq!(peer(&cluster, 3).state, PeerState::Probe);
}
