//! Raft §5.1 and §5.2: terms and leader election.

use std::collections::BTreeSet;
use std::time::Duration;

use kraft_proto::{
    Ballot, CheckQuorum, Class, Config, ConfigError, Envelope, Instant, LogPosition, Members,
    Message, NodeId, Output, PreVote, Raft, Recovery, Role, StoreId, Term,
};

use crate::bare;
use crate::cluster::messages::{append, envelope, heartbeat};
use crate::cluster::{Cluster, Disk, at, id, ms, run};

fn vote(from: u64, to: u64, term: u64, last: LogPosition) -> Envelope {
    envelope(from, to, term, Message::Vote { last })
}

/// The ballots on their way to `to`.
fn ballots(cluster: &mut Cluster, to: u64) -> Vec<(Term, Ballot)> {
    cluster.poll();
    let sent = cluster.intercept(|e| e.to == id(to));
    sent.iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::VoteReply { ballot } => Some((packet.envelope.term, ballot)),
            _ => None,
        })
        .collect()
}

/// §5.1: "If a server's current term is smaller than the other's, then it updates its current term
/// to the larger value. If a candidate or leader discovers that its term is out of date, it
/// immediately reverts to follower state."
#[test]
fn a_higher_term_makes_a_follower_of_every_role() {
    for role in [Role::Follower, Role::Candidate, Role::Leader] {
        let mut cluster = Cluster::with(3, bare);
        match role {
            Role::Leader => cluster.elect(1),
            Role::Candidate => {
                cluster.isolate(1);
                cluster.campaign(1);
            }
            _ => cluster.run_until_idle(),
        }
        assert_eq!(cluster.role(1), role);
        cluster.inject(envelope(2, 1, 9, heartbeat(0, 1)));
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Follower, 9));
        assert_eq!(cluster.status(1).leader, Some(id(2)));
    }
}

/// §5.1: "If a server receives a request with a stale term number, it rejects the request."
#[test]
fn a_request_of_an_earlier_term_is_refused_and_told_the_term() {
    let mut cluster = Cluster::with(3, bare);
    cluster.start_on(1, 5, [run(1, 1, 1)]);
    cluster.run_until_idle();
    cluster.inject(vote(2, 1, 4, at(4, 9)));
    assert_eq!(ballots(&mut cluster, 2), [(Term(5), Ballot::Refused)]);
    for stale in [
        Message::Append(append(at(1, 1), run(4, 2, 1), 2)),
        heartbeat(1, 1),
    ] {
        cluster.inject(envelope(2, 1, 4, stale));
        let sent = cluster.intercept(|e| e.to == id(2));
        let told = &sent.last().expect("an answer").envelope;
        assert_eq!(told.term, Term(5));
        assert!(matches!(told.message, Message::Rejected { .. }));
    }
    assert_eq!(cluster.terms(1), [1], "nothing was taken");
    assert_eq!(cluster.commit(1), LogPosition::ZERO);
    assert_eq!(cluster.status(1).leader, None);
}

/// §5.2: "Each server will vote for at most one candidate in a given term, on a
/// first-come-first-served basis."
#[test]
fn one_vote_a_term_first_come_first_served() {
    let mut cluster = Cluster::with(3, bare);
    cluster.run_until_idle();
    cluster.inject(vote(2, 1, 1, LogPosition::ZERO));
    assert_eq!(ballots(&mut cluster, 2), [(Term(1), Ballot::Granted)]);
    cluster.inject(vote(3, 1, 1, at(0, 0)));
    assert_eq!(ballots(&mut cluster, 3), [(Term(1), Ballot::Refused)]);
    cluster.inject(vote(2, 1, 1, LogPosition::ZERO));
    let again = ballots(&mut cluster, 2);
    assert_eq!(again, [(Term(1), Ballot::Granted)], "the same answer again");
    cluster.inject(vote(3, 1, 2, LogPosition::ZERO));
    assert_eq!(ballots(&mut cluster, 3), [(Term(2), Ballot::Granted)]);
}

/// The story: 1. node 1 votes for node 2 and says so before its disk has it; 2. its power is cut; 3. it
/// votes for node 3 in the same term. Two leaders in one term.
#[test]
fn a_vote_is_not_said_before_it_is_synced_and_outlives_a_power_cut() {
    let mut cluster = Cluster::with(3, bare);
    cluster.run_until_idle();
    cluster.node(1).disk = Disk::Held;
    cluster.inject(vote(2, 1, 1, LogPosition::ZERO));
    assert_eq!(ballots(&mut cluster, 2), [], "not before it is synced");
    cluster.cut_power(1);
    cluster.restart(1);
    cluster.poll();
    assert_eq!(cluster.status(1).vote, None, "nobody was promised anything");

    cluster.inject(vote(2, 1, 1, LogPosition::ZERO));
    assert_eq!(ballots(&mut cluster, 2), [(Term(1), Ballot::Granted)]);
    cluster.cut_power(1);
    cluster.restart(1);
    cluster.poll();
    cluster.inject(vote(3, 1, 1, LogPosition::ZERO));
    assert_eq!(ballots(&mut cluster, 3), [(Term(1), Ballot::Refused)]);
}

