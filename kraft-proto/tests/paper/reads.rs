//! Raft thesis §6.4 and Design §4.6: reads of followers, of one's own writes, and by lease.

use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, ConfigError, Envelope, Fate, FsyncMode, Incarnation,
    Lease, LogIndex, LogPosition, Members, Message, Output, Raft, ReadError, ReadOutcome,
    ReadTicket, Recovery, Role, StoreId, Term,
};

use crate::cluster::messages::{envelope, heartbeat};
use crate::cluster::{Cluster, Disk, at, id, ms};

const RELAXED: Class = Class::new(CommitMode::Sync, FsyncMode::None);
const OWN: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);

fn read(cluster: &mut Cluster, n: u64) -> ReadTicket {
    read_after(cluster, n, LogPosition::ZERO).unwrap()
}

fn read_after(
    cluster: &mut Cluster,
    n: u64,
    position: LogPosition,
) -> Result<ReadTicket, ReadError> {
    let now = cluster.now;
    cluster.raft(n).read_after(now, position)
}

fn outcome(cluster: &mut Cluster, n: u64, of: ReadTicket) -> Option<ReadOutcome> {
    let outputs = cluster.node(n).outputs.iter();
    let mut told = outputs.filter_map(|output| match output {
        Output::Read { ticket, outcome } if *ticket == of => Some(*outcome),
        _ => None,
    });
    told.next()
}

fn ready(index: u64) -> Option<ReadOutcome> {
    Some(ReadOutcome::Ready(LogIndex(index)))
}

#[test]
fn a_follower_and_a_learner_read_where_the_leader_says() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.settle();
    for n in [2, 4] {
        let ticket = read(&mut cluster, n);
        assert_eq!(read(&mut cluster, n), ticket, "one question for both");
        cluster.poll();
        assert_eq!(
            outcome(&mut cluster, n, ticket),
            None,
            "nobody was asked yet"
        );
        cluster.settle();
        assert_eq!(outcome(&mut cluster, n, ticket), ready(2));
    }
}

/// What was acknowledged on written copies is seen too, once the disks that takes have it.
#[test]
fn a_followers_read_sees_what_was_acknowledged_on_written_copies() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    let proposed = cluster.propose(1, RELAXED);
    cluster.settle();
    assert!(cluster.acked(1, &proposed));
    let ticket = read(&mut cluster, 3);
    cluster.pass(ms(60));
    assert_eq!(
        outcome(&mut cluster, 3, ticket),
        None,
        "it is not committed"
    );
    cluster.sync(1);
    cluster.sync(2);
    cluster.pass(ms(60));
    assert_eq!(outcome(&mut cluster, 3, ticket), ready(2));
    assert_eq!(cluster.commit(3), at(1, 2), "and the follower has it");
}

/// The story: 1. nodes 1 and 2 are cut off from the others, who elect node 3 and write. 2. Node 2 asks
/// node 1, which has not noticed. Answered at once, the read would miss the write.
#[test]
fn a_follower_of_a_deposed_leader_reads_nothing_and_says_so() {
    let mut cluster = Cluster::new(5);
    cluster.elect(1);
    for (a, b) in [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4), (2, 5)] {
        cluster.cut(a, b);
    }
    let ticket = read(&mut cluster, 2);
    cluster.pass(ms(100));
    assert_eq!(outcome(&mut cluster, 2, ticket), None);
    cluster.pass(ms(900));
    assert_eq!(outcome(&mut cluster, 2, ticket), Some(ReadOutcome::Failed));
    let refused = read_after(&mut cluster, 2, LogPosition::ZERO);
    assert_eq!(refused, Err(ReadError::NoLeader));
}

/// A learner never campaigns, and must not wait for ever for that.
#[test]
fn a_learners_read_fails_when_the_leader_is_gone() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    for n in 1..=3 {
        cluster.kill(n);
    }
    let ticket = read(&mut cluster, 4);
    cluster.pass(ms(300));
    assert_eq!(outcome(&mut cluster, 4, ticket), Some(ReadOutcome::Failed));
}

