//! A disk that went back to an older copy of itself: what a leader takes for one, what it does not, and
//! what the node does then. The rules are listed in `src/incarnations.rs`.

mod cluster;

use cluster::messages::{append, envelope, heartbeat_reply, watermarks};
use cluster::store::{Stop, Store};
use cluster::{Answering, Cluster, Disk, at, id, ms, run};
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Envelope, Fate, Finding, FsyncMode, HardState,
    Heartbeat, Held, Incarnation, LogIndex, LogPosition, Message, Nonce, Notice, PeerStatus,
    PreVote, Proposed, Readmission, Role, StoreId, Term, Trust, Waiting, WriteKind,
};

const FIRM: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

fn incarnation(number: u64, nonce: u64) -> Incarnation {
    Incarnation::new(number, Nonce(nonce))
}

fn peer(cluster: &Cluster, n: u64) -> PeerStatus {
    let peers = cluster.status(1).peers;
    peers.into_iter().find(|peer| peer.id == id(n)).unwrap()
}

/// What lies on the disk of node `n` now, as a copy of its directory would have it.
fn copy(cluster: &Cluster, n: u64) -> Store {
    cluster.stores[&id(n)].clone()
}

/// The node is killed, its disk replaced by the copy, and the node started again.
fn put_back(cluster: &mut Cluster, n: u64, copy: &Store) {
    cluster.kill(n);
    replace(cluster, n, copy);
    cluster.restart(n);
}

fn replace(cluster: &mut Cluster, n: u64, copy: &Store) {
    let copy = Store {
        stopped: Some(Stop::Kill),
        ..copy.clone()
    };
    cluster.stores.insert(id(n), copy);
}

/// Three nodes of which the first leads; the third has been started `starts` times, and was copied
/// while `copied` was its newest. Then it took five entries, with node 2 away.
fn story(starts: u64, copied: u64) -> (Cluster, Store, Vec<Proposed>) {
    let mut cluster = Cluster::with(3, |config| Config {
        check_quorum: CheckQuorum::On,
        ..config
    });
    cluster.elect(1);
    let mut saved = None;
    for start in 1..=starts {
        if start > 1 {
            cluster.kill(3);
            cluster.restart(3);
        }
        cluster.pass(ms(100));
        if start == copied {
            saved = Some(copy(&cluster, 3));
        }
    }
    cluster.isolate(2);
    let acked: Vec<Proposed> = (0..5).map(|_| cluster.propose(1, FIRM)).collect();
    cluster.run_until_idle();
    assert!(acked.iter().all(|proposed| cluster.acked(1, proposed)));
    cluster.pass(ms(60));
    (cluster, saved.unwrap(), acked)
}

/// The acknowledged writes outlive the leader, although only it and the third node ever had them.
fn survive(cluster: &mut Cluster, acked: &[Proposed]) {
    cluster.kill(1);
    cluster.heal();
    cluster.pass(ms(3000));
    let leader = cluster.leader().expect("two of three elect a leader");
    for proposed in acked {
        let position = proposed.run.last_position();
        assert_eq!(cluster.fate(leader, position), Fate::Committed);
    }
}

/// The story: incarnation (2, 2) of node 3 and the leader acknowledge five writes; its disk is set
/// back to a copy, from which it starts as (2, 3); the leader is killed, and node 2 is back.
#[test]
fn a_disk_set_back_to_the_same_number_is_found_and_brought_up_to_date() {
    let (mut cluster, saved, acked) = story(2, 1);
    put_back(&mut cluster, 3, &saved);
    assert_eq!(cluster.status(3).incarnation, incarnation(2, 3));
    cluster.pass(ms(200));
    let back = cluster.status(3);
    assert_eq!(back.set_back, Some(incarnation(2, 3)));
    assert_eq!(back.incarnation, incarnation(3, 3), "a number above");
    assert_eq!(back.trust, Trust::Dirty, "re-admitted");
    assert_eq!(peer(&cluster, 3).set_backs, 1);
    assert_eq!(back.commit, acked[4].run.last_position());
    survive(&mut cluster, &acked);
}

