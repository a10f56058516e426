//! The durability of one request, on the command line.

use std::time::Duration;

use clap::{Args, ValueEnum};
use kraft_client::WriteRequest;
use kraft_proto::durability::Fallback;
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_wire::api::Options;
use kraft_wire::command::RequestId;

/// How firmly a write is asked to be held. What is not given is the key's zone's, else the
/// cluster's default.
#[derive(Args, Clone, Debug)]
pub struct WriteOptions {
    /// How many must hold it: ASYNC, LEADER_ONLY, AT_LEAST_<n>, SYNC or ALL
    #[arg(long, env = "KRAFT_MODE")]
    mode: Option<CommitMode>,
    /// When the disk is forced for it: NONE, BATCH, COMMIT or ALWAYS
    #[arg(long, env = "KRAFT_FSYNC")]
    fsync: Option<FsyncMode>,
    /// How long its copies may take, such as 500ms or 5s; then it is answered as timed out
    #[arg(long, env = "KRAFT_TIMEOUT", value_parser = duration)]
    timeout: Option<Duration>,
    /// With mode ALL: at the timeout settle for a majority, or never
    #[arg(
        long,
        value_name = "WHEN",
        require_equals = true,
        num_args = 0..=1,
        default_missing_value = "majority"
    )]
    fallback: Option<Settle>,
}

/// A write that may have been sent before.
#[derive(Args, Clone, Debug)]
pub struct Again {
    /// Send it again as this request, which had no answer: it is applied at most once in all
    #[arg(long, value_name = "ID")]
    request: Option<RequestId>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Settle {
    /// A majority is enough at the timeout, and the answer says so
    Majority,
    /// Nothing less than every voter
    Never,
}

impl WriteOptions {
    /// How long its copies may take, where that is asked for.
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// As they travel.
    pub fn options(&self) -> Options {
        let millis = |timeout: Duration| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        Options {
            mode: self.mode,
            fsync: self.fsync,
            timeout_ms: self.timeout.map(millis),
            fallback: self.fallback.map(|settle| match settle {
                Settle::Majority => Fallback::ToMajority,
                Settle::Never => Fallback::Refuse,
            }),
        }
    }
}

impl Again {
    /// The write under its old number, where it has one.
    pub fn number(&self, write: WriteRequest) -> WriteRequest {
        match self.request {
            Some(request) => write.again_as(request),
            None => write,
        }
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "use a number with its unit, such as 500ms or 5s".into())
}
