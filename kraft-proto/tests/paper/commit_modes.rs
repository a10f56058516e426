//! Every commit mode: when the client hears, and what each option changes.

use kraft_proto::durability::{LeaderFsync, LeaderOnlyReplication};
use kraft_proto::{
    Bound, Busy, Change, Class, CommitMode, Config, Durability, Fate, FsyncMode, Held, LogIndex,
    LogPosition, Member, Message, ProposeError, Role, StoreId,
};

use crate::bare;
use crate::cluster::messages::envelope;
use crate::cluster::{Cluster, Disk, id, ms};

const ASYNC: Class = Class::new(CommitMode::Async, FsyncMode::Batch);
const LEADER_ONLY: Class = Class::new(CommitMode::LeaderOnly, FsyncMode::None);
const SYNC: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

/// A cluster led by node 1, all of whose options are `durability`.
fn with(voters: u64, durability: Durability) -> Cluster {
    let mut cluster = Cluster::with(voters, |config| Config {
        durability,
        ..config
    });
    cluster.elect(1);
    cluster.pass(ms(1));
    cluster
}

fn cluster(voters: u64) -> Cluster {
    with(voters, Durability::default())
}

/// What a node of a later term answers.
fn rejected() -> Message {
    Message::Rejected {
        rejected: LogIndex::ZERO,
        hint: LogPosition::ZERO,
        trust: kraft_proto::Trust::Clean,
    }
}

fn last(cluster: &Cluster, n: u64) -> u64 {
    cluster.status(n).last.index.0
}

#[test]
fn async_is_acknowledged_when_accepted_whatever_the_disk_does() {
    for fsync in [
        FsyncMode::None,
        FsyncMode::Batch,
        FsyncMode::Commit,
        FsyncMode::Always,
    ] {
        let mut cluster = cluster(3);
        cluster.disks(Disk::Busy);
        let proposed = cluster.propose(1, Class::new(CommitMode::Async, fsync));
        cluster.poll();
        assert_eq!(proposed.held, Held::Accepted);
        assert!(cluster.acked(1, &proposed));
        let position = proposed.run.last_position();
        assert_eq!(cluster.holders(position, Held::Written), [0; 0]);
    }
}

#[test]
fn async_waits_for_a_hundred_entries_before_it_is_sent() {
    let mut cluster = cluster(3);
    cluster.propose_many(1, ASYNC, 99);
    cluster.run_until_idle();
    assert_eq!(last(&cluster, 2), 1);
    cluster.propose(1, ASYNC);
    cluster.run_until_idle();
    assert_eq!(last(&cluster, 2), 101);
}

#[test]
fn async_waits_ten_milliseconds_before_it_is_sent() {
    let mut cluster = cluster(3);
    cluster.propose(1, ASYNC);
    cluster.pass(ms(5));
    cluster.propose(1, ASYNC);
    cluster.pass(ms(4));
    assert_eq!(last(&cluster, 2), 1);
    cluster.pass(ms(1));
    assert_eq!(last(&cluster, 2), 3, "counted from the first");
}

#[test]
fn async_goes_along_with_a_stronger_entry_behind_it() {
    let mut cluster = cluster(3);
    cluster.propose(1, ASYNC);
    cluster.propose(1, SYNC);
    cluster.run_until_idle();
    assert_eq!(last(&cluster, 2), 3);
}

#[test]
fn async_follows_its_settings() {
    let mut cluster = with(
        3,
        Durability {
            batch_size: 3,
            batch_timeout: ms(30),
            ..Durability::default()
        },
    );
    cluster.propose_many(1, ASYNC, 3);
    cluster.run_until_idle();
    assert_eq!(last(&cluster, 2), 4);
    cluster.propose(1, ASYNC);
    cluster.pass(ms(29));
    assert_eq!(last(&cluster, 2), 4);
    cluster.pass(ms(1));
    assert_eq!(last(&cluster, 2), 5);
}

#[test]
fn leader_only_is_acknowledged_before_anybody_else_hears_of_it() {
    let mut cluster = cluster(3);
    cluster.isolate(1);
    cluster.node(1).disk = Disk::Busy;
    let proposed = cluster.propose(1, LEADER_ONLY);
    cluster.run_until_idle();
    assert!(
        !cluster.acked(1, &proposed),
        "the leader has not written it"
    );
    cluster.write(1);
    assert!(cluster.acked(1, &proposed));
    assert_eq!(proposed.held, Held::Written);
    assert_eq!(
        cluster.holders(proposed.run.last_position(), Held::Written),
        [1]
    );
}

