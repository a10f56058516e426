//! The core's bytes of a snapshot: one form, and nothing else is believed.

use kraft_proto::limits::{INDEX_MAX, SNAPSHOT_BYTES_MAX, TERM_MAX, TERM_RUNS_MAX};
use kraft_proto::{EntryKind, Fate, LogIndex, Members, Recovery, Snapshot, SnapshotBytesError};

use super::cluster::messages::{history, snapshot, written_history};
use super::cluster::{Cluster, at, id, run};
use super::{bare, deliver, restored, with_log};

const COMMAND: EntryKind = EntryKind::Command;
const NO_OP: EntryKind = EntryKind::NoOp;
const CONFIGURATION: EntryKind = EntryKind::Configuration;

type Runs<'a> = &'a [(u64, u64, EntryKind)];

fn three() -> Members {
    Members::new([id(1), id(2), id(3)], []).unwrap()
}

fn decodes(last: u64, base: (u64, u64), runs: Runs<'_>, members_at: u64) -> bool {
    let bytes = written_history(last, base, runs, members_at, &three());
    Snapshot::decode(&bytes).is_ok()
}

/// What is wrong with it; its last entry, base, runs, and where its members stand.
type History<'a> = (&'a str, u64, (u64, u64), Runs<'a>, u64);

#[test]
fn histories_that_no_log_has_are_refused() {
    let fine: [(u64, (u64, u64), Runs<'_>, u64); 6] = [
        (3, (0, 0), &[(1, 1, COMMAND)], 0),
        (3, (0, 0), &[(1, 1, NO_OP), (1, 2, CONFIGURATION)], 2),
        (9, (4, 9), &[], 0),
        (9, (4, 9), &[], 7),
        (9, (4, 6), &[(4, 7, COMMAND), (5, 9, NO_OP)], 6),
        (INDEX_MAX, (TERM_MAX, INDEX_MAX), &[], INDEX_MAX),
    ];
    for (last, base, runs, members_at) in fine {
        assert!(decodes(last, base, runs, members_at), "{last} {runs:?}");
    }
    let refused: [History<'_>; 17] = [
        ("it covers nothing", 0, (0, 0), &[], 0),
        ("no term before it", 9, (0, 6), &[(4, 7, COMMAND)], 0),
        ("no index before it", 9, (4, 0), &[(4, 1, COMMAND)], 0),
        ("a gap before the first", 9, (4, 5), &[(4, 7, COMMAND)], 0),
        ("the first overlaps", 9, (4, 7), &[(4, 7, COMMAND)], 0),
        ("the first goes back", 9, (4, 6), &[(3, 7, COMMAND)], 0),
        ("no run, yet it goes on", 9, (4, 6), &[], 0),
        ("term 0", 9, (0, 0), &[(0, 1, COMMAND)], 0),
        (
            "terms go back",
            9,
            (0, 0),
            &[(5, 1, NO_OP), (4, 3, NO_OP)],
            0,
        ),
        (
            "one run as two",
            9,
            (0, 0),
            &[(5, 1, NO_OP), (5, 3, COMMAND)],
            0,
        ),
        ("no entries", 9, (0, 0), &[(5, 1, NO_OP), (6, 1, NO_OP)], 0),
        (
            "a run behind the end",
            4,
            (0, 0),
            &[(5, 1, NO_OP), (6, 5, NO_OP)],
            0,
        ),
        ("members behind the end", 9, (4, 9), &[], 10),
        (
            "members at no configuration",
            9,
            (0, 0),
            &[(5, 1, NO_OP)],
            1,
        ),
        (
            "older members than there are",
            9,
            (0, 0),
            &[(5, 1, NO_OP), (5, 4, CONFIGURATION)],
            0,
        ),
        (
            "an index out of range",
            INDEX_MAX + 1,
            (4, INDEX_MAX + 1),
            &[],
            0,
        ),
        ("a term out of range", 9, (TERM_MAX + 1, 9), &[], 0),
    ];
    for (why, last, base, runs, members_at) in refused {
        assert!(!decodes(last, base, runs, members_at), "{why}");
    }
}

#[test]
fn bytes_cut_short_or_going_on_are_refused() {
    let good = history(&[(1, 1), (2, 4)], 6, &three());
    assert!(Snapshot::decode(&good).is_ok());
    for end in 0..good.len() {
        let cut = Snapshot::decode(&good[..end]);
        assert_eq!(cut, Err(SnapshotBytesError::Malformed), "{end}");
    }
    let longer = [&good[..], &[0]].concat();
    assert!(Snapshot::decode(&longer).is_err());
    // The end, 6, in two bytes.
    let not_shortest = [&[0x86, 0x00], &good[1..]].concat();
    assert!(Snapshot::decode(&not_shortest).is_err());
    let mut small = [0; 20];
    let snapshot = Snapshot::decode(&good).unwrap();
    assert_eq!(
        snapshot.encode(&mut small),
        Err(SnapshotBytesError::BufferTooSmall)
    );
}

/// As many terms as there is room for, with numbers as long as they get: it fits, travels, and is
/// restored.
#[test]
fn a_history_of_as_many_terms_as_a_log_remembers_fits() {
    let far = |place: u64| TERM_MAX - TERM_RUNS_MAX as u64 + place;
    let first = INDEX_MAX - TERM_RUNS_MAX as u64 + 1;
    let runs: Vec<_> = (0..TERM_RUNS_MAX as u64)
        .map(|place| (far(place), first + place, CONFIGURATION))
        .collect();
    let base = (far(0), first - 1);
    let bytes = written_history(INDEX_MAX, base, &runs, INDEX_MAX, &three());
    let snapshot = Snapshot::decode(&bytes).unwrap();
    assert_eq!(snapshot.members_at(), LogIndex(INDEX_MAX));
    let mut buffer = [0; SNAPSHOT_BYTES_MAX];
    assert_eq!(snapshot.encode(&mut buffer), Ok(&bytes[..]));
    let members = kraft_proto::limits::CONFIGURATION_BYTES_MAX - three().to_bytes().len();
    assert_eq!(
        bytes.len() + members,
        SNAPSHOT_BYTES_MAX,
        "the limit is what it takes"
    );

    let terms: Vec<_> = (1..=TERM_RUNS_MAX as u64).map(|t| (t, t)).collect();
    let mut cluster = with_log();
    let packet = super::brought(&cluster, 99, &terms, at(64, 64));
    deliver(&mut cluster, &packet);
    assert_eq!(restored(&cluster), [64]);
    assert_eq!(cluster.fate(3, at(1, 1)), Fate::Committed);
    // The next term has room: what is forgotten for it is on the disk.
    cluster.append(1, 3, 99, at(64, 64), run(99, 65, 1), 65);
    assert_eq!(cluster.commit(3), at(99, 65));
    assert_eq!(
        cluster.fate(3, at(1, 1)),
        Fate::Committed,
        "the end of what is forgotten"
    );
}

/// A node never believes a snapshot that contradicts itself, and is the same as before.
#[test]
fn bytes_that_are_no_history_are_dropped_and_counted() {
    let good = history(&[(1, 1), (3, 4)], 8, &three());
    let mut tried = 0;
    for seed in 0..4000_u64 {
        let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |end: u64| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance % end
        };
        let mut bytes = good.clone();
        for _ in 0..=next(3) {
            let place = next(bytes.len() as u64) as usize;
            match next(4) {
                0 => drop(bytes.remove(place)),
                1 => bytes.insert(place, next(256) as u8),
                _ => bytes[place] = next(256) as u8,
            }
        }
        let claimed = match Snapshot::decode(&bytes) {
            // Another snapshot by chance: claimed to end where it does, it is one.
            Ok(other) if other.last() == at(3, 8) => continue,
            Ok(_) | Err(_) => at(3, 8),
        };
        let mut cluster = with_log();
        let before = cluster.nodes[&id(3)].raft.status();
        deliver(&mut cluster, &snapshot(1, 3, 3, claimed, &bytes));
        let after = cluster.status(3);
        assert_eq!(after.dropped.malformed, 1, "seed {seed}: {bytes:?}");
        assert_eq!(
            (after.last, &after.members),
            (before.last, &before.members),
            "seed {seed}"
        );
        tried += 1;
    }
    println!("{tried} strange histories dropped");
    assert!(tried > 3000);
    // A term beyond the sender's own.
    let mut cluster = with_log();
    deliver(&mut cluster, &snapshot(1, 3, 2, at(3, 8), &good));
    assert_eq!(cluster.status(3).dropped.malformed, 1);
}

/// A snapshot is told before any entry, and what follows has to join it.
#[test]
fn a_recovery_joins_its_log_to_its_snapshot() {
    let cluster = Cluster::with(3, bare);
    let snapshot = Snapshot::decode(&history(&[(1, 1), (2, 4)], 6, &three())).unwrap();
    let start = |recovery: Recovery| {
        let config = kraft_proto::Config::new(id(1), kraft_proto::StoreId(1), 1);
        kraft_proto::Raft::new(config, recovery, kraft_proto::Nonce(1), cluster.now)
            .map(|raft| raft.status())
    };
    let fresh = || cluster.recovery(2, []);
    let status = start(fresh().snapshot(&snapshot).run(run(2, 7, 2))).unwrap();
    assert_eq!((status.last, status.commit), (at(2, 8), at(2, 6)));
    assert_eq!(status.watermarks.synced, LogIndex(8));
    let gap = Err(kraft_proto::ConfigError::Gap);
    assert_eq!(start(fresh().snapshot(&snapshot).run(run(2, 8, 1))), gap);
    assert_eq!(start(fresh().snapshot(&snapshot).run(run(1, 7, 1))), gap);
    assert_eq!(start(fresh().run(run(1, 1, 1)).snapshot(&snapshot)), gap);
}
