//! `on_power_loss`: one story under both settings. Two of three hold a write, merely written, and its
//! client has heard. The leader is cut off; the other holder loses its power. The third never had it.

mod cluster;

use cluster::{Cluster, Disk, ms};
use kraft_proto::durability::OnPowerLoss;
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Fate, FsyncMode, LogPosition, PreVote, Role, Trust,
    Waiting,
};

/// Tells the story up to node 3's candidacy.
fn told(on_power_loss: OnPowerLoss) -> (Cluster, LogPosition) {
    let mut cluster = Cluster::with(3, |mut config| {
        config.durability.on_power_loss = on_power_loss;
        Config {
            pre_vote: PreVote::Off,
            check_quorum: CheckQuorum::Off,
            ..config
        }
    });
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    cluster.isolate(3);
    let relaxed = Class::new(CommitMode::Sync, FsyncMode::None);
    let proposed = cluster.propose(1, relaxed);
    cluster.run_until_idle();
    assert!(cluster.acked(1, &proposed));
    cluster.cut_power(2);
    cluster.restart(2);
    cluster.heal();
    cluster.isolate(1);
    assert_eq!(
        cluster.status(2).trust,
        Trust::Suspect,
        "under either setting"
    );
    cluster.campaign(3);
    (cluster, proposed.run.last_position())
}

#[test]
fn protect_waits_for_the_copy_that_is_left() {
    let (mut cluster, position) = told(OnPowerLoss::Protect);
    assert_eq!(cluster.role(3), Role::Candidate);
    let waiting = cluster.status(3).waiting;
    let clean_votes = Waiting::CleanVotes {
        granted: 2,
        clean: 1,
    };
    assert!(waiting.contains(&clean_votes), "{waiting:?}");
    cluster.heal();
    cluster.disks(Disk::Prompt);
    cluster.pass(ms(3000));
    assert_eq!(cluster.fate(3, position), Fate::Committed);
    assert_ne!(cluster.status(2).trust, Trust::Suspect, "re-admitted");
}

#[test]
fn available_goes_on_without_it_and_says_that_it_is_lost() {
    let (mut cluster, position) = told(OnPowerLoss::Available);
    assert_eq!(cluster.role(3), Role::Leader);
    cluster.disks(Disk::Prompt);
    cluster.heal();
    cluster.pass(ms(3000));
    for node in 1..=3 {
        assert_eq!(cluster.fate(node, position), Fate::Lost, "node {node}");
    }
    assert!(cluster.settled(1, position.term.0).is_some());
}

/// 1. Everybody loses its power; every vote elects a leader, a suspect itself; 2. its disk is slow. Trusted
///    at once, it would vouch for entries that its next power cut takes.
#[test]
fn a_suspect_that_leads_is_trusted_once_its_first_entry_is_synced() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.disks(Disk::LogHeld);
    cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::None));
    cluster.run_until_idle();
    for n in 1..=3 {
        cluster.cut_power(n);
    }
    for n in 1..=3 {
        cluster.restart(n);
    }
    cluster.disks(Disk::LogHeld);
    cluster.elect(1);
    assert_eq!(cluster.status(1).trust, Trust::Suspect);
    cluster.sync(1);
    assert_eq!(cluster.status(1).trust, Trust::Dirty);
}
