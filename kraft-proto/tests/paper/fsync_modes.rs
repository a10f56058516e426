//! Every fsync mode: when the disk is forced, and when a copy counts.

use std::time::Duration;

use kraft_proto::{
    Class, CommitMode, Config, Durability, Force, FsyncMode, Held, LogIndex, Message, ReadOutcome,
    WriteKind,
};

use crate::cluster::messages::{append, envelope};
use crate::cluster::{Cluster, Disk, at, id, ms, run};

const SYNC_NONE: Class = Class::new(CommitMode::Sync, FsyncMode::None);
const SYNC_BATCH: Class = Class::new(CommitMode::Sync, FsyncMode::Batch);
const SYNC_COMMIT: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
const SYNC_ALWAYS: Class = Class::new(CommitMode::Sync, FsyncMode::Always);

/// Three nodes led by the first, whose disks force exactly what they are asked to.
fn cluster() -> Cluster {
    with(Durability::default())
}

fn with(durability: Durability) -> Cluster {
    let mut cluster = Cluster::with(3, |config| Config {
        durability,
        ..config
    });
    cluster.disks(Disk::AsAsked);
    cluster.elect(1);
    cluster.pass(ms(10));
    cluster
}

fn synced(cluster: &Cluster, n: u64) -> u64 {
    cluster.status(n).watermarks.synced.0
}

/// How often a node was asked to force its log.
fn forces(cluster: &mut Cluster, n: u64) -> usize {
    let log = |kind: &WriteKind| !matches!(kind, WriteKind::HardState(_));
    let writes = cluster.node(n).writes.iter();
    writes
        .filter(|(kind, force)| log(kind) && *force == Force::Now)
        .count()
}

#[test]
fn none_is_acknowledged_on_written_copies_and_forced_a_second_after() {
    let mut cluster = cluster();
    let proposed = cluster.propose(1, SYNC_NONE);
    let position = proposed.run.last_position();
    assert_eq!(proposed.held, Held::Written);
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    cluster.pass(ms(998));
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 1, "node {n} forces nothing before");
    }
    assert_ne!(cluster.commit(1), position, "commit waits for the disks");
    cluster.pass(ms(3));
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 2, "node {n}");
        assert_eq!(cluster.commit(n), position);
    }
}

/// The second is counted from the first unforced entry: a stream of entries does not put it off.
#[test]
fn the_background_force_is_not_put_off_by_more_entries() {
    let mut cluster = cluster();
    for _ in 0..12 {
        cluster.propose(1, SYNC_NONE);
        cluster.pass(ms(100));
    }
    for n in 1..=3 {
        assert!(synced(&cluster, n) >= 10, "node {n}");
    }
}

/// One log has one order: forcing an entry forces everything before it.
#[test]
fn none_is_forced_along_by_a_stronger_entry_behind_it() {
    let mut cluster = cluster();
    cluster.propose_many(1, SYNC_NONE, 10);
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 2), 1);
    cluster.propose(1, SYNC_COMMIT);
    cluster.run_until_idle();
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 12, "node {n}");
    }
}

#[test]
fn none_behind_a_stronger_entry_is_not_forced_with_it() {
    let mut cluster = cluster();
    cluster.propose(1, SYNC_COMMIT);
    cluster.propose(1, SYNC_NONE);
    cluster.run_until_idle();
    cluster.propose(1, SYNC_NONE);
    cluster.run_until_idle();
    for n in 1..=3 {
        assert!(synced(&cluster, n) < 4, "node {n}");
    }
}

/// §4.6: a read sees every write acknowledged as Sync before it, relaxed ones included, and forces
/// the force that takes.
#[test]
fn none_is_forced_by_a_read_that_needs_it() {
    let mut cluster = cluster();
    let position = cluster.propose(1, SYNC_NONE).run.last_position();
    cluster.run_until_idle();
    let now = cluster.now;
    let ticket = cluster.raft(1).read(now).unwrap();
    cluster.pass(ms(1));
    assert_eq!(cluster.commit(1), position);
    let ready = kraft_proto::Output::Read {
        ticket,
        outcome: ReadOutcome::Ready(position.index),
    };
    assert!(cluster.node(1).outputs.contains(&ready));
}

