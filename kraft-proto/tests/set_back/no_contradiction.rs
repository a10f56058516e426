//! What is no contradiction: late words, and copies that were never synced.

use super::*;

fn refused(n: u64, incarnation: Incarnation, prev: u64, trust: Trust) -> Envelope {
    let message = Message::Rejected {
        rejected: LogIndex(prev),
        hint: LogPosition::ZERO,
        trust,
    };
    Envelope {
        incarnation,
        ..envelope(n, 1, 1, message)
    }
}

/// A late refusal, from before the same incarnation had synced what it refused.
#[test]
fn nothing_that_one_life_says_contradicts_itself() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, FIRM);
    cluster.run_until_idle();
    assert_eq!(peer(&cluster, 3).watermarks.unwrap().synced, LogIndex(2));
    cluster.inject(refused(3, incarnation(1, 1), 1, Trust::Clean));
    cluster.inject(refused(3, incarnation(1, 1), 2, Trust::Clean));
    cluster.pass(ms(200));
    assert_eq!(peer(&cluster, 3).set_backs, 0);
    assert_eq!(cluster.status(3).incarnation, incarnation(1, 1));
}

/// The same of an incarnation that is gone: it says nothing of the one that came after it.
#[test]
fn a_late_refusal_of_an_earlier_life_contradicts_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, FIRM);
    cluster.run_until_idle();
    cluster.kill(3);
    cluster.restart(3);
    cluster.pass(ms(100));
    cluster.inject(refused(3, incarnation(1, 1), 1, Trust::Clean));
    cluster.pass(ms(600));
    assert_eq!(peer(&cluster, 3).set_backs, 0);
    let now = cluster.status(3);
    assert_eq!((now.incarnation, now.set_back), (incarnation(2, 2), None));
}

/// A copy that was written and not synced goes with the power.
#[test]
fn a_written_copy_that_a_power_cut_took_is_no_contradiction() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.run_until_idle();
    cluster.disks(Disk::Busy);
    let relaxed = Class::new(CommitMode::Sync, FsyncMode::None);
    cluster.propose(1, relaxed);
    cluster.run_until_idle();
    for n in 1..=3 {
        cluster.sync_hard_state(n);
        cluster.write(n);
    }
    let reported = peer(&cluster, 3).watermarks.unwrap();
    assert!(reported.written > reported.synced, "{reported:?}");
    cluster.cut_power(3);
    cluster.disks(Disk::Prompt);
    cluster.restart(3);
    cluster.pass(ms(300));
    let back = cluster.status(3);
    assert_eq!((back.set_back, peer(&cluster, 3).set_backs), (None, 0));
    assert_eq!(back.incarnation, incarnation(2, 2));
    assert_ne!(back.trust, Trust::Suspect, "and it is re-admitted");
}

/// 1. leader 1 counts what node 3 synced, with three of five away; 2. node 2 leads a later term and cuts
///    that off; 3. node 3 is started anew, and leader 1, which heard of nothing, asks it for what its
///    earlier incarnation had.
#[test]
fn what_another_leader_cut_off_is_no_contradiction() {
    let mut cluster = Cluster::with(5, |config| Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    });
    cluster.elect(1);
    for away in [2, 4, 5] {
        cluster.isolate(away);
    }
    cluster.propose(1, FIRM);
    cluster.run_until_idle();
    assert_eq!(peer(&cluster, 3).watermarks.unwrap().synced, LogIndex(2));
    cluster.heal();
    cluster.isolate(1);
    cluster.elect(2);
    cluster.run_until_idle();
    assert_eq!(
        (cluster.terms(1), cluster.terms(3)),
        (vec![1, 1], vec![1, 2])
    );
    cluster.kill(3);
    cluster.restart(3);
    cluster.poll();
    cluster.heal();
    for away in [2, 4, 5] {
        cluster.isolate(away);
    }
    assert_eq!(cluster.role(1), Role::Leader);
    for _ in 0..100 {
        cluster.pass(ms(1));
        let leads = cluster.role(1) == Role::Leader;
        assert!(!leads || peer(&cluster, 3).set_backs == 0);
    }
    assert_ne!(
        cluster.role(1),
        Role::Leader,
        "the refusal comes with the later term"
    );
    let back = cluster.status(3);
    assert_eq!((back.set_back, back.incarnation), (None, incarnation(2, 2)));
}

