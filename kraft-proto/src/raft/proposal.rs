//! What a proposal or a read is answered at once: where it stands, or why nothing was done.

use core::fmt;

use crate::bounds::Busy;
use crate::entry::Run;
use crate::ids::{LogPosition, NodeId};
use crate::limits::RUN_ENTRIES_MAX;
use crate::modes::{CommitMode, Held};

/// A proposal that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proposed {
    /// Where its entries stand.
    pub run: Run,
    /// The acknowledgement to wait for: how many,
    pub mode: CommitMode,
    /// and how firmly. Stronger than asked where a setting of the node says so.
    pub held: Held,
    /// Voters at the time.
    pub voters: u8,
}

/// Why nothing was proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposeError {
    /// This node does not lead; here is who does, if it knows.
    NotLeader(Option<NodeId>),
    /// Leadership is moving to this node. Ask it, or this one again soon.
    Transferring(NodeId),
    /// No entries, or more than [`RUN_ENTRIES_MAX`] at once.
    Count,
    /// `AtLeast(0)`, or more nodes than there are voters.
    AtLeast {
        /// How many were asked for.
        asked: u8,
        /// How many voters there are.
        voters: u8,
    },
    /// This node has as much to do as it takes on. Ask again later.
    Busy(Busy),
    /// The proposal alone is more than this node ever takes on: asking again would not help.
    TooMany(Busy),
    /// The log has reached the end of the protocol's range.
    Exhausted,
    /// This node has been stopped, or replaced by a newer incarnation of its store.
    Stopped,
}

impl fmt::Display for ProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => {
                write!(f, "not the leader, nothing was written: ask node {leader}")
            }
            Self::NotLeader(None) => f.write_str(
                "not the leader, nothing was written: no leader is known yet, ask again soon",
            ),
            Self::Transferring(to) => write!(
                f,
                "leadership is being transferred to node {to}, nothing was written: ask again soon"
            ),
            Self::Count => write!(
                f,
                "nothing was written: a proposal holds 1 to {RUN_ENTRIES_MAX} entries"
            ),
            Self::AtLeast { asked, voters } => write!(
                f,
                "nothing was written: AT_LEAST_{asked} cannot be met by {voters} voters"
            ),
            Self::Busy(busy) => write!(f, "nothing was written: {busy}"),
            Self::TooMany(Busy { limit, .. }) => write!(
                f,
                "nothing was written: the proposal has more entries than the {limit} that may be \
                 acknowledged and not committed, propose fewer at once or as SYNC at fsync COMMIT"
            ),
            Self::Exhausted => f.write_str("nothing was written: the log is at its end"),
            Self::Stopped => f.write_str("this node is stopping, nothing was written: ask another"),
        }
    }
}

impl core::error::Error for ProposeError {}

/// Why no read was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// This node neither leads nor hears who does.
    NoLeader,
    /// Commit proves that the entry to be seen is gone.
    Lost(LogPosition),
    /// The entry to be seen was never proposed, as far as this node knows.
    NoSuchEntry(LogPosition),
    /// This node has been stopped, or replaced by a newer incarnation of its store.
    Stopped,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLeader => {
                f.write_str("nothing was read: no leader is known yet, ask again soon")
            }
            Self::Lost(of) => write!(
                f,
                "nothing was read: {of} is lost, other entries are committed in its place"
            ),
            Self::NoSuchEntry(of) => write!(f, "nothing was read: no entry stands at {of}"),
            Self::Stopped => f.write_str("this node is stopping, nothing was read: ask another"),
        }
    }
}

impl core::error::Error for ReadError {}
