//! The nine classes of step 1, and who asks for each.

use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_wire::api::Options;

/// The writes of one class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chapter {
    /// What stands before each of its keys.
    pub prefix: &'static str,
    by: By,
}

/// Who says which class a write has.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The zone that the key lies in.
    Zone,
    /// The request itself; no zone has its key.
    Request(CommitMode, FsyncMode),
}

/// From the soonest answer to the firmest.
pub(super) const CHAPTERS: [Chapter; 9] = [
    zone("event:"),
    zone("metric:"),
    zone("session:"),
    request("cart:", CommitMode::LeaderOnly, FsyncMode::Commit),
    request("vote:", CommitMode::AtLeast(2), FsyncMode::Batch),
    request("post:", CommitMode::Sync, FsyncMode::None),
    zone("user:"),
    request("ledger:", CommitMode::All, FsyncMode::Commit),
    zone("account:"),
];

/// The seven zones.
pub(super) const ZONES: [&str; 7] = [
    "account:",
    "transaction:",
    "user:",
    "profile:",
    "metric:",
    "event:",
    "session:",
];

const fn zone(prefix: &'static str) -> Chapter {
    let by = By::Zone;
    Chapter { prefix, by }
}

const fn request(prefix: &'static str, mode: CommitMode, fsync: FsyncMode) -> Chapter {
    let by = By::Request(mode, fsync);
    Chapter { prefix, by }
}

impl Chapter {
    /// What its requests say of their durability.
    pub fn options(&self) -> Options {
        match self.by {
            By::Zone => Options::default(),
            By::Request(mode, fsync) => Options {
                mode: Some(mode),
                fsync: Some(fsync),
                ..Options::default()
            },
        }
    }

    /// Who asks for its class.
    pub const fn by(&self) -> &'static str {
        match self.by {
            By::Zone => "its zone",
            By::Request(..) => "the request",
        }
    }
}
