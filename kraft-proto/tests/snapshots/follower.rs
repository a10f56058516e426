//! What a snapshot may replace in a follower's log, and what it must not.

use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{
    Ballot, Class, CommitMode, Fate, FsyncMode, HardState, Held, Incarnation, LogIndex, Message,
    Nonce, Recovery, Role, Term, Trust,
};

use super::cluster::messages::{envelope, heartbeat, heartbeat_reply, watermarks};
use super::cluster::{Answering, Cluster, Disk, at, id, ms, run};
use super::{bare, brought, deliver, restored, with_log};

fn matched(cluster: &mut Cluster) -> Vec<u64> {
    let answers = cluster.intercept(|e| e.from == id(3));
    let synced = answers.iter().filter_map(|p| match p.envelope.message {
        Message::Matched(held) => Some(held.synced.0),
        _ => None,
    });
    synced.collect()
}

/// A snapshot that ends before what is committed here brings nothing: it is answered, not taken.
#[test]
fn a_snapshot_older_than_commit_is_answered_and_not_taken() {
    let mut cluster = with_log();
    let run = run(3, 7, 2);
    cluster.append(1, 3, 3, at(2, 6), run, 7);
    assert_eq!(cluster.commit(3), at(3, 7));
    cluster.intercept(|_| true);
    let old = brought(&cluster, 3, &[(1, 1), (2, 4)], at(2, 5));
    deliver(&mut cluster, &old);
    assert_eq!(matched(&mut cluster), [8], "what it holds");
    assert_eq!(cluster.status(3).compacted, at(0, 0));
    assert_eq!(cluster.status(3).last, at(3, 8));
}

/// 1. The leader sends a snapshot through 3.8; 2. the node catches up by appends, through 10, and
///    reports that; 3. the snapshot arrives. Taken, it would undo 9 and 10, which are counted.
#[test]
fn a_snapshot_that_appends_overtook_undoes_nothing() {
    let mut cluster = with_log();
    let late = brought(&cluster, 3, &[(1, 1), (2, 4), (3, 7)], at(3, 8));
    cluster.append(1, 3, 3, at(2, 6), run(3, 7, 4), 0);
    cluster.intercept(|_| true);
    deliver(&mut cluster, &late);
    assert_eq!(cluster.status(3).last, at(3, 10));
    assert_eq!(
        cluster.commit(3),
        at(3, 8),
        "a leader sends what is committed"
    );
    assert_eq!(matched(&mut cluster), [10]);
    assert_eq!(cluster.holders(at(3, 10), Held::Synced), [3]);
}

/// What a leader matched in this term is its log: below the window nobody need be asked.
#[test]
fn a_log_that_matched_is_kept_below_its_window() {
    let mut cluster = Cluster::with(3, bare);
    let terms = TERM_RUNS_MAX as u64 + 20;
    cluster.start_on(3, terms, (1..=terms).map(|t| run(t, t, 1)));
    cluster.append(
        1,
        3,
        terms + 1,
        at(terms, terms),
        run(terms + 1, terms + 1, 1),
        0,
    );
    let history: Vec<_> = (1..=10).map(|t| (t, t)).collect();
    let old = brought(&cluster, terms + 1, &history, at(10, 10));
    deliver(&mut cluster, &old);
    assert_eq!(cluster.status(3).last, at(terms + 1, terms + 1));
    assert_eq!(restored(&cluster), []);
}

#[test]
fn a_snapshot_of_an_old_leader_is_refused_with_the_newer_term() {
    let mut cluster = with_log();
    cluster.inject(envelope(2, 3, 9, heartbeat(0, 0)));
    cluster.intercept(|_| true);
    let old = brought(&cluster, 3, &[(1, 1), (3, 4)], at(3, 8));
    deliver(&mut cluster, &old);
    let answers = cluster.intercept(|e| e.from == id(3));
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].envelope.term, Term(9));
    assert_eq!(cluster.status(3).last, at(2, 6), "nothing is taken");
}

