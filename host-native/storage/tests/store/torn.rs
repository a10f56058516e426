//! What is torn, cut off, damaged or missing when a store opens.

use kraft_proto::hard_state::HardState;
use kraft_proto::ids::Term;
use kraft_storage::testing::Crash;
use kraft_storage::testing::bench::{append, commands, dir, formatted, open};
use kraft_storage::{Fs, StoreOpenError, Warning};

use super::*;

#[test]
fn a_torn_tail_is_cut_with_a_warning_that_says_where() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 5), 100).unwrap();
    store.force().unwrap();
    append(&mut store, commands(1, 6, 3), 100).unwrap();
    drop(store);
    // The middle one of the three that were not forced.
    let offset = 4096 + 6 * 144;
    fs.flip_bit(&active_segment(&fs), offset + 50, 1);
    let file = active_segment(&fs);
    let opened = open(&fs.crash(Crash::Process));
    assert_eq!(opened.log, [commands(1, 1, 6)]);
    let bytes = 2 * 144;
    let cut = Warning::TornTail {
        file,
        offset,
        bytes,
    };
    assert_eq!(opened.warnings, [cut]);
}

#[test]
fn what_was_cut_off_does_not_come_back() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 6), 100).unwrap();
    drop(store);
    fs.flip_bit(&active_segment(&fs), 4096 + 3 * 144 + 50, 1);
    let mut opened = open(&fs);
    assert_eq!(opened.log, [commands(1, 1, 3)]);
    // The same bytes again where the damaged record stood: what was behind it joins them by
    // position, and must not by checksum.
    append(&mut opened.store, commands(1, 4, 1), 100).unwrap();
    drop(opened);
    assert_eq!(open(&fs).log, [commands(1, 1, 4)]);
}

#[test]
fn damage_before_a_forced_place_refuses_to_start_and_says_where() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 5), 100).unwrap();
    store.force().unwrap();
    // Written after the fsync, so it knows of it.
    append(&mut store, commands(1, 6, 1), 100).unwrap();
    drop(store);
    let file = active_segment(&fs);
    for record in 0..5 {
        for byte in [0, 4, 20, 39, 60] {
            let at = 4096 + record * 144;
            fs.flip_bit(&file, at + byte, 3);
            match open_error(&fs) {
                StoreOpenError::Corrupt(corrupt) => {
                    assert_eq!((corrupt.file, corrupt.offset), (file.clone(), at));
                }
                error => panic!("{error}"),
            }
            fs.flip_bit(&file, at + byte, 3);
        }
    }
    assert_eq!(open(&fs).log, [commands(1, 1, 6)]);
}

#[test]
fn damage_anywhere_in_a_closed_store_refuses_to_start() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 1000), 150).unwrap();
    store.close().unwrap();
    let log = dir().join("log");
    let mut damaged = 0;
    for name in fs.list(&log).unwrap() {
        let file = log.join(&name);
        let content = fs.content(&file).unwrap();
        if !content.starts_with(b"kraftseg") {
            continue;
        }
        let used = content.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        for at in [20, 4096, 4100, 4096 + 77, used / 2, used - 200] {
            fs.flip_bit(&file, at, 0);
            let error = open_error(&fs);
            assert!(
                matches!(&error, StoreOpenError::Corrupt(corrupt) if corrupt.file == file),
                "{name} at {at}: {error}"
            );
            fs.flip_bit(&file, at, 0);
            damaged += 1;
        }
    }
    assert!(damaged >= 18, "the log has several segments");
    assert_eq!(open(&fs).log, [commands(1, 1, 1000)]);
}

#[test]
fn a_missing_segment_refuses_to_start() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 1000), 150).unwrap();
    store.close().unwrap();
    let log = dir().join("log");
    for name in fs.list(&log).unwrap() {
        let file = log.join(name);
        if fs.content(&file).unwrap().starts_with(b"kraftseg") {
            fs.rename(&file, &dir().join("elsewhere")).unwrap();
            let error = open_error(&fs);
            assert!(matches!(error, StoreOpenError::Corrupt(_)), "{error}");
            fs.rename(&dir().join("elsewhere"), &file).unwrap();
        }
    }
    assert_eq!(open(&fs).log, [commands(1, 1, 1000)]);
}

#[test]
fn a_torn_hard_state_falls_back_to_the_one_before() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    let saved = |term| HardState {
        term: Term(term),
        ..HardState::default()
    };
    store.save_hard_state(saved(1)).unwrap();
    store.save_hard_state(saved(2)).unwrap();
    drop(store);
    let meta = dir().join("meta");
    let content = fs.content(&meta).unwrap();
    let second = content.len() / 2;
    let newer = match content[16..24] > content[second + 16..second + 24] {
        true => 0,
        false => second as u64,
    };
    fs.flip_bit(&meta, newer + 60, 0);
    let opened = open(&fs);
    assert_eq!(opened.hard_state, saved(1));
    let torn = Warning::TornMeta {
        file: meta.clone(),
        offset: newer,
    };
    assert_eq!(opened.warnings, [torn]);
    drop(opened);
    // Opening the store made it whole again.
    assert_eq!(open(&fs).warnings, []);
    for slot in [0, second as u64] {
        fs.flip_bit(&meta, slot + 60, 0);
    }
    assert!(matches!(open_error(&fs), StoreOpenError::Corrupt(_)));
}
