//! The directory: formatted once, of one member, for one process.

use std::ops::ControlFlow;
use std::sync::Arc;

use kraft_proto::cluster::ClusterId;
use kraft_proto::hard_state::HardState;
use kraft_proto::ids::NodeId;
use kraft_proto::modes::Held;
use kraft_storage::testing::bench::{
    append, commands, dir, formatted, founding, identity, open, options, payload,
};
use kraft_storage::testing::{Crash, FaultFs};
use kraft_storage::{Boot, Expect, FormatError, Fs, Options, RealFs, StoreOpenError};

use super::*;

#[test]
fn a_directory_without_a_store_is_not_an_empty_log() {
    let fs = FaultFs::new(1);
    assert!(matches!(open_error(&fs), StoreOpenError::NoStore(_)));
    fs.create_dir(dir()).unwrap();
    let error = open_error(&fs).to_string();
    assert!(error.contains("kraft init"), "{error}");
}

#[test]
fn a_store_is_formatted_once() {
    let fs = formatted(1);
    let again = kraft_storage::format(dir(), &fs, identity(), founding()).unwrap_err();
    assert!(matches!(again, FormatError::AlreadyThere(_)), "{again}");
    let _open = open(&fs);
    let again = kraft_storage::format(dir(), &fs, identity(), founding()).unwrap_err();
    assert!(matches!(again, FormatError::InUse(_)), "{again}");
}

#[test]
fn formatting_survives_a_power_cut_as_a_whole_or_not_at_all() {
    for seed in 0..20 {
        for operations in 0..6 {
            let fs = FaultFs::new(seed);
            fs.stop_after(operations);
            let formatted = kraft_storage::format(dir(), &fs, identity(), founding());
            let fs = fs.crash(Crash::Power);
            match kraft_storage::open(dir(), fs.shared(), &options()) {
                Ok(opened) => assert_eq!(opened.log, []),
                Err(StoreOpenError::NoStore(_)) => {
                    assert!(formatted.is_err(), "seed {seed}, {operations} operations");
                    kraft_storage::format(dir(), &fs, identity(), founding()).unwrap();
                }
                Err(error) => panic!("seed {seed}, {operations} operations: {error}"),
            }
        }
    }
}

#[test]
fn another_nodes_directory_is_refused_with_both_named() {
    let fs = formatted(1);
    let mut options = options();
    for (cluster, node) in [(ClusterId(7), NodeId(4)), (ClusterId(8), NodeId(1))] {
        options.expect = Expect::Member { cluster, node };
        let error = kraft_storage::open(dir(), fs.shared(), &options)
            .err()
            .unwrap();
        assert!(matches!(error, StoreOpenError::Foreign { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("node 1 of cluster"), "{text}");
        assert!(
            text.contains(&format!("node {node} of cluster {cluster}")),
            "{text}"
        );
    }
    options.expect = Expect::Member {
        cluster: ClusterId(7),
        node: NodeId(1),
    };
    kraft_storage::open(dir(), fs.shared(), &options).unwrap();
}

#[test]
fn one_process_has_a_directory_at_a_time() {
    let fs = formatted(1);
    let opened = open(&fs);
    assert!(matches!(open_error(&fs), StoreOpenError::InUse(_)));
    drop(opened);
    open(&fs);
}

#[test]
fn another_boot_is_told_until_the_hard_state_is_saved_under_it() {
    let fs = formatted(1);
    assert_eq!(open(&fs).boot, Boot::Same);
    let fs = fs.crash(Crash::Process);
    assert_eq!(open(&fs).boot, Boot::Same);
    let fs = fs.crash(Crash::Power);
    assert_eq!(open(&fs).boot, Boot::Changed);
    // Not yet: a crash right after opening must not make it look like the same boot.
    let mut opened = open(&fs);
    assert_eq!(opened.boot, Boot::Changed);
    opened.store.save_hard_state(HardState::default()).unwrap();
    drop(opened);
    assert_eq!(open(&fs).boot, Boot::Same);
}

#[test]
fn verify_reads_everything_and_changes_nothing() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 500), 300).unwrap();
    store.close().unwrap();
    let before = fs.operations();
    let verified = kraft_storage::verify(dir(), &fs).unwrap();
    assert_eq!(verified.log, [commands(1, 1, 500)]);
    assert_eq!(verified.identity, identity());
    let inspected = kraft_storage::inspect(dir(), &fs).unwrap();
    let mut seen = Vec::new();
    inspected
        .visit(|entry| {
            assert_eq!(entry.held, Held::Synced, "the store was closed");
            assert_eq!(entry.payload.len(), 300);
            let file = fs.content(entry.file).unwrap();
            let at = entry.offset as usize + 40;
            assert_eq!(&file[at..at + 300], entry.payload);
            seen.push(entry.position);
            match seen.len() {
                400 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    assert!(seen.iter().copied().eq(commands(1, 1, 400).positions()));
    drop(inspected);
    assert_eq!(fs.operations(), before);
    fs.flip_bit(&active_segment(&fs), 5000, 0);
    assert!(kraft_storage::verify(dir(), &fs).is_err());
}

#[test]
fn starting_often_leaves_no_pile_of_files() {
    let fs = formatted(1);
    for start in 0..40 {
        let mut store = open(&fs).store;
        append(&mut store, commands(1, start + 1, 1), 100).unwrap();
    }
    let files = fs.list(&dir().join("log")).unwrap().len();
    assert!(files <= 3, "{files} files");
    assert_eq!(open(&fs).log, [commands(1, 1, 40)]);
}

#[test]
fn a_real_directory_holds_it_too() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a/b");
    let fs: Arc<dyn Fs> = RealFs::shared();
    let opened = |options: &Options| kraft_storage::open(&dir, Arc::clone(&fs), options);
    assert!(matches!(
        opened(&options()),
        Err(StoreOpenError::NoStore(_))
    ));
    kraft_storage::format(&dir, &*fs, identity(), founding()).unwrap();
    let mut store = opened(&options()).unwrap().store;
    assert!(matches!(opened(&options()), Err(StoreOpenError::InUse(_))));
    append(&mut store, commands(1, 1, 1000), 300).unwrap();
    append(&mut store, commands(2, 500, 10), 300).unwrap();
    store.close().unwrap();
    let opened = opened(&options()).unwrap();
    let expected = [commands(1, 1, 499), commands(2, 500, 10)];
    assert_eq!(opened.log, expected);
    let payloads = opened.store.reader().read(expected[0], usize::MAX).unwrap();
    assert_eq!(
        payloads[498],
        payload(commands(1, 499, 1).last_position(), 300)
    );
}