/// A candidate votes for itself, and that vote too counts only once it is synced.
#[test]
fn a_candidates_own_vote_counts_once_it_is_synced() {
    let mut cluster = Cluster::with(1, bare);
    cluster.run_until_idle();
    cluster.node(1).disk = Disk::Held;
    cluster.campaign(1);
    assert_eq!(cluster.role(1), Role::Candidate);
    cluster.sync(1);
    assert_eq!(cluster.role(1), Role::Leader);
}

/// §5.2: "When servers start up, they begin as followers. A server remains in follower state as
/// long as it receives valid RPCs from a leader or candidate."
#[test]
fn a_node_starts_as_a_follower_and_stays_one_while_it_hears_a_leader() {
    let mut cluster = Cluster::new(3);
    for n in 1..=3 {
        assert_eq!(cluster.role(n), Role::Follower);
    }
    cluster.elect(1);
    cluster.pass(Duration::from_secs(3));
    assert_eq!((cluster.leader(), cluster.term(2)), (Some(1), 1));
    for n in 2..=3 {
        assert_eq!(cluster.role(n), Role::Follower);
    }
}

/// §5.2: "If a follower receives no communication over a period of time called the election
/// timeout, then it ... increments its current term and transitions to candidate state. It then
/// votes for itself and issues RequestVote RPCs in parallel to each of the other servers."
#[test]
fn an_election_timeout_makes_a_candidate_that_votes_for_itself_and_asks_everybody() {
    let mut cluster = Cluster::with(3, bare);
    cluster.run_until_idle();
    cluster.now = cluster.raft(1).poll_timeout();
    let now = cluster.now;
    cluster.raft(1).handle_timeout(now);
    cluster.poll();
    let status = cluster.status(1);
    assert_eq!((status.role, status.term), (Role::Candidate, Term(1)));
    assert_eq!(status.vote, Some(id(1)));
    let asked: Vec<NodeId> = cluster.network.iter().map(|p| p.envelope.to).collect();
    assert_eq!(asked, [id(2), id(3)]);
}

/// §5.2: "A candidate wins an election if it receives votes from a majority of the servers in the
/// full cluster for the same term."
#[test]
fn an_election_takes_a_majority_of_the_whole_cluster() {
    for voters in 1..=7 {
        for granted in 0..voters {
            let mut cluster = Cluster::with(voters, bare);
            for silent in granted + 2..=voters {
                cluster.isolate(silent);
            }
            cluster.campaign(1);
            let votes = granted + 1;
            let wins = 2 * votes > voters;
            let leads = cluster.role(1) == Role::Leader;
            assert_eq!(leads, wins, "{votes} votes of {voters}");
        }
    }
}

/// Votes that are counted twice, come from another term, or from nobody's member elect no leader.
#[test]
fn only_first_answers_of_voters_in_this_term_are_votes() {
    let mut cluster = Cluster::with(5, bare);
    cluster.isolate(1);
    cluster.campaign(1);
    cluster.campaign(1);
    assert_eq!(cluster.term(1), 2);
    let yes = || Message::VoteReply {
        ballot: Ballot::Granted,
    };
    for (from, term) in [(2, 2), (2, 2), (3, 1), (9, 2)] {
        cluster.inject(envelope(from, 1, term, yes()));
        assert_eq!(cluster.role(1), Role::Candidate);
    }
    cluster.inject(envelope(4, 1, 2, yes()));
    assert_eq!(cluster.role(1), Role::Leader);
}

/// §5.2: "If the leader's term is at least as large as the candidate's current term, then the
/// candidate recognizes the leader as legitimate and returns to follower state. If the term is
/// smaller, then the candidate rejects the RPC and continues in candidate state."
#[test]
fn a_candidate_yields_to_a_leader_of_its_term_and_not_to_an_earlier_one() {
    let mut cluster = Cluster::with(3, bare);
    cluster.isolate(1);
    cluster.campaign(1);
    cluster.campaign(1);
    cluster.inject(envelope(2, 1, 1, heartbeat(0, 1)));
    assert_eq!(cluster.role(1), Role::Candidate);
    cluster.inject(envelope(2, 1, 2, heartbeat(0, 1)));
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Follower, 2));
}

/// §5.2: "Raft uses randomized election timeouts to ensure that split votes are rare and that they
/// are resolved quickly."
#[test]
fn election_timeouts_lie_in_their_range_and_differ_from_node_to_node_and_time_to_time() {
    let mut cluster = Cluster::with(5, bare);
    let mut seen = BTreeSet::new();
    for n in 1..=5 {
        cluster.isolate(n);
    }
    for _ in 0..20 {
        let start = cluster.now;
        for n in 1..=5 {
            let timeout = cluster.raft(n).poll_timeout().since(start);
            assert!(timeout >= ms(150) && timeout <= ms(300), "{timeout:?}");
            seen.insert(timeout);
        }
        cluster.now = cluster.now.after(ms(300));
        let now = cluster.now;
        for n in 1..=5 {
            cluster.raft(n).handle_timeout(now);
        }
        cluster.run_until_idle();
    }
    assert!(seen.len() > 80, "{} different timeouts of 100", seen.len());
}

