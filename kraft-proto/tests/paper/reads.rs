//! Reads of followers (Raft thesis §6.4), and of one's own writes.

use kraft_proto::{
    Change, CheckQuorum, Class, CommitMode, Config, Envelope, Fate, FsyncMode, Incarnation,
    LogIndex, LogPosition, Member, Message, Nonce, Output, PreVote, ReadError, ReadOutcome,
    ReadTicket, Role, StoreId, Term,
};

use crate::cluster::messages::{envelope, heartbeat};
use crate::cluster::{Cluster, Disk, at, ms};

pub const RELAXED: Class = Class::new(CommitMode::Sync, FsyncMode::None);
const OWN: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);

pub fn read(cluster: &mut Cluster, n: u64) -> ReadTicket {
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

pub fn outcome(cluster: &mut Cluster, n: u64, of: ReadTicket) -> Option<ReadOutcome> {
    let outputs = cluster.node(n).outputs.iter();
    let mut told = outputs.filter_map(|output| match output {
        Output::Read { ticket, outcome } if *ticket == of => Some(*outcome),
        _ => None,
    });
    told.next()
}

pub fn ready(index: u64) -> Option<ReadOutcome> {
    Some(ReadOutcome::Ready(LogIndex(index)))
}

#[test]
fn a_follower_and_a_learner_read_where_the_leader_says() {
    let mut cluster = Cluster::with_learners(3, 1);
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    for n in [2, 4] {
        let ticket = read(&mut cluster, n);
        assert_eq!(read(&mut cluster, n), ticket, "one question for both");
        cluster.poll();
        assert_eq!(
            outcome(&mut cluster, n, ticket),
            None,
            "nobody was asked yet"
        );
        cluster.run_until_idle();
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
    cluster.run_until_idle();
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

/// The story: 1. of three voters, two hold an `AtLeast(2)`·`Commit` entry on their disks, and a fourth
/// voter is proposed: the entry is acknowledged, as no leader of the three will lack it, and takes
/// three of four to be committed. 2. A read asked then, of the leader or of a follower, must see it.
#[test]
fn a_read_sees_what_was_promised_on_synced_copies_and_is_not_committed() {
    for (mode, synced) in [(CommitMode::AtLeast(2), 2), (CommitMode::LeaderOnly, 1)] {
        let voters = 2 * synced - 1;
        let mut cluster = Cluster::new(voters);
        cluster.join(voters + 1);
        cluster.elect(1);
        cluster.disks(Disk::LogHeld);
        let proposed = cluster.propose(1, Class::new(mode, FsyncMode::Commit));
        let member = Member {
            id: crate::cluster::id(voters + 1),
            store: StoreId(voters + 1),
        };
        cluster.change(1, &[Change::Voter(member)]).unwrap();
        cluster.run_until_idle();
        for n in 1..=synced {
            cluster.sync(n);
        }
        assert!(cluster.acked(1, &proposed), "{mode}");
        assert_eq!(cluster.commit(1), at(1, 1), "{mode}");
        let askers = [1, voters.max(2)];
        let tickets = askers.map(|n| (n, read(&mut cluster, n)));
        cluster.pass(ms(60));
        for (n, ticket) in tickets {
            let told = outcome(&mut cluster, n, ticket);
            assert_eq!(told, None, "{mode}: node {n} misses what was acknowledged");
        }
        cluster.sync(synced + 1);
        cluster.pass(ms(60));
        for (n, ticket) in tickets {
            assert_eq!(outcome(&mut cluster, n, ticket), ready(2), "{mode}");
        }
    }
}

/// The same while both majorities decide: the old one is smaller, and what it was promised counts
/// though the members have changed again since.
#[test]
fn a_read_sees_what_was_promised_before_the_members_changed() {
    let mut cluster = Cluster::new(3);
    for n in 4..=5 {
        cluster.join(n);
    }
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    let proposed = cluster.propose(1, Class::new(CommitMode::AtLeast(2), FsyncMode::None));
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed), "written by two of three");
    let voter = |n| {
        Change::Voter(Member {
            id: crate::cluster::id(n),
            store: StoreId(n),
        })
    };
    cluster.change(1, &[voter(4), voter(5)]).unwrap();
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), at(1, 1));
    let ticket = read(&mut cluster, 1);
    cluster.pass(ms(60));
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
    for n in 1..=5 {
        cluster.sync(n);
    }
    cluster.pass(ms(60));
    let told = outcome(&mut cluster, 1, ticket);
    assert!(matches!(told, Some(ReadOutcome::Ready(index)) if index >= LogIndex(2)));
}

