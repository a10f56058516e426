//! Limits to the last one, and answers that say no more than is so: what a change by one breaks.

mod cluster;

use cluster::messages::{envelope, watermarks};
use cluster::{Cluster, Disk, at, id, ms, run};
use kraft_proto::limits::TERM_JUMP_MAX;
use kraft_proto::{
    Bound, Busy, Class, CommitMode, FsyncMode, Message, Output, PeerState, ProposeError,
    ReadOutcome, ReadTicket, Role, Trust, Waiting,
};

const RELAXED: Class = Class::new(CommitMode::Sync, FsyncMode::None);

#[test]
fn the_furthest_term_that_is_believed_is_believed() {
    let mut cluster = Cluster::with(3, |config| kraft_proto::Config {
        pre_vote: kraft_proto::PreVote::Off,
        check_quorum: kraft_proto::CheckQuorum::Off,
        ..config
    });
    let furthest = cluster.term(2) + TERM_JUMP_MAX;
    let vote = Message::Vote { last: at(0, 0) };
    cluster.inject(envelope(3, 2, furthest + 1, vote));
    assert_eq!(
        (cluster.term(2), cluster.status(2).dropped.malformed),
        (0, 1)
    );
    cluster.inject(envelope(3, 2, furthest, vote));
    assert_eq!(cluster.term(2), furthest);
}

fn failed(cluster: &mut Cluster, n: u64) -> Vec<ReadTicket> {
    let outputs = cluster.node(n).outputs.iter();
    let failed = outputs.filter_map(|output| match output {
        Output::Read {
            ticket,
            outcome: ReadOutcome::Failed,
        } => Some(*ticket),
        _ => None,
    });
    failed.collect()
}

#[test]
fn every_read_that_fails_is_told_so_once_and_no_other_is() {
    for count in 1..=3 {
        let mut cluster = Cluster::new(3);
        cluster.elect(1);
        let (read, now) = (
            |c: &mut Cluster| {
                let now = c.now;
                let ticket = c.raft(1).read(now).unwrap();
                c.run_until_idle();
                ticket
            },
            cluster.now,
        );
        let served = read(&mut cluster);
        assert!(now <= cluster.now);
        cluster.isolate(1);
        let asked: Vec<ReadTicket> = (0..count).map(|_| read(&mut cluster)).collect();
        cluster.pass(ms(700));
        assert_ne!(cluster.role(1), Role::Leader);
        let told = failed(&mut cluster, 1);
        assert!(!told.contains(&served));
        let mut expected = asked;
        expected.dedup();
        assert_eq!(told, expected);
    }
}

/// Node 1 holds a relied-on copy that is written and not synced: dirty. Another leader replaces it
/// by less. Once that is synced, a power cut takes nothing that is relied on.
#[test]
fn who_held_a_copy_that_was_replaced_by_less_is_clean_again() {
    let mut cluster = Cluster::new(3);
    cluster.elect(2);
    cluster.node(1).disk = Disk::LogHeld;
    for _ in 0..5 {
        cluster.isolate(3);
        cluster.propose(2, RELAXED);
        cluster.poll();
    }
    let (last, term) = (cluster.status(2).last.index.0, cluster.term(2));
    cluster.heal();
    // Only node 1 hears of them.
    cluster.lossy = |envelope| envelope.to != id(1);
    cluster.run_until_idle();
    assert_eq!(cluster.status(1).trust, Trust::Dirty);
    assert_eq!(cluster.status(1).last.index.0, last);
    // A leader that has none of them.
    cluster.lossy = |_| true;
    let other = envelope(
        3,
        1,
        term + 1,
        Message::Append(cluster::messages::append(
            at(term, 1),
            run(term + 1, 2, 1),
            0,
        )),
    );
    cluster.inject(other);
    assert_eq!(cluster.status(1).last, at(term + 1, 2));
    cluster.sync(1);
    cluster.node(1).disk = Disk::Prompt;
    cluster.pass(ms(5000));
    assert_eq!(cluster.status(1).trust, Trust::Clean);
}

