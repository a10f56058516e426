//! Which class a key's writes have: an ordered list of key patterns, the first match deciding.
//!
//! Commit mode and fsync mode are decided each by itself: the request's own, else its zone's, else
//! the default. A request that names only a mode keeps its zone's fsync.

use core::fmt;

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::durability::{Durability, OnPowerLoss};
use crate::limits::{ZONE_PATTERN_MAX, ZONES_MAX};
use crate::modes::{Class, CommitMode, FsyncMode};

/// A key pattern: `*` stands for any bytes, none included, `?` for exactly one byte, and every
/// other byte for itself.
pub type Pattern = String<ZONE_PATTERN_MAX>;

/// What a zone's class means for a request that names its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Strictness {
    /// It is what the keys get unless a request asks otherwise.
    #[default]
    Default,
    /// It is the least the keys get: a weaker request is refused.
    Floor,
}

/// A class for the keys of one pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zone {
    /// Which keys.
    pub pattern: Pattern,
    /// How many must hold their writes; `None` leaves it to the default.
    pub mode: Option<CommitMode>,
    /// When the disk is forced for them; `None` leaves it to the default.
    pub fsync: Option<FsyncMode>,
    /// Whether a request may ask for less.
    pub strictness: Strictness,
}

/// What one request asks for. A part it does not name is its zone's, else the default's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// How many must hold the write.
    pub mode: Option<CommitMode>,
    /// When the disk is forced for it.
    pub fsync: Option<FsyncMode>,
}

/// An ordered list of zones. The first whose pattern matches a key is the key's zone.
///
/// Invariants, checked in [`ZoneTable::new`]:
/// 1. at most [`ZONES_MAX`] zones;
/// 2. no pattern is empty;
/// 3. every zone names a mode, an fsync mode or both;
/// 4. no zone asks for `AtLeast(0)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ZoneTable {
    zones: Vec<Zone, ZONES_MAX>,
}

/// Why a list of zones is refused. `zone` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZoneTableError {
    /// More than [`ZONES_MAX`].
    TooMany,
    /// The pattern is empty: no key is.
    EmptyPattern {
        /// The zone that has it.
        zone: usize,
    },
    /// It names neither a mode nor an fsync mode.
    NoClass {
        /// The zone that lacks both.
        zone: usize,
    },
    /// It asks for `AtLeast(0)`, which is [`CommitMode::Async`].
    AtLeastZero {
        /// The zone that asks.
        zone: usize,
    },
    /// It asks for more voters than there are.
    AtLeastTooMany {
        /// The zone that asks.
        zone: usize,
        /// How many it asks for.
        asked: u8,
        /// How many there are.
        voters: usize,
    },
}

/// Why a request has no class. Nothing was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneError {
    /// `AtLeast(0)` was asked.
    AtLeastZero,
    /// More voters were asked for than there are.
    AtLeastTooMany {
        /// How many were asked for.
        asked: u8,
        /// How many there are.
        voters: usize,
    },
    /// The commit mode asked for is weaker than a floor.
    ModeBelowFloor {
        /// The floor's place in the table, from 0.
        zone: usize,
        /// What was asked.
        asked: CommitMode,
        /// The least the zone takes.
        floor: CommitMode,
    },
    /// The fsync mode asked for is weaker than a floor.
    FsyncBelowFloor {
        /// The floor's place in the table, from 0.
        zone: usize,
        /// What was asked.
        asked: FsyncMode,
        /// The least the zone takes.
        floor: FsyncMode,
    },
}

impl ZoneTable {
    /// A table of these zones, in this order.
    pub fn new(zones: impl IntoIterator<Item = Zone>) -> Result<Self, ZoneTableError> {
        let mut table = Self::default();
        for (at, zone) in zones.into_iter().enumerate() {
            if zone.pattern.is_empty() {
                return Err(ZoneTableError::EmptyPattern { zone: at });
            }
            if zone.mode.is_none() && zone.fsync.is_none() {
                return Err(ZoneTableError::NoClass { zone: at });
            }
            if zone.mode == Some(CommitMode::AtLeast(0)) {
                return Err(ZoneTableError::AtLeastZero { zone: at });
            }
            table
                .zones
                .push(zone)
                .map_err(|_| ZoneTableError::TooMany)?;
        }
        Ok(table)
    }

