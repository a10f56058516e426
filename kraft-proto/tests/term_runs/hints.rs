//! `Recovery::committed`: what a host kept as committed counts where the log has exactly that entry.

use kraft_proto::{Fate, LogPosition, Output, Snapshot};

use crate::cluster::messages::history;
use crate::cluster::{Cluster, at, run};
use crate::{narrow, terms};

/// Node 1 starts on terms one to twenty with this hint: what it is told as committed, and what it drops.
fn started(hint: LogPosition) -> (LogPosition, u64) {
    let mut cluster = Cluster::with(3, narrow);
    let recovery = cluster.resume(20).committed(hint);
    cluster.start_from(1, recovery, terms(1..=20));
    cluster.poll();
    let told = cluster
        .node(1)
        .outputs
        .iter()
        .find_map(|output| match output {
            Output::Commit { upto } => Some(*upto),
            _ => None,
        });
    let status = cluster.status(1);
    assert_eq!(told.unwrap_or_default(), status.commit);
    (status.commit, status.dropped.hints)
}

#[test]
fn what_was_told_before_is_known_at_once_in_the_window_and_below() {
    for hint in [at(20, 20), at(19, 19), at(3, 3)] {
        assert_eq!(started(hint), (hint, 0));
    }
    assert_eq!(started(at(0, 0)), (at(0, 0), 0), "nothing was told");
}

/// The story: 1. node 1 is told that 5 is committed, by the disks of the others, while its own copy is
/// unsynced; 2. its power fails, and what its disk brings back reaches 5 again, with the entries of an older
/// leader; 3. *committed through 5* has it apply those, and clamped to what is there likewise.
#[test]
fn a_hint_over_a_resurrected_tail_is_dropped_and_counted() {
    assert_eq!(started(at(7, 5)), (at(0, 0), 1), "as an index");
    assert_eq!(started(at(4, 5)), (at(0, 0), 1));
    assert_eq!(started(at(21, 20)), (at(0, 0), 1));
}

#[test]
fn a_hint_ahead_of_the_log_is_dropped_and_not_clamped() {
    assert_eq!(started(at(20, 21)), (at(0, 0), 1));
    assert_eq!(started(at(25, 30)), (at(0, 0), 1));
}

/// A snapshot knows more than a hint from before it.
#[test]
fn a_hint_behind_the_snapshot_changes_nothing() {
    let mut cluster = Cluster::with(3, narrow);
    let core = history(&[(1, 1), (4, 4), (6, 6)], 8, &cluster.members);
    let snapshot = Snapshot::decode(&core).unwrap();
    for (hint, dropped) in [(at(4, 5), 0), (at(6, 8), 0), (at(5, 5), 1), (at(9, 9), 1)] {
        for first in [true, false] {
            let recovery = cluster.resume(9);
            let recovery = match first {
                true => recovery.committed(hint).snapshot(&snapshot),
                false => recovery.snapshot(&snapshot).committed(hint),
            };
            cluster.start(1, recovery, narrow);
            let status = cluster.status(1);
            assert_eq!(status.commit, at(6, 8), "{hint}");
            assert_eq!(status.dropped.hints, dropped, "{hint}");
        }
    }
}

/// What was committed stays so: a leader of older entries is refused, and no fate is taken back.
#[test]
fn a_hint_that_counts_keeps_its_entries_and_their_fates() {
    let mut cluster = Cluster::with(3, narrow);
    let recovery = cluster.resume(20).committed(at(10, 10));
    cluster.start_from(1, recovery, terms(1..=20));
    assert_eq!(cluster.fate(1, at(10, 10)), Fate::Committed);
    assert_eq!(cluster.fate(1, at(4, 4)), Fate::Committed);
    assert_eq!(cluster.fate(1, at(3, 4)), Fate::Lost);
    assert_eq!(cluster.fate(1, at(9, 11)), Fate::Lost, "its term is over");
    assert_eq!(cluster.fate(1, at(11, 11)), Fate::Pending);
    cluster.append(2, 1, 99, at(3, 3), run(50, 4, 1), 4);
    assert_eq!(cluster.status(1).last, at(20, 20));
    assert_eq!(cluster.commit(1), at(10, 10));
}
