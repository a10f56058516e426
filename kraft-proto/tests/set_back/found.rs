//! What a leader takes for a disk that went back, and what becomes of the node.

use super::*;

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
