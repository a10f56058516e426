//! What a store promises, one test a promise.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::cluster::ClusterId;
use kraft_proto::entry::{EntryKind, Run};
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, StoreId, Term};
use kraft_storage::testing::{Crash, Fault, FaultFs};
use kraft_storage::{
    Boot, DiskError, Expect, FormatError, Founding, Fs, Identity, Opened, Options, ReadError,
    RealFs, Store, StoreOpenError, Warning,
};

const SEGMENT_BYTES: u64 = 64 * 1024;

fn dir() -> &'static Path {
    Path::new("/data")
}

fn founding() -> Founding {
    Founding::alone(identity().node)
}

fn identity() -> Identity {
    Identity {
        cluster: ClusterId(0xC1),
        node: NodeId(3),
        store: StoreId(0x57),
    }
}

fn options() -> Options {
    Options {
        segment_bytes: SEGMENT_BYTES,
        ..Options::default()
    }
}

fn fresh() -> FaultFs {
    let fs = FaultFs::new(1);
    kraft_storage::format(dir(), &fs, identity(), founding()).unwrap();
    fs
}

fn open(fs: &FaultFs) -> Opened {
    kraft_storage::open(dir(), fs.shared(), &options()).unwrap()
}

fn open_error(fs: &FaultFs) -> StoreOpenError {
    kraft_storage::open(dir(), fs.shared(), &options())
        .err()
        .unwrap()
}

fn run(term: u64, kind: EntryKind, first: u64, count: u32) -> Run {
    Run {
        term: Term(term),
        kind,
        first: LogIndex(first),
        count,
    }
}

fn commands(term: u64, first: u64, count: u32) -> Run {
    run(term, EntryKind::Command, first, count)
}

/// The payload of an entry: its position, then filling.
fn payload(term: u64, index: u64, bytes: usize) -> Bytes {
    let mut payload = format!("{term}.{index}:").into_bytes();
    payload.resize(bytes.max(payload.len()), b'x');
    payload.into()
}

fn append(store: &mut Store, run: Run, bytes: usize) -> Result<(), DiskError> {
    let payloads: Vec<Bytes> = run
        .positions()
        .map(|at| payload(at.term.0, at.index.0, bytes))
        .collect();
    store.append(run, &payloads)
}

/// The file of the segment that is written to, and its records' bytes.
fn active_segment(fs: &FaultFs) -> PathBuf {
    let log = dir().join("log");
    let holds_records = |name: &String| {
        let content = fs.content(&log.join(name)).unwrap();
        content.starts_with(b"kraftseg") && content[4096..].iter().any(|byte| *byte != 0)
    };
    let names = fs.list(&log).unwrap();
    log.join(names.into_iter().rfind(holds_records).unwrap())
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let fs = fresh();
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
                EntryKind::Configuration => payload(at.term.0, at.index.0, 40),
                EntryKind::Command if at.term.0 == 1 => payload(1, at.index.0, 500),
                EntryKind::Command => payload(4, at.index.0, 0),
            };
            assert_eq!(found, bytes, "{at}");
        }
    }
}

