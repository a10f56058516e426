//! What the host's answers are worth: for the log that was asked about, as far as they fit.

use kraft_proto::{Fate, LogIndex, Message, Question, Run, Verdict};

use crate::cluster::messages::{envelope, heartbeat, snapshot, written_history};
use crate::cluster::{Answering, Cluster, at, id, run};
use crate::{narrow, terms};

/// Node 1 of three follows node 2 in term 99, and asked what stands at 5 of its twenty terms.
fn asked() -> (Cluster, Question) {
    let mut cluster = Cluster::with(3, narrow);
    cluster.start_on(1, 20, terms(1..=20));
    cluster.node(1).answering = Answering::WhenTold;
    cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
    cluster.intercept(|_| true);
    let question = cluster.node(1).asked[0];
    assert_eq!(question.index(), LogIndex(5));
    (cluster, question)
}

fn answer(cluster: &mut Cluster, question: Question, run: Run) {
    let now = cluster.now;
    cluster.raft(1).handle_recalled(now, question, run);
    cluster.poll();
}

/// The story: 1. node 1 asks what stands at 5; 2. the log is cut to 4, and other entries come, beyond the
/// window once more; 3. asked about those, it hears the late answer of before, and what differs would
/// pass for equal.
#[test]
fn an_answer_from_before_a_cut_is_worth_nothing_after_it() {
    let (mut cluster, old) = asked();
    let before = run(5, 5, 1);
    cluster.node(1).answering = Answering::AtOnce;
    for _ in 0..2 {
        cluster.append(3, 1, 100, at(4, 4), run(70, 5, 1), 0);
    }
    for term in 71..=75 {
        let first = term - 65;
        cluster.append(3, 1, 100, at(term - 1, first - 1), run(term, first, 1), 0);
    }
    assert_eq!(cluster.status(1).last, at(75, 10));
    cluster.node(1).answering = Answering::WhenTold;
    cluster.node(1).asked.clear();
    cluster.inject(envelope(2, 1, 101, heartbeat(0, 0)));
    cluster.append(2, 1, 101, at(5, 5), run(101, 6, 1), 0);
    cluster.intercept(|_| true);
    let new = cluster.node(1).asked[0];
    assert_eq!(new.index(), old.index());
    assert_ne!(new, old, "a question has a number");
    answer(&mut cluster, old, before);
    assert_eq!(cluster.intercept(|_| true).len(), 0, "nothing is said");
    cluster.answer(1);
    let said = cluster.intercept(|e| e.from == id(1));
    assert!(
        matches!(said[0].envelope.message, Message::Rejected { .. }),
        "the entry differs"
    );
}

/// What was kept of an answer goes with the cut too.
#[test]
fn what_was_kept_of_an_answer_is_void_after_a_cut() {
    let (mut cluster, question) = asked();
    answer(&mut cluster, question, run(5, 5, 1));
    cluster.answer(1);
    cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
    assert_eq!(cluster.status(1).last, at(60, 6), "cut, and taken");
    for term in 61..=64 {
        let first = term - 54;
        cluster.append(2, 1, 99, at(term - 1, first - 1), run(term, first, 1), 0);
    }
    assert_eq!(cluster.node(1).asked, []);
    cluster.append(3, 1, 100, at(5, 5), run(100, 6, 1), 0);
    let again: Vec<_> = cluster.node(1).asked.iter().map(|q| q.index()).collect();
    assert_eq!(
        again,
        [LogIndex(5)],
        "asked again, although it was told before"
    );
}

/// A snapshot takes the log's place: nothing that was asked of that is believed.
#[test]
fn a_snapshot_voids_what_was_asked_of_the_log_it_replaces() {
    let (mut cluster, old) = asked();
    let members = cluster.members.clone();
    let core = written_history(30, (98, 30), &[], 0, &members);
    let brought = snapshot(2, 1, 99, at(98, 30), &core);
    cluster.deliver(&brought);
    cluster.poll();
    answer(&mut cluster, old, run(5, 5, 1));
    assert_eq!(cluster.status(1).last, at(98, 30));
    assert_eq!(
        cluster.status(1).dropped.recalls,
        0,
        "it is late, and not wrong"
    );
}

