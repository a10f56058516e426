//! Nothing acknowledged vanishes silently. Every early acknowledgement ends in exactly
//! one of committed, lost and unknown, and only commit decides.

use std::collections::BTreeMap;

use kraft_proto::durability::Fallback;
use kraft_proto::limits::{TERM_RUNS_MAX, UNSETTLED_TERMS_MAX};
use kraft_proto::{
    Class, CommitMode, Config, Fate, FsyncMode, Grade, Held, LogIndex, LogPosition, Message,
    Output, Role, Unkept,
};

use crate::bare;
use crate::cluster::clients::{Clients, graded};
use crate::cluster::messages::{envelope, snapshot, written_history};
use crate::cluster::{Answering, Cluster, Disk, at, ms, run};

const LEADER_ONLY: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);
const SYNC: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

/// A node of a later term is heard.
fn depose(cluster: &mut Cluster, n: u64, term: u64) {
    let rejected = Message::Rejected {
        rejected: LogIndex::ZERO,
        hint: LogPosition::ZERO,
        trust: kraft_proto::Trust::Clean,
    };
    cluster.inject(envelope(n % 3 + 1, n, term, rejected));
}

/// Figure 8 with an early acknowledgement. The story: 1. node 1 acknowledges 1.2 on its own copy, one
/// more node has it. 2. Node 5 leads and overwrites the copy: it looks lost, and a node that says so
/// has lied in step 3. 3. Node 1 leads again and commits it.
#[test]
fn an_overwritten_entry_is_not_lost_and_comes_back() {
    let mut cluster = Cluster::with(5, bare);
    cluster.elect(1);
    for n in 3..=5 {
        cluster.isolate(n);
    }
    let proposed = cluster.propose(1, LEADER_ONLY);
    let early = proposed.run.last_position();
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    assert_eq!(cluster.holders(early, Held::Written), [1, 2]);
    // Node 5 leads term 2 with 3 and 4, and its no-op gets nowhere.
    cluster.heal();
    cluster.isolate(1);
    cluster.isolate(2);
    cluster.lossy = Cluster::is_append;
    cluster.elect(5);
    let second = cluster.term(5);
    // It leads on, and overwrites node 2 only.
    cluster.heal();
    cluster.isolate(1);
    cluster.isolate(3);
    cluster.isolate(4);
    cluster.pass(ms(51));
    assert_eq!(
        cluster.holders(early, Held::Written),
        [1],
        "2 is overwritten"
    );
    assert_eq!(cluster.terms(2), [1, second]);
    for n in 1..=5 {
        assert_eq!(cluster.fate(n, early), Fate::Pending, "node {n}");
    }
    assert_eq!(cluster.settled(1, 1), None);
    // Nodes 3 and 4 have neither, and would vote for node 1: it leads again, and brings it back.
    cluster.kill(5);
    cluster.heal();
    cluster.isolate(2);
    depose(&mut cluster, 1, second);
    cluster.elect(1);
    cluster.heal();
    cluster.pass(ms(200));
    for n in 1..=4 {
        assert_eq!(cluster.fate(n, early), Fate::Committed, "node {n}");
        assert_eq!(cluster.fate(n, at(second, 2)), Fate::Lost, "node {n}");
    }
    assert_eq!(cluster.settled(1, 1), None, "what is committed is no news");
}

/// The story: 1. node 2 alone holds an entry on its disk; a new leader has it overwritten, and the
/// overwrite is not synced. 2. The power is cut, which undoes it. 3. The entry is back, and commits.
#[test]
fn a_power_cut_brings_an_entry_back_whose_overwrite_was_not_synced() {
    let mut cluster = Cluster::with(3, bare);
    cluster.start_on(2, 1, [run(1, 1, 3)]);
    cluster.run_until_idle();
    cluster.node(2).disk = Disk::Busy;
    cluster.append(3, 2, 2, at(0, 0), run(2, 1, 1), 0);
    cluster.write(2);
    assert_eq!(cluster.terms(2), [2]);
    assert_eq!(cluster.fate(2, at(1, 3)), Fate::Pending, "not lost");
    cluster.cut_power(2);
    cluster.restart(2);
    cluster.elect(2);
    cluster.pass(ms(100));
    for n in 1..=3 {
        assert_eq!(cluster.fate(n, at(1, 3)), Fate::Committed, "node {n}");
        assert_eq!(cluster.fate(n, at(2, 1)), Fate::Lost, "node {n}");
    }
}

