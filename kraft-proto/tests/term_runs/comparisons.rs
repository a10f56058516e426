//! A follower compares below its window by what its host says: unknown is neither equal nor different.

use kraft_proto::{Class, Fate, Held, LogIndex, Message, Output, Waiting};

use crate::cluster::messages::{append, envelope, heartbeat};
use crate::cluster::{Answering, Cluster, at, id, ms, run};
use crate::{narrow, terms};

/// What node 1 has said since, other than that it lives.
fn said(cluster: &mut Cluster) -> Vec<Message> {
    let packets = cluster.intercept(|e| e.from == id(1));
    packets.into_iter().map(|p| p.envelope.message).collect()
}

/// Node 1 of three follows node 2 in term 99, has twenty terms of its own, and its host answers when told.
fn follower(window: u8) -> Cluster {
    let mut cluster = Cluster::with(3, narrow);
    cluster.set(1, |config| kraft_proto::Config {
        term_runs_max: window,
        ..config
    });
    cluster.start_on(1, 20, terms(1..=20));
    cluster.node(1).answering = Answering::WhenTold;
    cluster.inject(envelope(2, 1, 99, heartbeat(0, 0)));
    said(&mut cluster);
    cluster
}

/// The story: 1. node 1 has terms one to twenty, and its leader asks whether it has 5.5; 2. a refusal would
/// have the leader go back, and send anew what node 1 has: taken, it would be cut off first. 3. So
/// nothing is said before the host has, and then at once what is true.
#[test]
fn an_append_that_cannot_be_compared_is_dropped_in_silence_until_the_host_has_answered() {
    let mut cluster = follower(2);
    let other = [
        (at(5, 5), run(6, 6, 1), true),
        (at(4, 5), run(9, 6, 1), false),
    ];
    for (prev, run, equal) in other {
        cluster.append(2, 1, 99, prev, run, 0);
        assert_eq!(said(&mut cluster), [], "{prev}");
        assert_eq!(
            cluster.status(1).waiting[..],
            [Waiting::Recall(LogIndex(5))]
        );
        cluster.answer(1);
        assert_eq!(cluster.status(1).last, at(20, 20), "nothing is cut");
        match (&said(&mut cluster)[..], equal) {
            ([.., Message::Matched(held)], true) => assert_eq!(held.synced, LogIndex(6)),
            ([Message::Rejected { rejected, hint, .. }], false) => {
                assert_eq!((*rejected, *hint), (LogIndex(5), at(4, 4)));
            }
            (other, _) => panic!("{other:?}"),
        }
        cluster = follower(2);
    }
}

/// Where the entries themselves lie below the window, each is compared: those it has are kept, and the
/// log is cut where the first differs and nowhere else.
#[test]
fn entries_below_the_window_are_kept_as_far_as_they_agree_and_cut_where_they_part() {
    let mut cluster = follower(2);
    let fresh = run(50, 8, 2);
    for (prev, sent) in [
        (at(5, 5), run(6, 6, 1)),
        (at(6, 6), run(7, 7, 1)),
        (at(7, 7), fresh),
    ] {
        for _ in 0..4 {
            cluster.append(2, 1, 99, prev, sent, 0);
            cluster.answer(1);
        }
    }
    assert_eq!(cluster.status(1).last, at(50, 9));
    assert_eq!(cluster.terms(1), [1, 2, 3, 4, 5, 6, 7, 50, 50]);
    assert_eq!(cluster.holders(at(7, 7), Held::Synced), [1]);
    // The position at the cut is known: the next vote rests on nothing older.
    let (prev, sent) = (at(50, 9), run(99, 10, 1));
    cluster.append(2, 1, 99, prev, sent, 10);
    assert_eq!(cluster.commit(1), at(99, 10));
}

/// The story: 1. node 1's log is cut below its window, to 5.5, and one entry comes; 2. that is cut off again,
/// and the log ends with 5.5; 3. asked for its vote, node 1 compares with exactly that.
#[test]
fn a_vote_after_a_cut_below_the_window_compares_the_last_term_that_is_left() {
    for (candidate, granted) in [(at(5, 4), false), (at(4, 9), false), (at(5, 5), true)] {
        let mut cluster = follower(2);
        for _ in 0..2 {
            cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
            cluster.answer(1);
        }
        assert_eq!(cluster.status(1).last, at(60, 6));
        cluster.append(3, 1, 100, at(5, 5), run(61, 6, 1), 0);
        cluster.answer(1);
        assert_eq!(cluster.status(1).last, at(61, 6));
        cluster.append(2, 1, 101, at(5, 5), run(62, 6, 0), 0);
        cluster.start_on(1, 101, terms(1..=5));
        let ask = Message::Vote { last: candidate };
        cluster.inject(envelope(3, 1, 200, ask));
        let ballots = said(&mut cluster);
        let yes = ballots.contains(&Message::VoteReply {
            ballot: kraft_proto::Ballot::Granted,
        });
        assert_eq!(yes, granted, "{candidate}: {ballots:?}");
    }
}

