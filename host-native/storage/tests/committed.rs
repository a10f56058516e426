//! What a store keeps as committed: the last position it was told, some time, as it was told, and at no cost.

use kraft_proto::ids::{LogIndex, LogPosition, Term};
use kraft_storage::testing::bench::{append, commands, dir, formatted, in_term, open, try_open};
use kraft_storage::testing::{Fate, FaultFs, Tear};
use kraft_storage::{Store, Warning};

/// Bytes of one of the two slots of `meta`.
const SLOT_BYTES: usize = 16 * 1024;

fn at(term: u64, index: u64) -> LogPosition {
    LogPosition::new(Term(term), LogIndex(index))
}

fn cut_power(fs: &FaultFs) -> FaultFs {
    fs.after_power_cut(|_| Fate::Lost)
}

fn meta(fs: &FaultFs) -> Vec<u8> {
    fs.content(&dir().join("meta")).unwrap()
}

/// Makes this the file, forced.
fn write_meta(fs: &FaultFs, content: &[u8]) {
    let file = fs.shared().open(&dir().join("meta")).unwrap();
    file.write_at(content, 0).unwrap();
    file.sync().unwrap();
}

#[test]
fn nothing_is_kept_before_anything_was_told() {
    let fs = formatted(1);
    let opened = open(&fs);
    assert_eq!(opened.committed, LogPosition::ZERO);
    opened.store.close().unwrap();
    assert_eq!(open(&fs).committed, LogPosition::ZERO);
}

#[test]
fn telling_it_does_nothing_to_the_disk() {
    let fs = formatted(1);
    let store = open(&fs).store;
    let before = fs.operations();
    for index in 1..=1000 {
        store.committed().tell(at(1, index));
    }
    assert_eq!(fs.operations(), before);
    assert_eq!(store.committed().last(), at(1, 1000));
}

/// Everything that is forced of `meta` takes it along, and a power cut right after does not take it back.
#[test]
fn it_is_kept_with_every_write_of_meta_and_at_the_close() {
    type Write = fn(&mut Store);
    let writes: [(&str, Write); 4] = [
        ("a hard state", |store| {
            store.save_hard_state(in_term(4)).unwrap();
        }),
        ("a rotation", |store| {
            append(store, commands(1, 2, 8), 10_000).unwrap()
        }),
        ("a compaction", |store| {
            append(store, commands(1, 2, 8), 10_000).unwrap();
            store.committed().tell(at(1, 9));
            store.compact(at(1, 7)).unwrap();
        }),
        ("a snapshot in place of the log", |store| {
            store.restart_behind(at(2, 30)).unwrap();
        }),
    ];
    for (what, write) in writes {
        let fs = formatted(1);
        let mut store = open(&fs).store;
        append(&mut store, commands(1, 1, 1), 10).unwrap();
        store.committed().tell(at(1, 1));
        let unkept = cut_power(&fs);
        write(&mut store);
        let told = store.committed().last();
        drop(store);
        assert_eq!(open(&cut_power(&fs)).committed, told, "{what}");
        assert_eq!(open(&unkept).committed, LogPosition::ZERO, "before {what}");
    }
    let fs = formatted(1);
    let store = open(&fs).store;
    store.committed().tell(at(3, 3));
    store.close().unwrap();
    assert_eq!(open(&cut_power(&fs)).committed, at(3, 3));
}

/// It stays what it was through starts that were told nothing.
#[test]
fn it_outlives_lives_in_which_nothing_was_told() {
    let fs = formatted(1);
    let store = open(&fs).store;
    store.committed().tell(at(3, 3));
    store.close().unwrap();
    for start in 0..3 {
        let mut opened = open(&fs);
        assert_eq!(opened.committed, at(3, 3), "{start}");
        opened.store.save_hard_state(in_term(4 + start)).unwrap();
        opened.store.close().unwrap();
    }
}

/// The story: 1. a node is told that 3.9 is committed, by the disks of others, while its own copy is unsynced;
/// 2. it votes, so that is kept; 3. the power goes, and its log ends before, or goes on with what an older
/// leader wrote. Clamped to that, or taken for an index, it would have the node apply other entries.
#[test]
fn it_is_given_as_it_was_told_whatever_the_log_has_there() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 5), 10).unwrap();
    store.force().unwrap();
    append(&mut store, commands(3, 6, 4), 10).unwrap();
    store.committed().tell(at(3, 9));
    store.save_hard_state(in_term(4)).unwrap();
    drop(store);
    let short = cut_power(&fs);
    let mut opened = open(&short);
    assert_eq!(opened.store.last(), at(1, 5), "the tail is gone");
    assert_eq!(opened.committed, at(3, 9), "ahead of the log");
    append(&mut opened.store, commands(2, 6, 10), 10).unwrap();
    opened.store.close().unwrap();
    let opened = open(&short);
    assert_eq!(opened.store.last(), at(2, 15));
    assert_eq!(opened.committed, at(3, 9), "where another entry stands");
}

