//! What a node is told once, checked once.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::durability::{Durability, DurabilityError};
use crate::ids::{NodeId, StoreId};
use crate::limits::RUN_ENTRIES_MAX;
use crate::time::Instant;

/// Whether a node asks around before it campaigns (Raft thesis §9.6), so that one which was cut off
/// does not depose a working leader when it comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PreVote {
    /// It asks first.
    #[default]
    On,
    /// It campaigns at once.
    Off,
}

/// Whether a leader that hears from no majority for an election timeout steps down (Raft thesis
/// §6.2), and voters that hear a leader ignore candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckQuorum {
    /// It does.
    #[default]
    On,
    /// It leads until it hears of a higher term.
    Off,
}

/// Whether a leader serves reads without asking around while nobody else can lead (Raft thesis
/// §6.4.1). One setting for the whole cluster, like the election timeouts that it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lease {
    /// Every batch of reads waits for a round of heartbeats.
    #[default]
    Off,
    /// It does, and every node withholds its vote for the shortest election timeout after it heard a
    /// leader, and for the longest after it started.
    On {
        /// How far a clock may run fast or slow, in thousandths; at most [`DRIFT_PERMILLE_MAX`].
        /// Clocks must go on while a machine sleeps.
        drift_permille: u16,
    },
}

/// A clock that runs worse is no clock.
pub const DRIFT_PERMILLE_MAX: u16 = 500;

/// The settings of one node. [`Raft::new`](crate::Raft::new) checks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Config {
    /// Who this node is.
    pub id: NodeId,
    /// Which store it runs on.
    pub store: StoreId,
    /// Chooses its election timeouts. Give every node its own.
    pub seed: u64,
    /// The shortest election timeout.
    pub election_timeout_min: Duration,
    /// The longest one.
    pub election_timeout_max: Duration,
    /// How often a leader says that it lives.
    pub heartbeat: Duration,
    /// Whether to ask before campaigning.
    pub pre_vote: PreVote,
    /// Whether a leader without a majority steps down.
    pub check_quorum: CheckQuorum,
    /// Whether a leader serves reads by its lease. Needs [`CheckQuorum::On`].
    pub lease: Lease,
    /// Entries one append carries at most; 1 to [`RUN_ENTRIES_MAX`].
    pub append_entries_max: u32,
    /// Every durability option.
    pub durability: Durability,
}

impl Config {
    /// The defaults for node `id` on `store`: timeouts of 150 to 300 ms, heartbeats of 50 ms.
    pub fn new(id: NodeId, store: StoreId, seed: u64) -> Self {
        Self {
            id,
            store,
            seed,
            election_timeout_min: Duration::from_millis(150),
            election_timeout_max: Duration::from_millis(300),
            heartbeat: Duration::from_millis(50),
            pre_vote: PreVote::On,
            check_quorum: CheckQuorum::On,
            lease: Lease::Off,
            append_entries_max: 1024,
            durability: Durability::default(),
        }
    }

    /// Refuses settings that could not work.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.heartbeat.is_zero() || self.heartbeat >= self.election_timeout_min {
            return Err(ConfigError::Heartbeat);
        }
        if self.election_timeout_max < self.election_timeout_min {
            return Err(ConfigError::ElectionTimeout);
        }
        if self.election_timeout_max > Duration::from_secs(3600) {
            return Err(ConfigError::ElectionTimeout);
        }
        if self.append_entries_max == 0 || self.append_entries_max > RUN_ENTRIES_MAX {
            return Err(ConfigError::AppendEntries);
        }
        if let Lease::On { drift_permille } = self.lease
            && (self.check_quorum == CheckQuorum::Off || drift_permille > DRIFT_PERMILLE_MAX)
        {
            return Err(ConfigError::Lease);
        }
        self.durability.check().map_err(ConfigError::Durability)
    }

    /// When an election timeout drawn for these `words` ends.
    pub(crate) fn election_deadline(&self, now: Instant, words: [u64; 2]) -> Instant {
        let low = self.election_timeout_min.as_micros() as u64;
        let high = self.election_timeout_max.as_micros() as u64;
        let words = [self.seed, self.id.0, words[0], words[1]];
        now.after(Duration::from_micros(crate::rng::between(
            low, high, &words,
        )))
    }
}

/// Why a node does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// The heartbeat must be longer than zero and shorter than the shortest election timeout.
    Heartbeat,
    /// The longest election timeout is shorter than the shortest, or longer than an hour.
    ElectionTimeout,
    /// `append_entries_max` is 0 or more than [`RUN_ENTRIES_MAX`].
    AppendEntries,
    /// A lease needs the quorum's check, and clocks no worse than [`DRIFT_PERMILLE_MAX`].
    Lease,
    /// The durability options do not work.
    Durability(DurabilityError),
    /// A run given to [`Recovery`](crate::Recovery) does not follow the one before it.
    Gap,
    /// An entry given to [`Recovery`](crate::Recovery) as a configuration holds none, or one that
    /// holds one was given without its bytes.
    Members,
    /// The recovered log or term is beyond what the protocol counts.
    Exhausted,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartbeat => f.write_str(
                "the heartbeat must be longer than zero and shorter than the shortest election timeout",
            ),
            Self::ElectionTimeout => f.write_str(
                "the longest election timeout must be at least the shortest, and at most an hour",
            ),
            Self::AppendEntries => {
                write!(f, "append_entries_max must lie in 1..={RUN_ENTRIES_MAX}")
            }
            Self::Lease => write!(
                f,
                "a lease needs check_quorum, and clocks that drift by at most {DRIFT_PERMILLE_MAX} in 1000"
            ),
            Self::Durability(error) => error.fmt(f),
            Self::Gap => f.write_str("the recovered log has a gap or a term out of order"),
            Self::Members => f.write_str("the recovered log has a configuration that does not decode"),
            Self::Exhausted => f.write_str("the recovered log or term is beyond the protocol's range"),
        }
    }
}

impl core::error::Error for ConfigError {}
