//! How a run goes: its faults, its settings and what is proposed, drawn from its seed.

use std::time::Duration;

use kraft_proto::durability::{Fallback, LeaderFsync, LeaderOnlyReplication, OnPowerLoss};
use kraft_proto::{
    CheckQuorum, Class, CommitMode, Config, Durability, FsyncMode, Lease, NodeId, PreVote, StoreId,
};

use crate::chance::Chance;
use crate::oracle::{Power, Protection};

/// How the run goes, drawn from its seed.
pub struct Weather {
    pub steps: u64,
    pub power: Power,
    pub on_power_loss: OnPowerLoss,
    pub lease: Lease,
    pub crash_permille: u64,
    pub loss_permille: u64,
    pub copy_permille: u64,
    /// Of a thousand steps, how many try to change the members.
    pub churn_permille: u64,
    /// Of a thousand steps, how many compact a log, or send a snapshot for no reason.
    pub compact_permille: u64,
    /// Outputs a host fetches at a time.
    pub outputs_max: u64,
    pub classes: Vec<Class>,
}

impl Weather {
    pub fn protection(&self) -> Protection {
        match (self.power, self.on_power_loss) {
            (Power::Steady, _) | (_, OnPowerLoss::Protect) => Protection::On,
            (Power::Fails, OnPowerLoss::Available) => Protection::Off,
        }
    }
}

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn draw_class(chance: &mut Chance, voters: u64) -> Class {
    let at_least = CommitMode::AtLeast(chance.number(1..=voters) as u8);
    let modes = [
        CommitMode::Async,
        CommitMode::LeaderOnly,
        at_least,
        CommitMode::Sync,
        CommitMode::All,
    ];
    let fsyncs = [
        FsyncMode::None,
        FsyncMode::Batch,
        FsyncMode::Commit,
        FsyncMode::Always,
    ];
    Class::new(chance.one_of(&modes), chance.one_of(&fsyncs))
}

pub fn draw_weather(chance: &mut Chance, voters: u64) -> Weather {
    let kinds = chance.number(1..=8);
    Weather {
        steps: 4000,
        power: chance.one_of(&[Power::Steady, Power::Fails]),
        on_power_loss: chance.one_of(&[
            OnPowerLoss::Protect,
            OnPowerLoss::Protect,
            OnPowerLoss::Protect,
            OnPowerLoss::Available,
        ]),
        lease: chance.one_of(&[
            Lease::Off,
            Lease::On { drift_permille: 0 },
            Lease::On {
                drift_permille: 300,
            },
        ]),
        crash_permille: chance.one_of(&[0, 50, 200, 600]),
        loss_permille: chance.one_of(&[0, 20, 200]),
        copy_permille: chance.one_of(&[0, 20, 100]),
        churn_permille: chance.one_of(&[0, 0, 5, 30]),
        compact_permille: chance.one_of(&[0, 3, 20]),
        outputs_max: chance.one_of(&[u64::MAX, u64::MAX, 1, 3]),
        classes: (0..kinds).map(|_| draw_class(chance, voters)).collect(),
    }
}

pub fn draw_config(chance: &mut Chance, on_power_loss: OnPowerLoss, lease: Lease) -> Config {
    let durability = Durability {
        fsync_floor: chance.one_of(&[FsyncMode::None, FsyncMode::None, FsyncMode::Commit]),
        leader_fsync: chance.one_of(&[LeaderFsync::AsClass, LeaderFsync::Required]),
        leader_only_replication: chance.one_of(&[
            LeaderOnlyReplication::Background,
            LeaderOnlyReplication::WithHeartbeat,
        ]),
        batch_size: chance.number(1..=8) as u32,
        batch_timeout: millis(chance.number(1..=5)),
        all_timeout: millis(chance.number(1..=100)),
        fallback: chance.one_of(&[Fallback::Refuse, Fallback::ToMajority]),
        batch_fsync_count: chance.number(1..=8) as u32,
        batch_fsync_interval: millis(chance.number(1..=20)),
        lazy_force: millis(chance.number(1..=100)),
        at_risk_entries_max: chance.one_of(&[10, 1000]),
        on_power_loss,
        disk_stall: millis(chance.one_of(&[5, 50, 5000])),
        ..Durability::default()
    };
    let pre_vote = chance.one_of(&[PreVote::On, PreVote::Off]);
    Config {
        election_timeout_min: millis(10),
        election_timeout_max: millis(20),
        heartbeat: millis(chance.number(1..=3)),
        pre_vote,
        check_quorum: match (lease, pre_vote) {
            (Lease::Off, PreVote::Off) => chance.one_of(&[CheckQuorum::On, CheckQuorum::Off]),
            (Lease::On { .. }, _) | (_, PreVote::On) => CheckQuorum::On,
        },
        lease,
        append_entries_max: chance.one_of(&[1, 3, 1024]),
        appends_in_flight_max: chance.one_of(&[1, 2, 16]),
        writes_in_flight_max: chance.one_of(&[1, 2, 16]),
        term_runs_max: chance.number(2..=4) as u8,
        durability,
        ..Config::new(NodeId(0), StoreId(0), chance.number(0..=u64::MAX - 1))
    }
}
