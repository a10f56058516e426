//! Snapshots on a disk in memory: whole under their names, refused where they were damaged, received piece by piece, and
//! how they fit the log.

use std::io::Read;

use kraft_proto::{LogIndex, LogPosition, Term};
use kraft_storage::testing::bench::{append, commands, formatted, open};
use kraft_storage::{Join, SnapshotReader, Snapshots};

fn at(term: u64, index: u64) -> LogPosition {
    LogPosition::new(Term(term), LogIndex(index))
}

/// A state that fills several chunks.
fn state() -> Vec<u8> {
    (0..600_000_u32)
        .flat_map(|n| (n as u16).to_le_bytes())
        .collect()
}

fn write(snapshots: &Snapshots, last: LogPosition) {
    let written = snapshots.write(last, |to| to.write_all(&state()));
    assert_eq!(written.unwrap().last, last);
}

#[test]
fn what_was_written_is_read_and_two_are_kept() {
    let fs = formatted(1);
    let snapshots = open(&fs).store.snapshots();
    for index in [10, 20, 30] {
        write(&snapshots, at(1, index));
    }
    assert_eq!(snapshots.keep(2, None).unwrap(), [at(1, 30), at(1, 20)]);
    assert_eq!(snapshots.list().unwrap(), [at(1, 30), at(1, 20)]);
    let mut read = Vec::new();
    let mut reader = snapshots.read(at(1, 30)).unwrap();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(read, state());
    assert_eq!(reader.end().unwrap().last, at(1, 30));
    assert!(snapshots.read(at(1, 10)).is_err(), "it is gone");
    write(&snapshots, at(1, 40));
    let kept = snapshots.keep(2, Some(at(1, 20))).unwrap();
    assert_eq!(kept, [at(1, 40), at(1, 30)]);
    assert!(snapshots.read(at(1, 20)).is_ok(), "somebody reads it");
    let path = "/data/snapshots/0000000000000001-0000000000000028.snap";
    let reader = SnapshotReader::open(&fs, path.as_ref()).unwrap();
    assert_eq!(reader.last(), at(1, 40));
    assert_eq!(reader.end().unwrap().last, at(1, 40));
}

#[test]
fn one_that_was_cut_short_or_damaged_is_refused() {
    let fs = formatted(2);
    let snapshots = open(&fs).store.snapshots();
    write(&snapshots, at(1, 10));
    let whole = snapshots.read(at(1, 10)).unwrap().end().unwrap();
    let path = "/data/snapshots/0000000000000001-000000000000000a.snap";
    let (mut checked, file) = (0, kraft_storage::Fs::open(&fs, path.as_ref()).unwrap());
    for offset in (0..whole.bytes).step_by(9973).chain([whole.bytes - 1]) {
        let mut byte = [0];
        file.read_at(&mut byte, offset).unwrap();
        file.write_at(&[byte[0] ^ 1], offset).unwrap();
        let read = snapshots.read(at(1, 10)).and_then(|reader| reader.end());
        assert!(read.is_err(), "byte {offset} was changed");
        file.write_at(&byte, offset).unwrap();
        checked += 1;
    }
    assert!(checked > 100);
    assert_eq!(snapshots.read(at(1, 10)).unwrap().end().unwrap(), whole);
    file.set_size(whole.bytes - 1).unwrap();
    let read = snapshots.read(at(1, 10)).and_then(|reader| reader.end());
    assert!(read.is_err(), "it is cut short");
}

