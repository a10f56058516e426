//! Every commit mode with every fsync mode: what the acknowledgement claims, and which copies it
//! waited for.
//!
//! Five voters' disks do nothing by themselves. Copies become written and synced one by one, in
//! several orders, and after each step the client has heard exactly if its class is fulfilled by
//! what the machines really hold.

use kraft_proto::durability::Fallback;
use kraft_proto::{Class, CommitMode, FsyncMode, Grade, Held, LogPosition};

use crate::cluster::clients::Clients;
use crate::cluster::{Cluster, Disk, ms};

const VOTERS: u64 = 5;
const MODES: [CommitMode; 7] = [
    CommitMode::Async,
    CommitMode::LeaderOnly,
    CommitMode::AtLeast(2),
    CommitMode::AtLeast(3),
    CommitMode::AtLeast(5),
    CommitMode::Sync,
    CommitMode::All,
];

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(u64),
    Sync(u64),
}

/// Each node written and synced in turn.
fn one_by_one(order: [u64; 5]) -> Vec<Step> {
    let both = |n| [Step::Write(n), Step::Sync(n)];
    order.into_iter().flat_map(both).collect()
}

/// Everybody written, then everybody synced.
fn written_first(order: [u64; 5]) -> Vec<Step> {
    let written = order.into_iter().map(Step::Write);
    written.chain(order.into_iter().map(Step::Sync)).collect()
}

fn orders() -> Vec<Vec<Step>> {
    let leader_first = [1, 2, 3, 4, 5];
    let leader_last = [5, 4, 3, 2, 1];
    let leader_third = [2, 4, 1, 3, 5];
    vec![
        one_by_one(leader_first),
        one_by_one(leader_last),
        one_by_one(leader_third),
        written_first(leader_first),
        written_first(leader_last),
    ]
}

/// Commit and fsync modes in four lines: who must hold it, and how firmly.
fn is_fulfilled(cluster: &Cluster, class: Class, position: LogPosition) -> bool {
    let holders = cluster.holders(position, class.fsync.held());
    let leader_holds = holders.contains(&1);
    match class.mode {
        CommitMode::Async => true,
        CommitMode::LeaderOnly => leader_holds,
        CommitMode::AtLeast(n) => leader_holds && holders.len() >= usize::from(n),
        CommitMode::Sync => holders.len() >= 3,
        CommitMode::All => holders.len() == VOTERS as usize,
    }
}

fn walk(class: Class, steps: &[Step]) {
    let mut cluster = Cluster::new(VOTERS);
    cluster.elect(1);
    cluster.disks(Disk::Busy);
    let mut clients = Clients::new();
    let position = clients.propose(&mut cluster, 1, class, Fallback::Refuse);
    let mut answers = Vec::new();
    cluster.run_until_idle();
    if class.mode == CommitMode::Async {
        // It waits for company.
        cluster.pass(ms(11));
    }
    for step in std::iter::once(None).chain(steps.iter().copied().map(Some)) {
        match step {
            None => {}
            Some(Step::Write(n)) => write_all(&mut cluster, n),
            Some(Step::Sync(n)) => sync_all(&mut cluster, n),
        }
        answers.extend(clients.told(&mut cluster));
        let due = is_fulfilled(&cluster, class, position);
        assert_eq!(answers.len(), usize::from(due), "{class} after {step:?}");
    }
    let [answer] = answers[..] else {
        panic!("{class}: one answer, not {}", answers.len())
    };
    assert_eq!((answer.position, answer.asked), (position, class));
    assert_eq!((answer.mode, answer.grade), (class.mode, Grade::AsAsked));
    let claimed = match class.mode {
        CommitMode::Async => Held::Accepted,
        _ => class.fsync.held(),
    };
    assert_eq!(answer.held, Some(claimed), "{class}");
}

/// A disk that is not done with one write before another is asked for.
fn write_all(cluster: &mut Cluster, n: u64) {
    while !cluster.node(n).queued.is_empty() {
        cluster.write(n);
    }
}

fn sync_all(cluster: &mut Cluster, n: u64) {
    while !cluster.node(n).queued.is_empty() || !cluster.node(n).unsynced.is_empty() {
        cluster.sync(n);
    }
}

fn every_mode_with(fsync: FsyncMode) {
    for mode in MODES {
        for steps in orders() {
            walk(Class::new(mode, fsync), &steps);
        }
    }
}

#[test]
fn with_none_every_mode_counts_written_copies() {
    every_mode_with(FsyncMode::None);
}

#[test]
fn with_batch_every_mode_counts_written_copies() {
    every_mode_with(FsyncMode::Batch);
}

#[test]
fn with_commit_every_mode_counts_synced_copies() {
    every_mode_with(FsyncMode::Commit);
}

#[test]
fn with_always_every_mode_counts_synced_copies() {
    every_mode_with(FsyncMode::Always);
}

/// A relaxed entry with a stronger one right behind it is still acknowledged when it is written.
#[test]
fn a_small_at_least_does_not_wait_for_the_disk_because_a_stronger_entry_follows() {
    let mut cluster = Cluster::new(VOTERS);
    cluster.elect(1);
    cluster.disks(Disk::Busy);
    let class = Class::new(CommitMode::AtLeast(2), FsyncMode::None);
    let proposed = cluster.propose(1, class);
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    cluster.write(1);
    cluster.write(2);
    assert!(cluster.acked(1, &proposed), "written on two nodes");
}