/// A suspect says itself that it may have forgotten: it is re-admitted anyhow.
#[test]
fn a_suspect_contradicts_nothing() {
    let (mut cluster, _, _) = story(1, 1);
    cluster.kill(3);
    cluster.inject(refused(3, incarnation(2, 7), 3, Trust::Suspect));
    assert_eq!(peer(&cluster, 3).incarnation, incarnation(2, 7));
    assert_eq!(peer(&cluster, 3).set_backs, 0);
    cluster.inject(refused(3, incarnation(2, 7), 3, Trust::Clean));
    assert_eq!(peer(&cluster, 3).set_backs, 1, "of a clean one it is one");
}

/// An incarnation that refuses more than was ever synced only lacks what it never had.
#[test]
fn a_refusal_beyond_what_was_synced_is_no_contradiction() {
    let (mut cluster, _, _) = story(1, 1);
    cluster.kill(3);
    cluster.inject(refused(3, incarnation(2, 7), 7, Trust::Clean));
    assert_eq!(peer(&cluster, 3).set_backs, 0);
}

/// An incarnation that has to ask its host about what an earlier one had synced says nothing until it was told:
/// that is no contradiction, and what it says then is none.
#[test]
fn who_waits_for_its_host_to_recall_contradicts_nothing() {
    let mut cluster = Cluster::new(3);
    cluster.set(3, |config| Config {
        term_runs_max: 2,
        ..config
    });
    let runs = |upto| (1..=upto).map(|term| run(term, term, 1));
    cluster.start_on(1, 20, runs(20));
    cluster.start_on(3, 20, runs(10));
    cluster.isolate(2);
    cluster.lossy = |envelope| envelope.to == id(3) && Cluster::is_append(envelope);
    cluster.elect(1);
    let term = cluster.term(1);
    cluster.inject(envelope(3, 1, term, Message::Matched(watermarks(10, 10))));
    cluster.kill(3);
    let hard = HardState {
        term: Term(term),
        incarnation: incarnation(1, 1),
        ..HardState::default()
    };
    let recovery = kraft_proto::Recovery::resume(hard, cluster.members.clone()).same_boot();
    cluster.start_from(3, recovery, runs(20));
    cluster.node(3).answering = Answering::WhenTold;
    cluster.lossy = |_| false;
    cluster.pass(ms(500));
    assert_eq!(
        cluster.status(3).waiting[..],
        [Waiting::Recall(LogIndex(10))]
    );
    assert_eq!(peer(&cluster, 3).set_backs, 0, "silence is no refusal");
    cluster.answer(3);
    cluster.pass(ms(200));
    assert_eq!(peer(&cluster, 3).set_backs, 0);
    assert_eq!(cluster.commit(3), cluster.status(1).last);
}

/// The story (simulated seed 22281): 1. node 1 leads, and an append to node 3 is late; 2. it leads again,
/// and node 3 has synced all of its log; 3. node 3 is started again, and the late append arrives. It is of
/// an earlier term, which the answer says in this one: it must not pass for the refusal of an entry.
#[test]
fn an_answer_to_an_append_of_an_earlier_term_contradicts_nothing() {
    let mut cluster = Cluster::with(3, |config| Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    });
    cluster.elect(1);
    cluster.propose_many(1, FIRM, 3);
    cluster.pass(ms(100));
    let late = append(at(1, 2), run(1, 3, 1), 2);
    let late = envelope(1, 3, 1, Message::Append(late));
    cluster.elect(2);
    cluster.elect(1);
    cluster.propose_many(1, FIRM, 3);
    cluster.pass(ms(100));
    cluster.kill(3);
    cluster.restart(3);
    cluster.inject(late);
    cluster.pass(ms(200));
    assert_eq!(peer(&cluster, 3).incarnation, incarnation(2, 2));
    assert_eq!(
        (peer(&cluster, 3).set_backs, cluster.status(3).set_back),
        (0, None)
    );
}
