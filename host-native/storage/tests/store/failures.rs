//! Disks that fail: an fsync, a write, no room.

use kraft_proto::hard_state::HardState;
use kraft_storage::testing::bench::{
    append, commands, dir, formatted, founding, identity, open, options,
};
use kraft_storage::testing::{Crash, Fault, FaultFs};
use kraft_storage::{DiskError, StoreOpenError};

use super::*;

#[test]
fn a_failed_fsync_stops_the_store_for_good() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 3), 100).unwrap();
    fs.fail(Fault::Sync, 1);
    assert!(matches!(store.force(), Err(DiskError::Io(_))));
    // The next fsync would succeed, and prove nothing.
    assert!(matches!(store.force(), Err(DiskError::Stopped)));
    let more = append(&mut store, commands(1, 4, 1), 100);
    assert!(matches!(more, Err(DiskError::Stopped)));
    let save = store.save_hard_state(HardState::default());
    assert!(matches!(save, Err(DiskError::Stopped)));
}

#[test]
fn after_a_failed_fsync_what_a_restart_returns_survives_a_power_cut() {
    for seed in 0..50 {
        let fs = FaultFs::new(seed);
        kraft_storage::format(dir(), &fs, identity(), founding()).unwrap();
        let mut store = open(&fs).store;
        append(&mut store, commands(1, 1, 30), 700).unwrap();
        fs.fail(Fault::Sync, 1);
        assert!(store.force().is_err());
        drop(store);
        let fs = fs.crash(Crash::Process);
        let log = open(&fs).log;
        assert_eq!(log, [commands(1, 1, 30)], "the page cache lives");
        assert_eq!(open(&fs.crash(Crash::Power)).log, log, "seed {seed}");
    }
}

#[test]
fn a_store_does_not_open_unless_the_rewritten_tail_is_forced() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 30), 700).unwrap();
    drop(store);
    for nth in 1..=3 {
        fs.fail(Fault::Sync, nth);
        assert!(
            matches!(open_error(&fs), StoreOpenError::Io(_)),
            "fsync {nth}"
        );
    }
    assert_eq!(open(&fs).log, [commands(1, 1, 30)]);
}

#[test]
fn a_failed_or_short_write_is_never_reported() {
    for fault in [Fault::Write, Fault::ShortWrite] {
        let fs = formatted(1);
        let mut store = open(&fs).store;
        append(&mut store, commands(1, 1, 3), 100).unwrap();
        store.force().unwrap();
        fs.fail(fault, 1);
        let failed = append(&mut store, commands(1, 4, 3), 100);
        assert!(matches!(failed, Err(DiskError::Io(_))));
        drop(store);
        let log = open(&fs).log;
        assert!(log[0].count >= 3 && log[0].count < 6, "{log:?}");
    }
}

#[test]
fn a_full_disk_is_refused_ahead_of_time_and_clears_when_there_is_space() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    let space = store.space();
    space.admit(1, 1000).unwrap();
    fs.set_capacity(2 * options().segment_bytes);
    let mut next = 1;
    // A rotation that finds the disk full: what was admitted is written, then nothing is.
    let full = loop {
        if let Err(full) = space.admit(1, 1000) {
            break full;
        }
        if append(&mut store, commands(1, next, 1), 1000).is_err() {
            panic!("entry {next} was admitted");
        }
        next += 1;
        store.probe_space().unwrap();
    };
    assert!(next > 30, "most of the segment is used: {next}");
    assert!(full.to_string().contains("disk is full"), "{full}");
    // Hard state still has its place.
    store.save_hard_state(HardState::default()).unwrap();
    fs.set_capacity(8 * options().segment_bytes);
    store.probe_space().unwrap();
    space.admit(1, 1000).unwrap();
    append(&mut store, commands(1, next, 40), 1000).unwrap();
    store.close().unwrap();
    assert_eq!(open(&fs).log, [commands(1, 1, next as u32 + 39)]);
}
