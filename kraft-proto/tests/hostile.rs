//! Frames that a member sends and no honest node would: each is dropped and counted, and what stands on
//! the disk afterwards starts a node again.

mod cluster;

use cluster::messages::{
    Packet, append, envelope, heartbeat_reply, snapshot, watermarks, written_history,
};
use cluster::{Cluster, at, id, ms, run};
use kraft_proto::limits::{INCARNATION_JUMP_MAX, INCARNATION_MAX, INDEX_JUMP_MAX, INDEX_MAX};
use kraft_proto::{
    Class, Config, ConfigError, EntryKind, Frame, HardState, Heartbeat, Incarnation, Instant,
    LogIndex, Message, Nonce, Raft, Readmission, Recovery, Role, StoreId, Trust,
};

/// Node 2 of three in term 5: entries 1 to 9 of terms 1 and 3, committed through 8.
fn victim() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.start_on(2, 3, [run(1, 1, 4), run(3, 5, 5)]);
    for index in 5..=9 {
        let bytes = cluster::store::payload(at(3, index));
        cluster.node(2).bytes.insert(at(3, index), bytes);
    }
    cluster.poll();
    let beat = append(at(3, 9), run(3, 10, 0), 8);
    cluster.inject(envelope(1, 2, 5, Message::Append(beat)));
    assert_eq!(cluster.commit(2), at(3, 8));
    cluster
}

fn dropped(cluster: &mut Cluster, message: Message) -> bool {
    let before = cluster.status(2).dropped.malformed;
    let last = cluster.status(2).last;
    cluster.inject(envelope(1, 2, 5, message));
    assert_eq!(cluster.status(2).last, last);
    assert_eq!(cluster.commit(2), at(3, 8));
    cluster.status(2).dropped.malformed == before + 1
}

/// A switched network, or a node that runs under another's id.
#[test]
fn what_is_meant_for_another_node_or_was_sent_by_this_one_is_dropped_and_counted() {
    for (from, to) in [(1, 3), (2, 2), (2, 3)] {
        let mut cluster = victim();
        let message = heartbeat_reply(9, 0, watermarks(0, 0));
        let now = cluster.now;
        let packet = Packet::made_up(envelope(from, to, 9, message));
        let frame = Frame::decode(&packet.frame).unwrap();
        let taken = cluster.raft(2).handle_message(now, &frame);
        assert!(taken.run().is_none());
        let status = cluster.status(2);
        assert_eq!((status.term.0, status.dropped.misaddressed), (5, 1));
    }
}

/// The story: 1. what is committed is skipped without a look, so that older entries come to stand behind
/// newer ones; 2. a log whose terms go back, or have none, is refused at the next start: one frame
/// ends the node for good.
#[test]
fn appends_that_no_leader_sends_are_dropped_and_counted() {
    let of = |prev, term, first, count| Message::Append(append(prev, run(term, first, count), 0));
    let refused = [
        ("older entries behind committed ones", of(at(1, 4), 1, 5, 8)),
        ("committed ones of another term", of(at(1, 4), 4, 5, 8)),
        ("another term of what is committed", of(at(2, 7), 3, 8, 4)),
        ("terms that go back behind the log", of(at(3, 8), 2, 9, 4)),
        ("entries without a term", of(at(0, 0), 0, 1, 12)),
        ("a term of nothing", of(at(1, 0), 1, 1, 12)),
        ("no term of something", of(at(0, 4), 1, 5, 8)),
        ("a probe of a later term", of(at(6, 9), 6, 10, 0)),
    ];
    for (what, message) in refused {
        let Message::Append(append) = message else {
            unreachable!()
        };
        // What already the wire refuses reaches no node.
        let wire = append.run_term < append.prev.term && append.count > 0;
        if !wire {
            assert!(dropped(&mut victim(), message), "{what}");
        }
    }
    let mut cluster = victim();
    assert!(
        !dropped(&mut cluster, of(at(3, 9), 3, 10, 0)),
        "an honest probe"
    );
}

/// A node whose log is empty is told of entries without a term.
#[test]
fn a_first_entry_has_a_term() {
    let mut cluster = Cluster::new(3);
    let nothing = append(at(0, 0), run(0, 1, 3), 3);
    cluster.inject(envelope(1, 2, 5, Message::Append(nothing)));
    assert_eq!(cluster.status(2).last, at(0, 0));
    assert_eq!(cluster.status(2).dropped.malformed, 1);
}