#[test]
fn a_write_that_fails_leaves_nothing() {
    let fs = formatted(3);
    let snapshots = open(&fs).store.snapshots();
    let refused = snapshots.write(at(1, 10), |to| {
        to.write_all(&state())?;
        Err(std::io::Error::other("the state machine cannot"))
    });
    assert!(refused.is_err());
    assert!(snapshots.list().unwrap().is_empty());
    let names = kraft_storage::Fs::list(&fs, "/data/snapshots".as_ref()).unwrap();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_peer_goes_on_where_it_was_and_begins_anew_with_another() {
    let (from, to) = (formatted(4), formatted(5));
    let (there, here) = (open(&from).store.snapshots(), open(&to).store.snapshots());
    write(&there, at(1, 10));
    let offered = there.read(at(1, 10)).unwrap().end().unwrap();
    let mut part = here.receive(&offered).unwrap();
    assert_eq!(part.have(), 0);
    part.put(0, &there.piece(at(1, 10), 0, 300_000).unwrap())
        .unwrap();
    part.put(7, b"not what follows").unwrap();
    part.note().unwrap();
    drop(part);

    let mut part = here.receive(&offered).unwrap();
    assert_eq!(part.have(), 300_000, "what came before is not sent again");
    while !part.is_whole() {
        let piece = there.piece(at(1, 10), part.have(), 256 * 1024).unwrap();
        part.put(part.have(), &piece).unwrap();
    }
    part.finish().unwrap();
    let received = here.read_received(at(1, 10)).unwrap().end().unwrap();
    assert_eq!(received, offered);

    write(&there, at(2, 20));
    let other = there.read(at(2, 20)).unwrap().end().unwrap();
    assert_eq!(here.receive(&other).unwrap().have(), 0);
}

#[test]
fn a_received_snapshot_takes_the_place_of_the_log() {
    let (from, to) = (formatted(6), formatted(7));
    let there = open(&from).store.snapshots();
    write(&there, at(3, 50));
    let offered = there.read(at(3, 50)).unwrap().end().unwrap();
    let mut opened = open(&to);
    append(&mut opened.store, commands(1, 1, 9), 100).unwrap();
    let here = opened.store.snapshots();
    let mut part = here.receive(&offered).unwrap();
    let whole = there.piece(at(3, 50), 0, offered.bytes as usize).unwrap();
    part.put(0, &whole).unwrap();
    part.finish().unwrap();
    opened.store.install(at(3, 50)).unwrap();
    append(&mut opened.store, commands(3, 51, 2), 100).unwrap();
    opened.store.close().unwrap();
    let opened = open(&to);
    assert_eq!((opened.base, opened.store.last()), (at(3, 50), at(3, 52)));
    assert_eq!(here.list().unwrap(), [at(3, 50)]);
    assert_eq!(opened.join(at(3, 50)), Join::Follows);
    assert_eq!(opened.join(LogPosition::ZERO), Join::Gap);
}

#[test]
fn a_log_that_does_not_reach_a_snapshot_is_dropped_for_it() {
    let fs = formatted(8);
    let mut opened = open(&fs);
    append(&mut opened.store, commands(1, 1, 9), 100).unwrap();
    opened.store.close().unwrap();
    let mut opened = open(&fs);
    assert_eq!(opened.join(LogPosition::ZERO), Join::Follows);
    assert_eq!(opened.join(at(1, 9)), Join::Follows);
    assert_eq!(opened.join(at(2, 9)), Join::Replaces, "another entry");
    assert_eq!(opened.join(at(1, 10)), Join::Replaces);
    let behind: Vec<_> = opened.log_behind(LogIndex(4)).collect();
    assert_eq!(behind, [commands(1, 5, 5)]);
    opened.replace_log(at(2, 30)).unwrap();
    assert_eq!(opened.store.last(), at(2, 30));
    drop(opened);
    assert_eq!(open(&fs).base, at(2, 30));
}

#[test]
fn a_snapshot_leaves_room_to_the_log() {
    let fs = formatted(9);
    let here = open(&fs).store.snapshots();
    let other = formatted(10);
    let there = open(&other).store.snapshots();
    write(&there, at(1, 10));
    let offered = there.read(at(1, 10)).unwrap().end().unwrap();
    let mut failed = 0;
    let segment_bytes = 64 * 1024;
    for free in [0, segment_bytes, 2 * segment_bytes] {
        fs.set_capacity(fs.used() + free);
        let refused = here.write(at(1, 10), |to| to.write_all(&state()));
        assert!(refused.unwrap_err().to_string().contains("left to the log"));
        assert!(here.list().unwrap().is_empty());
        let refused = here.receive(&offered).map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains("left to the log"), "{refused}");
        failed += 1;
    }
    assert_eq!(failed, 3);
    fs.set_capacity(u64::MAX);
    write(&here, at(1, 10));
    assert_eq!(here.receive(&offered).unwrap().have(), 0);
}

#[test]
fn a_damaged_one_is_put_aside_and_counts_no_more() {
    let fs = formatted(11);
    let snapshots = open(&fs).store.snapshots();
    for index in [10, 20] {
        write(&snapshots, at(1, index));
    }
    snapshots.set_aside(at(1, 20)).unwrap();
    write(&snapshots, at(1, 30));
    assert_eq!(snapshots.keep(2, None).unwrap(), [at(1, 30), at(1, 10)]);
    let names = kraft_storage::Fs::list(&fs, "/data/snapshots".as_ref()).unwrap();
    assert!(names.iter().any(|name| name == "damaged"), "{names:?}");
}