#[test]
fn a_lost_question_or_answer_is_asked_again_with_the_next_heartbeat() {
    let question = |e: &Envelope| matches!(e.message, Message::ReadIndex { .. });
    let answer = |e: &Envelope| matches!(e.message, Message::ReadIndexReply { .. });
    for lost in [question, answer] {
        let mut cluster = Cluster::new(3);
        cluster.elect(1);
        cluster.lossy = lost;
        let first = read(&mut cluster, 2);
        cluster.settle();
        let second = read(&mut cluster, 2);
        cluster.settle();
        assert_eq!(outcome(&mut cluster, 2, second), None);
        cluster.heal();
        cluster.pass(ms(50));
        assert_eq!(outcome(&mut cluster, 2, first), ready(1));
        assert_eq!(outcome(&mut cluster, 2, second), ready(1), "one for both");
    }
}

/// The story: 1. node 3 asks, and dies; the answer is late. 2. A write is acknowledged. 3. Node 3 is
/// back, and its first read has the number of the one before. The late answer misses the write.
#[test]
fn an_answer_to_an_earlier_life_answers_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let before = read(&mut cluster, 3);
    cluster.settle();
    let index = LogIndex(1);
    let late = |incarnation| {
        envelope(
            1,
            3,
            1,
            Message::ReadIndexReply {
                incarnation: Incarnation(incarnation),
                ticket: before.0,
                index,
            },
        )
    };
    cluster.kill(3);
    cluster.propose(1, Class::default());
    cluster.restart(3);
    cluster.pass(ms(60));
    let again = read(&mut cluster, 3);
    cluster.poll();
    assert_eq!(again, before, "the same number");
    cluster.inject(late(1));
    assert_eq!(outcome(&mut cluster, 3, again), None);
    cluster.pass(ms(60));
    assert_eq!(outcome(&mut cluster, 3, again), ready(2));
}

/// Nobody but its leader tells a follower where to read.
#[test]
fn an_answer_of_another_node_answers_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let ticket = read(&mut cluster, 3);
    cluster.poll();
    let message = Message::ReadIndexReply {
        incarnation: Incarnation(1),
        ticket: ticket.0,
        index: LogIndex(0),
    };
    cluster.inject(envelope(2, 3, 1, message));
    assert_eq!(outcome(&mut cluster, 3, ticket), None);
}

/// What only the leader holds is no part of a plain read; asked for, it is forced and waited for.
#[test]
fn a_client_reads_its_own_write_of_any_class_on_any_node() {
    for n in [1, 2] {
        for mode in [CommitMode::Async, CommitMode::LeaderOnly] {
            let mut cluster = Cluster::with(3, |config| Config {
                durability: kraft_proto::Durability {
                    leader_only_replication:
                        kraft_proto::durability::LeaderOnlyReplication::WithHeartbeat,
                    batch_timeout: ms(2000),
                    lazy_flush: ms(2000),
                    ..config.durability
                },
                ..config
            });
            cluster.elect(1);
            cluster.disks(Disk::AsAsked);
            let own = cluster.propose(1, Class::new(mode, FsyncMode::None));
            let own = own.run.last_position();
            let plain = read(&mut cluster, n);
            cluster.settle();
            assert_eq!(outcome(&mut cluster, n, plain), ready(1), "{mode} on {n}");
            let ticket = read_after(&mut cluster, n, own).unwrap();
            cluster.settle();
            assert_eq!(outcome(&mut cluster, n, ticket), ready(2), "{mode} on {n}");
            assert_eq!(cluster.fate(n, own), Fate::Committed);
        }
    }
}

#[test]
fn a_read_after_a_write_that_is_lost_or_never_was_says_so() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let own = cluster.propose(1, OWN).run.last_position();
    cluster.settle();
    cluster.pass(ms(600));
    cluster.heal();
    cluster.pass(ms(600));
    let leader = (2..=3).find(|n| cluster.role(*n) == Role::Leader).unwrap();
    for n in 1..=3 {
        let lost = read_after(&mut cluster, n, own);
        assert_eq!(lost, Err(ReadError::Lost(own)), "node {n}");
    }
    let (term, last) = (cluster.term(leader), cluster.status(leader).last.index);
    for never in [at(term, last.0 + 1), at(term + 1, last.0 + 1)] {
        let refused = read_after(&mut cluster, leader, never);
        assert_eq!(refused, Err(ReadError::NoSuchEntry(never)));
    }
}