/// A leader change, a truncation and a restart on the way: the deposed leader tells it, and every node
/// can be asked.
#[test]
fn an_early_ack_that_another_leader_overwrote_is_lost_and_said_so_before_the_commit_that_proves_it()
{
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.propose(1, SYNC);
    cluster.run_until_idle();
    cluster.isolate(1);
    let lost = cluster.propose_many(1, LEADER_ONLY, 3).run.last_position();
    cluster.run_until_idle();
    cluster.elect(2);
    cluster.propose_many(2, SYNC, 5);
    cluster.run_until_idle();
    assert_eq!(cluster.fate(2, lost), Fate::Lost);
    assert_eq!(cluster.fate(1, lost), Fate::Pending, "it has not heard");
    cluster.heal();
    cluster.pass(ms(200));
    assert_eq!(cluster.settled(1, 1), Some((2, Unkept::Lost)));
    let outputs = &cluster.node(1).outputs;
    let settled = outputs
        .iter()
        .position(|output| matches!(output, Output::Settled { .. }));
    let proof = outputs
        .iter()
        .position(|output| matches!(output, Output::Commit { upto } if upto.term > lost.term));
    assert!(settled.expect("settled") < proof.expect("committed"));
    for n in 1..=3 {
        assert_eq!(cluster.fate(n, lost), Fate::Lost, "node {n}");
        cluster.kill(n);
        cluster.restart(n);
        assert_eq!(
            cluster.fate(n, lost),
            Fate::Pending,
            "node {n} knows no commit yet"
        );
    }
    cluster.pass(ms(1000));
    for n in 1..=3 {
        assert_eq!(cluster.fate(n, lost), Fate::Lost, "node {n}");
    }
}

/// What of an early acknowledged stretch was replicated is committed, the rest is lost.
#[test]
fn a_stretch_of_early_acks_is_settled_in_two_parts() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.cut(1, 3);
    cluster.node(2).disk = Disk::AsAsked;
    cluster.propose_many(1, LEADER_ONLY, 2);
    cluster.run_until_idle();
    cluster.isolate(1);
    cluster.propose_many(1, LEADER_ONLY, 2);
    cluster.run_until_idle();
    cluster.elect(2);
    cluster.heal();
    cluster.pass(ms(200));
    assert_eq!(cluster.settled(1, 1), Some((3, Unkept::Lost)));
    let fates = [2, 3, 4, 5].map(|index| cluster.fate(1, at(1, index)));
    let (kept, lost) = (Fate::Committed, Fate::Lost);
    assert_eq!(fates, [kept, kept, lost, lost]);
}

/// The story: 1. a node leads a fifth term while four are open. 2. It could not tell any more what becomes
/// of an early acknowledgement, so none is given: the client hears at commit.
#[test]
fn with_four_terms_open_acks_wait_for_commit() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.lossy = Cluster::is_append;
    let mut proposals = Vec::new();
    for _ in 0..=UNSETTLED_TERMS_MAX {
        if cluster.role(1) != Role::Leader {
            cluster.elect(1);
        }
        let proposed = cluster.propose(1, LEADER_ONLY);
        cluster.run_until_idle();
        proposals.push(proposed);
        if proposals.len() <= UNSETTLED_TERMS_MAX {
            assert!(cluster.acked(1, &proposed));
            let term = cluster.term(1);
            depose(&mut cluster, 1, term + 1);
        }
    }
    let last = proposals.pop().unwrap();
    assert!(!cluster.acked(1, &last), "the fifth waits");
    cluster.heal();
    cluster.pass(ms(100));
    assert!(cluster.acked(1, &last));
    assert_eq!(cluster.fate(1, last.run.last_position()), Fate::Committed);
}

/// The end of a term that was led stays known: commit decides about its early acknowledgements in the
/// same step, however many terms came since, and waits for no host.
#[test]
fn early_acknowledgements_are_settled_however_many_terms_came_since() {
    for window in [2, 64] {
        let mut cluster = Cluster::with(3, |config| Config {
            term_runs_max: window,
            ..bare(config)
        });
        cluster.elect(1);
        cluster.isolate(1);
        let kept = cluster.propose(1, LEADER_ONLY).run.last_position();
        let early = cluster.propose(1, LEADER_ONLY).run.last_position();
        cluster.run_until_idle();
        cluster.node(1).answering = Answering::WhenTold;
        let terms = 3 + 2 * TERM_RUNS_MAX as u64;
        cluster.append(2, 1, 1000, kept, run(2, 3, 1), 0);
        for term in 3..=terms {
            cluster.append(2, 1, 1000, at(term - 1, term), run(term, term + 1, 1), 0);
            assert_eq!(cluster.fate(1, early), Fate::Pending);
        }
        let (prev, last) = (at(terms, terms + 1), run(1000, terms + 2, 1));
        cluster.append(2, 1, 1000, prev, last, terms + 2);
        assert_eq!(cluster.settled(1, 1), Some((2, Unkept::Lost)));
        assert_eq!(cluster.fate(1, early), Fate::Lost);
        assert_eq!(cluster.fate(1, kept), Fate::Committed);
    }
}