#[test]
fn a_candidate_waits_for_votes_and_says_how_many_it_has() {
    let mut cluster = Cluster::with(5, |config| kraft_proto::Config {
        pre_vote: kraft_proto::PreVote::Off,
        ..config
    });
    cluster.lossy = |_| true;
    cluster.campaign(1);
    let waiting = cluster.status(1).waiting;
    assert!(
        waiting.contains(&Waiting::Votes { granted: 1 }),
        "{waiting:?}"
    );
    // One more of five is no majority either.
    cluster.lossy = |envelope| ![id(1), id(2)].contains(&envelope.to);
    cluster.pass(ms(400));
    let waiting = cluster.status(1).waiting;
    let votes = |reason: &Waiting| matches!(reason, Waiting::Votes { .. });
    let clean = |reason: &Waiting| matches!(reason, Waiting::CleanVotes { .. });
    if cluster.role(1) == Role::Candidate {
        assert!(waiting.iter().any(votes), "{waiting:?}");
    }
    assert!(!waiting.iter().any(clean), "{waiting:?}");
}

#[test]
fn what_a_node_waits_for_is_named_and_what_it_has_is_not() {
    let mut cluster = Cluster::new(3);
    assert!(cluster.status(2).waiting.contains(&Waiting::Leader));
    cluster.elect(1);
    for n in 1..=3 {
        cluster.pass(ms(100));
        assert_eq!(cluster.status(n).waiting[..], [], "node {n} at rest");
    }
    for n in 1..=3 {
        cluster.node(n).disk = Disk::Held;
    }
    cluster.propose(1, RELAXED);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let waiting = cluster.status(1).waiting;
    assert!(
        waiting.contains(&Waiting::Majority { synced: 0 }),
        "{waiting:?}"
    );
    assert!(waiting.contains(&Waiting::Mark), "{waiting:?}");
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    cluster.sync(2);
    let waiting = cluster.status(1).waiting;
    assert!(
        waiting.contains(&Waiting::Majority { synced: 1 }),
        "{waiting:?}"
    );
}

/// Node 2 loses power with relaxed copies, the leader hears of its new incarnation, and more entries
/// follow: the point of re-admission stands where the leader's log ended when it heard.
#[test]
fn the_point_of_readmission_stands_where_the_log_ended_when_the_life_was_first_heard() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    cluster.propose_many(1, RELAXED, 3);
    cluster.run_until_idle();
    cluster.cut_power(2);
    cluster.restart(2);
    // Appends do not reach it, so it stays suspect.
    cluster.lossy = |envelope| envelope.to == id(2) && Cluster::is_append(envelope);
    let (first, incarnation) = (cluster.status(1).last.index, cluster.status(2).incarnation);
    let mut points = Vec::new();
    for _ in 0..4 {
        for _ in 0..2 {
            cluster.now = cluster.now.after(ms(50));
            let now = cluster.now;
            cluster.raft(1).handle_timeout(now);
            cluster.poll();
            for packet in &cluster.network {
                if let Message::Heartbeat(beat) = packet.envelope.message
                    && packet.envelope.to == id(2)
                {
                    // Its earlier incarnation had a point of its own.
                    let known = beat
                        .readmission
                        .filter(|known| known.incarnation == incarnation);
                    points.extend(known.map(|known| known.readmit_upto));
                }
            }
            cluster.run_until_idle();
        }
        cluster.propose(1, RELAXED);
        cluster.run_until_idle();
    }
    assert_eq!(cluster.status(2).trust, Trust::Suspect);
    points.dedup();
    assert_eq!(points, [first], "all of them, from the first on");
}

#[test]
fn what_is_at_risk_counts_written_copies_of_a_majority_and_a_leaders_synced_ones() {
    let synced_alone = Class::new(CommitMode::LeaderOnly, FsyncMode::Commit);
    for class in [RELAXED, synced_alone] {
        let mut cluster = Cluster::with(3, |mut config| {
            config.durability.at_risk_entries_max = 3;
            config
        });
        cluster.elect(1);
        cluster.isolate(1);
        for _ in 0..3 {
            cluster.propose(1, class);
        }
        let full = Busy {
            bound: Bound::EntriesAtRisk,
            limit: 3,
        };
        let refused = cluster.try_propose(1, class);
        assert_eq!(refused, Err(ProposeError::Busy(full)), "{class:?}");
        cluster.propose(1, Class::default());
    }
}

