//! Raft §5.4: safety.

use kraft_proto::{Ballot, Class, Fate, Held, LogIndex, LogPosition, Message, Role, Run, Term};

use crate::bare;
use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, Disk, at, id, ms, run};

/// §5.4.1: "If the logs have last entries with different terms, then the log with the later term is
/// more up-to-date. If the logs end with the same term, then whichever log is longer is more
/// up-to-date."
#[test]
fn a_vote_needs_a_log_at_least_as_up_to_date() {
    let logs = [
        (vec![], at(0, 0)),
        (vec![run(1, 1, 1)], at(1, 1)),
        (vec![run(1, 1, 9)], at(1, 9)),
        (vec![run(1, 1, 1), run(2, 2, 1)], at(2, 2)),
        (vec![run(1, 1, 1), run(2, 2, 4)], at(2, 5)),
        (vec![run(3, 1, 1)], at(3, 1)),
    ];
    for (place, (log, _)) in logs.iter().enumerate() {
        for (candidate, (_, last)) in logs.iter().enumerate() {
            let mut cluster = Cluster::with(3, bare);
            cluster.start_on(1, 3, log.clone());
            cluster.run_until_idle();
            cluster.inject(envelope(2, 1, 4, Message::Vote { last: *last }));
            let granted = cluster.status(1).vote == Some(id(2));
            assert_eq!(granted, candidate >= place, "{last} asks {log:?}");
            assert_eq!(
                cluster.status(1).term,
                Term(4),
                "the term is adopted anyway"
            );
        }
    }
}

/// The same before the campaign, in the pre-vote (thesis §9.6), which changes no term.
#[test]
fn a_pre_vote_asks_the_same_of_the_log_and_changes_no_term() {
    for (last, expected) in [(at(2, 1), Ballot::Refused), (at(2, 2), Ballot::Granted)] {
        let mut cluster = Cluster::new(3);
        cluster.start_on(1, 2, [run(1, 1, 1), run(2, 2, 1)]);
        cluster.run_until_idle();
        cluster.inject(envelope(2, 1, 3, Message::PreVote { last }));
        let answers = cluster.intercept(|e| e.to == id(2));
        let ballot = answers
            .iter()
            .find_map(|packet| match packet.envelope.message {
                Message::PreVoteReply { ballot } => Some(ballot),
                _ => None,
            });
        assert_eq!(ballot, Some(expected));
        assert_eq!((cluster.term(1), cluster.status(1).vote), (2, None));
    }
}

/// §5.4.2: "Raft never commits log entries from previous terms by counting replicas. Only log
/// entries from the leader's current term are committed by counting replicas."
#[test]
fn an_entry_of_an_earlier_term_on_every_disk_is_not_committed_by_that() {
    let mut cluster = Cluster::new(3);
    for n in 1..=3 {
        cluster.start_on(n, 1, [run(1, 1, 3)]);
    }
    cluster.run_until_idle();
    cluster.disks(Disk::Busy);
    cluster.elect(1);
    cluster.pass(ms(120));
    let known = cluster.status(1).peers;
    assert!(
        known
            .iter()
            .all(|peer| peer.watermarks.unwrap().synced == LogIndex(3))
    );
    assert_eq!(cluster.commit(1), LogPosition::ZERO);
    assert_eq!(cluster.fate(1, at(1, 3)), Fate::Pending);
    cluster.sync(1);
    cluster.sync(2);
    assert_eq!(cluster.commit(1), at(2, 4), "the no-op carries them");
    assert_eq!(cluster.fate(1, at(1, 3)), Fate::Committed);
}

/// How far the no-op of term 4 gets in figure 8 (c). Held: node 2's disk does not write it, and node 3
/// never gets it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NoOp {
    Held,
    Passes,
}

