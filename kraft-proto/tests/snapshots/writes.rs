//! A snapshot on its way to the disk: what is true before, after, and if the node dies meanwhile.

use kraft_proto::{Append, Fate, Force, Held, LogIndex, Message, Output, Trust, WriteKind};

use super::cluster::messages::{append, envelope, heartbeat};
use super::cluster::{Cluster, Disk, at, id, ms, run};
use super::{brought, deliver, restored, with_log};

/// Node 3, whose disk is busy, has taken a snapshot through 3.8 in place of what conflicts.
fn taken() -> Cluster {
    let mut cluster = with_log();
    cluster.node(3).disk = Disk::Busy;
    let packet = brought(&cluster, 3, &[(1, 1), (3, 3)], at(3, 8));
    deliver(&mut cluster, &packet);
    cluster
}

fn log_writes(cluster: &Cluster) -> Vec<(WriteKind, Force)> {
    let writes = cluster.nodes[&id(3)].writes.iter();
    let log = writes.filter(|(kind, _)| !matches!(kind, WriteKind::HardState(_)));
    log.copied().collect()
}

#[test]
fn a_snapshot_is_written_and_forced_before_the_entries_behind_it() {
    let mut cluster = taken();
    cluster.append(1, 3, 3, at(3, 8), run(3, 9, 2), 10);
    let expected = [
        (WriteKind::Snapshot(at(3, 8)), Force::Now),
        (WriteKind::Entries(run(3, 9, 2)), Force::Now),
    ];
    assert_eq!(log_writes(&cluster), expected);
    assert_eq!(cluster.commit(3), at(3, 10), "as far as the leader says");
    let told = |cluster: &Cluster| {
        let outputs = cluster.nodes[&id(3)].outputs.iter();
        let told = outputs.filter_map(|output| match output {
            Output::Commit { upto } => Some(("commit", upto.index.0)),
            Output::Restored { upto } => Some(("restored", upto.index.0)),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(&cluster), []);
    cluster.sync(3);
    assert_eq!(told(&cluster), [("restored", 8), ("commit", 10)]);
}

/// 1. The snapshot is taken and not written; 2. the process dies: the old log comes back, conflict
///    and all; 3. nothing was acknowledged that it lacks, and the leader sends the snapshot again.
#[test]
fn a_crash_before_it_is_written_brings_the_old_log_back() {
    let mut cluster = taken();
    assert_eq!(
        cluster.status(3).watermarks.synced,
        LogIndex(0),
        "of a log it gave up"
    );
    cluster.pass(ms(20));
    let answers = cluster.intercept(|e| e.from == id(3));
    assert_eq!(answers.len(), 0, "no word of it before it is held");
    cluster.kill(3);
    cluster.restart(3);
    assert_eq!(cluster.status(3).last, at(2, 6));
    assert_eq!(cluster.status(3).compacted, at(0, 0));
    let again = brought(&cluster, 3, &[(1, 1), (3, 3)], at(3, 8));
    deliver(&mut cluster, &again);
    assert_eq!(restored(&cluster), [8]);
}

#[test]
fn a_crash_after_it_is_synced_finds_it_and_the_log_behind() {
    let mut cluster = taken();
    cluster.append(1, 3, 3, at(3, 8), run(3, 9, 2), 10);
    cluster.sync(3);
    cluster.cut_power(3);
    cluster.restart(3);
    assert_eq!(cluster.status(3).compacted, at(3, 8));
    assert_eq!(cluster.status(3).last, at(3, 10));
    assert_eq!(
        cluster.commit(3),
        at(3, 8),
        "what lies behind, a leader has to say"
    );
    assert_eq!(cluster.fate(3, at(2, 4)), Fate::Lost);
}

/// A later snapshot takes the place of one that was not handed to the disk yet, and the disk never
/// hears of the first.
#[test]
fn a_later_snapshot_replaces_one_that_waits() {
    let mut cluster = with_log();
    cluster.node(3).disk = Disk::Busy;
    for last in [at(3, 8), at(3, 12)] {
        let packet = brought(&cluster, 3, &[(1, 1), (3, 3)], last);
        // Not polled in between.
        cluster.deliver(&packet);
    }
    cluster.poll();
    assert_eq!(
        log_writes(&cluster),
        [(WriteKind::Snapshot(at(3, 12)), Force::Now)]
    );
    cluster.sync(3);
    assert_eq!(restored(&cluster), [12]);
}

/// One that is being written is followed by the later one, and only that is restored.
#[test]
fn a_later_snapshot_follows_one_that_is_being_written() {
    let mut cluster = taken();
    let later = brought(&cluster, 3, &[(1, 1), (3, 3)], at(3, 12));
    deliver(&mut cluster, &later);
    cluster.append(1, 3, 3, at(3, 12), run(3, 13, 1), 13);
    let expected = [
        (WriteKind::Snapshot(at(3, 8)), Force::Now),
        (WriteKind::Snapshot(at(3, 12)), Force::Now),
        (WriteKind::Entries(run(3, 13, 1)), Force::Now),
    ];
    assert_eq!(log_writes(&cluster), expected);
    // The first is synced: it holds what it says, and nothing is restored from it.
    let (now, node) = (cluster.now, cluster.node(3));
    let first = node.queued.pop_front().unwrap();
    node.raft.handle_stored(now, first.clone().synced());
    cluster.poll();
    assert_eq!(cluster.status(3).watermarks.synced, LogIndex(8));
    assert_eq!(restored(&cluster), []);
    cluster.node(3).queued.push_front(first);
    cluster.sync(3);
    assert_eq!(restored(&cluster), [12]);
    assert_eq!(cluster.commit(3), at(3, 13));
}

/// 1. Entries 4 to 6 of term 2 are being written; 2. a snapshot through 3.8 takes the log's place; 3.
///    the receipt of the write comes: it proves nothing of the new log.
#[test]
fn a_receipt_from_before_it_proves_nothing_of_what_came_with_it() {
    let mut cluster = Cluster::with(3, super::bare);
    cluster.start_on(3, 2, [run(1, 1, 3)]);
    cluster.node(3).disk = Disk::Busy;
    cluster.append(1, 3, 2, at(1, 3), run(2, 4, 3), 3);
    let packet = brought(&cluster, 3, &[(1, 1), (3, 4)], at(3, 8));
    deliver(&mut cluster, &packet);
    let (now, node) = (cluster.now, cluster.node(3));
    let stale = node.queued.pop_front().unwrap();
    assert_eq!(stale.kind(), WriteKind::Entries(run(2, 4, 3)));
    node.raft.handle_stored(now, stale.synced());
    cluster.poll();
    assert_eq!(
        cluster.status(3).watermarks.synced,
        LogIndex(3),
        "what was committed"
    );
    assert_eq!(restored(&cluster), []);
}

/// Entries behind a snapshot are replaced by another leader's as ever, and no further.
#[test]
fn a_truncation_behind_an_unwritten_snapshot_leaves_it_alone() {
    let mut cluster = taken();
    cluster.append(1, 3, 3, at(3, 8), run(3, 9, 4), 0);
    cluster.append(2, 3, 5, at(3, 9), run(5, 10, 2), 0);
    assert_eq!(cluster.status(3).last, at(5, 11));
    cluster.sync(3);
    assert_eq!(cluster.status(3).watermarks.synced, LogIndex(11));
    assert_eq!(restored(&cluster), [8]);
    assert_eq!(cluster.holders(at(5, 11), Held::Synced), [3]);
}

/// A snapshot stands for far more entries than may wait for the disk, and counts for none of them.
#[test]
fn entries_behind_a_snapshot_of_millions_are_taken() {
    let mut cluster = with_log();
    cluster.node(3).disk = Disk::Busy;
    let millions = 5_000_000;
    let packet = brought(&cluster, 3, &[(1, 1), (3, 3)], at(3, millions));
    // Not polled in between: the disk has been handed nothing yet.
    cluster.deliver(&packet);
    cluster.append(1, 3, 3, at(3, millions), run(3, millions + 1, 1), 0);
    assert_eq!(cluster.status(3).last, at(3, millions + 1));
    assert_eq!(cluster.status(3).dropped.busy, 0);
}

/// A read is not served from the state before it, although what it is to see is committed.
#[test]
fn a_read_waits_until_it_is_restored() {
    let mut cluster = taken();
    let now = cluster.now;
    let ticket = cluster.raft(3).read(now).unwrap();
    cluster.poll();
    let answer = Message::ReadIndexReply {
        incarnation: cluster.status(3).incarnation,
        ticket: ticket.0,
        index: LogIndex(8),
    };
    cluster.inject(envelope(1, 3, 3, answer));
    let told = |cluster: &Cluster| {
        let mut outputs = cluster.nodes[&id(3)].outputs.iter();
        outputs.any(|output| matches!(output, Output::Read { .. }))
    };
    assert!(!told(&cluster));
    cluster.sync(3);
    assert_eq!(restored(&cluster), [8]);
    assert!(told(&cluster));
}

/// Copies that somebody relied on, in a log that is replaced, are nobody's any more: the disk may be
/// clean again.
#[test]
fn a_mark_for_copies_that_were_replaced_is_taken_back() {
    let mut cluster = with_log();
    cluster.node(3).disk = Disk::LogHeld;
    let relied = Append {
        relied_upto: LogIndex(9),
        written_upto: LogIndex(9),
        force_upto: LogIndex(0),
        ..append(at(2, 6), run(3, 7, 3), 0)
    };
    cluster.inject(envelope(1, 3, 3, Message::Append(relied)));
    assert_eq!(cluster.status(3).trust, Trust::Dirty);
    let packet = brought(&cluster, 4, &[(1, 1), (4, 4)], at(4, 5));
    deliver(&mut cluster, &packet);
    cluster.sync(3);
    cluster.isolate(3);
    cluster.pass(ms(3000));
    assert_eq!(cluster.status(3).trust, Trust::Clean);
}

/// A leader hears of it with the heartbeats, and sends what follows without waiting for the disk.
#[test]
fn heartbeats_say_that_a_snapshot_was_taken() {
    let mut cluster = taken();
    cluster.inject(envelope(1, 3, 3, heartbeat(8, 7)));
    let answers = cluster.intercept(|e| e.from == id(3));
    let said = answers.iter().find_map(|p| match p.envelope.message {
        Message::HeartbeatReply(reply) => Some((reply.received, reply.watermarks.synced)),
        _ => None,
    });
    assert_eq!(said, Some((LogIndex(8), LogIndex(0))));
}