/// A relaxed copy of this node may be the one that somebody counts on: a log that has the snapshot's
/// last entry keeps all behind it.
#[test]
fn a_longer_log_that_agrees_keeps_its_uncommitted_copies() {
    let mut cluster = with_log();
    let prefix = brought(&cluster, 3, &[(1, 1), (2, 4)], at(2, 4));
    deliver(&mut cluster, &prefix);
    assert_eq!(cluster.status(3).last, at(2, 6));
    assert_eq!(cluster.commit(3), at(2, 4));
    assert_eq!(cluster.holders(at(2, 6), Held::Synced), [3]);
    assert_eq!(restored(&cluster), []);
}

/// Figure 7 (e) and (f): the log has another entry there, so nothing behind it can be committed.
#[test]
fn a_conflicting_log_is_replaced_whole_however_long() {
    let mut cluster = with_log();
    let other = brought(&cluster, 4, &[(1, 1), (3, 2)], at(3, 4));
    deliver(&mut cluster, &other);
    assert_eq!(restored(&cluster), [4]);
    assert_eq!(cluster.status(3).last, at(3, 4));
    assert_eq!(cluster.fate(3, at(2, 4)), Fate::Lost);
    assert_eq!(cluster.fate(3, at(2, 6)), Fate::Lost, "a term that is over");
    assert_eq!(cluster.fate(3, at(1, 1)), Fate::Committed);
    cluster.append(1, 3, 4, at(3, 4), run(4, 5, 2), 6);
    assert_eq!(cluster.commit(3), at(4, 6), "the log goes on behind it");
}

/// 1. Node 3 has seventy terms; 2. a leader sends a snapshot that ends among them, below its window:
///    equal or not, only its host can tell; 3. replaced, a log that agrees would be cut short of copies
///    that count; 4. the host's answer decides, at once where they agree.
#[test]
fn a_log_that_cannot_tell_the_term_there_is_not_replaced_before_its_host_has() {
    let mut cluster = Cluster::with(3, bare);
    let terms = TERM_RUNS_MAX as u64 + 20;
    cluster.start_on(3, terms, (1..=terms).map(|t| run(t, t, 1)));
    cluster.node(3).answering = Answering::WhenTold;
    let history: Vec<_> = (1..=10).map(|t| (t, t)).collect();
    let unclear = brought(&cluster, 99, &history, at(10, 10));
    deliver(&mut cluster, &unclear);
    assert_eq!(cluster.status(3).last, at(terms, terms));
    assert_eq!(matched(&mut cluster), [], "nothing is said");
    cluster.answer(3);
    assert_eq!(matched(&mut cluster), [10]);
    assert_eq!(cluster.commit(3), at(10, 10));
    assert_eq!(cluster.status(3).last, at(terms, terms));
    // The entry there may be of the first term of the window, too: then it differs.
    let unclear = brought(&cluster, 99, &[(1, 1), (20, 5)], at(20, 12));
    deliver(&mut cluster, &unclear);
    assert_eq!(cluster.status(3).last, at(terms, terms));
    cluster.answer(3);
    assert_eq!(cluster.status(3).last, at(terms, terms));
    deliver(&mut cluster, &unclear);
    assert_eq!(
        cluster.status(3).last,
        at(20, 12),
        "sent again, it is taken"
    );
}

/// A term newer than any below the window is another, and nobody need be asked.
#[test]
fn a_snapshot_of_a_newer_term_than_any_below_the_window_is_taken_at_once() {
    let mut cluster = Cluster::with(3, bare);
    let terms = TERM_RUNS_MAX as u64 + 20;
    cluster.start_on(3, terms, (1..=terms).map(|t| run(t, t, 1)));
    cluster.node(3).answering = Answering::WhenTold;
    let proof = brought(&cluster, 99, &[(1, 1), (98, 5)], at(98, 10));
    deliver(&mut cluster, &proof);
    assert_eq!(cluster.status(3).last, at(98, 10));
}