/// The story: 1. node 3 has ninety terms that no majority ever had, and forks from the others below its
/// window; 2. the leader remembers everything; 3. once it refused what it could not compare, and the
/// leader sent it again, at the speed of the wire, for ever.
#[test]
fn a_log_that_parts_below_the_window_is_repaired_without_a_storm() {
    for window in [2, 3, 64] {
        let mut cluster = Cluster::with(3, |config| kraft_proto::Config {
            term_runs_max: window,
            ..config
        });
        let ours: Vec<_> = terms(1..=5).into_iter().chain([run(200, 6, 40)]).collect();
        for n in [1, 2] {
            cluster.start_on(n, 200, ours.clone());
        }
        cluster.start_on(3, 190, terms(1..=90));
        cluster.pass(ms(10));
        let mut sent = 0;
        cluster.campaign(1);
        for _ in 0..40 {
            cluster.pass(ms(50));
            sent += cluster.delivered;
            cluster.delivered = 0;
        }
        let leader = cluster.leader().expect("a leader");
        assert_eq!(cluster.terms(3), cluster.terms(leader), "window {window}");
        assert_eq!(cluster.commit(3), cluster.commit(leader));
        assert!(sent < 1500, "{sent} messages with a window of {window}");
    }
}

/// The same after the disks of two of three were replaced: the blank ones are fed everything, and the
/// third, whose tail nobody else has, is repaired.
#[test]
fn two_blank_disks_and_one_old_log_come_together() {
    let mut cluster = Cluster::with(3, narrow);
    cluster.start_on(1, 100, terms(1..=100));
    cluster.pass(ms(2000));
    let leader = cluster.leader().expect("a leader");
    let position = cluster
        .propose(leader, Class::default())
        .run
        .last_position();
    cluster.pass(ms(1000));
    for n in 1..=3 {
        assert_eq!(cluster.terms(n), cluster.terms(leader));
        assert_eq!(cluster.fate(n, position), Fate::Committed);
    }
}

/// The story: 1. node 1 asks what stands at 5, and the answer is slow; 2. the leader sends another append,
/// which needs another entry; 3. the first is what all else waits for, and stays asked.
#[test]
fn a_comparison_waits_for_the_lowest_entry_and_asks_once() {
    let mut cluster = follower(2);
    for _ in 0..3 {
        cluster.append(2, 1, 99, at(5, 5), run(60, 6, 1), 0);
        cluster.append(2, 1, 99, at(60, 6), run(61, 7, 1), 0);
        cluster.append(2, 1, 99, at(61, 7), run(62, 8, 1), 0);
    }
    let asked: Vec<_> = cluster.node(1).asked.iter().map(|q| q.index()).collect();
    assert_eq!(asked, [LogIndex(5)]);
    let late = cluster.now.after(ms(50));
    cluster.now = late;
    for _ in 0..5 {
        cluster.inject(envelope(2, 1, 99, heartbeat(0, 0)));
    }
    assert_eq!(
        cluster.node(1).asked.len(),
        2,
        "again, after a heartbeat's time"
    );
    let recalls = |output: &Output| matches!(output, Output::Recall { .. });
    assert!(cluster.node(1).outputs.iter().any(recalls));
}

/// An append in place of committed entries is none; below the window as above.
#[test]
fn what_is_committed_agrees_without_a_question() {
    let mut cluster = follower(2);
    cluster.append(2, 1, 99, at(20, 20), run(99, 21, 1), 21);
    assert_eq!(cluster.commit(1), at(99, 21));
    cluster.append(2, 1, 99, at(4, 4), run(5, 5, 1), 21);
    assert_eq!(cluster.node(1).asked, []);
    assert_eq!(cluster.status(1).last, at(99, 21));
    let _ = append(at(4, 4), run(5, 5, 1), 0);
}
