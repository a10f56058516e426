//! How many must hold a write, and how firmly, before its client hears.
//!
//! The commit mode says *how many*, the fsync mode *when the disk is forced*; together they are a
//! [`Class`], and decide when the acknowledgement is due.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many nodes hold a write before it is acknowledged.
///
/// There is no derived order: which of `AtLeast(3)` and `Sync` asks more depends on the number of
/// voters. See [`CommitMode::voters_asked`] and [`CommitMode::stronger`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CommitMode {
    /// The leader accepted it into its bounded queue. Nothing else is claimed.
    Async,
    /// The leader holds it.
    LeaderOnly,
    /// This many voters hold it, the leader among them.
    AtLeast(u8),
    /// A majority of voters holds it; both majorities while a change of members is under way.
    #[default]
    Sync,
    /// Every voter of every active configuration holds it. Learners do not count.
    All,
}

/// When the host forces its disk for an entry, from weak to strong.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum FsyncMode {
    /// In the background only, or when something stronger needs it.
    None,
    /// Every so many entries or so many milliseconds.
    Batch,
    /// Before the append is acknowledged; many entries share one fsync.
    #[default]
    Commit,
    /// Each entry by itself, before anything later is written.
    Always,
}

/// How firmly a copy is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Held {
    /// In the leader's memory: all that an [`CommitMode::Async`] acknowledgement claims.
    Accepted,
    /// Handed to the operating system: outlives the process, not the power.
    Written,
    /// Forced to the disk.
    Synced,
}

/// The durability asked for one write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Class {
    /// How many must hold it.
    pub mode: CommitMode,
    /// When the disk is forced for it.
    pub fsync: FsyncMode,
}

impl FsyncMode {
    /// Every one, from weak to strong.
    pub const ALL: [Self; 4] = [Self::None, Self::Batch, Self::Commit, Self::Always];
}

impl CommitMode {
    /// One of each kind, in the order of their names' list: `AtLeast` with this number.
    pub const fn each(at_least: u8) -> [Self; 5] {
        [
            Self::Async,
            Self::LeaderOnly,
            Self::AtLeast(at_least),
            Self::Sync,
            Self::All,
        ]
    }

    /// How many of `voters` voters must hold a write of this mode.
    pub const fn voters_asked(self, voters: usize) -> usize {
        match self {
            Self::Async => 0,
            Self::LeaderOnly => 1,
            Self::AtLeast(n) => n as usize,
            Self::Sync => voters / 2 + 1,
            Self::All => voters,
        }
    }

    /// Breaks a tie between modes that ask the same number: the later of the enum is stronger.
    const fn rank(self) -> u8 {
        match self {
            Self::Async => 0,
            Self::LeaderOnly => 1,
            Self::AtLeast(_) => 2,
            Self::Sync => 3,
            Self::All => 4,
        }
    }

    const fn strength(self, voters: usize) -> (usize, u8) {
        (self.voters_asked(voters), self.rank())
    }

    /// The one of two modes that asks more of `voters` voters.
    pub fn stronger(self, other: Self, voters: usize) -> Self {
        if other.strength(voters) > self.strength(voters) {
            other
        } else {
            self
        }
    }

    /// Whether this mode asks less of `voters` voters than `floor` does.
    pub fn is_weaker_than(self, floor: Self, voters: usize) -> bool {
        self.strength(voters) < floor.strength(voters)
    }

    /// Whether an acknowledgement of this mode says something about later leaders: a majority or
    /// more of `voters` voters holds the write.
    pub const fn outlives_leader(self, voters: usize) -> bool {
        self.voters_asked(voters) > voters / 2
    }
}

impl FsyncMode {
    /// How a copy must be held to count toward an acknowledgement of this mode.
    pub const fn held(self) -> Held {
        match self {
            Self::None | Self::Batch => Held::Written,
            Self::Commit | Self::Always => Held::Synced,
        }
    }
}

impl Class {
    /// A class of these two parts.
    pub const fn new(mode: CommitMode, fsync: FsyncMode) -> Self {
        Self { mode, fsync }
    }

    /// The strongest of each part among `voters` voters.
    pub fn strongest(self, other: Self, voters: usize) -> Self {
        Self {
            mode: self.mode.stronger(other.mode, voters),
            fsync: self.fsync.max(other.fsync),
        }
    }

    /// Whether copies of this class are *relied on* while they lie unsynced: counted on
    /// [`Held::Written`] by a mode that promises the write to later leaders.
    pub const fn is_relied_on(self, voters: usize) -> bool {
        matches!(self.fsync.held(), Held::Written) && self.mode.outlives_leader(voters)
    }
}

impl fmt::Display for CommitMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Async => f.write_str("ASYNC"),
            Self::LeaderOnly => f.write_str("LEADER_ONLY"),
            Self::AtLeast(n) => write!(f, "AT_LEAST_{n}"),
            Self::Sync => f.write_str("SYNC"),
            Self::All => f.write_str("ALL"),
        }
    }
}

impl fmt::Display for FsyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "NONE",
            Self::Batch => "BATCH",
            Self::Commit => "COMMIT",
            Self::Always => "ALWAYS",
        })
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Written => "written",
            Self::Synced => "synced",
        })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}·{}", self.mode, self.fsync)
    }
}

/// The word names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownMode {
    /// Not a commit mode.
    Commit,
    /// Not an fsync mode.
    Fsync,
}

impl fmt::Display for UnknownMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "not a commit mode: use ASYNC, LEADER_ONLY, AT_LEAST_<n>, SYNC or ALL",
            Self::Fsync => "not an fsync mode: use NONE, BATCH, COMMIT or ALWAYS",
        })
    }
}

impl core::error::Error for UnknownMode {}

/// Compares words without regard to case, `-` standing for `_`.
fn same_word(given: &str, word: &str) -> bool {
    given.len() == word.len()
        && given.bytes().zip(word.bytes()).all(|(g, w)| {
            let g = if g == b'-' {
                b'_'
            } else {
                g.to_ascii_uppercase()
            };
            g == w
        })
}

impl FromStr for CommitMode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        const AT_LEAST: &str = "AT_LEAST_";
        for mode in [Self::Async, Self::LeaderOnly, Self::Sync, Self::All] {
            let name = match mode {
                Self::Async => "ASYNC",
                Self::LeaderOnly => "LEADER_ONLY",
                Self::Sync => "SYNC",
                _ => "ALL",
            };
            if same_word(word, name) {
                return Ok(mode);
            }
        }
        let (prefix, count) = word
            .split_at_checked(AT_LEAST.len())
            .ok_or(UnknownMode::Commit)?;
        let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
        match count.parse() {
            Ok(n) if digits && same_word(prefix, AT_LEAST) => Ok(Self::AtLeast(n)),
            _ => Err(UnknownMode::Commit),
        }
    }
}

impl FromStr for FsyncMode {
    type Err = UnknownMode;

    fn from_str(word: &str) -> Result<Self, UnknownMode> {
        [
            ("NONE", Self::None),
            ("BATCH", Self::Batch),
            ("COMMIT", Self::Commit),
            ("ALWAYS", Self::Always),
        ]
        .into_iter()
        .find(|(name, _)| same_word(word, name))
        .map(|(_, mode)| mode)
        .ok_or(UnknownMode::Fsync)
    }
}
