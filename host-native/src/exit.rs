//! With what the `kraft` command ends: how a write went, for scripts.

use kraft_client::ClientError;
use kraft_wire::api::{Answer, Grade};

/// Acknowledged as asked, or read.
pub const AS_ASKED: u8 = 0;
/// The command line makes no sense.
pub const USAGE: u8 = 1;
/// Acknowledged weaker than asked, as the fallback allowed.
pub const FALLBACK: u8 = 3;
/// The time was up; the entry lives on.
pub const TIMED_OUT: u8 = 4;
/// Nothing was written.
pub const NOT_WRITTEN: u8 = 5;
/// It may be written or not.
pub const OUTCOME_UNKNOWN: u8 = 6;
/// A comparison found something else; nothing was changed.
pub const MISMATCH: u8 = 7;

/// What has an exit code of the `kraft` command.
pub trait ExitCode {
    /// The code.
    fn exit_code(&self) -> u8;
}

impl ExitCode for Answer {
    fn exit_code(&self) -> u8 {
        match self.grade {
            Grade::AsAsked => AS_ASKED,
            Grade::Fallback => FALLBACK,
            Grade::TimedOut => TIMED_OUT,
            Grade::Lost => NOT_WRITTEN,
            Grade::Unknown => OUTCOME_UNKNOWN,
        }
    }
}

impl ExitCode for ClientError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::NoAddress => USAGE,
            Self::Refused(_)
            | Self::NotWritten { .. }
            | Self::NotRead { .. }
            | Self::Unreachable { .. }
            | Self::Interrupted
            | Self::Busy { .. } => NOT_WRITTEN,
            Self::OutcomeUnknown { .. } => OUTCOME_UNKNOWN,
        }
    }
}

impl ExitCode for Result<Answer, ClientError> {
    fn exit_code(&self) -> u8 {
        match self {
            Ok(answer) => answer.exit_code(),
            Err(error) => error.exit_code(),
        }
    }
}
