//! Every bound a host may set: what lies out of range does not start, a full one is named, and there is
//! room again once what filled it has moved on.

mod cluster;

use cluster::clients::Clients;
use cluster::{Cluster, Disk, id, ms};
use kraft_proto::durability::Fallback;
use kraft_proto::limits::{
    APPENDS_IN_FLIGHT_MAX, RUN_ENTRIES_MAX, UNWRITTEN_ENTRIES_MAX, WRITES_IN_FLIGHT_MAX,
};
use kraft_proto::{
    Bound, Busy, Change, Class, CommitMode, Config, ConfigError, Force, FsyncMode, Instant,
    LogPosition, Member, Members, MembersProposeError, NodeId, Nonce, PeerState, ProposeError,
    Raft, Recovery, StoreId, Waiting, WriteKind,
};

const RELAXED: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);
const FIRM: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

const fn busy(bound: Bound, limit: u64) -> ProposeError {
    ProposeError::Busy(Busy { bound, limit })
}

/// Three nodes of which node 1 leads.
fn led(settings: impl Fn(Config) -> Config) -> Cluster {
    let mut cluster = Cluster::with(3, settings);
    cluster.elect(1);
    cluster
}

/// Proposes and hands the disk what follows, as a host does.
fn propose_one(cluster: &mut Cluster, class: Class) -> Result<LogPosition, ProposeError> {
    let proposed = cluster.try_propose(1, class)?;
    cluster.run_until_idle();
    Ok(proposed.run.last_position())
}

fn learner(n: u64) -> Change {
    Change::Learner(Member {
        id: id(n),
        store: StoreId::ANY,
    })
}

fn start(settings: impl Fn(&mut Config)) -> Result<(), ConfigError> {
    let mut config = Config::new(id(1), StoreId(1), 1);
    settings(&mut config);
    let members = Members::new([NodeId(1)], []).unwrap();
    Raft::new(
        config,
        Recovery::bootstrap(members),
        Nonce(1),
        Instant::ZERO,
    )
    .map(|_| ())
}

#[test]
fn a_bound_out_of_range_does_not_start_and_its_edges_do() {
    type Set = fn(&mut Config, u32);
    let bounds: [(&str, Set, u32, u32); 4] = [
        (
            "append_entries_max",
            |config, to| config.append_entries_max = to,
            1,
            RUN_ENTRIES_MAX,
        ),
        (
            "appends_in_flight_max",
            |config, to| config.appends_in_flight_max = to as u8,
            1,
            APPENDS_IN_FLIGHT_MAX as u32,
        ),
        (
            "writes_in_flight_max",
            |config, to| config.writes_in_flight_max = to as u8,
            1,
            WRITES_IN_FLIGHT_MAX as u32,
        ),
        (
            "unwritten_entries_max",
            |config, to| config.unwritten_entries_max = to,
            RUN_ENTRIES_MAX,
            UNWRITTEN_ENTRIES_MAX,
        ),
    ];
    for (setting, set, lowest, highest) in bounds {
        let refused = ConfigError::OutOfRange {
            setting,
            lowest,
            highest,
        };
        for edge in [lowest, highest] {
            assert_eq!(start(|config| set(config, edge)), Ok(()), "{setting}");
        }
        for beyond in [lowest - 1, highest + 1] {
            assert_eq!(start(|config| set(config, beyond)), Err(refused));
        }
        let said = refused.to_string();
        assert_eq!(said, format!("{setting} must lie in {lowest}..={highest}"));
    }
    println!("{} bounds", bounds.len());
}