/// A snapshot that contradicts what is committed here comes of a broken leader.
#[test]
fn a_snapshot_of_another_history_than_the_committed_is_dropped() {
    let mut cluster = with_log();
    cluster.append(1, 3, 3, at(2, 6), run(3, 7, 1), 5);
    assert_eq!(cluster.commit(3), at(2, 5));
    let behind = brought(&cluster, 3, &[(1, 1)], at(1, 4));
    let beyond = brought(&cluster, 3, &[(1, 1), (3, 6)], at(3, 9));
    for (count, packet) in [(1, behind), (2, beyond)] {
        deliver(&mut cluster, &packet);
        assert_eq!(cluster.status(3).dropped.malformed, count);
        assert_eq!(cluster.status(3).last, at(3, 7));
    }
}

/// Its in-memory log counts for votes: a snapshot that is only on its way to the disk is a promise
/// already, since the node may have told that it matches.
#[test]
fn a_node_with_a_snapshot_on_its_way_votes_by_it() {
    let mut cluster = with_log();
    cluster.node(3).disk = Disk::Busy;
    let taken = brought(&cluster, 3, &[(1, 1), (3, 4)], at(3, 8));
    deliver(&mut cluster, &taken);
    cluster.intercept(|_| true);
    let answer = |cluster: &mut Cluster, term, last| {
        cluster.inject(envelope(2, 3, term, Message::Vote { last }));
        let answers = cluster.intercept(|e| e.from == id(3));
        let mut ballots = answers.iter().filter_map(|p| match p.envelope.message {
            Message::VoteReply { ballot } => Some(ballot),
            _ => None,
        });
        ballots.next_back()
    };
    assert_eq!(answer(&mut cluster, 4, at(2, 6)), Some(Ballot::Refused));
    assert_eq!(answer(&mut cluster, 5, at(3, 8)), Some(Ballot::Granted));
}

/// 1. Node 3 has an uncommitted configuration that takes node 2 out; 2. the snapshot's history has
///    another entry there; 3. the members are the snapshot's, and what follows falls back to them.
#[test]
fn the_members_are_those_of_the_snapshot_not_of_the_log_it_replaces() {
    let mut cluster = with_log();
    let two = kraft_proto::Members::new([id(1), id(3)], []).unwrap();
    let run = kraft_proto::Run {
        kind: kraft_proto::EntryKind::Configuration,
        ..run(3, 7, 1)
    };
    let append = super::cluster::messages::append(at(2, 6), run, 0);
    let with_bytes =
        super::cluster::messages::Packet::new(envelope(1, 3, 3, Message::Append(append)), |_| {
            two.to_bytes().to_vec()
        });
    deliver(&mut cluster, &with_bytes);
    assert_eq!(cluster.status(3).members, two);
    let taken = brought(&cluster, 4, &[(1, 1), (2, 4), (4, 7)], at(4, 9));
    deliver(&mut cluster, &taken);
    assert_eq!(cluster.status(3).members, cluster.members);
    assert_eq!(cluster.status(3).members_at, LogIndex(0));
    // And a restart finds the same.
    cluster.kill(3);
    cluster.restart(3);
    assert_eq!(cluster.status(3).members, cluster.members);
}

