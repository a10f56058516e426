//! Four named sets of durability options.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::durability::{Durability, Fallback, LeaderFsync, LeaderOnlyReplication};
use crate::modes::{Class, CommitMode, FsyncMode};

/// A named starting point: every option has its value, and any of them can be changed after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// Every voter's disk, each write by itself, and no weaker answer instead.
    Financial,
    /// A majority's disks.
    #[default]
    Balanced,
    /// The leader's memory and operating system; the rest follows in the background.
    LowLatency,
    /// Accepted by the leader, in large batches: metrics and logs.
    MaxThroughput,
}

impl Preset {
    /// All four, from safest to fastest.
    pub const ALL: [Self; 4] = [
        Self::Financial,
        Self::Balanced,
        Self::LowLatency,
        Self::MaxThroughput,
    ];

    /// The name used in files and on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Financial => "financial",
            Self::Balanced => "balanced",
            Self::LowLatency => "low_latency",
            Self::MaxThroughput => "max_throughput",
        }
    }

    /// Every option under this preset.
    pub fn durability(self) -> Durability {
        let common = Durability::default();
        match self {
            Self::Financial => Durability {
                default: Class::new(CommitMode::All, FsyncMode::Always),
                all_timeout: Duration::from_secs(10),
                fallback: Fallback::Refuse,
                ..common
            },
            Self::Balanced => Durability {
                default: Class::new(CommitMode::Sync, FsyncMode::Commit),
                ..common
            },
            Self::LowLatency => Durability {
                default: Class::new(CommitMode::LeaderOnly, FsyncMode::Batch),
                leader_fsync: LeaderFsync::AsClass,
                leader_only_replication: LeaderOnlyReplication::Background,
                batch_fsync_count: 50,
                batch_fsync_interval: Duration::from_millis(10),
                ..common
            },
            Self::MaxThroughput => Durability {
                default: Class::new(CommitMode::Async, FsyncMode::Batch),
                batch_size: 1000,
                batch_timeout: Duration::from_millis(50),
                batch_fsync_count: 1000,
                batch_fsync_interval: Duration::from_secs(1),
                ..common
            },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word names no preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPreset;

impl fmt::Display for UnknownPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a preset: use financial, balanced, low_latency or max_throughput")
    }
}

impl core::error::Error for UnknownPreset {}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(word: &str) -> Result<Self, UnknownPreset> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == word)
            .ok_or(UnknownPreset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durability::OnPowerLoss;

    /// What every preset leaves as it is, spelled out: a changed default must not slip into one.
    fn untouched() -> Durability {
        Durability {
            default: Class::new(CommitMode::Sync, FsyncMode::Commit),
            fsync_floor: FsyncMode::None,
            leader_fsync: LeaderFsync::AsClass,
            leader_only_replication: LeaderOnlyReplication::Background,
            batch_size: 100,
            batch_timeout: Duration::from_millis(10),
            all_timeout: Duration::from_secs(5),
            fallback: Fallback::Refuse,
            batch_fsync_count: 100,
            batch_fsync_interval: Duration::from_millis(100),
            lazy_force: Duration::from_secs(1),
            at_risk_entries_max: 100_000,
            on_power_loss: OnPowerLoss::Protect,
            disk_stall: Duration::from_secs(5),
        }
    }

    #[test]
    fn financial_waits_for_every_disk_and_never_settles_for_less() {
        let expected = Durability {
            default: Class::new(CommitMode::All, FsyncMode::Always),
            all_timeout: Duration::from_millis(10_000),
            fallback: Fallback::Refuse,
            ..untouched()
        };
        assert_eq!(Preset::Financial.durability(), expected);
    }

    #[test]
    fn balanced_is_a_majority_of_disks() {
        assert_eq!(Preset::Balanced.durability(), untouched());
        assert_eq!(Durability::default(), untouched());
    }

    #[test]
    fn low_latency_answers_from_the_leader_and_replicates_behind() {
        let expected = Durability {
            default: Class::new(CommitMode::LeaderOnly, FsyncMode::Batch),
            leader_fsync: LeaderFsync::AsClass,
            leader_only_replication: LeaderOnlyReplication::Background,
            batch_fsync_count: 50,
            batch_fsync_interval: Duration::from_millis(10),
            ..untouched()
        };
        assert_eq!(Preset::LowLatency.durability(), expected);
    }

    #[test]
    fn max_throughput_batches_by_the_thousand() {
        let expected = Durability {
            default: Class::new(CommitMode::Async, FsyncMode::Batch),
            batch_size: 1000,
            batch_timeout: Duration::from_millis(50),
            batch_fsync_count: 1000,
            batch_fsync_interval: Duration::from_millis(1000),
            ..untouched()
        };
        assert_eq!(Preset::MaxThroughput.durability(), expected);
    }

    #[test]
    fn every_preset_can_be_named_and_works() {
        for preset in Preset::ALL {
            assert_eq!(preset.name().parse(), Ok(preset));
            assert_eq!(preset.durability().check(), Ok(()));
        }
        assert_eq!("Financial".parse::<Preset>(), Err(UnknownPreset));
    }
}