    /// Refuses a table that asks for more voters than `voters`.
    ///
    /// For the start of a node: once it runs, members may go, and what a zone asks is then cut to
    /// those that are left.
    pub fn check(&self, voters: usize) -> Result<(), ZoneTableError> {
        for (zone, entry) in self.zones.iter().enumerate() {
            if let Some(CommitMode::AtLeast(asked)) = entry.mode
                && usize::from(asked) > voters
            {
                return Err(ZoneTableError::AtLeastTooMany {
                    zone,
                    asked,
                    voters,
                });
            }
        }
        Ok(())
    }

    /// The zones, in order.
    pub fn zones(&self) -> &[Zone] {
        &self.zones
    }

    /// The zone of `key` and its place in the table.
    pub fn find(&self, key: &[u8]) -> Option<(usize, &Zone)> {
        self.zones
            .iter()
            .enumerate()
            .find(|(_, zone)| matches(zone.pattern.as_bytes(), key))
    }

    /// The class of a request for these keys in a cluster of `voters` voters: the strongest of
    /// each part over the keys; without a key, the request's own or the default's.
    pub fn resolve<'k>(
        &self,
        request: Request,
        keys: impl IntoIterator<Item = &'k [u8]>,
        default: Class,
        voters: usize,
    ) -> Result<Class, ZoneError> {
        request.check(voters)?;
        let mut strongest: Option<Class> = None;
        for key in keys {
            let found = self.find(key);
            if let Some((at, zone)) = found {
                zone.check_floor(at, request, voters)?;
            }
            let class = request.class_in(found.map(|(_, zone)| zone), default, voters);
            strongest = Some(match strongest {
                Some(earlier) => earlier.strongest(class, voters),
                None => class,
            });
        }
        Ok(strongest.unwrap_or_else(|| request.class_in(None, default, voters)))
    }

    /// A number that two tables share only if they hold the same zones in the same order: nodes
    /// compare it when they meet.
    pub fn digest(&self) -> u64 {
        self.hash().0
    }

    /// The same over all that a cluster should agree on: the zones, the default class and what a
    /// power cut means.
    pub fn digest_with(&self, durability: &Durability) -> u64 {
        self.hash()
            .mode(Some(durability.default.mode))
            .fsync(Some(durability.default.fsync))
            .byte(match durability.on_power_loss {
                OnPowerLoss::Protect => 0,
                OnPowerLoss::Available => 1,
            })
            .0
    }

    fn hash(&self) -> Fnv1a {
        let start = Fnv1a::START.byte(self.zones.len() as u8);
        self.zones.iter().fold(start, |hash, zone| {
            let bytes = zone.pattern.as_bytes();
            bytes
                .iter()
                .fold(hash.byte(bytes.len() as u8), |hash, &byte| hash.byte(byte))
                .mode(zone.mode)
                .fsync(zone.fsync)
                .byte(match zone.strictness {
                    Strictness::Default => 0,
                    Strictness::Floor => 1,
                })
        })
    }
}

impl Request {
    /// Refuses numbers of voters that nobody could hold.
    fn check(self, voters: usize) -> Result<(), ZoneError> {
        match self.mode {
            Some(CommitMode::AtLeast(0)) => Err(ZoneError::AtLeastZero),
            Some(CommitMode::AtLeast(asked)) if usize::from(asked) > voters => {
                Err(ZoneError::AtLeastTooMany { asked, voters })
            }
            _ => Ok(()),
        }
    }

    fn class_in(self, zone: Option<&Zone>, default: Class, voters: usize) -> Class {
        let mode = self.mode.or(zone.and_then(|zone| zone.mode));
        let fsync = self.fsync.or(zone.and_then(|zone| zone.fsync));
        Class {
            mode: clamped(mode.unwrap_or(default.mode), voters),
            fsync: fsync.unwrap_or(default.fsync),
        }
    }
}