#[test]
fn every_refusal_says_something() {
    use kraft_proto::{MembersProposeError, TransferError};
    let said = [
        MembersProposeError::NotReady.to_string(),
        MembersProposeError::Stopped.to_string(),
        TransferError::Stopped.to_string(),
        TransferError::NotLeader(Some(id(2))).to_string(),
    ];
    assert!(said.iter().all(|text| text.len() > 8), "{said:?}");
}

#[test]
fn what_was_inherited_is_nobodys_acknowledgement() {
    let mut cluster = Cluster::new(3);
    for n in 1..=3 {
        cluster.start_on(n, 1, [run(1, 1, 3)]);
    }
    cluster.lossy = |envelope| envelope.entries() > 0;
    cluster.elect(1);
    let proposed = cluster.propose(1, RELAXED);
    assert_eq!(
        proposed.run.first.0, 5,
        "behind what was there and the no-op"
    );
    cluster.run_until_idle();
    // It matched what was there, as an append of nothing asks.
    let matched = Message::Matched(watermarks(3, 3));
    cluster.inject(envelope(2, 1, 2, matched));
    assert_eq!(
        cluster.status(1).peers[0].watermarks,
        Some(watermarks(3, 3))
    );
    let acks = |cluster: &mut Cluster| {
        let outputs = cluster.node(1).outputs.iter();
        let acks = outputs.filter_map(|output| match output {
            Output::Ack { upto, .. } => Some(*upto),
            _ => None,
        });
        acks.collect::<Vec<_>>()
    };
    assert_eq!(acks(&mut cluster), []);
    cluster.heal();
    cluster.pass(ms(200));
    let told = acks(&mut cluster);
    assert_eq!(told.last(), Some(&proposed.run.last_position()));
    assert!(told.iter().all(|upto| upto.index.0 >= 4), "{told:?}");
}

/// Two appends are long on their way to node 2, and one arrives; the answer that says so comes twice.
/// The other is not missing for that: a whole round would have to pass without news.
#[test]
fn an_answer_that_comes_twice_makes_no_append_a_lost_one() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.pass(ms(100));
    let answer = |cluster: &mut Cluster| {
        cluster.now = cluster.now.after(ms(50));
        let now = cluster.now;
        cluster.raft(1).handle_timeout(now);
        cluster.poll();
        for packet in cluster.intercept(|envelope| envelope.from == id(1)) {
            cluster.deliver(&packet);
        }
        cluster.poll();
        let answers = cluster.intercept(|envelope| envelope.from == id(2));
        cluster.run_until_idle();
        assert_eq!(answers.len(), 1, "{answers:?}");
        cluster.deliver(&answers[0]);
        cluster.run_until_idle();
        answers
    };
    answer(&mut cluster);
    let mut late = Vec::new();
    for _ in 0..2 {
        cluster.propose(1, Class::default());
        cluster.poll();
        late.extend(cluster.intercept(|e| e.to == id(2) && Cluster::is_append(e)));
        cluster.run_until_idle();
    }
    assert_eq!(late.len(), 2);
    answer(&mut cluster);
    cluster.deliver(&late[0]);
    cluster.run_until_idle();
    let twice = answer(&mut cluster);
    cluster.deliver(&twice[0]);
    let peer = |cluster: &Cluster| {
        let peers = cluster.status(1).peers;
        let peer = peers.iter().find(|peer| peer.id == id(2)).cloned();
        peer.map(|peer| (peer.state, peer.in_flight))
    };
    assert_eq!(peer(&cluster), Some((PeerState::Replicate, 1)));
    cluster.deliver(&late[1]);
    cluster.run_until_idle();
    assert_eq!(peer(&cluster), Some((PeerState::Replicate, 0)));
}
