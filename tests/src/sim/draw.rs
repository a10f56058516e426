//! Runs drawn from seeds: a cluster, its weather, and what befalls it.

use std::time::Duration;

use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication, OnPowerLoss};
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Durability, FsyncMode, Lease, NodeId, PreVote, StoreId,
};

use super::action::{Action, Target, Timed, order};
use super::chance::Chance;
use super::disk::Leaves;
use super::draw_faults;
use super::run::{RUN_VERSION, Run};
use super::sessions::SESSIONS_MAX;
use super::setup::{DiskSpeed, Network, Setup, Stores};

/// How long faults last in a drawn run: 2,000 ticks of 10 ms.
pub const STORM_US: u64 = 20_000_000;

pub(super) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// The run of a seed.
pub fn draw(seed: u64) -> Run {
    let mut chance = Chance::about(&[seed, 100]);
    let setup = draw_setup(&mut chance, Chance::about(&[seed, 101]));
    let kinds = chance.number(1, 8);
    let classes: Vec<Class> = (0..kinds)
        .map(|_| draw_class(&mut chance, setup.voters))
        .collect();
    let mut actions = draw_clients(&mut chance, &classes);
    let nodes = setup.nodes.len() as u64;
    let lease = setup.nodes[0].lease;
    actions.extend(draw_faults::draw(&mut chance, nodes, lease, &classes));
    let mut rare = Chance::about(&[seed, 102]);
    if rare.permille(50) {
        actions.extend(draw_faults::a_tail_that_comes_back(&mut rare, nodes));
    }
    order(&mut actions);
    Run {
        version: RUN_VERSION,
        seed,
        setup,
        loads: Vec::new(),
        actions,
        storm_us: STORM_US,
    }
}

fn draw_setup(chance: &mut Chance, mut windows: Chance) -> Setup {
    let voters = chance.one_of(&[1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7, 9]);
    let learners = chance.one_of(&[0, 0, 0, 1]).min(9 - voters);
    let others = chance.one_of(&[0, 0, 1, 2]).min(9 - voters - learners);
    let on_power_loss = chance.one_of(&[
        OnPowerLoss::Protect,
        OnPowerLoss::Protect,
        OnPowerLoss::Protect,
        OnPowerLoss::Protect,
        OnPowerLoss::Available,
    ]);
    let fastest = chance.one_of(&[50, 200, 1000]);
    let slowest = fastest * chance.one_of(&[2, 5, 30]);
    let sync = chance.one_of(&[100, 500, 2000, 8000]);
    let base = draw_config(chance, on_power_loss);
    let nodes = (1..=voters + learners + others).map(|id| Config {
        id: NodeId(id),
        store: StoreId(100 + id),
        seed: chance.seed(),
        durability: Durability {
            fsync_floor: chance.one_of(&[
                FsyncMode::None,
                FsyncMode::None,
                FsyncMode::None,
                FsyncMode::Commit,
            ]),
            ..base.durability
        },
        ..base
    });
    let nodes = nodes.map(|config| draw_window(&mut windows, config));
    let nodes = nodes.collect();
    Setup {
        voters: voters as u8,
        learners: learners as u8,
        stores: chance.one_of(&[Stores::Named, Stores::Any]),
        nodes,
        network: Network {
            delay_us_min: fastest,
            delay_us_max: slowest,
            loss_permille: chance.one_of(&[0, 0, 5]),
            copy_permille: chance.one_of(&[0, 5]),
            late_permille: chance.one_of(&[0, 5]),
        },
        disk: DiskSpeed {
            write_us: (5, chance.one_of(&[20, 100, 1000])),
            sync_us: (sync, sync * chance.one_of(&[1, 3, 10])),
        },
        outputs_max: chance.one_of(&[None, None, None, Some(1), Some(3)]),
        leaves: Leaves::Some,
        plant: None,
    }
}

/// The log's window in a core, as narrow as it gets: what lies below it is asked of the host.
fn draw_window(chance: &mut Chance, config: Config) -> Config {
    Config {
        term_runs_max: chance.number(2, 4) as u8,
        ..config
    }
}

