//! Raft §7: snapshots in place of a log that is gone, and the follower that gets one.

use kraft_proto::{
    Class, CommitMode, CompactError, Config, Fate, FsyncMode, Held, LogIndex, Output, PeerState,
    Role, SnapshotError, WriteKind,
};

use super::bare;
use crate::cluster::{Cluster, Disk, Serving, at, id, ms, run};

/// Three nodes of which the third has missed everything since the first entry of the term; the
/// leader, node 1, has compacted its log.
fn third_behind() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    for _ in 0..4 {
        cluster.propose(1, Class::default());
        cluster.run_until_idle();
    }
    cluster.compact(1, 4);
    cluster
}

fn restored(cluster: &Cluster, n: u64) -> Vec<u64> {
    let outputs = cluster.nodes[&id(n)].outputs.iter();
    outputs
        .filter_map(|output| match output {
            Output::Restored { upto } => Some(upto.index.0),
            _ => None,
        })
        .collect()
}

fn asked(cluster: &Cluster, n: u64) -> Vec<(u64, u64)> {
    let outputs = cluster.nodes[&id(n)].outputs.iter();
    outputs
        .filter_map(|output| match output {
            Output::Snapshot { to, upto } => Some((to.0, upto.0)),
            _ => None,
        })
        .collect()
}

/// §7: "Each server takes snapshots independently, covering just the committed entries in its log."
#[test]
fn a_snapshot_covers_committed_entries_only() {
    let mut cluster = Cluster::new(3);
    assert_eq!(
        cluster.raft(1).snapshot_at(at(0, 0)),
        Err(SnapshotError::Nothing)
    );
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    cluster.isolate(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let refused = SnapshotError::NotCommitted(LogIndex(2));
    assert_eq!(cluster.raft(1).snapshot_at(at(1, 3)), Err(refused));
    let refused = CompactError::NotCommitted(LogIndex(2));
    assert_eq!(cluster.raft(1).compacted(at(1, 3)), Err(refused));
    let snapshot = cluster.raft(1).snapshot_at(at(1, 2)).unwrap();
    assert_eq!(snapshot.last(), at(1, 2));
    assert_eq!(snapshot.members(), &cluster.members);
    assert_eq!(snapshot.members_at(), LogIndex(0));
}

#[test]
fn where_the_log_is_gone_the_snapshot_at_its_end_is_the_earliest() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    for _ in 0..3 {
        cluster.propose(1, Class::default());
        cluster.run_until_idle();
    }
    cluster.compact(1, 3);
    let raft = cluster.raft(1);
    for gone in [1, 2] {
        let refused = raft.snapshot_at(at(1, gone)).unwrap_err();
        assert_eq!(refused, SnapshotError::Compacted(LogIndex(3)));
        assert!(refused.to_string().contains("the log through 3 is gone"));
    }
    assert_eq!(raft.snapshot_at(at(1, 3)).unwrap().last(), at(1, 3));
}

/// A host that mixes up its entries is told so, and nothing of its log goes.
#[test]
fn a_snapshot_of_another_entry_is_none_of_this_log() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let raft = cluster.raft(1);
    let refused = SnapshotError::Mismatch(at(2, 2));
    assert_eq!(raft.snapshot_at(at(2, 2)), Err(refused));
    let refused = CompactError::Mismatch(at(2, 2));
    assert_eq!(raft.compacted(at(2, 2)), Err(refused));
    assert_eq!(raft.status().compacted, at(0, 0));
}

/// A snapshot never runs ahead of the synced log: what is committed may not be on this disk yet.
#[test]
fn a_log_is_kept_until_this_disk_has_it() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.node(1).disk = Disk::LogHeld;
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), at(1, 2), "by the disks of 2 and 3");
    let refused = CompactError::NotSynced(LogIndex(1));
    assert_eq!(cluster.raft(1).compacted(at(1, 2)), Err(refused));
    assert_eq!(cluster.raft(1).compacted(at(1, 1)), Ok(()));
    cluster.sync(1);
    assert_eq!(cluster.raft(1).compacted(at(1, 2)), Ok(()));
    assert_eq!(cluster.raft(1).compacted(at(1, 1)), Ok(()), "it is gone");
    assert_eq!(cluster.status(1).compacted, at(1, 2));
}

