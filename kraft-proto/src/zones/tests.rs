use super::*;

const DEFAULT: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

fn zone(pattern: &str, mode: Option<CommitMode>, fsync: Option<FsyncMode>) -> Zone {
    Zone {
        pattern: Pattern::try_from(pattern).unwrap(),
        mode,
        fsync,
        strictness: Strictness::Default,
    }
}

fn floor(pattern: &str, mode: Option<CommitMode>, fsync: Option<FsyncMode>) -> Zone {
    Zone {
        strictness: Strictness::Floor,
        ..zone(pattern, mode, fsync)
    }
}

fn full(pattern: &str, mode: CommitMode, fsync: FsyncMode) -> Zone {
    zone(pattern, Some(mode), Some(fsync))
}

fn table(zones: &[Zone]) -> ZoneTable {
    ZoneTable::new(zones.iter().cloned()).unwrap()
}

fn ask(mode: Option<CommitMode>, fsync: Option<FsyncMode>) -> Request {
    Request { mode, fsync }
}

#[test]
fn patterns_match_whole_keys() {
    for (pattern, key, expected) in [
        ("account:*", "account:7", true),
        ("account:*", "account:", true),
        ("account:*", "account", false),
        ("account:*", "my-account:7", false),
        ("*", "", true),
        ("*", "anything", true),
        ("?", "", false),
        ("?", "a", true),
        ("?", "ab", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*:x", "a:b:x", true),
        ("*:x", "a:x:b", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("**a**", "bab", true),
        ("*ab?", "ababab-", true),
        ("exact", "exact", true),
        ("exact", "exactly", false),
    ] {
        assert_eq!(
            matches(pattern.as_bytes(), key.as_bytes()),
            expected,
            "{pattern} on {key}"
        );
    }
}

#[test]
fn a_question_mark_takes_one_byte_of_any_value() {
    assert!(matches(b"k?", &[b'k', 0xff]));
    assert!(!matches(b"k?", "kü".as_bytes()));
    assert!(matches(b"k??", "kü".as_bytes()));
}

/// The definition itself, too slow to ship: what `matches` must agree with.
fn matches_by_definition(pattern: &[u8], key: &[u8]) -> bool {
    match pattern.split_first() {
        None => key.is_empty(),
        Some((b'*', rest)) => (0..=key.len()).any(|n| matches_by_definition(rest, &key[n..])),
        Some((&byte, rest)) => key.split_first().is_some_and(|(&first, tail)| {
            (byte == b'?' || byte == first) && matches_by_definition(rest, tail)
        }),
    }
}

#[test]
fn the_matcher_agrees_with_its_definition_on_every_short_input() {
    fn words(alphabet: &[u8], mut number: usize, length: usize) -> [u8; 5] {
        let mut word = [0; 5];
        for byte in &mut word[..length] {
            *byte = alphabet[number % alphabet.len()];
            number /= alphabet.len();
        }
        word
    }
    for p_len in 0..=5_usize {
        for p in 0..4_usize.pow(p_len as u32) {
            let pattern = words(b"*?ab", p, p_len);
            for k_len in 0..=5_usize {
                for k in 0..2_usize.pow(k_len as u32) {
                    let key = words(b"ab", k, k_len);
                    let (pattern, key) = (&pattern[..p_len], &key[..k_len]);
                    assert_eq!(
                        matches(pattern, key),
                        matches_by_definition(pattern, key),
                        "{pattern:?} on {key:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_first_matching_zone_decides() {
    let table = table(&[
        full("user:vip:*", CommitMode::All, FsyncMode::Always),
        full("user:*", CommitMode::Async, FsyncMode::None),
    ]);
    assert_eq!(table.find(b"user:vip:1").unwrap().0, 0);
    assert_eq!(table.find(b"user:1").unwrap().0, 1);
    assert_eq!(table.find(b"other"), None);
}

#[test]
fn each_part_is_the_requests_else_the_zones_else_the_default() {
    let table = table(&[
        full("full:*", CommitMode::All, FsyncMode::Always),
        zone("mode:*", Some(CommitMode::Async), None),
        zone("fsync:*", None, Some(FsyncMode::None)),
    ]);
    let class = |request, key: &str| {
        table
            .resolve(request, [key.as_bytes()], DEFAULT, 3)
            .unwrap()
    };
    let nothing = Request::default();
    assert_eq!(class(nothing, "other"), DEFAULT);
    assert_eq!(
        class(nothing, "full:1"),
        Class::new(CommitMode::All, FsyncMode::Always)
    );
    assert_eq!(
        class(nothing, "mode:1"),
        Class::new(CommitMode::Async, FsyncMode::Commit)
    );
    assert_eq!(
        class(nothing, "fsync:1"),
        Class::new(CommitMode::Sync, FsyncMode::None)
    );
    assert_eq!(
        class(ask(Some(CommitMode::LeaderOnly), None), "full:1"),
        Class::new(CommitMode::LeaderOnly, FsyncMode::Always),
        "a request that names only a mode keeps its zone's fsync"
    );
    assert_eq!(
        class(ask(None, Some(FsyncMode::Batch)), "mode:1"),
        Class::new(CommitMode::Async, FsyncMode::Batch)
    );
}

#[test]
fn several_keys_take_the_strongest_of_each_part() {
    let table = table(&[
        full("a:*", CommitMode::All, FsyncMode::None),
        full("b:*", CommitMode::Async, FsyncMode::Always),
        full("c:*", CommitMode::AtLeast(3), FsyncMode::Batch),
    ]);
    let class = |keys: &[&str], voters| {
        let keys = keys.iter().map(|key| key.as_bytes());
        table
            .resolve(Request::default(), keys, DEFAULT, voters)
            .unwrap()
    };
    assert_eq!(
        class(&["a:1", "b:1"], 3),
        Class::new(CommitMode::All, FsyncMode::Always)
    );
    assert_eq!(
        class(&["c:1", "other"], 5),
        Class::new(CommitMode::Sync, FsyncMode::Commit),
        "three of five is a majority; at a tie the later mode is the stronger"
    );
    assert_eq!(
        class(&["c:1", "other"], 3),
        Class::new(CommitMode::AtLeast(3), FsyncMode::Commit)
    );
    assert_eq!(class(&[], 3), DEFAULT);
}

#[test]
fn a_floor_refuses_a_weaker_request_in_either_part_and_names_the_zone() {
    let table = table(&[
        full("log:*", CommitMode::Async, FsyncMode::None),
        floor("account:*", Some(CommitMode::Sync), Some(FsyncMode::Commit)),
        floor("mode:*", Some(CommitMode::Sync), None),
    ]);
    let resolve = |request, keys: &[&str]| {
        table.resolve(request, keys.iter().map(|key| key.as_bytes()), DEFAULT, 3)
    };
    assert_eq!(
        resolve(ask(Some(CommitMode::LeaderOnly), None), &["account:1"]),
        Err(ZoneError::ModeBelowFloor {
            zone: 1,
            asked: CommitMode::LeaderOnly,
            floor: CommitMode::Sync
        })
    );
    assert_eq!(
        resolve(ask(None, Some(FsyncMode::Batch)), &["log:1", "account:1"]),
        Err(ZoneError::FsyncBelowFloor {
            zone: 1,
            asked: FsyncMode::Batch,
            floor: FsyncMode::Commit
        }),
        "one key in a floor zone is enough"
    );
    assert_eq!(
        resolve(
            ask(Some(CommitMode::All), Some(FsyncMode::Always)),
            &["account:1"]
        ),
        Ok(Class::new(CommitMode::All, FsyncMode::Always))
    );
    assert_eq!(
        resolve(ask(None, Some(FsyncMode::None)), &["mode:1"]),
        Ok(Class::new(CommitMode::Sync, FsyncMode::None)),
        "a part the floor does not name is free"
    );
    assert_eq!(
        resolve(ask(Some(CommitMode::Async), None), &["log:1"]),
        Ok(Class::new(CommitMode::Async, FsyncMode::None))
    );
}

#[test]
fn at_least_none_and_more_than_the_voters_are_refused() {
    let table = ZoneTable::default();
    let resolve = |n| {
        let request = ask(Some(CommitMode::AtLeast(n)), None);
        table.resolve(request, [&b"key"[..]], DEFAULT, 3)
    };
    assert_eq!(resolve(0), Err(ZoneError::AtLeastZero));
    assert_eq!(
        resolve(9),
        Err(ZoneError::AtLeastTooMany {
            asked: 9,
            voters: 3
        })
    );
    assert_eq!(resolve(3).unwrap().mode, CommitMode::AtLeast(3));
}

#[test]
fn a_zone_is_cut_to_the_voters_that_are_left() {
    let table = table(&[floor("*", Some(CommitMode::AtLeast(4)), None)]);
    assert_eq!(
        table.check(3),
        Err(ZoneTableError::AtLeastTooMany {
            zone: 0,
            asked: 4,
            voters: 3
        })
    );
    assert_eq!(table.check(5), Ok(()));
    let keys = [&b"key"[..]];
    let class = table.resolve(Request::default(), keys, DEFAULT, 3).unwrap();
    assert_eq!(class.mode, CommitMode::AtLeast(3));
    let all = ask(Some(CommitMode::All), None);
    assert_eq!(
        table.resolve(all, keys, DEFAULT, 3).unwrap().mode,
        CommitMode::All
    );
}

#[test]
fn a_table_that_could_not_work_is_refused() {
    let refused = |zones: &[Zone]| ZoneTable::new(zones.iter().cloned()).unwrap_err();
    let fine = full("a", CommitMode::Sync, FsyncMode::Commit);
    assert_eq!(
        refused(&[fine.clone(), zone("", Some(CommitMode::Sync), None)]),
        ZoneTableError::EmptyPattern { zone: 1 }
    );
    assert_eq!(
        refused(&[zone("a", None, None)]),
        ZoneTableError::NoClass { zone: 0 }
    );
    assert_eq!(
        refused(&[zone("a", Some(CommitMode::AtLeast(0)), None)]),
        ZoneTableError::AtLeastZero { zone: 0 }
    );
    let many = core::iter::repeat_n(fine, ZONES_MAX + 1);
    assert_eq!(ZoneTable::new(many), Err(ZoneTableError::TooMany));
}

#[test]
fn a_digest_tells_tables_apart_and_never_changes() {
    let one = full("a:*", CommitMode::All, FsyncMode::Always);
    let two = full("b:*", CommitMode::AtLeast(2), FsyncMode::None);
    let digests = [
        ZoneTable::default().digest(),
        table(core::slice::from_ref(&one)).digest(),
        table(core::slice::from_ref(&two)).digest(),
        table(&[one.clone(), two.clone()]).digest(),
        table(&[two.clone(), one.clone()]).digest(),
        table(&[floor("a:*", one.mode, one.fsync)]).digest(),
        table(&[zone("a:*", one.mode, None)]).digest(),
        table(&[full("b:*", CommitMode::AtLeast(3), FsyncMode::None)]).digest(),
    ];
    for (at, digest) in digests.iter().enumerate() {
        assert!(!digests[..at].contains(digest), "{at} repeats");
    }
    assert_eq!(digests[0], 0xaf63_bd4c_8601_b7df, "FNV-1a of one zero byte");
    let durability = Durability::default();
    let available = Durability {
        on_power_loss: OnPowerLoss::Available,
        ..durability
    };
    let table = table(&[one]);
    assert_eq!(
        table.digest_with(&durability),
        table.clone().digest_with(&durability)
    );
    assert_ne!(
        table.digest_with(&durability),
        table.digest_with(&available)
    );
}
