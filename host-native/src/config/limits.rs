//! What a node takes on only so much of: what its memory and its clients' patience can bear.
//!
//! A write or read beyond a bound is refused as busy, and a client asks again. A client that has more than
//! its share gives places back to one that has less: by certificate, then by address, then by connection. What an operator may
//! acknowledge early is beside the other durability options.

use std::time::Duration;

use kraft_proto::ids::{NodeId, StoreId};

use super::error::ConfigError;
/// Bytes.
const MIB: u64 = 1024 * 1024;

/// The bounds of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Writes, and waits for a commit, that may be without their answer.
    pub waiting_writes: u32,
    /// Reads that may.
    pub waiting_reads: u32,
    /// How long a request may keep its place, whatever time it asks for: it is answered then.
    pub request_timeout: Duration,
    /// Bytes of entries that may wait in memory for the disk.
    pub unwritten_bytes: u64,
    /// Entries that may.
    pub unwritten_entries: u32,
    /// Log writes on their way to the disk.
    pub writes_in_flight: u8,
    /// Appends on their way to one peer.
    pub appends_in_flight: u8,
    /// Entries one append carries.
    pub append_entries: u32,
}

/// What waits in slots of its own, allocated at the start.
const WAITING_MAX: u32 = 1 << 20;

/// The least: an election has to fit.
const REQUEST_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The least: what a peer may send at once has to fit some time.
const UNWRITTEN_BYTES_MIN: u64 = 16 * MIB;

impl Default for Limits {
    fn default() -> Self {
        let core = kraft_proto::Config::new(NodeId(0), StoreId::ANY, 0);
        Self {
            waiting_writes: 65_536,
            waiting_reads: 65_536,
            request_timeout: Duration::from_secs(60),
            unwritten_bytes: 256 * MIB,
            unwritten_entries: core.unwritten_entries_max,
            writes_in_flight: core.writes_in_flight_max,
            appends_in_flight: core.appends_in_flight_max,
            append_entries: core.append_entries_max,
        }
    }
}

impl Limits {
    /// The core's settings with these bounds.
    pub fn bound(&self, core: kraft_proto::Config) -> kraft_proto::Config {
        kraft_proto::Config {
            unwritten_entries_max: self.unwritten_entries,
            writes_in_flight_max: self.writes_in_flight,
            appends_in_flight_max: self.appends_in_flight,
            append_entries_max: self.append_entries,
            ..core
        }
    }

    /// Refuses what lies out of range.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let waiting = [
            ("waiting_writes_max", self.waiting_writes),
            ("waiting_reads_max", self.waiting_reads),
        ];
        for (setting, value) in waiting {
            if value == 0 || value > WAITING_MAX {
                return Err(ConfigError::unfit(format!(
                    "{setting} must lie in 1..={WAITING_MAX}"
                )));
            }
        }
        if self.request_timeout < REQUEST_TIMEOUT_MIN {
            return Err(ConfigError::unfit(format!(
                "request_timeout_max must be at least {}",
                super::values::format_duration(REQUEST_TIMEOUT_MIN)
            )));
        }
        if self.unwritten_bytes < UNWRITTEN_BYTES_MIN {
            return Err(ConfigError::unfit(format!(
                "unwritten_bytes_max must be at least {}",
                super::format_bytes(UNWRITTEN_BYTES_MIN)
            )));
        }
        // The rest is the core's, and so is what it says.
        let core = kraft_proto::Config::new(NodeId(0), StoreId::ANY, 0);
        self.bound(core).check().map_err(ConfigError::unfit)
    }
}
