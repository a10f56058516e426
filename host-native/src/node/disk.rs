//! Whether the disk has room and answers: what is turned away before it is accepted, and what an
//! operator is told.
//!
//! Entries reach the disk thread in two steps, and [`Space`](crate::storage::Space) sees the second
//! only: an entry is accepted by the core, and is submitted once one of its writes in flight is
//! free. What lies between is counted here, so that an accepted entry always finds its room.

use std::time::Duration;

use kraft_proto::LogIndex;

use super::engine::Engine;
use crate::api::{Bound, Refusal};
use crate::metrics::Room;

/// How long the disk may be at one thing before an operator is told.
const SLOW: Duration = Duration::from_secs(1);

const FULL: &str = "the disk is full: writes of clients are refused here and entries of the leader \
    are turned away until there is room; nothing need be restarted then";

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
    pub room: Room,
    pub pace: Pace,
    /// Entries and bytes that were turned away last.
    turned_away: (u32, u64),
    /// The last entry that was submitted to the disk thread.
    submitted: LogIndex,
}

impl DiskView {
    /// All entries through `last` are on the disk.
    pub fn new(last: LogIndex) -> Self {
        Self {
            room: Room::Enough,
            pace: Pace::Answering,
            turned_away: (0, 0),
            submitted: last,
        }
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

impl Engine {
    /// Whether this many more entries, of so many bytes in all, may be accepted now; if not, why.
    pub(super) fn admit_entries(&mut self, entries: u32, bytes: u64) -> Result<(), Refusal> {
        let waiting = self.tail.next().prev().since(self.disk.submitted);
        let waiting_bytes = self.tail.bytes_after(self.disk.submitted);
        let limit = self.parts.config.limits.unwritten_bytes;
        if bytes + waiting_bytes > limit {
            return Err(Refusal::Busy {
                bound: Bound::UnwrittenBytes,
                limit,
            });
        }
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let space = self.parts.disk.space();
        let all = (entries.saturating_add(waiting), bytes + waiting_bytes);
        if space.admit(all.0, all.1).is_ok() {
            return Ok(());
        }
        let refusal = Refusal::DiskFull {
            free: space.headroom(),
            reserve: space.reserve(),
        };
        self.disk.turned_away = (entries, bytes);
        if self.disk.room == Room::Enough {
            self.disk.room = Room::Full;
            tracing::error!("{FULL}");
        }
        Err(refusal)
    }

    /// Looks at the disk and says what changed.
    pub(super) fn look_at_disk(&mut self) {
        let (entries, bytes) = self.disk.turned_away;
        let room = self.parts.disk.space().admit(entries, bytes);
        if self.disk.room == Room::Full && room.is_ok() {
            self.disk.room = Room::Enough;
            tracing::info!("the disk has room again: entries are taken as before");
        }
        let busy = self.parts.disk.stats().busy();
        let before = self.disk.pace;
        self.disk.pace = match busy >= SLOW {
            true => Pace::Stuck(busy),
            false => Pace::Answering,
        };
        match (before, self.disk.pace) {
            (Pace::Answering, Pace::Stuck(busy)) => tracing::warn!("{}", stuck_text(busy)),
            (Pace::Stuck(busy), Pace::Answering) => {
                tracing::info!("the disk answers again, after {:.1} s", busy.as_secs_f64());
            }
            _ => {}
        }
        self.parts.metrics.disk(busy, self.disk.room);
    }

    /// What an operator should know of the disk.
    pub(super) fn disk_warnings(&self) -> impl Iterator<Item = String> {
        let space = self.parts.disk.space();
        let full = match self.disk.room {
            Room::Full => Some(FULL.to_owned()),
            Room::Enough if space.is_full() => Some(format!(
                "the disk has no room for another segment: {} bytes of log are left, of which {} \
                 are kept back, before writes are refused",
                space.headroom(),
                space.reserve()
            )),
            Room::Enough => None,
        };
        let stuck = match self.disk.pace {
            Pace::Answering => None,
            Pace::Stuck(busy) => Some(stuck_text(busy)),
        };
        full.into_iter().chain(stuck)
    }
}

fn stuck_text(busy: Duration) -> String {
    format!(
        "the disk has been at one write for {:.1} s: nothing more is written or synced by this node \
         until it answers",
        busy.as_secs_f64()
    )
}