/// Its number is lower than one that was heard: it is told once that one is silent.
#[test]
fn a_disk_set_back_to_a_lower_number_is_found_and_brought_up_to_date() {
    let (mut cluster, saved, acked) = story(4, 1);
    put_back(&mut cluster, 3, &saved);
    assert_eq!(cluster.status(3).incarnation, incarnation(2, 5));
    cluster.pass(ms(60));
    assert_eq!(cluster.status(3).set_back, None, "not before");
    cluster.pass(ms(600));
    let back = cluster.status(3);
    assert_eq!(
        (back.set_back, back.incarnation),
        (Some(incarnation(2, 5)), incarnation(5, 5))
    );
    assert_eq!(back.trust, Trust::Dirty);
    assert_eq!(peer(&cluster, 3).set_backs, 1);
    survive(&mut cluster, &acked);
}

/// The story: 1. nodes 1 and 3 have synced an entry that waits for all, and node 2 is away; 2. the disk of
/// node 3 goes back, and it speaks under a lower number; 3. node 2 has the entry too, and all seem to:
/// what the newer incarnation of node 3 had synced is gone with it. So nothing of a peer is counted from the
/// moment on at which an older incarnation speaks, until the newest has answered what was asked after that.
#[test]
fn of_a_disk_that_may_have_gone_back_nothing_counts() {
    let (mut cluster, saved, _) = story(4, 1);
    let all = cluster.propose(1, Class::new(CommitMode::All, FsyncMode::Commit));
    cluster.run_until_idle();
    let entry = all.run.last_position();
    assert_eq!(cluster.holders(entry, Held::Synced), [1, 3]);
    put_back(&mut cluster, 3, &saved);
    cluster.pass(ms(51));
    assert_eq!(cluster.status(3).incarnation, incarnation(2, 5));
    cluster.heal();
    // It hears no appends.
    cluster.lossy = |envelope| envelope.to == id(3) && Cluster::is_append(envelope);
    cluster.pass(ms(110));
    assert_eq!(cluster.holders(entry, Held::Synced), [1, 2]);
    assert!(!cluster.acked(1, &all), "node 3 has no copy");
    cluster.heal();
    cluster.pass(ms(1000));
    assert_eq!(cluster.holders(entry, Held::Synced), [1, 2, 3]);
    assert!(cluster.acked(1, &all));
}

/// A late word of an older incarnation is no disk that went back: what the newest holds counts again once it has
/// answered a round that was sent after that word.
#[test]
fn a_late_word_of_an_older_life_takes_nothing_for_long() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.kill(3);
    cluster.restart(3);
    cluster.isolate(2);
    cluster.pass(ms(100));
    let old = Message::Matched(watermarks(1, 1));
    cluster.inject(envelope(3, 1, 1, old));
    let before = cluster.propose(1, FIRM);
    cluster.run_until_idle();
    assert!(
        !cluster.acked(1, &before),
        "which of the two incarnations is unknown"
    );
    cluster.pass(ms(60));
    assert!(cluster.acked(1, &before));
    assert_eq!(
        (peer(&cluster, 3).set_backs, cluster.status(3).set_back),
        (0, None)
    );
}

/// It was started so often from the copy, unheard, that its number is above all that were heard: what
/// an earlier incarnation had synced, it lacks.
#[test]
fn a_disk_set_back_to_a_higher_number_is_found_by_what_it_lacks() {
    let (mut cluster, saved, acked) = story(2, 1);
    cluster.kill(3);
    replace(&mut cluster, 3, &saved);
    cluster.isolate(3);
    for _ in 0..2 {
        cluster.restart(3);
        cluster.poll();
        cluster.kill(3);
    }
    cluster.restart(3);
    cluster.poll();
    assert_eq!(cluster.status(3).incarnation, incarnation(4, 5));
    cluster.heal();
    cluster.isolate(2);
    cluster.pass(ms(200));
    let back = cluster.status(3);
    assert_eq!(
        (back.set_back, back.incarnation),
        (Some(incarnation(4, 5)), incarnation(5, 5))
    );
    assert_eq!((back.trust, peer(&cluster, 3).set_backs), (Trust::Dirty, 1));
    survive(&mut cluster, &acked);
}