/// `leader_fsync`, or an fsync mode of Commit or more: the stronger of the two wins.
#[test]
fn leader_only_waits_for_the_leaders_disk_where_an_option_or_the_class_says_so() {
    for (leader_fsync, fsync, held) in [
        (LeaderFsync::AsClass, FsyncMode::None, Held::Written),
        (LeaderFsync::AsClass, FsyncMode::Batch, Held::Written),
        (LeaderFsync::AsClass, FsyncMode::Commit, Held::Synced),
        (LeaderFsync::AsClass, FsyncMode::Always, Held::Synced),
        (LeaderFsync::Required, FsyncMode::None, Held::Synced),
        (LeaderFsync::Required, FsyncMode::Always, Held::Synced),
    ] {
        let mut cluster = with(
            3,
            Durability {
                leader_fsync,
                ..Durability::default()
            },
        );
        cluster.disks(Disk::AsAsked);
        cluster.node(1).disk = Disk::Held;
        let proposed = cluster.propose(1, Class::new(CommitMode::LeaderOnly, fsync));
        assert_eq!(proposed.held, held, "{leader_fsync:?} {fsync}");
        cluster.run_until_idle();
        assert_eq!(cluster.acked(1, &proposed), held == Held::Written);
        cluster.sync(1);
        assert!(cluster.acked(1, &proposed));
    }
}

#[test]
fn leader_only_is_sent_in_the_background_unless_told_to_ride_with_a_heartbeat() {
    for (replication, at_once) in [
        (LeaderOnlyReplication::Background, 2),
        (LeaderOnlyReplication::WithHeartbeat, 1),
    ] {
        let durability = Durability {
            leader_only_replication: replication,
            ..Durability::default()
        };
        let mut cluster = with(3, durability);
        let proposed = cluster.propose(1, LEADER_ONLY);
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed));
        assert_eq!(last(&cluster, 2), at_once, "{replication:?}");
        cluster.pass(ms(50));
        assert_eq!(last(&cluster, 2), 2, "with the heartbeat at the latest");
    }
}

#[test]
fn leader_only_rides_with_a_stronger_entry() {
    let durability = Durability {
        leader_only_replication: LeaderOnlyReplication::WithHeartbeat,
        ..Durability::default()
    };
    let mut cluster = with(3, durability);
    cluster.propose(1, LEADER_ONLY);
    cluster.propose(1, SYNC);
    cluster.run_until_idle();
    assert_eq!(last(&cluster, 2), 3);
}

/// n voters hold it, the leader among them: n others are not enough.
#[test]
fn at_least_n_counts_the_leader() {
    let mut cluster = cluster(5);
    cluster.node(1).disk = Disk::Busy;
    let class = Class::new(CommitMode::AtLeast(2), FsyncMode::Commit);
    let proposed = cluster.propose(1, class);
    cluster.run_until_idle();
    assert_eq!(
        cluster.holders(proposed.run.last_position(), Held::Synced),
        [2, 3, 4, 5]
    );
    assert!(!cluster.acked(1, &proposed));
    cluster.sync(1);
    assert!(cluster.acked(1, &proposed));
}

#[test]
fn at_least_none_or_more_than_there_are_is_refused() {
    let mut cluster = cluster(3);
    for asked in [0, 4, 255] {
        let class = Class::new(CommitMode::AtLeast(asked), FsyncMode::Commit);
        let refused = cluster.try_propose(1, class);
        assert_eq!(refused, Err(ProposeError::AtLeast { asked, voters: 3 }));
    }
    assert_eq!(last(&cluster, 1), 1, "nothing was written");
}

#[test]
fn sync_waits_for_a_majority_and_no_longer() {
    for (voters, reachable) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)] {
        let mut cluster = cluster(voters);
        for n in reachable + 1..=voters {
            cluster.isolate(n);
        }
        let proposed = cluster.propose(1, SYNC);
        cluster.run_until_idle();
        assert!(cluster.acked(1, &proposed), "{reachable} of {voters}");
        if voters > 1 {
            cluster.isolate(reachable);
            let proposed = cluster.propose(1, SYNC);
            cluster.run_until_idle();
            assert!(!cluster.acked(1, &proposed), "one fewer of {voters}");
        }
    }
}