/// The story: 1. the next thing a leader hears after a commit, and the acknowledgement of it, is a snapshot
/// that forgot its term. 2. Nothing was acknowledged early, and nothing is unknown.
#[test]
fn what_commit_acknowledged_has_no_fate_left_to_tell() {
    for class in [SYNC, LEADER_ONLY] {
        let mut cluster = Cluster::with(3, bare);
        cluster.elect(1);
        cluster.cut(1, 3);
        let proposed = cluster.propose(1, class);
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed));
        assert_eq!(cluster.commit(1), proposed.run.last_position());
        let members = cluster.members.clone();
        let core = written_history(9, (3, 9), &[], 0, &members);
        let brought = snapshot(2, 1, 3, at(3, 9), &core);
        cluster.deliver(&brought);
        cluster.run_until_idle();
        assert_eq!(cluster.status(1).first_known, LogIndex(10));
        assert_eq!(cluster.settled(1, 1), None, "{class:?}");
    }
}

/// A client that was not answered when its leader left office is answered by what commit proves.
#[test]
fn who_was_not_answered_in_time_is_answered_by_commit() {
    for (reaches_2, grade, held) in [
        (true, Grade::AsAsked, Some(Held::Synced)),
        (false, Grade::Lost, None),
    ] {
        let mut cluster = Cluster::with(3, bare);
        cluster.elect(1);
        cluster.isolate(3);
        cluster.node(1).disk = Disk::Busy;
        if !reaches_2 {
            cluster.isolate(1);
        }
        let mut clients = Clients::new();
        clients.propose(&mut cluster, 1, SYNC, Fallback::Refuse);
        cluster.run_until_idle();
        assert_eq!(clients.told(&mut cluster), []);
        cluster.heal();
        cluster.isolate(1);
        cluster.elect(2);
        cluster.sync(1);
        cluster.node(1).disk = Disk::Prompt;
        cluster.heal();
        cluster.pass(ms(200));
        assert_eq!(graded(&clients.told(&mut cluster)), [(1, grade, held)]);
    }
}

/// Fates are monotone: what any node ever called committed or lost, no node ever calls otherwise,
/// while leaders change, processes die and power is cut.
#[test]
fn no_node_ever_takes_back_a_fate() {
    let classes = [
        LEADER_ONLY,
        SYNC,
        Class::new(CommitMode::Async, FsyncMode::Batch),
        Class::new(CommitMode::Sync, FsyncMode::None),
        Class::new(CommitMode::All, FsyncMode::Always),
    ];
    let mut ends = [0; 2];
    for seed in 1..=8 {
        let mut cluster = Cluster::with(3, bare);
        cluster.seed(seed);
        let mut decided: BTreeMap<LogPosition, Fate> = BTreeMap::new();
        let mut proposed: Vec<LogPosition> = Vec::new();
        for round in 0..60 {
            let victim = (seed + round) % 3 + 1;
            cluster.heal();
            cluster.disks(Disk::AsAsked);
            cluster.loss_percent = 15;
            match round % 4 {
                0 => cluster.kill(victim),
                1 => cluster.cut_power(victim),
                _ => cluster.isolate(victim),
            }
            cluster.pass(ms(150));
            for n in 1..=3 {
                let class = classes[(round % 5) as usize];
                if cluster.is_up(n)
                    && let Ok(run) = cluster.try_propose(n, class)
                {
                    proposed.push(run.run.last_position());
                }
            }
            cluster.pass(ms(100));
            if !cluster.is_up(victim) {
                cluster.restart(victim);
            }
            for position in &proposed {
                for n in 1..=3 {
                    let fate = cluster.fate(n, *position);
                    if fate != Fate::Pending {
                        let first = *decided.entry(*position).or_insert(fate);
                        assert_eq!(fate, first, "seed {seed}: {position} on node {n}");
                    }
                }
            }
        }
        ends[0] += decided
            .values()
            .filter(|fate| **fate == Fate::Committed)
            .count();
        ends[1] += decided.values().filter(|fate| **fate == Fate::Lost).count();
    }
    assert!(ends[0] > 60 && ends[1] > 20, "{ends:?}");
}