/// Figure 2's four nodes that split their votes two to two elect somebody soon after.
#[test]
fn a_split_vote_is_resolved_by_the_next_timeouts() {
    let mut cluster = Cluster::with(4, bare);
    cluster.run_until_idle();
    let now = cluster.now;
    for n in [1, 2] {
        cluster.raft(n).campaign(now);
    }
    cluster.poll();
    // Node 3 hears 1 first, node 4 hears 2.
    cluster.intercept(|e| (e.from, e.to) == (id(1), id(4)) || (e.from, e.to) == (id(2), id(3)));
    cluster.run_until_idle();
    assert_eq!(cluster.leader(), None);
    cluster.pass(Duration::from_secs(2));
    assert!(cluster.leader().is_some());
}

/// §5.2, figure 3 *Election Safety*: the harness checks every leader; here two are made to try.
#[test]
fn of_two_candidates_in_one_term_one_leads() {
    for first in [1, 2] {
        let mut cluster = Cluster::with(3, bare);
        cluster.run_until_idle();
        let now = cluster.now;
        for n in [first, 3 - first] {
            cluster.raft(n).campaign(now);
            cluster.poll();
        }
        cluster.run_until_idle();
        let leaders = [1, 2].map(|n| cluster.role(n) == Role::Leader);
        assert_eq!(leaders.iter().filter(|leads| **leads).count(), 1);
        assert_eq!(cluster.term(3), 1);
    }
}

/// §5.2: "A leader sends heartbeats to all of the other servers to establish its authority and
/// prevent new elections."
#[test]
fn a_new_leader_is_heard_by_everybody_at_once() {
    let mut cluster = Cluster::with(5, bare);
    cluster.elect(3);
    for n in 1..=5 {
        assert_eq!(cluster.status(n).leader, Some(id(3)));
    }
    let told =
        |output: &Output| matches!(output, Output::Role { leader: Some(l), .. } if *l == id(3));
    assert!(cluster.node(1).outputs.iter().any(told));
}

/// Raft thesis §9.6: a node that was cut off comes back with no higher term, and deposes nobody.
#[test]
fn with_pre_vote_a_node_that_was_cut_off_disturbs_nobody() {
    for (pre_vote, disturbed) in [(PreVote::On, false), (PreVote::Off, true)] {
        let mut cluster = Cluster::with(3, |config| Config {
            pre_vote,
            check_quorum: CheckQuorum::On,
            ..config
        });
        cluster.elect(1);
        cluster.isolate(3);
        cluster.pass(Duration::from_secs(2));
        cluster.heal();
        cluster.pass(Duration::from_secs(1));
        assert_eq!(cluster.term(1) > 1, disturbed, "{pre_vote:?}");
    }
}

/// The story: 1. nothing that is sent to leader 1 arrives, and 2 and 3 hear it; 2. asked whether they
/// would vote, they say that they hear a leader; 3. a leader that never asks itself whether it hears
/// a majority leads on, and nothing is committed for ever.
#[test]
fn asking_before_campaigning_without_the_quorums_check_is_refused() {
    let members = Members::new((1..=3).map(NodeId), []).unwrap();
    let start = |pre_vote, check_quorum| {
        let config = Config {
            pre_vote,
            check_quorum,
            ..Config::new(NodeId(1), StoreId(1), 1)
        };
        Raft::new(
            config,
            Recovery::bootstrap(members.clone()),
            kraft_proto::Nonce(1),
            Instant::ZERO,
        )
        .err()
    };
    let refused = start(PreVote::On, CheckQuorum::Off);
    assert_eq!(refused, Some(ConfigError::PreVote));
    for (pre_vote, check_quorum) in [
        (PreVote::On, CheckQuorum::On),
        (PreVote::Off, CheckQuorum::On),
        (PreVote::Off, CheckQuorum::Off),
    ] {
        assert_eq!(start(pre_vote, check_quorum), None);
    }
    for allowed in [CheckQuorum::On, CheckQuorum::Off] {
        let mut cluster = Cluster::with(3, |config| Config {
            pre_vote: match allowed {
                CheckQuorum::On => PreVote::On,
                CheckQuorum::Off => PreVote::Off,
            },
            check_quorum: allowed,
            ..config
        });
        cluster.elect(1);
        cluster.lossy = |envelope| envelope.to == NodeId(1);
        cluster.propose(1, Class::default());
        cluster.pass(ms(2000));
        let others = cluster.commit(2).max(cluster.commit(3));
        match allowed {
            CheckQuorum::On => assert!(others.term.0 > 1, "another leads, and commits"),
            CheckQuorum::Off => assert_eq!(others.term.0, 1, "nothing is promised"),
        }
    }
}