/// The story: 1. leader 1 acknowledges a LeaderOnly write and is cut off; its client reads from node
/// 2 after that position. 2. Node 2 is elected. The read must not be served as if the write were there.
#[test]
fn whether_the_write_is_there_is_decided_when_the_read_is_ready() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(1);
    let own = cluster.propose(1, OWN).run.last_position();
    cluster.pass(ms(140));
    cluster.pass(ms(160));
    while cluster.role(2) != Role::Leader && cluster.role(3) != Role::Leader {
        cluster.pass(ms(20));
    }
    let leader = if cluster.role(2) == Role::Leader {
        2
    } else {
        3
    };
    let other = 5 - leader;
    if let Ok(ticket) = read_after(&mut cluster, other, own) {
        cluster.pass(ms(60));
        assert!(matches!(
            outcome(&mut cluster, other, ticket),
            Some(ReadOutcome::Ready(_))
        ));
    }
    assert_eq!(cluster.fate(other, own), Fate::Lost);
}

fn leased(config: Config) -> Config {
    Config {
        lease: Lease::On { drift_permille: 0 },
        pre_vote: kraft_proto::PreVote::Off,
        ..config
    }
}

/// A cluster with leases that node 1 leads: everybody has started long ago.
fn with_leases(voters: u64) -> Cluster {
    let mut cluster = Cluster::with(voters, leased);
    cluster.now = cluster.now.after(ms(300));
    cluster.elect(1);
    cluster.pass(ms(50));
    cluster
}

#[test]
fn by_its_lease_a_leader_reads_without_asking_anybody() {
    let mut cluster = with_leases(3);
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(1));
    assert!(cluster.network.is_empty(), "nothing was sent");
    // What was acknowledged on written copies is waited for all the same.
    cluster.disks(Disk::LogHeld);
    let proposed = cluster.propose(1, RELAXED);
    cluster.settle();
    assert!(cluster.acked(1, &proposed));
    let ticket = read(&mut cluster, 1);
    cluster.settle();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
    cluster.sync(1);
    cluster.sync(2);
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(2));
}

#[test]
fn a_lease_ends_with_the_shortest_timeout_after_the_last_round_began() {
    let mut cluster = with_leases(3);
    // The round of this moment was answered; nobody answers any more.
    cluster.isolate(1);
    let begun = cluster.now;
    cluster.pass(ms(149));
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(1));
    cluster.now = begun.after(ms(150));
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
}

/// Rule 3: the answers may be late, and the voters count from when they heard.
#[test]
fn a_lease_counts_from_before_its_round_was_sent() {
    let mut cluster = with_leases(3);
    let answer = |e: &Envelope| matches!(e.message, Message::HeartbeatReply(_));
    let begun = cluster.now.after(ms(50));
    cluster.now = begun;
    cluster.raft(1).handle_timeout(begun);
    // The round of this moment is heard, and its answers are held up.
    cluster.poll();
    for packet in cluster.intercept(|_| true) {
        cluster.deliver(&packet);
    }
    cluster.poll();
    let late = cluster.intercept(answer);
    assert_eq!(late.len(), 2);
    cluster.isolate(1);
    cluster.now = begun.after(ms(149));
    for packet in &late {
        cluster.deliver(packet);
    }
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(1));
    cluster.now = begun.after(ms(150));
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
}

/// What two clocks may drift apart is taken off.
#[test]
fn a_lease_is_shorter_than_the_timeout_by_the_drift() {
    let mut cluster = Cluster::with(3, |config| Config {
        lease: Lease::On {
            drift_permille: 200,
        },
        ..leased(config)
    });
    cluster.now = cluster.now.after(ms(300));
    cluster.elect(1);
    cluster.pass(ms(50));
    cluster.isolate(1);
    let begun = cluster.now;
    for (passed, served) in [(99, true), (100, false)] {
        cluster.now = begun.after(ms(passed));
        let ticket = read(&mut cluster, 1);
        cluster.poll();
        assert_eq!(outcome(&mut cluster, 1, ticket).is_some(), served);
    }
}

