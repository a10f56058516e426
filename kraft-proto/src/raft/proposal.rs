//! What clients ask of a node, and what is answered at once: where it stands, or why nothing was done.

use core::fmt;

use super::Raft;
use crate::bounds::Busy;
use crate::entry::Run;
use crate::ids::{LogPosition, NodeId};
use crate::limits::RUN_ENTRIES_MAX;
use crate::modes::{Class, CommitMode, Held};
use crate::output::ReadTicket;
use crate::time::Instant;

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

impl Raft {
    /// Accepts `count` entries of one class into the log of this leader.
    ///
    /// The host keeps their bytes under the positions it gets back until a
    /// [`Write`](crate::output::Write) names them.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let proposed = node.propose(Instant::ZERO, Class::default(), 2).unwrap();
    /// assert_eq!(proposed.run.count, 2);
    /// let committed = |output: &Output| matches!(output, Output::Commit { upto } if *upto == node.last());
    /// // The host keeps the bytes of 1.2 and 1.3, and its disk has them: that commits them here.
    /// assert!(drain(&mut node.clone()).iter().any(committed));
    /// ```
    pub fn propose(
        &mut self,
        now: Instant,
        class: Class,
        count: u32,
    ) -> Result<Proposed, ProposeError> {
        self.begin(now);
        self.leave_office_if_absent();
        let proposed = self.propose_run(class, count);
        self.advance();
        proposed
    }

    /// Starts a linearizable read, on a leader or on a node that follows one: it sees everything
    /// acknowledged as Sync or stronger before. [`Output::Read`](crate::output::Output::Read)
    /// answers the ticket; reads asked before the next poll share one. It is never refused for want of
    /// room: reads beyond the batches on their way share the next. How many clients wait behind a
    /// ticket is the host's to bound.
    ///
    /// `now` is read from the clock after the client asked: with [`Lease`](crate::Lease) on, a read is
    /// served by a lease that holds at `now`, and one that has ended meanwhile misses what others
    /// wrote since.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let ticket = node.read(Instant::ZERO).unwrap();
    /// let outcome = ReadOutcome::Ready(node.commit().index);
    /// // It is served once everything through that index is applied.
    /// assert!(drain(&mut node).contains(&Output::Read { ticket, outcome }));
    /// ```
    pub fn read(&mut self, now: Instant) -> Result<ReadTicket, ReadError> {
        self.read_after(now, LogPosition::ZERO)
    }

    /// A linearizable read that sees the entry at `position` too, whatever its class: a client reads
    /// its own `LeaderOnly` and `Async` writes. What that takes is forced.
    ///
    /// Once the read is ready, [`Raft::fate`] of the position is decided: committed, or lost. If it
    /// is still pending then, no such entry was ever proposed.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let class = Class::new(CommitMode::Async, FsyncMode::None);
    /// let own = node.propose(Instant::ZERO, class, 1).unwrap().run.last_position();
    /// let ticket = node.read_after(Instant::ZERO, own).unwrap();
    /// let outcome = ReadOutcome::Ready(own.index);
    /// assert!(drain(&mut node).contains(&Output::Read { ticket, outcome }));
    /// ```
    pub fn read_after(
        &mut self,
        now: Instant,
        position: LogPosition,
    ) -> Result<ReadTicket, ReadError> {
        self.begin(now);
        self.leave_office_if_absent();
        let ticket = self.start_read(position);
        self.advance();
        ticket
    }
}
