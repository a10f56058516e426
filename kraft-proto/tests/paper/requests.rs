//! What one request asks and what its answer says. Precedence, zones, deadlines, grades.

use kraft_proto::durability::Fallback;
use kraft_proto::presets::Preset;
use kraft_proto::zones::{Pattern, Request, Strictness, Zone, ZoneError, ZoneTable};
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Durability, FsyncMode, Grade, Held, PreVote,
};

use crate::cluster::clients::{Clients, graded};
use crate::cluster::{Cluster, Disk, ms};

const ALL: Class = Class::new(CommitMode::All, FsyncMode::Commit);
const ALL_NONE: Class = Class::new(CommitMode::All, FsyncMode::None);
const DEFAULT: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

fn zone(
    pattern: &str,
    mode: Option<CommitMode>,
    fsync: Option<FsyncMode>,
    strictness: Strictness,
) -> Zone {
    Zone {
        pattern: Pattern::try_from(pattern).unwrap(),
        mode,
        fsync,
        strictness,
    }
}

/// The seed's zones.
fn zones() -> ZoneTable {
    use CommitMode::{All, Async, LeaderOnly, Sync};
    use FsyncMode::{Always, Batch, Commit, None};
    let plain = |pattern, mode, fsync| zone(pattern, Some(mode), Some(fsync), Strictness::Default);
    ZoneTable::new([
        plain("account:*", All, Always),
        plain("user:*", Sync, Commit),
        plain("metric:*", Async, Batch),
        plain("event:*", Async, None),
        plain("session:*", LeaderOnly, None),
        zone("ledger:?", Some(Sync), Some(Commit), Strictness::Floor),
    ])
    .unwrap()
}

fn resolve(request: Request, keys: &[&str]) -> Result<Class, ZoneError> {
    let keys = keys.iter().map(|key| key.as_bytes());
    zones().resolve(request, keys, DEFAULT, 5)
}

fn asks(mode: Option<CommitMode>, fsync: Option<FsyncMode>) -> Request {
    Request { mode, fsync }
}

/// For mode and fsync each by itself: the request's own, else its zone's, else the default.
#[test]
fn the_request_comes_before_its_zone_and_the_zone_before_the_default() {
    use CommitMode::{Async, Sync};
    use FsyncMode::{Always, Batch, Commit};
    let none = asks(None, None);
    assert_eq!(resolve(none, &["other"]), Ok(DEFAULT));
    assert_eq!(resolve(none, &["metric:cpu"]), Ok(Class::new(Async, Batch)));
    let mode_only = asks(Some(Sync), None);
    assert_eq!(
        resolve(mode_only, &["metric:cpu"]),
        Ok(Class::new(Sync, Batch)),
        "a request naming only a mode keeps its zone's fsync"
    );
    let fsync_only = asks(None, Some(Always));
    assert_eq!(
        resolve(fsync_only, &["metric:cpu"]),
        Ok(Class::new(Async, Always))
    );
    let both = asks(Some(Async), Some(Commit));
    assert_eq!(resolve(both, &["account:1"]), Ok(Class::new(Async, Commit)));
}

#[test]
fn several_keys_take_the_strongest_of_each_part() {
    let class = resolve(asks(None, None), &["metric:cpu", "session:1", "user:1"]);
    assert_eq!(class, Ok(DEFAULT));
    let class = resolve(asks(None, None), &["metric:cpu", "session:1"]);
    assert_eq!(
        class,
        Ok(Class::new(CommitMode::LeaderOnly, FsyncMode::Batch))
    );
}

/// Stronger is who asks more voters; at a tie the later of the enum.
#[test]
fn at_least_is_compared_by_the_voters_it_asks() {
    let stronger = |a: CommitMode, b, voters| a.stronger(b, voters);
    let (two, three, sync) = (
        CommitMode::AtLeast(2),
        CommitMode::AtLeast(3),
        CommitMode::Sync,
    );
    assert_eq!(stronger(two, sync, 5), sync);
    assert_eq!(stronger(three, sync, 3), three);
    assert_eq!(stronger(two, sync, 3), sync, "a tie");
    assert_eq!(
        stronger(CommitMode::AtLeast(1), CommitMode::LeaderOnly, 3),
        CommitMode::AtLeast(1)
    );
}

#[test]
fn a_floor_refuses_what_is_weaker_in_either_part_and_names_the_zone() {
    use CommitMode::{All, Async, Sync};
    use FsyncMode::{Batch, Commit};
    let key = &["ledger:7"];
    assert_eq!(
        resolve(asks(Some(Async), None), key),
        Err(ZoneError::ModeBelowFloor {
            zone: 5,
            asked: Async,
            floor: Sync
        })
    );
    assert_eq!(
        resolve(asks(None, Some(Batch)), key),
        Err(ZoneError::FsyncBelowFloor {
            zone: 5,
            asked: Batch,
            floor: Commit
        })
    );
    assert_eq!(
        resolve(asks(Some(All), None), key),
        Ok(Class::new(All, Commit))
    );
}

