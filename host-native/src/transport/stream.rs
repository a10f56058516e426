//! The streams between two peers, and what goes first.
//!
//! ```text
//!            priority
//! control    8          votes, replies, heartbeats, digests
//! snapshots  4          as urgent as the strongest append: neither waits behind the other
//! appends    0 to 4     by the commit mode of the strongest entry waiting
//! ```

use kraft_proto::modes::CommitMode;

/// One of the streams that run side by side in each direction. Order holds within a stream only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Votes, replies and heartbeats; and digests of what was applied.
    Control,
    /// Log entries, in log order.
    Append,
    /// Chunks of snapshots.
    Snapshot,
}

/// The stream a frame takes, and how urgent it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// On [`Stream::Control`].
    Control,
    /// On [`Stream::Append`], as urgent as its strongest entry's commit mode.
    Append(CommitMode),
    /// On [`Stream::Snapshot`].
    Snapshot,
}

impl Stream {
    /// Every stream.
    pub const ALL: [Self; 3] = [Self::Control, Self::Append, Self::Snapshot];

    /// Its name in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Append => "append",
            Self::Snapshot => "snapshot",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The first byte of the stream.
    pub(super) const fn tag(self) -> u8 {
        match self {
            Self::Control => 1,
            Self::Append => 2,
            Self::Snapshot => 3,
        }
    }

    pub(super) fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.tag() == tag)
    }
}

impl Route {
    /// The stream it takes.
    pub const fn stream(self) -> Stream {
        match self {
            Self::Control => Stream::Control,
            Self::Append(_) => Stream::Append,
            Self::Snapshot => Stream::Snapshot,
        }
    }

    /// The priority of the stream while this waits on it; the higher goes first.
    pub(super) const fn priority(self) -> i32 {
        match self {
            Self::Control => 8,
            Self::Snapshot => 4,
            Self::Append(mode) => match mode {
                CommitMode::Async => 0,
                CommitMode::LeaderOnly => 1,
                CommitMode::AtLeast(_) => 2,
                CommitMode::Sync => 3,
                CommitMode::All => 4,
            },
        }
    }
}