impl Zone {
    fn check_floor(&self, at: usize, request: Request, voters: usize) -> Result<(), ZoneError> {
        if self.strictness == Strictness::Default {
            return Ok(());
        }
        if let (Some(asked), Some(floor)) = (request.mode, self.mode) {
            let floor = clamped(floor, voters);
            if asked.is_weaker_than(floor, voters) {
                return Err(ZoneError::ModeBelowFloor {
                    zone: at,
                    asked,
                    floor,
                });
            }
        }
        if let (Some(asked), Some(floor)) = (request.fsync, self.fsync)
            && asked < floor
        {
            return Err(ZoneError::FsyncBelowFloor {
                zone: at,
                asked,
                floor,
            });
        }
        Ok(())
    }
}

/// Cuts a number of voters to those that are left.
fn clamped(mode: CommitMode, voters: usize) -> CommitMode {
    match mode {
        CommitMode::AtLeast(n) if usize::from(n) > voters => {
            CommitMode::AtLeast(u8::try_from(voters).unwrap_or(n))
        }
        other => other,
    }
}

/// Whether `key` has the shape of `pattern`.
///
/// Only the last `*` met is ever retried: one earlier that took more bytes would leave the rest
/// less to match. So the work is at most the key's length times the pattern's, which is bounded.
fn matches(pattern: &[u8], key: &[u8]) -> bool {
    let (mut p, mut k) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while k < key.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, k));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == key[k] => {
                p += 1;
                k += 1;
            }
            _ => {
                let Some((after_star, taken)) = retry else {
                    return false;
                };
                retry = Some((after_star, taken + 1));
                p = after_star;
                k = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// The 64-bit FNV-1a hash: small, and the same on every machine.
#[derive(Clone, Copy)]
struct Fnv1a(u64);

impl Fnv1a {
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    fn mode(self, mode: Option<CommitMode>) -> Self {
        match mode {
            None => self.byte(0),
            Some(CommitMode::Async) => self.byte(1),
            Some(CommitMode::LeaderOnly) => self.byte(2),
            Some(CommitMode::AtLeast(n)) => self.byte(3).byte(n),
            Some(CommitMode::Sync) => self.byte(4),
            Some(CommitMode::All) => self.byte(5),
        }
    }

    fn fsync(self, fsync: Option<FsyncMode>) -> Self {
        self.byte(match fsync {
            None => 0,
            Some(FsyncMode::None) => 1,
            Some(FsyncMode::Batch) => 2,
            Some(FsyncMode::Commit) => 3,
            Some(FsyncMode::Always) => 4,
        })
    }
}

impl fmt::Display for ZoneTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "a table has at most {ZONES_MAX} zones"),
            Self::EmptyPattern { zone } => {
                write!(
                    f,
                    "zone {} has an empty pattern: use * for every key",
                    zone + 1
                )
            }
            Self::NoClass { zone } => {
                write!(
                    f,
                    "zone {} names neither a mode nor an fsync mode",
                    zone + 1
                )
            }
            Self::AtLeastZero { zone } => {
                write!(f, "zone {} asks for AT_LEAST_0: use ASYNC", zone + 1)
            }
            Self::AtLeastTooMany {
                zone,
                asked,
                voters,
            } => write!(
                f,
                "zone {} asks for {asked} of {voters} voters: use ALL",
                zone + 1
            ),
        }
    }
}

impl core::error::Error for ZoneTableError {}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeastZero => f.write_str("AT_LEAST_0 asks nobody: use ASYNC"),
            Self::AtLeastTooMany { asked, voters } => {
                write!(f, "AT_LEAST_{asked} asks for more than the {voters} voters")
            }
            Self::ModeBelowFloor { zone, asked, floor } => write!(
                f,
                "{asked} is weaker than {floor}, the floor of zone {}",
                zone + 1
            ),
            Self::FsyncBelowFloor { zone, asked, floor } => write!(
                f,
                "fsync {asked} is weaker than {floor}, the floor of zone {}",
                zone + 1
            ),
        }
    }
}

impl core::error::Error for ZoneError {}

#[cfg(test)]
mod tests;
