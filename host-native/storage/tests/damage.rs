//! Every byte of a small store, flipped: what was known to be forced refuses to start and says
//! where it is damaged; what was not is cut off with a warning.

use std::path::PathBuf;

use bytes::Bytes;
use kraft_proto::hard_state::{HardState, Trust};
use kraft_proto::ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, Term};
use kraft_storage::testing::bench::{commands, dir, formatted, try_open};
use kraft_storage::testing::{Fate, FaultFs};
use kraft_storage::{Corrupt, Fs, Store, StoreOpenError, Warning};

/// Where records begin, and the bytes of one before its payload, as `segment` and `record` say.
const RECORDS_AT: u64 = 4096;
const HEADER_BYTES: u64 = 40;
const SEGMENT_HEADER_BYTES: u64 = 76;

/// A payload that leaves no padding, and one that does.
const SIZES: [u64; 2] = [56, 21];

/// A machine with the same files, to be damaged.
fn copy(fs: &FaultFs) -> FaultFs {
    fs.after_kill(Fate::Kept, |_| Fate::Kept)
}

/// Writes entries `first..first + count`.
fn append(store: &mut Store, first: u64, count: u32) {
    let payloads: Vec<Bytes> = (first..)
        .take(count as usize)
        .map(|index| vec![0x5A; SIZES[index as usize % 2] as usize].into())
        .collect();
    store.append(commands(1, first, count), &payloads).unwrap();
}

/// Where the records of entries `1..=count` lie in one segment: first byte, end, end with padding.
fn records(count: u64) -> Vec<(u64, u64, u64)> {
    let mut at = RECORDS_AT;
    let lie = |index: u64| {
        let start = at;
        let end = start + HEADER_BYTES + SIZES[index as usize % 2];
        at = end.next_multiple_of(8);
        (start, end, at)
    };
    (1..=count).map(lie).collect()
}

/// The segment that holds the log: a recycled one still has the header of another generation.
fn segment(fs: &FaultFs) -> PathBuf {
    let log = dir().join("log");
    let holds = |name: &String| {
        let content = fs.content(&log.join(name)).unwrap();
        let generation: [u8; 8] = content[24..32].try_into().unwrap();
        name.as_str() == format!("{:08}.seg", u64::from_le_bytes(generation))
    };
    let names = fs.list(&log).unwrap();
    log.join(names.into_iter().rfind(holds).unwrap())
}

/// Flips a bit of each byte that any checksum covers up to `known_synced` entries, and of those
/// behind. Returns how many bytes were flipped before and behind.
fn flip_all(fs: &FaultFs, entries: u64, known_synced: u64) -> (u64, u64) {
    let file = segment(fs);
    let (mut before, mut behind) = (0, 0);
    let mut refuse = |at: u64, offset: u64| {
        let fs = copy(fs);
        fs.flip_bit(&file, at, at as u8);
        match try_open(&fs).err() {
            Some(StoreOpenError::Corrupt(Corrupt {
                file: named,
                offset: place,
                ..
            })) => assert_eq!((&named, place), (&file, offset), "byte {at}"),
            Some(error) => panic!("byte {at}: {error}"),
            None => panic!(
                "byte {at} of {} is damaged, and the store opened",
                file.display()
            ),
        }
        before += 1;
    };
    for at in 0..SEGMENT_HEADER_BYTES {
        refuse(at, 0);
    }
    for (index, (start, end, _)) in (1..).zip(records(entries)) {
        for at in start..end {
            if index <= known_synced {
                refuse(at, start);
                continue;
            }
            let fs = copy(fs);
            fs.flip_bit(&file, at, at as u8);
            let opened = try_open(&fs).unwrap();
            assert_eq!(opened.log, [commands(1, 1, index as u32 - 1)], "byte {at}");
            let cut = opened.warnings.iter().any(|warning| {
                matches!(warning, Warning::TornTail { file: named, offset, .. }
                    if (named, *offset) == (&file, start))
            });
            assert!(cut, "byte {at}: {:?}", opened.warnings);
            behind += 1;
        }
    }
    // Padding holds nothing: damage there costs nothing.
    for (_, end, next) in records(entries) {
        for at in end..next {
            let fs = copy(fs);
            fs.flip_bit(&file, at, at as u8);
            assert_eq!(try_open(&fs).unwrap().log, [commands(1, 1, entries as u32)]);
        }
    }
    (before, behind)
}

#[test]
fn any_byte_of_a_closed_log_refuses_to_start_and_says_where() {
    let fs = formatted(1);
    let mut store = try_open(&fs).unwrap().store;
    append(&mut store, 1, 4);
    store.close().unwrap();
    let (before, _) = flip_all(&fs, 4, 4);
    println!("{before} bytes flipped, each refused");
    assert!(before > 300);
}

/// 1. Entries are recovered, and reported as synced; 2. the process is killed before it writes
///    more; 3. the disk damages one of them; 4. it is cut off as a torn tail.
#[test]
fn any_byte_of_what_recovery_reported_as_synced_refuses_to_start_and_says_where() {
    let fs = formatted(1);
    let mut store = try_open(&fs).unwrap().store;
    append(&mut store, 1, 4);
    drop(store);
    drop(try_open(&fs).unwrap());
    let (before, _) = flip_all(&fs, 4, 4);
    println!("{before} bytes flipped, each refused");
    assert!(before > 300);
}

#[test]
fn any_byte_behind_what_is_known_to_be_synced_is_cut_off_with_a_warning() {
    let fs = formatted(1);
    let mut store = try_open(&fs).unwrap().store;
    append(&mut store, 1, 3);
    store.force().unwrap();
    // Written after that fsync, so these know of it.
    append(&mut store, 4, 2);
    drop(store);
    let (before, behind) = flip_all(&fs, 5, 3);
    println!("{before} bytes flipped and refused, {behind} flipped and cut off");
    assert!(before > 200 && behind > 150);
}

#[test]
fn any_byte_of_one_copy_of_a_closed_hard_state_costs_a_warning() {
    let fs = formatted(1);
    let hard_state = HardState {
        term: Term(4),
        vote: Some(NodeId(2)),
        incarnation: Incarnation::new(9, Nonce(9)),
        trust: Trust::Dirty,
        superseded: None,
    };
    let committed = LogPosition::new(Term(3), LogIndex(7));
    let mut store = try_open(&fs).unwrap().store;
    store.committed().tell(committed);
    store.save_hard_state(hard_state).unwrap();
    store.close().unwrap();
    let meta = dir().join("meta");
    let content = fs.content(&meta).unwrap();
    let length = content.len() / 2;
    // After the members it was formatted with nothing is kept.
    let used = content[..length].iter().rposition(|byte| *byte != 0);
    let used = used.unwrap() as u64 + 1;
    let mut flipped = 0;
    for offset in [0, length as u64] {
        // Between version and sequence nothing is kept, but it is covered like the rest.
        for at in offset..offset + used {
            let fs = copy(&fs);
            fs.flip_bit(&meta, at, at as u8);
            let opened = try_open(&fs).unwrap();
            assert_eq!(opened.hard_state, hard_state, "byte {at}");
            assert_eq!(opened.committed, committed, "byte {at}");
            let file = meta.clone();
            assert_eq!(opened.warnings, [Warning::TornMeta { file, offset }]);
            flipped += 1;
        }
    }
    println!("{flipped} bytes of meta flipped, nothing forgotten");
}
