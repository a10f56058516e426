//! Entries: what is written is read, and what a log may be made of.

use bytes::Bytes;
use kraft_proto::entry::EntryKind;
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, Term};
use kraft_storage::testing::Crash;
use kraft_storage::testing::bench::{
    append, commands, dir, formatted, identity, open, options, payload,
};
use kraft_storage::{Boot, DiskError, Fs, ReadError};

use super::*;

#[test]
fn what_was_written_is_there_after_a_restart() {
    let fs = formatted(1);
    let hard_state = HardState {
        term: Term(4),
        vote: Some(NodeId(2)),
        incarnation: Incarnation::new(9, Nonce(9)),
        trust: Trust::Dirty,
        superseded: None,
    };
    let mut store = open(&fs).store;
    store.append(run(1, EntryKind::NoOp, 1, 1), &[]).unwrap();
    append(&mut store, commands(1, 2, 300), 500).unwrap();
    let members = run(1, EntryKind::Configuration, 302, 1);
    append(&mut store, members, 40).unwrap();
    append(&mut store, commands(4, 303, 2), 0).unwrap();
    store.save_hard_state(hard_state).unwrap();
    store.close().unwrap();

    let opened = open(&fs);
    assert_eq!(opened.hard_state, hard_state);
    assert_eq!(opened.identity, identity());
    assert_eq!(opened.boot, Boot::Same);
    assert_eq!(opened.warnings, []);
    let barrier = run(1, EntryKind::NoOp, 1, 1);
    let expected = [barrier, commands(1, 2, 300), members, commands(4, 303, 2)];
    assert_eq!(opened.log, expected);
    let reader = opened.store.reader();
    for run in expected {
        let payloads = reader.read(run, usize::MAX).unwrap();
        assert_eq!(payloads.len(), run.count as usize);
        for (at, found) in run.positions().zip(payloads) {
            let bytes = match run.kind {
                EntryKind::NoOp => Bytes::new(),
                EntryKind::Configuration => payload(at, 40),
                EntryKind::Command if at.term.0 == 1 => payload(at, 500),
                EntryKind::Command => payload(at, 0),
            };
            assert_eq!(found, bytes, "{at}");
        }
    }
}

#[test]
fn a_reader_stops_at_the_bytes_it_was_given_and_gives_at_least_one() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 200), 1000).unwrap();
    let reader = store.reader();
    assert_eq!(reader.read(commands(1, 1, 200), 0).unwrap().len(), 1);
    assert_eq!(reader.read(commands(1, 1, 200), 3500).unwrap().len(), 3);
    assert_eq!(
        reader.read(commands(1, 150, 51), 1 << 20).unwrap().len(),
        51
    );
    let beyond = reader.read(commands(1, 201, 1), 1000).unwrap_err();
    assert!(matches!(beyond, ReadError::NotHeld(_)), "{beyond}");
}

#[test]
fn an_entry_that_was_replaced_is_not_read_under_its_old_term() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 10), 20).unwrap();
    append(&mut store, commands(3, 6, 2), 20).unwrap();
    let reader = store.reader();
    match reader.read(commands(1, 6, 1), 1000).unwrap_err() {
        ReadError::Replaced { wanted, found } => {
            assert_eq!(wanted, LogPosition::new(Term(1), LogIndex(6)));
            assert_eq!(found, LogPosition::new(Term(3), LogIndex(6)));
        }
        error => panic!("{error}"),
    }
    let gone = reader.read(commands(1, 9, 1), 1000).unwrap_err();
    assert!(matches!(gone, ReadError::NotHeld(_)), "{gone}");
    assert_eq!(reader.read(commands(3, 6, 2), 1000).unwrap().len(), 2);
    store.close().unwrap();
    assert_eq!(open(&fs).log, [commands(1, 1, 5), commands(3, 6, 2)]);
}

#[test]
fn entries_that_do_not_join_are_refused_and_harm_nothing() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 3), 10).unwrap();
    let gap = append(&mut store, commands(1, 5, 1), 10);
    assert!(matches!(gap, Err(DiskError::Gap { .. })));
    let few = store.append(commands(1, 4, 2), &[Bytes::new()]);
    assert!(matches!(few, Err(DiskError::Payloads { .. })));
    let large = append(
        &mut store,
        commands(1, 4, 1),
        options().segment_bytes as usize,
    );
    assert!(matches!(large, Err(DiskError::TooLarge { .. })));
    let largest = store.payload_bytes_max() as usize;
    append(&mut store, commands(1, 4, 2), largest).unwrap();
    store.close().unwrap();
    assert_eq!(open(&fs).log, [commands(1, 1, 5)]);
}