/// Rule 1 of `leader/lease.rs`: an old answer shows a voter a higher term, and it forgets its leader.
#[test]
fn a_voter_withholds_its_vote_whatever_term_it_adopts() {
    let mut cluster = with_leases(3);
    cluster.isolate(1);
    let refused = Message::PreVoteReply {
        ballot: kraft_proto::Ballot::Refused,
    };
    cluster.inject(envelope(3, 2, 7, refused));
    assert_eq!((cluster.term(2), cluster.status(2).leader), (7, None));
    let last = at(1, 1);
    cluster.inject(envelope(3, 2, 8, Message::Vote { last }));
    assert_eq!(cluster.status(2).vote, None);
    let heard = cluster.now;
    cluster.now = heard.after(ms(150));
    cluster.inject(envelope(3, 2, 8, Message::Vote { last }));
    assert_eq!(cluster.status(2).vote, Some(id(3)));
}

/// Rule 1 again: nor does it vote for itself when it is told to campaign.
#[test]
fn a_node_that_withholds_its_vote_does_not_campaign() {
    let mut cluster = with_leases(3);
    cluster.campaign(2);
    assert_eq!((cluster.role(2), cluster.term(2)), (Role::Follower, 1));
    cluster.kill(1);
    cluster.pass(ms(1500));
    let elected = (2..=3).any(|n| cluster.role(n) == Role::Leader);
    assert!(elected, "but after its time it does");
}

/// Rule 2: the life before may have answered the leader just now.
#[test]
fn a_start_withholds_the_vote_for_the_longest_timeout() {
    let mut cluster = with_leases(3);
    cluster.isolate(1);
    cluster.kill(2);
    cluster.restart(2);
    cluster.poll();
    let started = cluster.now;
    let vote = envelope(3, 2, 2, Message::Vote { last: at(1, 1) });
    cluster.now = started.after(ms(299));
    cluster.inject(vote);
    assert_eq!(cluster.term(2), 1, "as if nobody had asked");
    cluster.now = started.after(ms(300));
    cluster.inject(vote);
    assert_eq!(cluster.status(2).vote, Some(id(3)));
}

/// Rule 4: 1. leader 1 tells node 2 to campaign; the word is late, and it leads on. 2. The word arrives, and
/// node 2 leads at once. 3. Served by its lease, a read of node 1 would miss what node 2 writes.
#[test]
fn who_told_another_to_campaign_has_no_lease_for_the_rest_of_its_term() {
    let mut cluster = with_leases(3);
    let now = cluster.now;
    cluster
        .raft(1)
        .transfer_leadership(now, Some(id(2)))
        .unwrap();
    cluster.poll();
    let late = cluster.intercept(|e| e.message == Message::TimeoutNow);
    cluster.lossy = |e| e.message == Message::TimeoutNow;
    cluster.pass(ms(310));
    cluster.lossy = |_| false;
    assert_eq!(cluster.status(1).moving_to, None, "it gave up");
    cluster.isolate(1);
    cluster.deliver(&late[0]);
    cluster.settle();
    assert_eq!(cluster.role(2), Role::Leader, "at once");
    cluster.propose(2, Class::default());
    cluster.settle();
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
}

/// A lease rests on voters that ignore candidates, and on clocks.
#[test]
fn a_lease_without_what_it_rests_on_is_refused() {
    let members = Members::new([id(1)], []).unwrap();
    for (check_quorum, drift_permille, starts) in [
        (CheckQuorum::On, 500, true),
        (CheckQuorum::On, 501, false),
        (CheckQuorum::Off, 0, false),
    ] {
        let config = Config {
            check_quorum,
            lease: Lease::On { drift_permille },
            ..Config::new(id(1), StoreId(1), 1)
        };
        let recovery = Recovery::bootstrap(members.clone());
        let started = Raft::new(config, recovery, kraft_proto::Instant::ZERO);
        assert_eq!(started.err(), (!starts).then_some(ConfigError::Lease));
    }
}

/// Reads that a leader has on their way fail when it leaves office, and so do those of followers
/// who follow another then.
#[test]
fn a_new_leader_fails_what_the_old_one_was_asked() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.lossy = |e| matches!(e.message, Message::ReadIndexReply { .. });
    let ticket = read(&mut cluster, 3);
    cluster.settle(); // It comes to rest: the question is not asked at every heartbeat.
    cluster.inject(envelope(2, 3, 9, heartbeat(0, 1)));
    assert_eq!(cluster.term(3), Term(9).0);
    assert_eq!(outcome(&mut cluster, 3, ticket), Some(ReadOutcome::Failed));
}