/// A suspect that never saw the entries is re-admitted all the same: it matches the leader's log and
/// holds it, which is all that the point asks.
#[test]
fn a_suspect_is_readmitted_through_a_snapshot() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    for _ in 0..3 {
        cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::Commit));
        cluster.run_until_idle();
    }
    let hard = HardState {
        term: Term(1),
        trust: Trust::Dirty,
        incarnation: Incarnation::new(1, Nonce(1)),
        ..HardState::default()
    };
    cluster.kill(3);
    // Its log is lost, but for the mark that somebody relied on it; and the leader's is gone.
    cluster.start(3, Recovery::resume(hard, cluster.members.clone()), bare);
    cluster.node(3).disk = Disk::LogHeld;
    cluster.compact(1, 4);
    cluster.pass(ms(300));
    assert_eq!(cluster.status(3).last, at(cluster.term(1), 4));
    assert_eq!(
        cluster.status(3).trust,
        Trust::Suspect,
        "not on its disk yet"
    );
    cluster.sync(3);
    cluster.pass(ms(100));
    assert_eq!(cluster.status(3).trust, Trust::Dirty, "trusted again");
}

/// §4.4 of the design across a snapshot: a deposed leader's early acknowledgements are settled by the
/// history in it.
#[test]
fn early_acknowledgements_are_settled_by_the_snapshots_history() {
    let early = Class::new(CommitMode::LeaderOnly, FsyncMode::None);
    // How the history goes on after this node's term 1, whose entries 2 and 3 were acknowledged.
    let histories: [(&[(u64, u64)], _, _); 3] = [
        (&[(1, 1), (2, 2)], Fate::Lost, Fate::Lost),
        (&[(1, 1), (2, 3)], Fate::Committed, Fate::Lost),
        (&[(1, 1), (2, 4)], Fate::Committed, Fate::Committed),
    ];
    for (terms, second, third) in histories {
        let mut cluster = Cluster::with(3, bare);
        cluster.elect(3);
        cluster.isolate(3);
        for _ in 0..2 {
            cluster.propose(3, early);
            cluster.run_until_idle();
        }
        let last = at(2, 6);
        let taken = brought(&cluster, 2, terms, last);
        deliver(&mut cluster, &taken);
        assert_eq!(cluster.role(3), Role::Follower);
        assert_eq!(cluster.fate(3, at(1, 2)), second, "{terms:?}");
        assert_eq!(cluster.fate(3, at(1, 3)), third, "{terms:?}");
        let settled = cluster.settled(3, 1);
        match (second, third) {
            (_, Fate::Committed) => assert_eq!(settled, None, "nothing is lost"),
            (Fate::Committed, _) => assert_eq!(settled.unwrap().0, 2),
            _ => assert_eq!(settled.unwrap().0, 1),
        }
    }
}

/// A node that the members at the snapshot's end do not name takes it all the same: it may have been
/// left out, or not yet be in.
#[test]
fn a_node_that_is_no_member_takes_a_snapshot_and_campaigns_no_more() {
    let mut cluster = Cluster::with(3, bare);
    let others = kraft_proto::Members::new([id(1), id(2)], []).unwrap();
    let core = super::history(&[(1, 1)], 5, &others);
    let taken = super::snapshot(1, 3, 1, at(1, 5), &core);
    deliver(&mut cluster, &taken);
    assert_eq!(restored(&cluster), [5]);
    cluster.isolate(3);
    cluster.pass(ms(2000));
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Follower, 1));
}

/// A peer claims more than there is: a snapshot's sender believes no more than its own log.
#[test]
fn a_peer_that_claims_more_than_the_log_ends_at_the_log() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    cluster.isolate(3);
    for _ in 0..3 {
        cluster.propose(1, Class::default());
        cluster.run_until_idle();
    }
    cluster.compact(1, 3);
    cluster.pass(ms(100));
    cluster.inject(envelope(3, 1, 1, Message::Matched(watermarks(999, 999))));
    cluster.inject(envelope(
        3,
        1,
        1,
        heartbeat_reply(1, 999, watermarks(999, 999)),
    ));
    let peer = cluster
        .status(1)
        .peers
        .iter()
        .find(|p| p.id == id(3))
        .cloned();
    let peer = peer.unwrap();
    assert_eq!(peer.watermarks.unwrap().synced, LogIndex(4));
    assert_eq!(peer.next, LogIndex(5));
}