/// The leader has compacted what the node had synced, so that no append could ask for it.
#[test]
fn it_is_found_although_the_log_there_is_compacted() {
    let (mut cluster, saved, acked) = story(2, 1);
    cluster.compact(1, acked[4].run.last().0);
    cluster.kill(3);
    replace(&mut cluster, 3, &saved);
    cluster.isolate(3);
    for _ in 0..2 {
        cluster.restart(3);
        cluster.poll();
        cluster.kill(3);
    }
    cluster.restart(3);
    cluster.heal();
    cluster.isolate(2);
    cluster.pass(ms(600));
    assert_eq!(peer(&cluster, 3).set_backs, 1);
    assert_eq!(cluster.status(3).set_back, Some(incarnation(4, 5)));
    assert_eq!(cluster.status(3).trust, Trust::Dirty);
}

/// Between the word and its re-admission nobody elects a leader with its vote that lacks the writes:
/// the cluster waits for the one that has them.
#[test]
fn before_it_is_up_to_date_its_vote_does_not_elect_who_lacks_the_writes() {
    let (mut cluster, saved, acked) = story(2, 1);
    // It hears no appends: only that it went back.
    cluster.lossy = |envelope| envelope.to == id(3) && Cluster::is_append(envelope);
    put_back(&mut cluster, 3, &saved);
    cluster.pass(ms(200));
    assert_eq!(cluster.status(3).trust, Trust::Suspect);
    cluster.kill(1);
    cluster.heal();
    cluster.pass(ms(3000));
    assert_eq!(cluster.leader(), None);
    cluster.restart(1);
    cluster.pass(ms(3000));
    let leader = cluster.leader().unwrap();
    for proposed in &acked {
        let position = proposed.run.last_position();
        assert_eq!(cluster.fate(leader, position), Fate::Committed);
    }
}

/// The new number and the suspicion are one write: were the number synced first and the power gone, the
/// next start would be clean under a number that nobody contradicts.
#[test]
fn number_and_suspicion_are_one_write() {
    let (mut cluster, saved, _) = story(2, 1);
    put_back(&mut cluster, 3, &saved);
    cluster.pass(ms(200));
    let saved = cluster.nodes[&id(3)].writes.iter();
    let saved = saved.filter_map(|(kind, _)| match kind {
        WriteKind::HardState(hard) => Some((hard.incarnation.number, hard.trust)),
        _ => None,
    });
    let above: Vec<_> = saved.filter(|(number, _)| *number > 2).collect();
    assert_eq!(above[0], (3, Trust::Suspect));
}

/// It is told, and dies before its disk has the word: the next start is told again.
#[test]
fn who_dies_before_its_disk_has_the_word_is_told_again() {
    let (mut cluster, saved, acked) = story(2, 1);
    for _ in 0..3 {
        put_back(&mut cluster, 3, &saved);
        // Not the write that answers the word.
        let end = cluster.now.after(ms(2000));
        while cluster.status(3).set_back.is_none() {
            assert!(
                cluster.now < end,
                "node 3 is not told that its disk went back"
            );
            cluster.pass(ms(1));
        }
    }
    cluster.pass(ms(300));
    assert_eq!(cluster.status(3).trust, Trust::Dirty);
    survive(&mut cluster, &acked);
}

