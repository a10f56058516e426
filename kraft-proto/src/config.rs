//! What a node is told once, checked once.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::durability::{Durability, DurabilityError};
use crate::ids::{Incarnation, NodeId, StoreId};
use crate::limits::{
    APPENDS_IN_FLIGHT_MAX, RUN_ENTRIES_MAX, TERM_RUNS_MAX, TERM_RUNS_MIN, UNWRITTEN_ENTRIES_MAX,
    WRITES_IN_FLIGHT_MAX,
};
use crate::time::Instant;

/// Whether a node asks around before it campaigns (Raft thesis §9.6), so that one which was cut off
/// does not depose a working leader when it comes back.
///
/// Who hears a leader refuses the one that asks. So a leader must notice by itself that it hears
/// nobody:
///
/// 1. leader 1 is heard by 2 and 3, and hears neither: nothing it is sent arrives;
/// 2. it commits nothing, and 2 and 3 never campaign, as they hear it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PreVote {
    /// It asks first. Needs [`CheckQuorum::On`].
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
        ///
        /// Every `now` must be read when its call is made, on every node: what a host hands over late
        /// counts as drift. One that takes `now` and then waits 140 ms before it calls
        /// [`Raft::read`](crate::Raft::read) serves reads by leases that ended 140 ms ago.
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
    /// Whether to ask before campaigning. Needs [`CheckQuorum::On`].
    pub pre_vote: PreVote,
    /// Whether a leader without a majority steps down.
    pub check_quorum: CheckQuorum,
    /// Whether a leader serves reads by its lease. Needs [`CheckQuorum::On`].
    pub lease: Lease,
    /// Entries one append carries at most; 1 to [`RUN_ENTRIES_MAX`].
    pub append_entries_max: u32,
    /// Appends on their way to one peer, 1 to [`APPENDS_IN_FLIGHT_MAX`]: times the bytes of an append
    /// what a slow peer can cost this leader. With 1 each waits for the answer to the one before.
    pub appends_in_flight_max: u8,
    /// Log writes the host is handed before it reports some, 1 to [`WRITES_IN_FLIGHT_MAX`]. Fewer
    /// join more entries in each; more keep a disk busy that works on several at once.
    pub writes_in_flight_max: u8,
    /// Entries accepted and not yet handed to the disk, [`RUN_ENTRIES_MAX`] to
    /// [`UNWRITTEN_ENTRIES_MAX`]: what is in the host's memory only, and beyond which writes are
    /// [`Busy`](crate::Busy). The lowest is what one message may bring: it must fit some time.
    pub unwritten_entries_max: u32,
    /// Term runs of the log kept in the core, [`TERM_RUNS_MIN`] to [`TERM_RUNS_MAX`]: the host is asked
    /// for older ones. Fewer cost questions and save no memory; worlds that test take few.
    #[serde(default = "term_runs_max")]
    pub term_runs_max: u8,
    /// Every durability option.
    pub durability: Durability,
}

/// What a configuration written down without it has.
const fn term_runs_max() -> u8 {
    TERM_RUNS_MAX as u8
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
            appends_in_flight_max: APPENDS_IN_FLIGHT_MAX as u8,
            writes_in_flight_max: WRITES_IN_FLIGHT_MAX as u8,
            unwritten_entries_max: UNWRITTEN_ENTRIES_MAX,
            term_runs_max: term_runs_max(),
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
        self.check_bounds()?;
        if self.pre_vote == PreVote::On && self.check_quorum == CheckQuorum::Off {
            return Err(ConfigError::PreVote);
        }
        if let Lease::On { drift_permille } = self.lease
            && (self.check_quorum == CheckQuorum::Off || drift_permille > DRIFT_PERMILLE_MAX)
        {
            return Err(ConfigError::Lease);
        }
        self.durability.check().map_err(ConfigError::Durability)
    }

    fn check_bounds(&self) -> Result<(), ConfigError> {
        let bounds = [
            (
                "append_entries_max",
                self.append_entries_max,
                (1, RUN_ENTRIES_MAX),
            ),
            (
                "appends_in_flight_max",
                self.appends_in_flight_max.into(),
                (1, APPENDS_IN_FLIGHT_MAX as u32),
            ),
            (
                "writes_in_flight_max",
                self.writes_in_flight_max.into(),
                (1, WRITES_IN_FLIGHT_MAX as u32),
            ),
            (
                "unwritten_entries_max",
                self.unwritten_entries_max,
                (RUN_ENTRIES_MAX, UNWRITTEN_ENTRIES_MAX),
            ),
            (
                "term_runs_max",
                self.term_runs_max.into(),
                (TERM_RUNS_MIN as u32, TERM_RUNS_MAX as u32),
            ),
        ];
        for (setting, value, (lowest, highest)) in bounds {
            if value < lowest || value > highest {
                return Err(ConfigError::OutOfRange {
                    setting,
                    lowest,
                    highest,
                });
            }
        }
        Ok(())
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
#[non_exhaustive]
pub enum ConfigError {
    /// The heartbeat must be longer than zero and shorter than the shortest election timeout.
    Heartbeat,
    /// The longest election timeout is shorter than the shortest, or longer than an hour.
    ElectionTimeout,
    /// A bound is lower than makes sense, or higher than there is memory for.
    OutOfRange {
        /// Which field.
        setting: &'static str,
        /// The least it may be.
        lowest: u32,
        /// The most.
        highest: u32,
    },
    /// Asking before campaigning needs the quorum's check: who hears a leader refuses, and one that
    /// hears nobody would lead and commit nothing for ever.
    PreVote,
    /// A lease needs the quorum's check, and clocks no worse than [`DRIFT_PERMILLE_MAX`].
    Lease,
    /// The durability options do not work.
    Durability(DurabilityError),
    /// A run given to [`Recovery`](crate::Recovery) does not follow the one before it.
    Gap,
    /// An entry given to [`Recovery`](crate::Recovery) as a configuration holds none, or one that
    /// holds one was given without its bytes.
    Members,
    /// The recovered log or term, or the count of starts, is beyond what the protocol counts.
    Exhausted,
    /// This store is a copy: it was told of another that runs. Nothing was started or written, the
    /// count of starts included. [`HardState::reclaimed`](crate::HardState::reclaimed) lifts it.
    Superseded {
        /// The incarnation of the other.
        by: Incarnation,
    },
    /// No clock gets to the moment that was given as `now`.
    Clock,
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
            Self::OutOfRange {
                setting,
                lowest,
                highest,
            } => write!(f, "{setting} must lie in {lowest}..={highest}"),
            Self::PreVote => f.write_str(
                "pre_vote needs check_quorum: without it a leader that is heard and hears nobody \
                 leads and commits nothing for ever",
            ),
            Self::Lease => write!(
                f,
                "a lease needs check_quorum, and clocks that drift by at most {DRIFT_PERMILLE_MAX} in 1000"
            ),
            Self::Durability(error) => error.fmt(f),
            Self::Gap => f.write_str("the recovered log has a gap or a term out of order"),
            Self::Members => f.write_str("the recovered log has a configuration that does not decode"),
            Self::Exhausted => f.write_str("the recovered log or term is beyond the protocol's range"),
            Self::Superseded { by } => write!(
                f,
                "this store is a copy of one that runs: it was told so by start {by} of that one"
            ),
            Self::Clock => f.write_str("no clock gets to this moment: give one within a hundred years"),
        }
    }
}

impl core::error::Error for ConfigError {}