/// A directory of before it was kept.
fn as_version_2(fs: &FaultFs) {
    const KEPT: std::ops::Range<usize> = 160..176;
    const FOUNDING: usize = 164;
    let content = meta(fs);
    let slots = content.chunks(SLOT_BYTES).map(|slot| {
        let mut slot = slot.to_vec();
        slot.drain(KEPT);
        slot[8] = 2;
        let length = u32::from_le_bytes(slot[160..164].try_into().unwrap()) as usize;
        let end = FOUNDING + length;
        let checksum = crc32c::crc32c(&slot[..end]);
        slot[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
        slot.resize(SLOT_BYTES, 0);
        slot
    });
    let content: Vec<u8> = slots.flatten().collect();
    write_meta(fs, &content);
}

#[test]
fn a_directory_of_before_it_was_kept_is_opened_and_keeps_it_from_then_on() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    append(&mut store, commands(1, 1, 3), 10).unwrap();
    store.save_hard_state(in_term(4)).unwrap();
    store.close().unwrap();
    as_version_2(&fs);
    let opened = open(&fs);
    assert_eq!(opened.warnings, []);
    assert_eq!(
        (opened.hard_state, opened.committed),
        (in_term(4), at(0, 0))
    );
    assert_eq!(opened.store.last(), at(1, 3));
    opened.store.committed().tell(at(1, 3));
    opened.store.close().unwrap();
    let opened = open(&cut_power(&fs));
    assert_eq!(
        (opened.hard_state, opened.committed),
        (in_term(4), at(1, 3))
    );
}

/// What is torn while the first slot of this version is written costs nothing of the last of the old.
#[test]
fn a_power_cut_anywhere_while_such_a_directory_is_opened_forgets_nothing() {
    let fs = formatted(1);
    let mut store = open(&fs).store;
    store.save_hard_state(in_term(4)).unwrap();
    drop(store);
    as_version_2(&fs);
    let mut cuts = 0;
    loop {
        let disk = fs.after_kill(Fate::Kept, |_| Fate::Kept);
        disk.stop_after(cuts);
        let stopped = try_open(&disk).is_err();
        let torn = [20, 150, 170].map(|bytes| Fate::Torn(Tear::First(bytes)));
        for fate in torn.into_iter().chain([Fate::Lost, Fate::Kept]) {
            let opened = open(&disk.after_power_cut(|_| fate));
            assert_eq!(opened.hard_state, in_term(4), "cut {cuts}");
        }
        if !stopped {
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 5, "only {cuts} cuts");
}

/// A position that no entry has is damage, checksum or not: the other copy counts.
#[test]
fn a_position_that_no_entry_has_is_damage() {
    for (place, number) in [(160, 0), (168, 0)] {
        let fs = formatted(1);
        let mut store = open(&fs).store;
        store.save_hard_state(in_term(4)).unwrap();
        store.committed().tell(at(2, 2));
        store.save_hard_state(in_term(4)).unwrap();
        drop(store);
        let mut content = meta(&fs);
        let newest = content.chunks(SLOT_BYTES).map(|slot| slot[16..24].to_vec());
        let newest = newest
            .enumerate()
            .max_by_key(|(_, sequence)| sequence.clone());
        let offset = newest.unwrap().0 * SLOT_BYTES;
        let slot = &mut content[offset..offset + SLOT_BYTES];
        slot[place] = number;
        let length = u32::from_le_bytes(slot[176..180].try_into().unwrap()) as usize;
        let end = 180 + length;
        let checksum = crc32c::crc32c(&slot[..end]);
        slot[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
        write_meta(&fs, &content);
        let opened = open(&fs);
        assert_eq!(
            (opened.hard_state, opened.committed),
            (in_term(4), at(0, 0))
        );
        let file = dir().join("meta");
        let offset = offset as u64;
        assert_eq!(opened.warnings, [Warning::TornMeta { file, offset }]);
    }
}
