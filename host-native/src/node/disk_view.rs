//! What was last seen and said of the disk.

use std::time::Duration;

use kraft_proto::{Instant, LogIndex};
use kraft_wire::api::DiskRoom;

/// Whether the disk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Answering,
    /// It has been at one thing for this long.
    Stuck(Duration),
}

/// What was last seen and said of the disk.
#[derive(Debug)]
pub(super) struct DiskView {
    pub room: DiskRoom,
    pub pace: Pace,
    /// Since when it is full.
    pub(super) full_since: Option<Instant>,
    /// Entries and bytes that were turned away last.
    pub(super) turned_away: (u32, u64),
    /// The last entry that was submitted to the disk thread.
    pub(super) submitted: LogIndex,
}

impl DiskView {
    /// All entries through `last` are on the disk.
    pub fn new(last: LogIndex) -> Self {
        Self {
            room: DiskRoom::Enough,
            pace: Pace::Answering,
            full_since: None,
            turned_away: (0, 0),
            submitted: last,
        }
    }

    /// How long it has been full by now; zero while it has room.
    pub fn full_for(&self, now: Instant) -> Duration {
        self.full_since
            .map_or(Duration::ZERO, |since| now.since(since))
    }

    /// Entries through `last` were submitted, replacing what was there.
    pub fn submitted(&mut self, last: LogIndex) {
        self.submitted = last;
    }

    /// An entry was accepted at `index`: what was submitted there before is replaced.
    pub fn accepted(&mut self, index: LogIndex) {
        self.submitted = self.submitted.min(index.prev());
    }
}