/// §7: "the leader must occasionally send snapshots to followers that lag behind. This happens when
/// the leader has already discarded the next log entry that it needs to send."
#[test]
fn a_follower_behind_the_leaders_log_catches_up_by_snapshot() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(asked(&cluster, 1), [(3, 4)], "once");
    assert_eq!(restored(&cluster, 3), [4], "the one at hand");
    assert_eq!(cluster.commit(3), at(1, 5), "and the rest as entries");
    assert_eq!(cluster.status(3).compacted, at(1, 4));
    let peer = cluster
        .status(1)
        .peers
        .iter()
        .find(|p| p.id == id(3))
        .cloned();
    assert_eq!(peer.unwrap().state, PeerState::Replicate);
    let next = cluster.propose(1, Class::new(CommitMode::All, FsyncMode::Commit));
    cluster.run_until_idle();
    assert!(cluster.acked(1, &next), "entries behind it flow as ever");
    assert_eq!(cluster.holders(at(1, 6), Held::Synced), [1, 2, 3]);
}

/// §7: "the last included index and term ... to support the AppendEntries consistency check for the
/// first log entry following the snapshot".
#[test]
fn an_entry_right_behind_the_snapshot_is_sent_as_an_append() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    // Node 3 has entry 1, and so does the snapshot: entry 2 is still in the log.
    cluster.compact(1, 1);
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(asked(&cluster, 1), []);
    assert_eq!(cluster.commit(3), at(1, 2));
}

/// §7: "Usually the snapshot will contain new information not already in the recipient's log. In
/// this case, the follower discards its entire log".
#[test]
fn a_snapshot_beyond_the_log_replaces_all_of_it() {
    let mut cluster = Cluster::with(3, bare);
    for n in [1, 2] {
        cluster.start_on(n, 2, [run(1, 1, 1), run(2, 2, 3)]);
    }
    // Figure 7 (f): terms that nobody else has, and a log that is longer.
    cluster.start_on(3, 2, [run(1, 1, 9)]);
    cluster.isolate(3);
    cluster.campaign(1);
    assert_eq!(cluster.commit(1), at(3, 5));
    cluster.compact(1, 5);
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(restored(&cluster, 3), [5]);
    assert_eq!(
        cluster.status(3).last,
        at(3, 5),
        "nothing of the old log is left"
    );
    assert_eq!(cluster.holders(at(1, 6), Held::Written), [0; 0]);
    assert_eq!(cluster.fate(3, at(1, 6)), Fate::Lost);
    assert_eq!(
        cluster.fate(3, at(2, 4)),
        Fate::Committed,
        "by the snapshot's history"
    );
}

/// §7: "If instead the follower receives a snapshot that describes a prefix of its log ... entries
/// following the snapshot are still valid and must be retained."
#[test]
fn a_snapshot_of_a_prefix_undoes_nothing_behind_it() {
    let mut cluster = Cluster::with(3, bare);
    cluster.elect(1);
    for _ in 0..3 {
        cluster.propose(1, Class::default());
        cluster.run_until_idle();
    }
    let last = cluster.compact(1, 3);
    let relaxed = cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::None));
    cluster.run_until_idle();
    cluster.send_snapshot(1, 3, last);
    cluster.run_until_idle();
    assert_eq!(restored(&cluster, 3), []);
    assert_eq!(cluster.status(3).compacted, at(0, 0), "its log is whole");
    let kept = relaxed.run.last_position();
    assert_eq!(cluster.holders(kept, Held::Written), [1, 2, 3]);
    // A restarted node knows of no commit: it recognizes the snapshot's last entry in its log.
    cluster.kill(3);
    cluster.restart(3);
    let written = cluster.node(3).writes.len();
    let packet = cluster.send_snapshot(1, 3, last);
    cluster.deliver(&packet);
    assert_eq!(cluster.status(3).last, kept);
    assert_eq!(cluster.commit(3), at(1, 3), "the snapshot says so");
    let snapshots = |writes: &[(WriteKind, _)]| {
        let taken = |(kind, _): &(WriteKind, _)| matches!(kind, WriteKind::Snapshot(_));
        writes.iter().filter(|write| taken(write)).count()
    };
    assert_eq!(snapshots(&cluster.node(3).writes[written..]), 0);
}