#[test]
fn compaction_lets_go_of_whole_segments_and_recycles_them() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 4000), 300).unwrap();
    store.force().unwrap();
    let files = fs.list(&dir().join("log")).unwrap().len();
    let upto = LogPosition::new(Term(1), LogIndex(3200));
    store.compact(upto).unwrap();
    let kept = fs.list(&dir().join("log")).unwrap().len();
    assert!(kept < files, "{kept} of {files} files");
    let reader = store.reader();
    assert!(reader.base().index > LogIndex(0) && reader.base().index <= LogIndex(3200));
    assert!(matches!(
        reader.read(commands(1, 1, 1), 1),
        Err(ReadError::NotHeld(_))
    ));
    append(&mut store, commands(1, 4001, 1000), 300).unwrap();
    store.close().unwrap();
    let opened = open(&fs.crash(Crash::Power));
    let first = opened.base.index.0 + 1;
    assert_eq!(
        opened.log,
        [commands(1, first, 5000 - opened.base.index.0 as u32)]
    );
    let payloads = opened
        .store
        .reader()
        .read(opened.log[0], usize::MAX)
        .unwrap();
    assert_eq!(
        payloads[0],
        payload(commands(1, first, 1).last_position(), 300)
    );
}

#[test]
fn a_log_that_is_compacted_as_fast_as_it_grows_zeroes_nothing() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    let stats = store.stats();
    let mut zeroed = Vec::new();
    for round in 0..12 {
        append(&mut store, commands(1, 1 + round * 800, 800), 300).unwrap();
        store.force().unwrap();
        // Two snapshots are kept, and the log from the older one on.
        let upto = LogIndex((round * 800).max(1));
        store.compact(LogPosition::new(Term(1), upto)).unwrap();
        zeroed.push(stats.bytes_zeroed());
    }
    assert!(zeroed[0] > 0);
    assert_eq!(zeroed[11], zeroed[3], "{zeroed:?}");
    store.close().unwrap();
    let opened = open(&fs.crash(Crash::Power));
    assert_eq!(opened.store.last().index, LogIndex(9600));
}

#[test]
fn a_log_goes_on_behind_a_snapshot() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 500), 300).unwrap();
    let base = LogPosition::new(Term(6), LogIndex(9000));
    store.restart_behind(base).unwrap();
    let fs = fs.crash(Crash::Power);
    let mut opened = open(&fs);
    assert_eq!((opened.base, opened.log), (base, vec![]));
    append(&mut opened.store, commands(7, 9001, 400), 300).unwrap();
    let before = append(&mut opened.store, commands(7, 9000, 1), 3);
    assert!(matches!(before, Err(DiskError::Gap { .. })));
    opened.store.close().unwrap();
    for _ in 0..2 {
        let opened = open(&fs);
        assert_eq!(opened.base, base);
        assert_eq!(opened.log, [commands(7, 9001, 400)]);
    }
}

#[test]
fn the_whole_log_may_be_cut_and_written_again() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 500), 300).unwrap();
    append(&mut store, commands(2, 1, 3), 300).unwrap();
    append(&mut store, commands(3, 1, 1), 300).unwrap();
    store.close().unwrap();
    for _ in 0..2 {
        assert_eq!(open(&fs).log, [commands(3, 1, 1)]);
    }
}

#[test]
fn an_fsync_with_nothing_to_force_is_free_and_every_other_is_counted() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    let stats = store.stats();
    let (log, meta) = (stats.log_fsyncs(), stats.meta_fsyncs());
    store.force().unwrap();
    append(&mut store, commands(1, 1, 10), 100).unwrap();
    store.force().unwrap();
    store.force().unwrap();
    store.save_hard_state(HardState::default()).unwrap();
    assert_eq!(
        (stats.log_fsyncs(), stats.meta_fsyncs()),
        (log + 1, meta + 1)
    );
    assert_eq!(stats.bytes_forced(), 10 * 144);
    assert_eq!(stats.entries_written(), 10);
}