/// 1. (1, 1) of node 3 says that it holds everything; 2. (1, 9) speaks; 3. a late report of (1, 1)
///    arrives, of a copy that is gone.
#[test]
fn of_a_number_that_two_lives_have_nothing_counts() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.kill(3);
    let reports = |nonce, upto| Envelope {
        incarnation: incarnation(1, nonce),
        ..envelope(3, 1, 1, Message::Matched(watermarks(upto, upto)))
    };
    cluster.inject(reports(1, 1));
    cluster.inject(reports(9, 1));
    let waits = Waiting::WentBack(id(3));
    assert!(cluster.status(1).waiting.contains(&waits));
    cluster.isolate(2);
    let proposed = cluster.propose(1, FIRM);
    cluster.run_until_idle();
    for nonce in [1, 9, 1] {
        cluster.inject(reports(nonce, 100));
    }
    assert!(!cluster.acked(1, &proposed));
    // Under a number of its own the incarnation counts again.
    let above = Envelope {
        incarnation: incarnation(2, 9),
        ..reports(9, 100)
    };
    cluster.inject(above);
    assert!(cluster.acked(1, &proposed));
    assert!(!cluster.status(1).waiting.contains(&waits));
}

/// Of two incarnations of one number the one that spoke last is told, by its nonce.
#[test]
fn the_word_names_the_life_that_spoke_last() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.kill(3);
    for nonce in [1, 9] {
        cluster.inject(Envelope {
            incarnation: incarnation(1, nonce),
            ..envelope(3, 1, 1, heartbeat_reply(1, 1, watermarks(1, 1)))
        });
    }
    let notice = told(&mut cluster, 3).unwrap().notice;
    assert_eq!(notice, Some(found(incarnation(1, 9), Finding::WentBack)));
}

/// What the leader tells a node with its next heartbeat.
fn told(cluster: &mut Cluster, n: u64) -> Option<Readmission> {
    let now = cluster.now.after(ms(60));
    cluster.now = now;
    cluster.raft(1).handle_timeout(now);
    cluster.poll();
    let beats = cluster.intercept(|envelope| envelope.to == id(n));
    let mut known = beats
        .iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::Heartbeat(beat) => beat.readmission,
            _ => None,
        });
    known.next_back()
}

fn found(incarnation: Incarnation, finding: Finding) -> Notice {
    Notice {
        incarnation,
        finding,
    }
}

// What is no contradiction.

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

// Who is told, and by whom.

fn word(from: u64, known: Readmission) -> Envelope {
    let beat = Heartbeat {
        commit: LogIndex::ZERO,
        round: 1,
        force_upto: LogIndex::ZERO,
        readmission: Some(known),
    };
    envelope(from, 3, 1, Message::Heartbeat(beat))
}

fn known(newest: Incarnation, notice: Notice) -> Readmission {
    Readmission {
        store: StoreId(3),
        incarnation: newest,
        readmit_upto: LogIndex(1),
        notice: Some(notice),
    }
}

/// Another store, number, nonce, term or sender: it is ignored.
#[test]
fn a_word_for_another_life_is_ignored() {
    for finding in [Finding::WentBack, Finding::Superseded] {
        let mut cluster = Cluster::new(3);
        cluster.elect(1);
        let newer = incarnation(9, 9);
        let notice = found(incarnation(1, 1), finding);
        let words = [
            word(1, known(newer, found(incarnation(1, 2), finding))),
            word(1, known(newer, found(incarnation(2, 1), finding))),
            word(
                1,
                Readmission {
                    store: StoreId(33),
                    ..known(newer, notice)
                },
            ),
            word(2, known(newer, notice)),
            Envelope {
                term: Term(0),
                ..word(1, known(newer, notice))
            },
            // No store is started so often.
            word(1, known(incarnation(1 << 40, 9), notice)),
        ];
        for word in words {
            cluster.inject(word);
            let status = cluster.status(3);
            assert_eq!(
                (status.incarnation, status.set_back),
                (incarnation(1, 1), None),
                "{word:?}"
            );
            assert!(!cluster.raft(3).is_stopped());
        }
        cluster.inject(word(1, known(newer, notice)));
        match finding {
            Finding::WentBack => assert_eq!(cluster.status(3).incarnation, incarnation(10, 1)),
            Finding::Superseded => assert!(cluster.raft(3).is_stopped()),
        }
    }
}

