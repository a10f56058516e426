//! Which configuration an acknowledgement must have its copies in.

use kraft_proto::{Change, Class, CommitMode, EntryKind, FsyncMode, Held, Message};

use crate::cluster::{Cluster, Disk, id};

use super::*;

/// Of an entry above a configuration that may yet be cut off nobody hears early, and of one below
/// it only by those who would elect the next leader if it were.
#[test]
fn early_acknowledgements_wait_for_the_configuration_below_them() {
    let relaxed = Class::new(CommitMode::Sync, FsyncMode::None);
    let mut cluster = with_joiners(&[4]);
    cluster.disks(Disk::LogHeld);
    let below = cluster.propose(1, relaxed);
    cluster.change(1, &[voter(4)]).unwrap();
    let above = cluster.propose(1, relaxed);
    let alone = cluster.propose(1, Class::new(CommitMode::LeaderOnly, FsyncMode::None));
    let at_once = cluster.propose(1, Class::new(CommitMode::Async, FsyncMode::None));
    cluster.run_until_idle();
    assert!(cluster.acked(1, &below));
    for waits in [&above, &alone, &at_once] {
        assert!(!cluster.acked(1, waits));
    }
    for n in 1..=4 {
        cluster.sync(n);
    }
    for told in [&above, &alone, &at_once] {
        assert!(cluster.acked(1, told));
    }
}

/// The story, were entries below counted among the new voters only: 1. of four voters node 3 is to
/// leave; 2. an entry before that is written on a majority of the three that stay, and acknowledged;
/// 3. the change is cut off, the power of one of these two fails, and three of four elect a leader
///    that never had the entry.
#[test]
fn entries_below_a_configuration_have_the_copies_that_the_old_one_asks() {
    let mut cluster = Cluster::new(4);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    cluster.isolate(3);
    cluster.isolate(4);
    let below = cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::None));
    cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    let held = cluster.holders(below.run.last_position(), Held::Written);
    assert_eq!(held, [1, 2]);
    assert!(!cluster.acked(1, &below), "two of four");
}

#[test]
fn what_was_asked_of_more_voters_than_are_left_is_clamped() {
    let mut cluster = with_joiners(&[]);
    cluster.isolate(3);
    let three = cluster.propose(1, Class::new(CommitMode::AtLeast(3), FsyncMode::Commit));
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &three));
    cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    assert!(cluster.acked(1, &three), "every voter there is holds it");
}

/// What is synced by a majority of the voters there are from now on is committed, and heard at once: the
/// configuration behind it, which the old voters must agree to, is not waited for.
#[test]
fn synced_entries_below_an_open_configuration_are_acknowledged_as_they_commit() {
    let mut cluster = Cluster::new(4);
    cluster.elect(1);
    cluster.isolate(3);
    cluster.isolate(4);
    cluster.lossy = |envelope| match &envelope.message {
        Message::Append(append) => append.run().kind == EntryKind::Configuration,
        _ => false,
    };
    let below = cluster.propose(1, Class::default());
    let change = cluster.change(1, &[Change::Remove(id(3))]).unwrap();
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), below.run.last_position());
    assert!(cluster.acked(1, &below) && !cluster.acked(1, &change));
}