/// A node restores its state from its snapshot, and its log goes on behind that.
#[test]
fn a_node_starts_from_its_snapshot_and_the_log_behind_it() {
    let mut cluster = third_behind();
    cluster.cut_power(1);
    cluster.restart(1);
    assert_eq!(cluster.status(1).compacted, at(1, 4));
    assert_eq!(
        cluster.commit(1),
        at(1, 4),
        "all a snapshot covers is committed"
    );
    assert_eq!(cluster.status(1).last, at(1, 5));
    cluster.heal();
    cluster.pass(ms(3000));
    let leader = cluster.leader().unwrap();
    cluster.propose(leader, Class::default());
    cluster.pass(ms(100));
    for n in 1..=3 {
        assert_eq!(cluster.commit(n), cluster.commit(leader), "node {n}");
        let committed = |of| cluster.fate(n, of) == Fate::Committed;
        assert!(committed(at(1, 2)) && committed(at(1, 5)), "node {n}");
    }
}

/// §7 leaves elections alone: a node whose snapshot is not on its disk yet votes by what it took,
/// and can win.
#[test]
fn a_node_is_elected_while_its_snapshot_is_being_written() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.node(3).disk = Disk::Busy;
    cluster.pass(ms(200));
    assert_eq!(cluster.status(3).last, at(1, 5), "entry 5 came behind it");
    assert_eq!(restored(&cluster, 3), [], "its disk has not reported it");
    assert_eq!(cluster.status(3).watermarks.synced, LogIndex(1));
    cluster.kill(1);
    cluster.pass(ms(500));
    cluster.campaign(3);
    cluster.pass(ms(50));
    assert_eq!(cluster.role(3), Role::Leader);
    let waiting = cluster.propose(3, Class::default());
    cluster.pass(ms(50));
    assert!(!cluster.acked(3, &waiting), "one disk of two");
    assert_eq!(restored(&cluster, 3), []);
    cluster.sync(3);
    cluster.node(3).disk = Disk::Prompt;
    cluster.pass(ms(50));
    assert!(cluster.acked(3, &waiting));
    assert_eq!(restored(&cluster, 3), [4]);
    let told = cluster.nodes[&id(3)].outputs.iter();
    let told: Vec<_> = told
        .filter(|o| matches!(o, Output::Restored { .. } | Output::Commit { .. }))
        .collect();
    let place = told
        .iter()
        .position(|o| matches!(o, Output::Restored { .. }));
    assert_eq!(
        place,
        Some(1),
        "commit 1, then the snapshot, then what follows"
    );
}

/// A snapshot that is asked for and does not arrive is asked for again, once in a while.
#[test]
fn a_lost_snapshot_is_asked_for_again_after_an_election_timeout() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.pass(ms(100));
    assert_eq!(asked(&cluster, 1), [(3, 4)]);
    let config = Config::new(id(1), kraft_proto::StoreId(1), 1);
    cluster.pass(config.election_timeout_max + config.heartbeat);
    assert_eq!(asked(&cluster, 1), [(3, 4), (3, 4)]);
    assert_eq!(
        cluster.leader(),
        Some(1),
        "it answers heartbeats all the while"
    );
    let last = cluster.compact(1, 5);
    cluster.send_snapshot(1, 3, last);
    cluster.run_until_idle();
    assert_eq!(restored(&cluster, 3), [5]);
    cluster.pass(config.election_timeout_max * 3);
    assert_eq!(asked(&cluster, 1).len(), 2, "it has it");
}

/// A peer that answers nothing is not there to take one: nobody reads a snapshot off a disk for it.
#[test]
fn a_snapshot_is_not_asked_for_again_while_the_peer_is_gone() {
    let mut cluster = third_behind();
    cluster.heal();
    cluster.node(1).serving = Serving::WhenTold;
    cluster.pass(ms(100));
    assert_eq!(asked(&cluster, 1), [(3, 4)]);
    cluster.kill(3);
    cluster.pass(ms(2000));
    assert_eq!(asked(&cluster, 1).len(), 1);
    cluster.node(1).serving = Serving::AtOnce;
    cluster.restart(3);
    cluster.pass(ms(200));
    assert_eq!(cluster.commit(3), cluster.commit(1), "it is back");
}