/// A word of *superseded* needs a newer incarnation.
#[test]
fn nobody_is_superseded_by_a_life_that_is_not_newer() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.inject(word(
        1,
        known(
            incarnation(1, 9),
            found(incarnation(1, 1), Finding::Superseded),
        ),
    ));
    assert!(!cluster.raft(3).is_stopped());
    assert_eq!(cluster.status(3).dropped.malformed, 1);
}

/// A copy hears that its twin answers: durably, and under the number that it had.
#[test]
fn a_copy_that_was_refused_starts_no_more_and_counts_no_further() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let twin = incarnation(5, 7);
    cluster.inject(word(
        1,
        known(twin, found(incarnation(1, 1), Finding::Superseded)),
    ));
    let hard = cluster.stores[&id(3)].synced.hard;
    assert_eq!(
        (hard.superseded, hard.incarnation),
        (Some(twin), incarnation(1, 1))
    );
    let start = |hard| {
        let config = Config::new(id(3), StoreId(3), 3);
        let recovery = kraft_proto::Recovery::resume(hard, cluster.members.clone());
        kraft_proto::Raft::new(config, recovery, Nonce(8), cluster.now)
    };
    for _ in 0..4 {
        let refused = start(hard).unwrap_err();
        assert_eq!(refused, kraft_proto::ConfigError::Superseded { by: twin });
    }
    // Lifted by an operator: a number above, and suspect.
    let lifted = hard.reclaimed();
    assert_eq!((lifted.superseded, lifted.trust), (None, Trust::Suspect));
    assert_eq!(lifted.incarnation.number, 6);
    let status = start(lifted).unwrap().status();
    assert_eq!(
        (status.incarnation, status.trust),
        (incarnation(7, 8), Trust::Suspect)
    );
    assert_eq!(lifted.reclaimed(), lifted, "once is enough");
    // The mark on the very disk of the incarnation that it names refuses nothing.
    let own = HardState {
        incarnation: twin,
        ..hard
    };
    assert_eq!(start(own).unwrap().status().incarnation, incarnation(6, 8));
}

/// Two nodes run on one store. The older is told only once the newer has answered a round that was
/// sent after the older one spoke.
#[test]
fn an_older_life_is_superseded_only_by_one_that_answers_after_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.kill(3);
    let answers = |incarnation, round| Envelope {
        incarnation,
        ..envelope(3, 1, 1, heartbeat_reply(round, 1, watermarks(1, 1)))
    };
    let (older, newer) = (incarnation(2, 2), incarnation(3, 3));
    // Of round 1.
    told(&mut cluster, 3);
    cluster.inject(answers(newer, 1));
    cluster.inject(answers(older, 1));
    let said = told(&mut cluster, 3).unwrap();
    assert_eq!((said.incarnation, said.notice), (newer, None));
    // A round from before the older one spoke proves nothing of now.
    cluster.inject(answers(newer, 1));
    assert_eq!(told(&mut cluster, 3).unwrap().notice, None);
    cluster.inject(answers(newer, 2));
    let superseded = Some(found(older, Finding::Superseded));
    assert_eq!(told(&mut cluster, 3).unwrap().notice, superseded);
    // Once it is silent for an election timeout, the older one is the only one there is.
    cluster.pass(ms(400));
    cluster.inject(answers(older, 4));
    let went_back = Some(found(older, Finding::WentBack));
    assert_eq!(told(&mut cluster, 3).unwrap().notice, went_back);
    assert_eq!(
        peer(&cluster, 3).set_backs,
        0,
        "not before it goes on as a new incarnation"
    );
    cluster.inject(answers(incarnation(4, 2), 5));
    assert_eq!(peer(&cluster, 3).set_backs, 1);
}
