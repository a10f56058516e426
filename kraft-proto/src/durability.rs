//! The knobs of durability: the class of a write that names none, and what each mode waits for.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::modes::{Class, FsyncMode};

/// Whether a [`CommitMode::LeaderOnly`](crate::modes::CommitMode::LeaderOnly) write waits for the
/// leader's disk whatever its fsync mode says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeaderFsync {
    /// The write's own fsync mode decides.
    #[default]
    AsClass,
    /// Acknowledged only when synced on the leader.
    Required,
}

/// When `LeaderOnly` writes are replicated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeaderOnlyReplication {
    /// At once, in the background of the acknowledgement.
    #[default]
    Background,
    /// Not on their own: they ride with the next heartbeat or stronger entry.
    WithHeartbeat,
}

/// What an `All` write becomes when its deadline passes and only a majority holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fallback {
    /// `TimedOut`: not a failure, the entry lives on.
    #[default]
    Refuse,
    /// Acknowledged, graded `Fallback`.
    ToMajority,
}

/// What happens after a power cut to a node that may have forgotten relied-on copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OnPowerLoss {
    /// Its votes are not clean until it is re-admitted: acknowledged writes outlive it, and an
    /// election may have to wait.
    #[default]
    Protect,
    /// It votes as if nothing had happened: elections go on, acknowledged written copies may be
    /// gone. One setting for the whole cluster.
    Available,
}

/// Every durability option of a node. The defaults are those of the original `kraftCommitConfig`
/// and `kraftStorageConfig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Durability {
    /// The class of a write that names none and falls in no zone.
    pub default: Class,
    /// What this node never goes below, whatever travels with an append.
    pub fsync_floor: FsyncMode,
    /// Whether `LeaderOnly` waits for the leader's disk.
    pub leader_fsync: LeaderFsync,
    /// When `LeaderOnly` writes are replicated.
    pub leader_only_replication: LeaderOnlyReplication,
    /// `Async` writes replicated together, entries.
    pub batch_size: u32,
    /// How long an `Async` write waits for company.
    pub batch_timeout: Duration,
    /// How long an `All` write waits for everybody.
    pub all_timeout: Duration,
    /// What becomes of it then.
    pub fallback: Fallback,
    /// `Batch`: entries between two forces.
    pub batch_fsync_count: u32,
    /// `Batch`: the longest time between two forces.
    pub batch_fsync_interval: Duration,
    /// The background force: this long after the first unforced entry.
    #[serde(alias = "lazy_flush")]
    pub lazy_force: Duration,
    /// Entries acknowledged early and not committed, beyond which further ones are refused. Half of it
    /// has every disk forced without waiting for `lazy_force`.
    pub at_risk_entries_max: u64,
    /// What a power cut under relaxed fsync means.
    pub on_power_loss: OnPowerLoss,
    /// How long a leader's own disk may owe it the same write before it hands leadership over.
    pub disk_stall: Duration,
}

impl Default for Durability {
    fn default() -> Self {
        Self {
            default: Class::default(),
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
}

/// Why durability options are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DurabilityError {
    /// `batch_size` is 0.
    BatchSize,
    /// `batch_fsync_count` is 0.
    BatchFsyncCount,
    /// `at_risk_entries_max` is 0.
    AtRisk,
    /// `lazy_force` is zero.
    LazyForce,
    /// `disk_stall` is zero.
    DiskStall,
}

impl fmt::Display for DurabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BatchSize => "batch_size is 0: a batch holds at least one entry",
            Self::BatchFsyncCount => "batch_fsync_count is 0: use fsync ALWAYS to force each entry",
            Self::AtRisk => "at_risk_entries_max is 0: no early acknowledgement could be given",
            Self::LazyForce => "lazy_force is zero: use fsync COMMIT to force at once",
            Self::DiskStall => "disk_stall is zero: no disk answers at once",
        })
    }
}

impl core::error::Error for DurabilityError {}

impl Durability {
    /// Refuses options that could not work.
    pub fn check(&self) -> Result<(), DurabilityError> {
        if self.batch_size == 0 {
            return Err(DurabilityError::BatchSize);
        }
        if self.batch_fsync_count == 0 {
            return Err(DurabilityError::BatchFsyncCount);
        }
        if self.at_risk_entries_max == 0 {
            return Err(DurabilityError::AtRisk);
        }
        if self.lazy_force.is_zero() {
            return Err(DurabilityError::LazyForce);
        }
        if self.disk_stall.is_zero() {
            return Err(DurabilityError::DiskStall);
        }
        Ok(())
    }
}
