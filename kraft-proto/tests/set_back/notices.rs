//! Who is told that its disk went back, or that another incarnation runs, and by whom.

use super::*;

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
