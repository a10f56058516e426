//! Raft thesis §6.4.1: reads by lease, one test a rule of `raft/leader/lease.rs`.

use kraft_proto::{
    Change, CheckQuorum, Class, Config, ConfigError, Envelope, Lease, Member, Members, Message,
    Nonce, PreVote, Raft, Recovery, Role, StoreId,
};

use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, Disk, at, id, ms};
use crate::reads::{RELAXED, outcome, read, ready};

fn leased(config: Config) -> Config {
    Config {
        lease: Lease::On { drift_permille: 0 },
        pre_vote: PreVote::Off,
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
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    let ticket = read(&mut cluster, 1);
    cluster.run_until_idle();
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

/// Rule 2: the incarnation before may have answered the leader just now.
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
    assert_eq!(cluster.status(1).transfer_to, None, "it gave up");
    cluster.isolate(1);
    cluster.deliver(&late[0]);
    cluster.run_until_idle();
    assert_eq!(cluster.role(2), Role::Leader, "at once");
    cluster.propose(2, Class::default());
    cluster.run_until_idle();
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
            pre_vote: PreVote::Off,
            check_quorum,
            lease: Lease::On { drift_permille },
            ..Config::new(id(1), StoreId(1), 1)
        };
        let recovery = Recovery::bootstrap(members.clone());
        let started = Raft::new(config, recovery, Nonce(1), kraft_proto::Instant::ZERO);
        assert_eq!(started.err(), (!starts).then_some(ConfigError::Lease));
    }
}

/// Rule 6: 1. a round is answered by a majority, and one more answer is late; 2. the members change, and
/// the lease ends; 3. the late answer binds nobody to the members there are now.
#[test]
fn a_late_answer_does_not_give_back_a_lease_that_ended_with_the_members() {
    let mut cluster = with_leases(3);
    let begun = cluster.now.after(ms(50));
    cluster.now = begun;
    cluster.raft(1).handle_timeout(begun);
    cluster.poll();
    for packet in cluster.intercept(|_| true) {
        cluster.deliver(&packet);
    }
    cluster.poll();
    let answers = cluster.intercept(|e| matches!(e.message, Message::HeartbeatReply(_)));
    cluster.deliver(&answers[0]);
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), ready(1));
    let learner = Change::Learner(Member {
        id: id(4),
        store: StoreId::ANY,
    });
    cluster.change(1, &[learner]).unwrap();
    cluster.deliver(&answers[1]);
    let ticket = read(&mut cluster, 1);
    cluster.poll();
    assert_eq!(outcome(&mut cluster, 1, ticket), None);
}