#[test]
fn a_reader_stops_at_the_bytes_it_was_given_and_gives_at_least_one() {
    let fs = fresh();
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
    let fs = fresh();
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
fn a_torn_tail_is_cut_with_a_warning_that_says_where() {
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
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
    let fs = fresh();
    let mut options = options();
    for (cluster, node) in [(ClusterId(0xC1), NodeId(4)), (ClusterId(0xC2), NodeId(3))] {
        options.expect = Expect::Member { cluster, node };
        let error = kraft_storage::open(dir(), fs.shared(), &options)
            .err()
            .unwrap();
        assert!(matches!(error, StoreOpenError::Foreign { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("node 3 of cluster"), "{text}");
        assert!(
            text.contains(&format!("node {node} of cluster {cluster}")),
            "{text}"
        );
    }
    options.expect = Expect::Member {
        cluster: ClusterId(0xC1),
        node: NodeId(3),
    };
    kraft_storage::open(dir(), fs.shared(), &options).unwrap();
}

#[test]
fn one_process_has_a_directory_at_a_time() {
    let fs = fresh();
    let opened = open(&fs);
    assert!(matches!(open_error(&fs), StoreOpenError::InUse(_)));
    drop(opened);
    open(&fs);
}

#[test]
fn another_boot_is_told_until_the_hard_state_is_saved_under_it() {
    let fs = fresh();
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
fn a_failed_fsync_stops_the_store_for_good() {
    let fs = fresh();
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
    let fs = fresh();
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
        let fs = fresh();
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
    let fs = fresh();
    let mut store = open(&fs).store;
    let space = store.space();
    space.admit(1, 1000).unwrap();
    fs.set_capacity(2 * SEGMENT_BYTES);
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
    fs.set_capacity(8 * SEGMENT_BYTES);
    store.probe_space().unwrap();
    space.admit(1, 1000).unwrap();
    append(&mut store, commands(1, next, 40), 1000).unwrap();
    store.close().unwrap();
    assert_eq!(open(&fs).log, [commands(1, 1, next as u32 + 39)]);
}

#[test]
fn compaction_lets_go_of_whole_segments_and_recycles_them() {
    let fs = fresh();
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 1000), 300).unwrap();
    store.force().unwrap();
    let files = fs.list(&dir().join("log")).unwrap().len();
    let upto = LogPosition::new(Term(1), LogIndex(800));
    store.compact(upto).unwrap();
    let kept = fs.list(&dir().join("log")).unwrap().len();
    assert!(kept < files, "{kept} of {files} files");
    let reader = store.reader();
    assert!(reader.base().index > LogIndex(0) && reader.base().index <= LogIndex(800));
    assert!(matches!(
        reader.read(commands(1, 1, 1), 1),
        Err(ReadError::NotHeld(_))
    ));
    append(&mut store, commands(1, 1001, 1000), 300).unwrap();
    store.close().unwrap();
    let opened = open(&fs.crash(Crash::Power));
    let first = opened.base.index.0 + 1;
    assert_eq!(
        opened.log,
        [commands(1, first, 2000 - opened.base.index.0 as u32)]
    );
    let payloads = opened
        .store
        .reader()
        .read(opened.log[0], usize::MAX)
        .unwrap();
    assert_eq!(payloads[0], payload(1, first, 300));
}

#[test]
fn a_log_goes_on_behind_a_snapshot() {
    let fs = fresh();
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
    let fs = fresh();
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
fn entries_that_do_not_join_are_refused_and_harm_nothing() {
    let fs = fresh();
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 3), 10).unwrap();
    let gap = append(&mut store, commands(1, 5, 1), 10);
    assert!(matches!(gap, Err(DiskError::Gap { .. })));
    let few = store.append(commands(1, 4, 2), &[Bytes::new()]);
    assert!(matches!(few, Err(DiskError::Payloads { .. })));
    let large = append(&mut store, commands(1, 4, 1), SEGMENT_BYTES as usize);
    assert!(matches!(large, Err(DiskError::TooLarge { .. })));
    let largest = store.payload_bytes_max() as usize;
    append(&mut store, commands(1, 4, 2), largest).unwrap();
    store.close().unwrap();
    assert_eq!(open(&fs).log, [commands(1, 1, 5)]);
}

#[test]
fn verify_reads_everything_and_changes_nothing() {
    let fs = fresh();
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 500), 300).unwrap();
    store.close().unwrap();
    let before = fs.operations();
    let verified = kraft_storage::verify(dir(), &fs).unwrap();
    assert_eq!(verified.log, [commands(1, 1, 500)]);
    assert_eq!(verified.identity, identity());
    assert_eq!(fs.operations(), before);
    fs.flip_bit(&active_segment(&fs), 5000, 0);
    assert!(kraft_storage::verify(dir(), &fs).is_err());
}

#[test]
fn starting_often_leaves_no_pile_of_files() {
    let fs = fresh();
    for start in 0..40 {
        let mut store = open(&fs).store;
        append(&mut store, commands(1, start + 1, 1), 100).unwrap();
    }
    let files = fs.list(&dir().join("log")).unwrap().len();
    assert!(files <= 3, "{files} files");
    assert_eq!(open(&fs).log, [commands(1, 1, 40)]);
}

#[test]
fn an_fsync_with_nothing_to_force_is_free_and_every_other_is_counted() {
    let fs = fresh();
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
    assert_eq!(payloads[498], payload(1, 499, 300));
}