/// A start is another incarnation, and may have another log: power cuts take what was not synced.
#[test]
fn a_start_voids_what_an_earlier_life_asked() {
    let (mut cluster, old) = asked();
    cluster.kill(1);
    cluster.restart(1);
    cluster.node(1).answering = Answering::WhenTold;
    cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
    let new = cluster.node(1).asked[0];
    assert_eq!((new.index(), new != old), (LogIndex(5), true));
    cluster.intercept(|_| true);
    answer(&mut cluster, old, run(5, 5, 1));
    assert_eq!(cluster.intercept(|_| true).len(), 0);
}

/// A disk that lies is caught where it contradicts what is known, counted, and asked again.
#[test]
fn an_answer_that_contradicts_what_is_known_is_dropped_and_counted() {
    let wrong = [
        ("it does not hold that index", run(5, 6, 3)),
        ("it ends before", run(4, 3, 2)),
        ("nothing is no run", run(5, 5, 0)),
        ("no log begins there", run(5, 0, 9)),
        ("no entry is of no term", run(0, 5, 1)),
        ("its term is newer than what follows", run(19, 5, 1)),
        ("it reaches beyond the log", run(5, 5, 99)),
        (
            "it reaches into the window, where other terms stand",
            run(5, 5, 16),
        ),
    ];
    for (number, (why, run)) in wrong.into_iter().enumerate() {
        let (mut cluster, question) = asked();
        answer(&mut cluster, question, run);
        assert_eq!(cluster.status(1).dropped.recalls, 1, "{number}: {why}");
        assert_eq!(cluster.intercept(|_| true).len(), 0, "{why}");
        answer(&mut cluster, question, crate::run(5, 5, 1));
        let said = cluster.intercept(|e| e.from == id(1));
        assert_eq!(said.len(), 1, "the right one is taken after that: {why}");
    }
}

/// It must not be older than what is committed before it.
#[test]
fn an_answer_older_than_what_is_committed_below_is_dropped() {
    let mut cluster = Cluster::with(3, narrow);
    let recovery = cluster.resume(20).committed(at(3, 3));
    cluster.start_from(1, recovery, terms(1..=20));
    cluster.node(1).answering = Answering::WhenTold;
    cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
    let question = cluster.node(1).asked[0];
    for older in [run(2, 5, 1), run(2, 3, 3)] {
        answer(&mut cluster, question, older);
    }
    assert_eq!(cluster.status(1).dropped.recalls, 2);
}

/// The story: 1. node 1's log has 2.4 where the cluster committed another entry, in a snapshot that node 1
/// has taken and its host was not handed yet; 2. asked for the fate of 2.4, the host would find it in
/// its log, and the core call it committed.
#[test]
fn no_fate_is_decided_by_a_log_that_a_snapshot_is_about_to_replace() {
    let mut cluster = Cluster::with(3, |config| kraft_proto::Config {
        writes_in_flight_max: 1,
        ..narrow(config)
    });
    cluster.start_on(1, 2, [run(1, 1, 3), run(2, 4, 3)]);
    cluster.node(1).disk = crate::cluster::Disk::Busy;
    cluster.append(2, 1, 3, at(2, 6), run(3, 7, 1), 0);
    let members = cluster.members.clone();
    let core = written_history(9, (8, 9), &[], 0, &members);
    let brought = snapshot(3, 1, 9, at(8, 9), &core);
    cluster.deliver(&brought);
    cluster.poll();
    assert_eq!(cluster.commit(1), at(8, 9));
    assert_eq!(cluster.fate(1, at(2, 4)), Fate::Pending, "not yet told");
    cluster.sync(1);
    cluster.sync(1);
    assert_eq!(cluster.raft(1).fate(at(2, 4)), Verdict::Recall(LogIndex(4)));
    assert_eq!(cluster.fate(1, at(2, 4)), Fate::Unknown, "nobody kept it");
    let kept = Some(run(1, 1, 5));
    assert_eq!(cluster.raft(1).fate_given(at(2, 4), kept), Fate::Lost);
    assert_eq!(cluster.raft(1).fate_given(at(1, 4), kept), Fate::Committed);
}