/// A client that settled for a majority's written copies was promised its entry like any other.
#[test]
fn a_read_sees_what_somebody_fell_back_to() {
    let mut cluster = Cluster::with(3, |config| Config {
        check_quorum: CheckQuorum::Off,
        pre_vote: PreVote::Off,
        ..config
    });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.disks(Disk::LogHeld);
    let all = Class::new(CommitMode::All, FsyncMode::None);
    let proposed = cluster.propose(1, all);
    cluster.run_until_idle();
    let of = proposed.run.last_position();
    let before = read(&mut cluster, 1);
    cluster.run_until_idle();
    assert_eq!(
        outcome(&mut cluster, 1, before),
        ready(1),
        "nobody was told"
    );
    let held = cluster.raft(1).accept_majority(of, proposed.held);
    assert_eq!(held, Some(kraft_proto::Held::Written));
    let ticket = read(&mut cluster, 1);
    cluster.run_until_idle();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
    cluster.sync(1);
    cluster.sync(2);
    cluster.run_until_idle();
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(2));
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
        cluster.run_until_idle();
        let second = read(&mut cluster, 2);
        cluster.run_until_idle();
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
    cluster.run_until_idle();
    let index = LogIndex(1);
    let late = |incarnation| {
        envelope(
            1,
            3,
            1,
            Message::ReadIndexReply {
                incarnation: Incarnation::new(incarnation, Nonce(incarnation)),
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
        incarnation: Incarnation::new(1, Nonce(1)),
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
                    lazy_force: ms(2000),
                    ..config.durability
                },
                ..config
            });
            cluster.elect(1);
            cluster.disks(Disk::AsAsked);
            let own = cluster.propose(1, Class::new(mode, FsyncMode::None));
            let own = own.run.last_position();
            let plain = read(&mut cluster, n);
            cluster.run_until_idle();
            assert_eq!(outcome(&mut cluster, n, plain), ready(1), "{mode} on {n}");
            let ticket = read_after(&mut cluster, n, own).unwrap();
            cluster.run_until_idle();
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
    cluster.run_until_idle();
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

/// Reads that a leader has on their way fail when it leaves office, and so do those of followers
/// who follow another then.
#[test]
fn a_new_leader_fails_what_the_old_one_was_asked() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.lossy = |e| matches!(e.message, Message::ReadIndexReply { .. });
    let ticket = read(&mut cluster, 3);
    cluster.run_until_idle(); // It comes to rest: the question is not asked at every heartbeat.
    cluster.inject(envelope(2, 3, 9, heartbeat(0, 1)));
    assert_eq!(cluster.term(3), Term(9).0);
    assert_eq!(outcome(&mut cluster, 3, ticket), Some(ReadOutcome::Failed));
}

/// A follower that campaigns follows nobody, whether it was told to or asks around first.
#[test]
fn who_campaigns_fails_its_reads() {
    for pre_vote in [PreVote::On, PreVote::Off] {
        let mut cluster = Cluster::with(3, |config| Config { pre_vote, ..config });
        cluster.elect(1);
        cluster.isolate(2);
        let ticket = read(&mut cluster, 2);
        cluster.run_until_idle();
        assert_eq!(outcome(&mut cluster, 2, ticket), None);
        cluster.campaign(2);
        assert_eq!(outcome(&mut cluster, 2, ticket), Some(ReadOutcome::Failed));
    }
}