#[test]
fn batch_is_forced_at_its_hundredth_entry() {
    let mut cluster = cluster();
    let proposed = cluster.propose_many(1, SYNC_BATCH, 99);
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed), "on written copies");
    assert_eq!(proposed.held, Held::Written);
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 1, "node {n}");
    }
    cluster.propose(1, SYNC_BATCH);
    cluster.run_until_idle();
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 101, "node {n}");
    }
    cluster.propose_many(1, SYNC_BATCH, 99);
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 1), 101, "and counts anew");
}

#[test]
fn batch_is_forced_a_tenth_of_a_second_after_its_first_entry() {
    let mut cluster = cluster();
    cluster.propose(1, SYNC_BATCH);
    cluster.pass(ms(60));
    cluster.propose(1, SYNC_BATCH);
    cluster.pass(ms(38));
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 1, "node {n}");
    }
    cluster.pass(ms(3));
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 3, "node {n}");
    }
}

#[test]
fn batch_follows_its_settings() {
    let mut cluster = with(Durability {
        batch_fsync_count: 5,
        batch_fsync_interval: ms(20),
        ..Durability::default()
    });
    cluster.propose_many(1, SYNC_BATCH, 5);
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 3), 6);
    cluster.propose(1, SYNC_BATCH);
    cluster.pass(ms(21));
    assert_eq!(synced(&cluster, 3), 7);
}

#[test]
fn commit_is_forced_before_it_is_acknowledged() {
    let mut cluster = cluster();
    cluster.disks(Disk::Held);
    let proposed = cluster.propose(1, SYNC_COMMIT);
    cluster.run_until_idle();
    assert_eq!(proposed.held, Held::Synced);
    assert!(!cluster.acked(1, &proposed), "written everywhere");
    cluster.sync(2);
    assert!(!cluster.acked(1, &proposed));
    cluster.sync(1);
    assert!(cluster.acked(1, &proposed), "a majority of disks");
}

/// Group commit: whatever waits when the disk is asked shares one force.
#[test]
fn many_commit_entries_share_one_fsync() {
    let mut cluster = cluster();
    let before = forces(&mut cluster, 1);
    for _ in 0..50 {
        cluster.propose(1, SYNC_COMMIT);
    }
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 1), 51);
    assert_eq!(forces(&mut cluster, 1) - before, 1);
}

/// Each by itself, in its own append, before anything later is written.
#[test]
fn always_is_forced_entry_by_entry_and_nothing_overtakes_it() {
    let mut cluster = cluster();
    cluster.disks(Disk::Held);
    let before = cluster.node(1).writes.len();
    cluster.propose_many(1, SYNC_ALWAYS, 3);
    cluster.propose(1, SYNC_NONE);
    cluster.poll();
    let runs: Vec<_> = cluster.intercept(Cluster::is_append);
    for packet in &runs {
        let Message::Append(append) = packet.envelope.message else {
            continue;
        };
        assert_eq!(append.count, 1, "an append of its own");
        cluster.deliver(packet);
    }
    for step in 0..4 {
        cluster.poll();
        for n in 1..=2 {
            assert_eq!(
                cluster.status(n).watermarks.written,
                LogIndex(2 + step),
                "node {n}"
            );
        }
        cluster.sync(1);
        cluster.sync(2);
    }
    let writes = &cluster.node(1).writes[before..];
    let entries = |kind: &WriteKind| match kind {
        WriteKind::Entries(run) => Some((run.first.0, run.count)),
        _ => None,
    };
    let written: Vec<_> = writes
        .iter()
        .filter_map(|(kind, force)| Some((entries(kind)?, *force)))
        .collect();
    let (now, later) = (Force::Now, Force::Later);
    assert_eq!(
        written,
        [((2, 1), now), ((3, 1), now), ((4, 1), now), ((5, 1), later)]
    );
}