fn draw_config(chance: &mut Chance, on_power_loss: OnPowerLoss) -> Config {
    let durability = Durability {
        leader_fsync: chance.one_of(&[
            LeaderFsync::AsClass,
            LeaderFsync::AsClass,
            LeaderFsync::Required,
        ]),
        leader_only_replication: chance.one_of(&[
            LeaderOnlyReplication::Background,
            LeaderOnlyReplication::WithHeartbeat,
        ]),
        batch_size: chance.number(1, 100) as u32,
        batch_timeout: millis(chance.number(1, 20)),
        all_timeout: millis(chance.one_of(&[50, 500, 5000])),
        fallback: chance.one_of(&[Fallback::Refuse, Fallback::ToMajority]),
        batch_fsync_count: chance.number(1, 100) as u32,
        batch_fsync_interval: millis(chance.number(5, 200)),
        lazy_force: millis(chance.one_of(&[50, 300, 1000, 1000])),
        at_risk_entries_max: chance.one_of(&[10, 1000]),
        on_power_loss,
        ..Durability::default()
    };
    let check_quorum = chance.one_of(&[CheckQuorum::On, CheckQuorum::On, CheckQuorum::Off]);
    let lease = match check_quorum {
        CheckQuorum::On => chance.one_of(&[
            Lease::Off,
            Lease::Off,
            Lease::On { drift_permille: 10 },
            Lease::On {
                drift_permille: 200,
            },
        ]),
        CheckQuorum::Off => Lease::Off,
    };
    Config {
        pre_vote: match (
            chance.one_of(&[PreVote::On, PreVote::On, PreVote::Off]),
            check_quorum,
        ) {
            (drawn, CheckQuorum::On) => drawn,
            (_, CheckQuorum::Off) => PreVote::Off,
        },
        check_quorum,
        lease,
        append_entries_max: chance.one_of(&[1, 3, 1024]),
        durability,
        ..Config::new(NodeId(0), StoreId(0), 0)
    }
}

fn draw_class(chance: &mut Chance, voters: u8) -> Class {
    let at_least = CommitMode::AtLeast(chance.number(1, u64::from(voters)) as u8);
    let modes = [
        CommitMode::Async,
        CommitMode::LeaderOnly,
        at_least,
        CommitMode::Sync,
        CommitMode::Sync,
        CommitMode::All,
    ];
    let fsyncs = [
        FsyncMode::None,
        FsyncMode::None,
        FsyncMode::Batch,
        FsyncMode::Commit,
        FsyncMode::Always,
    ];
    Class::new(chance.one_of(&modes), chance.one_of(&fsyncs))
}

fn draw_clients(chance: &mut Chance, classes: &[Class]) -> Vec<Timed> {
    let gap = chance.one_of(&[20_000, 60_000, 200_000]);
    let mut actions = Vec::new();
    let mut at_us = 400_000;
    let compacting = chance.one_of(&[0, 300, 1000]);
    while at_us < STORM_US {
        let to = chance.one_of(&[
            Target::Leader,
            Target::Leader,
            Target::Leader,
            Target::OldLeader,
            Target::Follower(0),
        ]);
        let action = match chance.number(0, 12) {
            0 => Action::Read { from: to },
            1 => Action::Fate { of: to },
            2 => Action::ReadOwn { from: to },
            5 if chance.permille(compacting) => Action::Compact {
                node: chance.one_of(&[to, Target::Follower(1), Target::Leader]),
                keep: chance.one_of(&[0, 0, 3, 30]),
            },
            3 | 4 => Action::Command {
                to,
                session: chance.number(1, u64::from(SESSIONS_MAX)) as u8,
                class: chance.one_of(classes),
            },
            _ => Action::Write {
                to,
                class: chance.one_of(classes),
                count: chance.one_of(&[1, 1, 1, 2, 5]),
            },
        };
        actions.push(Timed { at_us, action });
        at_us += chance.number(1, gap * 2);
    }
    actions
}