#[test]
fn too_much_at_risk_is_refused_by_name_and_firm_writes_go_through() {
    let mut cluster = led(|mut config| {
        config.durability.at_risk_entries_max = 10;
        config
    });
    cluster.disks(Disk::LogHeld);
    let mut accepted = 0;
    let refused = loop {
        match propose_one(&mut cluster, RELAXED) {
            Ok(_) => accepted += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((accepted, refused), (10, busy(Bound::EntriesAtRisk, 10)));
    assert_eq!(cluster.status(1).entries_at_risk, 10);
    let firm = propose_one(&mut cluster, FIRM).unwrap();
    for node in 1..=3 {
        cluster.sync(node);
    }
    assert_eq!(cluster.commit(1), firm);
    assert_eq!(cluster.status(1).entries_at_risk, 0);
    propose_one(&mut cluster, RELAXED).unwrap();
}

/// The story: 1. relaxed writes come so fast that half a second of them is all that may be at risk;
/// 2. the disks answer at once, and are asked a second after the first; 3. every other half second
/// everything is refused.
#[test]
fn a_stream_of_relaxed_writes_is_not_refused_while_the_disks_keep_up() {
    for class in [RELAXED, Class::new(CommitMode::Sync, FsyncMode::None)] {
        let mut cluster = led(|mut config| {
            config.durability.at_risk_entries_max = 1_000;
            config
        });
        cluster.disks(Disk::AsAsked);
        for step in 0..240 {
            cluster.propose_many(1, class, 10);
            cluster.pass(ms(5));
            let at_risk = cluster.status(1).entries_at_risk;
            assert!(at_risk <= 700, "{class}, step {step}: {at_risk} at risk");
        }
        let entries = |(kind, _): &&(WriteKind, Force)| !matches!(kind, WriteKind::HardState(_));
        let forced = cluster.node(1).writes.iter().filter(entries);
        let forced = forced.filter(|(_, force)| *force == Force::Now).count();
        assert!(forced < 10, "{class}: {forced} forces of 2,400 entries");
    }
}

/// What does not fit into an empty house is not told to come back later.
#[test]
fn more_entries_at_once_than_may_ever_be_at_risk_are_refused_as_that() {
    let mut cluster = led(|mut config| {
        config.durability.at_risk_entries_max = 10;
        config
    });
    let now = cluster.now;
    let refused = cluster.raft(1).propose(now, RELAXED, 11);
    let limit = Busy {
        bound: Bound::EntriesAtRisk,
        limit: 10,
    };
    assert_eq!(refused, Err(ProposeError::TooMany(limit)));
    let said = ProposeError::TooMany(limit).to_string();
    assert!(!said.contains("later") && said.contains("10"), "{said}");
    assert!(cluster.raft(1).propose(now, FIRM, 11).is_ok());
}

/// Fills what may wait for the disk of node 1; returns the entries that were accepted.
fn fill_unwritten(cluster: &mut Cluster) -> u64 {
    cluster.node(1).disk = Disk::Busy;
    let mut accepted = 0;
    // Once the slots are taken entries wait in memory.
    while !cluster.status(1).waiting.contains(&Waiting::LogWrites) {
        propose_one(cluster, FIRM).unwrap();
        accepted += 1;
    }
    while cluster.try_propose(1, FIRM).is_ok() {
        accepted += 1;
    }
    accepted
}

#[test]
fn a_proposal_beyond_what_waits_for_the_disk_is_refused_and_later_taken() {
    for most in [RUN_ENTRIES_MAX, UNWRITTEN_ENTRIES_MAX] {
        let mut cluster = Cluster::with(1, |config| Config {
            unwritten_entries_max: most,
            ..config
        });
        cluster.elect(1);
        let accepted = fill_unwritten(&mut cluster);
        let refused = cluster.try_propose(1, FIRM).unwrap_err();
        assert_eq!(refused, busy(Bound::UnwrittenEntries, most.into()));
        assert_eq!(cluster.status(1).unwritten, u64::from(most));
        let in_slots = WRITES_IN_FLIGHT_MAX as u64;
        assert_eq!(accepted, u64::from(most) + in_slots);
        for _ in 0..40 {
            cluster.sync(1);
        }
        assert_eq!(cluster.commit(1).index.0, accepted + 1);
        // Any proposal that is none too many fits an empty one.
        let now = cluster.now;
        let largest = cluster.raft(1).propose(now, FIRM, RUN_ENTRIES_MAX);
        assert!(largest.is_ok(), "{largest:?}");
    }
}

#[test]
fn a_follower_whose_disk_has_enough_drops_and_counts_and_catches_up_later() {
    let mut cluster = Cluster::with(3, |config| Config {
        unwritten_entries_max: match config.id {
            NodeId(2) => RUN_ENTRIES_MAX,
            _ => UNWRITTEN_ENTRIES_MAX,
        },
        writes_in_flight_max: 1,
        ..config
    });
    cluster.elect(1);
    cluster.node(2).disk = Disk::Busy;
    for _ in 0..4 {
        cluster.propose_many(1, FIRM, RUN_ENTRIES_MAX / 2);
        cluster.run_until_idle();
    }
    let status = cluster.status(2);
    assert!(status.dropped.busy > 0);
    assert!(status.unwritten <= u64::from(RUN_ENTRIES_MAX));
    assert_eq!(cluster.commit(1), cluster.status(1).last, "others go on");
    cluster.node(2).disk = Disk::AsAsked;
    cluster.sync(2);
    cluster.pass(ms(1000));
    assert_eq!(cluster.commit(2), cluster.commit(1));
}

#[test]
fn a_follower_takes_as_much_as_may_wait_for_its_disk_and_not_one_more() {
    let mut cluster = led(|config| Config {
        unwritten_entries_max: RUN_ENTRIES_MAX,
        writes_in_flight_max: 1,
        ..config
    });
    cluster.run_until_idle();
    cluster.node(2).disk = Disk::Busy;
    cluster.propose(1, FIRM);
    cluster.run_until_idle();
    for _ in 0..2 {
        cluster.propose_many(1, FIRM, RUN_ENTRIES_MAX / 2);
        cluster.run_until_idle();
    }
    let status = cluster.status(2);
    assert_eq!(status.unwritten, u64::from(RUN_ENTRIES_MAX));
    assert_eq!(status.dropped.busy, 0);
    cluster.propose(1, FIRM);
    cluster.run_until_idle();
    assert_eq!(cluster.status(2).dropped.busy, 1);
}

#[test]
fn other_members_wait_for_a_disk_that_is_behind() {
    let mut cluster = led(|config| Config {
        unwritten_entries_max: RUN_ENTRIES_MAX,
        ..config
    });
    fill_unwritten(&mut cluster);
    let change = [learner(4)];
    let refused = cluster.change(1, &change).unwrap_err();
    let unwritten = Busy {
        bound: Bound::UnwrittenEntries,
        limit: RUN_ENTRIES_MAX.into(),
    };
    assert_eq!(refused, MembersProposeError::Busy(unwritten));
    cluster.node(1).disk = Disk::AsAsked;
    for _ in 0..4 {
        cluster.sync(1);
    }
    cluster.change(1, &change).unwrap();
}

#[test]
fn a_change_whose_entry_the_disk_was_not_handed_is_waited_for() {
    let mut cluster = led(|config| config);
    cluster.node(1).disk = Disk::Busy;
    while !cluster.status(1).waiting.contains(&Waiting::LogWrites) {
        propose_one(&mut cluster, FIRM).unwrap();
        cluster.propose(1, FIRM);
    }
    cluster.change(1, &[learner(4)]).unwrap();
    // The others commit it; this node's disk was not handed it yet.
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1), cluster.status(1).last);
    let refused = cluster.change(1, &[learner(5)]).unwrap_err();
    let first = Busy {
        bound: Bound::UnwrittenMembers,
        limit: 1,
    };
    assert_eq!(refused, MembersProposeError::Busy(first));
    cluster.node(1).disk = Disk::AsAsked;
    cluster.sync(1);
    cluster.sync(1);
    cluster.run_until_idle();
    cluster.change(1, &[learner(5)]).unwrap();
}