/// Figure 8 up to (c): the entry of term 2 lies on a majority, led by node 1 in term 4. Nodes 4 and
/// 5 hear nothing of it.
fn figure_8_c(no_op: NoOp) -> Cluster {
    let mut cluster = Cluster::with(5, bare);
    let first = run(1, 1, 1);
    let logs: [&[Run]; 5] = [
        &[first, run(2, 2, 1)],
        &[first, run(2, 2, 1)],
        &[first],
        &[first],
        &[first, run(3, 2, 1)],
    ];
    for (log, n) in logs.iter().zip(1..) {
        cluster.start_on(n, 3, log.iter().copied());
    }
    cluster.run_until_idle();
    if no_op == NoOp::Held {
        cluster.node(2).disk = Disk::Busy;
    }
    let now = cluster.now;
    cluster.raft(1).campaign(now);
    for _ in 0..200 {
        cluster.poll();
        for packet in cluster.intercept(|_| true) {
            let to = packet.envelope.to;
            let brings_it = matches!(
                packet.envelope.message,
                Message::Append(append) if append.run_term == Term(4) && append.count > 0
            );
            let takes_it = brings_it && to == id(3) && cluster.status(3).last == at(2, 2);
            if to.0 <= 3 && !(no_op == NoOp::Held && takes_it) {
                cluster.deliver(&packet);
            }
        }
        let now = cluster.now.after(ms(1));
        cluster.now = now;
        cluster.raft(1).handle_timeout(now);
    }
    assert_eq!((cluster.term(1), cluster.terms(1)), (4, vec![1, 2, 4]));
    cluster
}

/// Figure 8 (a–d): an entry of an earlier term on a majority can still be overwritten, so it must
/// not have been committed.
#[test]
fn figure_8_d_an_earlier_entry_on_a_majority_is_overwritten() {
    let mut cluster = figure_8_c(NoOp::Held);
    assert_eq!(cluster.holders(at(2, 2), Held::Synced), [1, 2, 3]);
    let peers = cluster.status(1).peers;
    let known = peers
        .iter()
        .filter_map(|p| p.watermarks)
        .filter(|h| h.synced == LogIndex(2));
    assert_eq!(known.count(), 2, "as the leader knows");
    assert_eq!(cluster.commit(1), LogPosition::ZERO, "and is not committed");
    cluster.kill(1);
    cluster.kill(2);
    cluster.restart(2);
    cluster.heal();
    cluster.campaign(5);
    if cluster.role(5) != Role::Leader {
        // It did not know the term yet.
        cluster.campaign(5);
    }
    assert_eq!(cluster.role(5), Role::Leader);
    cluster.pass(ms(200));
    for n in 2..=5 {
        let terms = cluster.terms(n);
        assert_eq!(terms[..2], [1, 3], "node {n}");
        assert_eq!(cluster.fate(n, at(2, 2)), Fate::Lost);
    }
}

/// Figure 8 (e): once an entry of the leader's own term lies on a majority, everything before it is
/// committed, and node 5 cannot win.
#[test]
fn figure_8_e_an_entry_of_the_own_term_commits_all_before_it() {
    let mut cluster = figure_8_c(NoOp::Passes);
    assert_eq!(cluster.commit(1), at(4, 3));
    cluster.kill(1);
    cluster.heal();
    for _ in 0..3 {
        cluster.campaign(5);
        assert_ne!(cluster.role(5), Role::Leader);
    }
    cluster.pass(ms(1000));
    let leader = cluster.leader().expect("2 or 3 leads");
    assert!([2, 3].contains(&leader));
    assert_eq!(cluster.fate(leader, at(2, 2)), Fate::Committed);
    assert_eq!(cluster.fate(5, at(3, 2)), Fate::Lost);
}

/// §5.4.3 and figure 3: whoever leads has everything committed before. The harness checks every
/// leader; here they are made to change under loss, kills and power cuts.
#[test]
fn every_leader_has_everything_committed_before() {
    let mut leaders = 0;
    for seed in 1..=10 {
        let mut cluster = Cluster::new(5);
        cluster.seed(seed);
        for round in 0..40 {
            let victim = (seed + round * 2) % 5 + 1;
            cluster.heal();
            cluster.loss_percent = 10;
            match round % 3 {
                0 => cluster.isolate(victim),
                1 => cluster.kill(victim),
                _ => cluster.cut_power(victim),
            }
            cluster.pass(ms(400));
            if let Some(leader) = cluster.leader() {
                leaders += 1;
                let _ = cluster.try_propose(leader, Class::default());
            }
            cluster.pass(ms(20));
            if !cluster.is_up(victim) {
                cluster.restart(victim);
            }
        }
        cluster.heal();
        cluster.pass(ms(2000));
        let leader = cluster.leader().expect("a leader after healing");
        for n in 1..=5 {
            assert_eq!(cluster.commit(n), cluster.commit(leader), "seed {seed}");
        }
        assert!(cluster.commit(leader).index > LogIndex(20));
    }
    assert!(leaders > 200, "only {leaders} times somebody led");
}