/// The four presets by the seed's names, each in the words of its answer.
#[test]
fn each_preset_acknowledges_what_its_name_says() {
    for (preset, mode, held) in [
        (Preset::Financial, CommitMode::All, Held::Synced),
        (Preset::Balanced, CommitMode::Sync, Held::Synced),
        (Preset::LowLatency, CommitMode::LeaderOnly, Held::Written),
        (Preset::MaxThroughput, CommitMode::Async, Held::Accepted),
    ] {
        let durability = preset.durability();
        let mut cluster = with(durability);
        let proposed = cluster.propose(1, durability.default);
        assert_eq!((proposed.mode, proposed.held), (mode, held), "{preset}");
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed));
    }
}

fn with(durability: Durability) -> Cluster {
    let mut cluster = Cluster::with(3, |config| Config {
        durability,
        pre_vote: PreVote::On,
        check_quorum: CheckQuorum::On,
        ..config
    });
    cluster.elect(1);
    cluster
}

fn cluster() -> Cluster {
    with(Durability::default())
}

/// One client of a class, whose deadline passes while `reachable` tells who still hears the leader.
fn answer(
    class: Class,
    fallback: Fallback,
    unreachable: &[u64],
    disk: Disk,
) -> (Grade, Option<Held>) {
    let mut cluster = cluster();
    for n in unreachable {
        cluster.isolate(*n);
    }
    cluster.disks(disk);
    let mut clients = Clients::new();
    clients.propose(&mut cluster, 1, class, fallback);
    cluster.run_until_idle();
    cluster.pass(ms(501));
    let told = clients.told(&mut cluster);
    assert_eq!(told.len(), 1, "each is answered once");
    (told[0].grade, told[0].held)
}

#[test]
fn an_answer_says_what_was_held_and_how_that_stands_to_what_was_asked() {
    let (refuse, fall_back) = (Fallback::Refuse, Fallback::ToMajority);
    let (prompt, held) = (Disk::Prompt, Disk::LogHeld);
    let synced = Some(Held::Synced);
    let written = Some(Held::Written);
    assert_eq!(answer(ALL, refuse, &[], prompt), (Grade::AsAsked, synced));
    assert_eq!(answer(ALL, refuse, &[3], prompt), (Grade::TimedOut, None));
    assert_eq!(
        answer(ALL, fall_back, &[3], prompt),
        (Grade::Fallback, synced)
    );
    assert_eq!(
        answer(ALL, fall_back, &[3], held),
        (Grade::TimedOut, None),
        "no disk holds it"
    );
    assert_eq!(
        answer(ALL_NONE, fall_back, &[3], held),
        (Grade::Fallback, written)
    );
    assert_eq!(
        answer(ALL_NONE, fall_back, &[2, 3], prompt),
        (Grade::TimedOut, None)
    );
}

/// A timeout is not a failure: the entry lives on, and its fate can be asked.
#[test]
fn what_timed_out_lives_on() {
    let mut cluster = cluster();
    cluster.isolate(3);
    let mut clients = Clients::new();
    let position = clients.propose(&mut cluster, 1, ALL, Fallback::Refuse);
    cluster.run_until_idle();
    cluster.pass(ms(501));
    assert_eq!(
        graded(&clients.told(&mut cluster)),
        [(1, Grade::TimedOut, None)]
    );
    cluster.heal();
    cluster.pass(ms(500));
    for n in 1..=3 {
        assert_eq!(cluster.fate(n, position), kraft_proto::Fate::Committed);
    }
}

/// The story: 1. two clients write with All, one of them settles for a majority. 2. Node 3 is away, the
/// deadline passes: the first hears *Fallback*. 3. Kept in the watermark of All, that answer would
/// tell the second that every node holds its write, and a later third one at once.
#[test]
fn a_fallback_never_passes_for_a_full_ack_of_another_client() {
    let mut cluster = cluster();
    cluster.isolate(3);
    let mut clients = Clients::new();
    clients.propose(&mut cluster, 1, ALL, Fallback::ToMajority);
    clients.propose(&mut cluster, 2, ALL, Fallback::Refuse);
    cluster.run_until_idle();
    cluster.pass(ms(501));
    let told = graded(&clients.told(&mut cluster));
    let fell_back = (1, Grade::Fallback, Some(Held::Synced));
    assert_eq!(told, [fell_back, (2, Grade::TimedOut, None)]);
    clients.propose(&mut cluster, 3, ALL, Fallback::Refuse);
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster), []);
    cluster.heal();
    cluster.pass(ms(400));
    let full = (3, Grade::AsAsked, Some(Held::Synced));
    assert_eq!(graded(&clients.told(&mut cluster)), [full]);
}