#[test]
fn a_disk_is_handed_as_many_writes_as_was_set_and_the_rest_is_joined() {
    for most in [1, 3] {
        let mut cluster = led(|config| Config {
            writes_in_flight_max: most,
            ..config
        });
        cluster.node(1).disk = Disk::Busy;
        let before = cluster.node(1).writes.len();
        for _ in 0..20 {
            propose_one(&mut cluster, FIRM).unwrap();
        }
        assert_eq!(cluster.node(1).writes.len() - before, usize::from(most));
        assert!(cluster.status(1).waiting.contains(&Waiting::LogWrites));
        cluster.node(1).disk = Disk::AsAsked;
        cluster.sync(1);
        cluster.run_until_idle();
        let handed = cluster.node(1).writes.len() - before;
        assert_eq!(handed, usize::from(most) + 1, "one more holds the rest");
        let status = cluster.status(1);
        assert_eq!(status.watermarks.synced, status.last.index);
    }
}

#[test]
fn log_writes_are_waited_for_only_if_an_entry_waits() {
    let mut cluster = led(|config| Config {
        writes_in_flight_max: 2,
        ..config
    });
    cluster.node(1).disk = Disk::Busy;
    for waits in [false, false, true] {
        propose_one(&mut cluster, FIRM).unwrap();
        let waiting = cluster.status(1).waiting;
        assert_eq!(waiting.contains(&Waiting::LogWrites), waits, "{waiting:?}");
    }
}