#[test]
fn all_waits_for_every_voter() {
    let mut cluster = cluster(5);
    cluster.isolate(5);
    let proposed = cluster.propose(1, Class::new(CommitMode::All, FsyncMode::Commit));
    cluster.run_until_idle();
    assert!(!cluster.acked(1, &proposed), "four of five");
    assert_eq!(
        cluster.commit(1),
        proposed.run.last_position(),
        "committed it is"
    );
    cluster.heal();
    cluster.pass(ms(100));
    assert!(cluster.acked(1, &proposed));
}

/// Acks count as commits do: a copy of an entry of an earlier term acknowledges nothing, however
/// many hold it.
#[test]
fn proposals_of_an_earlier_term_of_the_same_leader_are_never_acknowledged_anew() {
    for class in [
        SYNC,
        Class::new(CommitMode::All, FsyncMode::None),
        LEADER_ONLY,
    ] {
        let mut cluster = Cluster::with(3, bare);
        cluster.elect(1);
        cluster.disks(Disk::Busy);
        let proposed = cluster.propose(1, class);
        let position = proposed.run.last_position();
        cluster.run_until_idle();
        // Somebody of a later term is heard, and node 1 leads again after that.
        cluster.inject(envelope(2, 1, 2, rejected()));
        assert_eq!(cluster.role(1), Role::Follower);
        cluster.campaign(1);
        assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 3));
        for n in 1..=3 {
            cluster.sync(n);
        }
        cluster.disks(Disk::Prompt);
        cluster.pass(ms(100));
        assert!(!cluster.acked(1, &proposed), "{class}");
        assert_eq!(
            cluster.fate(1, position),
            Fate::Committed,
            "{class}: commit tells"
        );
    }
}

/// Early acknowledgements are a debt; at its limit further ones are refused, stronger ones are not.
#[test]
fn too_much_at_risk_refuses_early_acks_and_takes_stronger_ones() {
    let mut cluster = with(
        3,
        Durability {
            at_risk_entries_max: 10,
            ..Durability::default()
        },
    );
    let full = Err(ProposeError::Busy(Busy {
        bound: Bound::EntriesAtRisk,
        limit: 10,
    }));
    cluster.isolate(1);
    cluster.propose_many(1, LEADER_ONLY, 10);
    assert_eq!(cluster.try_propose(1, LEADER_ONLY), full);
    assert_eq!(cluster.try_propose(1, ASYNC), full);
    assert!(cluster.try_propose(1, SYNC).is_ok());
    cluster.heal();
    cluster.pass(ms(100));
    assert_eq!(cluster.commit(1).index, LogIndex(12));
    assert!(
        cluster.try_propose(1, LEADER_ONLY).is_ok(),
        "once they are committed"
    );
}

/// Two of three are a majority, which outlives its leader, and two of five are none: while three voters
/// become five, it must be a majority of both.
#[test]
fn at_least_a_majority_is_a_majority_of_the_old_and_of_the_new_voters() {
    let mut cluster = cluster(3);
    cluster.join(4);
    cluster.join(5);
    cluster.isolate(3);
    cluster.isolate(5);
    let voter = |n| {
        Change::Voter(Member {
            id: id(n),
            store: StoreId::ANY,
        })
    };
    // Node 4 gets the joint configuration, and nothing behind it.
    let joint = cluster.change(1, &[voter(4), voter(5)]).unwrap().run.first;
    assert_eq!(joint, LogIndex(2));
    cluster.lossy = |envelope| match &envelope.message {
        Message::Append(append) => {
            envelope.to == id(4) && !append.run().is_empty() && append.run().first > LogIndex(2)
        }
        _ => false,
    };
    let two = Class::new(CommitMode::AtLeast(2), FsyncMode::Commit);
    let proposed = cluster.propose(1, two);
    let position = proposed.run.last_position();
    cluster.run_until_idle();
    assert_eq!(cluster.commit(1).index, joint);
    assert!(!cluster.status(1).members.is_joint(), "it moves on");
    assert_eq!(cluster.holders(position, Held::Synced), [1, 2]);
    assert!(!cluster.acked(1, &proposed), "two of five");
    cluster.heal();
    cluster.pass(ms(200));
    assert!(cluster.acked(1, &proposed));
}