/// The story: one snapshot that ends at the largest index there is, and nothing can be written any more.
#[test]
fn a_snapshot_that_uses_up_the_indexes_is_dropped_and_counted() {
    for (index, taken) in [
        (INDEX_MAX, false),
        (INDEX_JUMP_MAX + 10, false),
        (INDEX_JUMP_MAX + 9, true),
        (10_000, true),
    ] {
        let mut cluster = victim();
        let members = cluster.members.clone();
        let core = written_history(index, (3, 9), &[(4, 10, EntryKind::Command)], 0, &members);
        let packet = snapshot(1, 2, 5, at(4, index), &core);
        cluster.deliver(&packet);
        cluster.node(2).applied = LogIndex(index);
        let status = cluster.status(2);
        assert_eq!(status.dropped.malformed, u64::from(!taken), "{index}");
        assert_eq!(status.last.index == LogIndex(index), taken, "{index}");
    }
}

/// The story: 1. one frame tells a node of an incarnation of its store that no counting reaches; 2. the node
/// believes that it was replaced, and ends; or its leader does, and hears the living one no more.
#[test]
fn a_life_that_nobody_was_started_into_is_dropped_and_counted() {
    for incarnation in [u64::MAX, INCARNATION_MAX, INCARNATION_JUMP_MAX + 2] {
        let mut cluster = Cluster::new(3);
        cluster.elect(1);
        let beat = Heartbeat {
            commit: LogIndex(1),
            round: 1,
            force_upto: LogIndex::ZERO,
            readmission: Some(Readmission {
                store: StoreId(2),
                incarnation: Incarnation::new(incarnation, Nonce(1)),
                readmit_upto: LogIndex::ZERO,
                notice: None,
            }),
        };
        cluster.inject(envelope(1, 2, 1, Message::Heartbeat(beat)));
        assert_eq!(cluster.status(2).dropped.malformed, 1);
        let mut spoken = envelope(2, 1, 1, Message::Matched(watermarks(1, 1)));
        spoken.incarnation = Incarnation::new(incarnation, Nonce(1));
        cluster.inject(spoken);
        assert_eq!(cluster.status(1).dropped.malformed, 1);
        cluster.isolate(3);
        let proposed = cluster.propose(1, Class::default());
        cluster.pass(ms(200));
        assert!(cluster.acked(1, &proposed), "node 2 is heard on");
        assert_eq!(cluster.role(1), Role::Leader);
    }
}

/// Numbers that a disk claims are bounded too: the incarnation after the last would be the last again.
#[test]
fn a_store_that_was_started_too_often_does_not_start() {
    let start = |incarnations| {
        let hard = HardState {
            incarnation: Incarnation::new(incarnations, Nonce(1)),
            ..HardState::default()
        };
        let members = kraft_proto::Members::new([id(1)], []).unwrap();
        let config = Config::new(id(1), StoreId(1), 1);
        Raft::new(
            config,
            Recovery::resume(hard, members),
            Nonce(1),
            Instant::ZERO,
        )
        .err()
    };
    assert_eq!(start(INCARNATION_MAX - 1), None);
    for incarnations in [INCARNATION_MAX, u64::MAX] {
        assert_eq!(start(incarnations), Some(ConfigError::Exhausted));
    }
}

/// The story: 1. a peer says that it holds the log through 9, and then refuses whatever stands there, as
/// one does whose disk is an older copy; 2. there is nothing before 9 to ask about; 3. the same probe
/// goes out at once, and is refused at once, as fast as the wire carries them.
#[test]
fn a_refusal_without_headway_waits_for_a_heartbeat() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose_many(1, Class::default(), 8);
    cluster.pass(ms(100));
    let held = cluster.status(1).last.index.0;
    // Node 2 does not hear its leader any more: a test answers in its place.
    cluster.lossy = |envelope| envelope.to == id(2);
    cluster.propose(1, Class::default());
    let mut asked = 0;
    for _ in 0..20 {
        cluster.pass(ms(50));
        let answer = heartbeat_reply(u64::MAX, held, watermarks(held, held));
        cluster.inject(envelope(2, 1, 1, answer));
        let mut probes = 0;
        for _ in 0..1_000 {
            cluster.poll();
            let sent = cluster.intercept(|e| e.to == id(2) && Cluster::is_append(e));
            for packet in sent {
                if let Message::Append(append) = packet.envelope.message {
                    probes += 1;
                    let (rejected, hint) = (append.prev.index, at(0, 0));
                    let message = Message::Rejected {
                        rejected,
                        hint,
                        trust: Trust::Clean,
                    };
                    cluster.inject(envelope(2, 1, 1, message));
                }
            }
        }
        assert!(probes <= 2, "{probes} appends between two heartbeats");
        asked += probes;
    }
    assert!(
        asked >= 10,
        "it is asked again with the heartbeats: {asked}"
    );
}