#[test]
fn old_voters_are_left_behind_once_the_disk_was_handed_the_joint_ones() {
    let mut cluster = led(|config| Config {
        writes_in_flight_max: 1,
        ..config
    });
    cluster.join(4);
    cluster.join(5);
    cluster.node(1).disk = Disk::Busy;
    propose_one(&mut cluster, FIRM).unwrap();
    let voters = [4, 5].map(|n| {
        Change::Voter(Member {
            id: id(n),
            store: StoreId::ANY,
        })
    });
    cluster.change(1, &voters).unwrap();
    // The others commit it; this node's disk was not handed it yet.
    cluster.run_until_idle();
    let status = cluster.status(1);
    assert_eq!(status.commit, status.last);
    assert!(status.members.is_joint());
    cluster.node(1).disk = Disk::AsAsked;
    cluster.sync(1);
    cluster.sync(1);
    assert!(!cluster.status(1).members.is_joint());
}

#[test]
fn a_silent_peer_is_sent_as_many_appends_as_was_set_and_catches_up() {
    for most in [1, 3] {
        let mut cluster = led(|config| Config {
            appends_in_flight_max: most,
            ..config
        });
        cluster.lossy = |envelope| envelope.from == NodeId(3);
        for _ in 0..20 {
            propose_one(&mut cluster, FIRM).unwrap();
        }
        let status = cluster.status(1);
        let silent = status.peers.iter().find(|peer| peer.id == id(3)).unwrap();
        assert_eq!(silent.state, PeerState::Replicate);
        assert_eq!(silent.in_flight, usize::from(most));
        assert_eq!(silent.lag_entries, Some(20));
        assert_eq!(status.lag_entries_max(), Some(20));
        assert_eq!(status.lag_entries_mean(), Some(10));
        assert_eq!(status.commit, status.last, "the others go on");
        cluster.heal();
        cluster.pass(ms(1000));
        assert_eq!(cluster.commit(3), cluster.commit(1));
        assert_eq!(cluster.status(1).lag_entries_max(), Some(0));
    }
}

#[test]
fn clients_beyond_the_room_to_wait_are_told_so_and_there_is_room_once_some_are_answered() {
    let mut cluster = led(|config| config);
    let mut clients = Clients::new();
    cluster.disks(Disk::Busy);
    for token in 0..8 {
        assert_eq!(clients.waits.check_room(), Ok(()));
        clients.propose(&mut cluster, token, FIRM, Fallback::Refuse);
    }
    let full = Busy {
        bound: Bound::Waits,
        limit: 8,
    };
    assert_eq!(clients.waits.check_room(), Err(full));
    cluster.disks(Disk::AsAsked);
    for node in 1..=3 {
        cluster.sync(node);
    }
    cluster.run_until_idle();
    assert_eq!(clients.told(&mut cluster).len(), 8);
    assert_eq!(clients.waits.check_room(), Ok(()));
}

#[test]
fn a_refusal_says_what_was_not_done_the_limit_and_what_to_do_next() {
    let bounds = [
        Bound::EntriesAtRisk,
        Bound::UnwrittenEntries,
        Bound::UnwrittenMembers,
        Bound::UnwrittenTerms,
        Bound::Waits,
    ];
    for bound in bounds {
        let busy = Busy { bound, limit: 77 };
        let wrote = ProposeError::Busy(busy).to_string();
        assert!(wrote.starts_with("nothing was written: "), "{wrote}");
        assert!(wrote.contains("ask again later"), "{wrote}");
        assert!(wrote.contains("77") || bound == Bound::UnwrittenMembers);
        let changed = MembersProposeError::Busy(busy).to_string();
        assert!(changed.starts_with("the members stay as they are: "));
    }
}

#[test]
fn status_counts_the_suspects_a_leader_hears() {
    let mut cluster = led(|config| config);
    cluster.disks(Disk::LogHeld);
    let relied_on = Class::new(CommitMode::Sync, FsyncMode::None);
    propose_one(&mut cluster, relied_on).unwrap();
    assert_eq!(cluster.status(1).suspects(), 0);
    cluster.cut_power(3);
    cluster.restart(3);
    cluster.pass(ms(60));
    assert_eq!(cluster.status(3).suspects(), 1, "itself");
    assert_eq!(cluster.status(1).suspects(), 1, "as its leader hears");
}