/// The floor is what a node never goes below: as leader for what it acknowledges,
#[test]
fn under_a_floor_a_weaker_proposal_is_forced_and_says_so() {
    let mut cluster = with(Durability {
        fsync_floor: FsyncMode::Commit,
        ..Durability::default()
    });
    let proposed = cluster.propose(1, SYNC_NONE);
    assert_eq!(
        proposed.held,
        Held::Synced,
        "the answer says the stronger hold"
    );
    cluster.run_until_idle();
    for n in 1..=3 {
        assert_eq!(synced(&cluster, n), 2, "node {n}");
    }
}

/// and as follower, whatever travels with an append.
#[test]
fn under_a_floor_a_follower_forces_what_its_leader_did_not_ask_to() {
    for (floor, expected) in [(FsyncMode::None, 0), (FsyncMode::Commit, 3)] {
        let mut cluster = Cluster::with(3, |config| Config {
            durability: Durability {
                fsync_floor: floor,
                ..Durability::default()
            },
            ..config
        });
        cluster.disks(Disk::AsAsked);
        cluster.run_until_idle();
        let relaxed = kraft_proto::Append {
            force_upto: LogIndex::ZERO,
            fsync: FsyncMode::None,
            ..append(at(0, 0), run(1, 1, 3), 0)
        };
        cluster.inject(envelope(2, 1, 1, Message::Append(relaxed)));
        assert_eq!(synced(&cluster, 1), expected, "floor {floor}");
    }
}

/// An append says how far to force, how far copies are relied on while merely written, and its
/// strongest mode, the transport's priority.
#[test]
fn an_append_carries_what_its_entries_demand() {
    let mut cluster = cluster();
    let demands = |cluster: &mut Cluster| {
        cluster.poll();
        let sent = cluster.intercept(|e| e.to == id(2));
        cluster.run_until_idle();
        let mut appends = sent
            .iter()
            .filter_map(|packet| match packet.envelope.message {
                Message::Append(append) => Some(append),
                _ => None,
            });
        let last = appends.next_back().expect("an append");
        (last.force_upto.0, last.relied_upto.0, last.mode, last.fsync)
    };
    cluster.propose(1, SYNC_COMMIT);
    cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::Batch));
    let class = (CommitMode::Sync, FsyncMode::Commit);
    assert_eq!(demands(&mut cluster), (2, 0, class.0, class.1));
    cluster.pass(Duration::from_secs(2));
    cluster.propose(1, Class::new(CommitMode::AtLeast(2), FsyncMode::None));
    cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None));
    let relied = (0, 4, CommitMode::AtLeast(2), FsyncMode::None);
    assert_eq!(demands(&mut cluster), relied);
}

/// Entries inherited from earlier terms need no class: the no-op of the new term forces them.
#[test]
fn inherited_entries_are_forced_by_the_no_op() {
    let mut cluster = cluster();
    cluster.propose_many(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None), 5);
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 2), 1);
    cluster.kill(1);
    cluster.pass(ms(500));
    let leader = cluster.leader().expect("a leader");
    assert!(cluster.commit(leader).index >= LogIndex(7));
    for n in 2..=3 {
        assert!(synced(&cluster, n) >= 7, "node {n}");
    }
}

/// Without waiting for any force in the background: by the options of `LeaderOnly` and by a strong
/// fsync mode beside the weakest commit mode.
#[test]
fn what_its_leader_must_have_synced_is_forced_at_once_in_every_mode() {
    let required = Durability {
        leader_fsync: kraft_proto::durability::LeaderFsync::Required,
        ..Durability::default()
    };
    let mut cluster = with(required);
    cluster.isolate(1);
    let alone = cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None));
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 1), alone.run.last().0);
    assert!(cluster.acked(1, &alone));
    let mut cluster = self::cluster();
    cluster.isolate(1);
    let early = cluster.propose(1, Class::new(CommitMode::Async, FsyncMode::Commit));
    cluster.run_until_idle();
    assert_eq!(synced(&cluster, 1), early.run.last().0);
}
