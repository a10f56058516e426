//! Whether the disk has room and answers: what is turned away before it is accepted, and what an
//! operator is told.
//!
//! Entries reach the disk thread in two steps, and [`Space`](kraft_storage::Space) sees the second
//! only: an entry is accepted by the core, and is submitted once one of its writes in flight is
//! free. What lies between is counted here, so that an accepted entry always finds its room.

use std::time::Duration;

use kraft_proto::{Instant, Raft, Run};
use kraft_wire::api::{Bound, DiskRoom, RequestRefusal};

use super::Log;
use crate::descriptors;

/// How long the disk may be at one thing before an operator is told.
const SLOW: Duration = Duration::from_secs(1);

const FULL: &str = "the disk is full: writes of clients are refused here and entries of the leader \
    are turned away until there is room; nothing need be restarted then";

/// Whether the disk answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Answering,
    /// It has been at one thing for this long.
    Stuck(Duration),
}

/// What was last seen and said of the disk's room and pace.
#[derive(Debug)]
pub(super) struct RoomWatch {
    room: DiskRoom,
    pace: Pace,
    /// Since when it is full.
    full_since: Option<Instant>,
    /// Entries and bytes that were turned away last.
    turned_away: (u32, u64),
}

impl Default for RoomWatch {
    fn default() -> Self {
        Self {
            room: DiskRoom::Enough,
            pace: Pace::Answering,
            full_since: None,
            turned_away: (0, 0),
        }
    }
}

impl RoomWatch {
    fn note_full(&mut self, now: Instant) {
        if self.room == DiskRoom::Enough {
            self.room = DiskRoom::Full;
            self.full_since = Some(now);
            tracing::error!("{FULL}");
        }
    }

    fn note_room(&mut self) {
        if self.room == DiskRoom::Full {
            self.room = DiskRoom::Enough;
            self.full_since = None;
            tracing::info!("the disk has room again: entries are taken as before");
        }
    }

    /// The disk has been at one thing for this long.
    fn note_busy(&mut self, busy: Duration) {
        let before = self.pace;
        self.pace = match busy >= SLOW {
            true => Pace::Stuck(busy),
            false => Pace::Answering,
        };
        match (before, self.pace) {
            (Pace::Answering, Pace::Stuck(busy)) => tracing::warn!("{}", stuck_text(busy)),
            (Pace::Stuck(busy), Pace::Answering) => {
                tracing::info!("the disk answers again, after {:.1} s", busy.as_secs_f64());
            }
            _ => {}
        }
    }
}

impl Log {
    /// Whether the entries of an append, of so many bytes in all, may be accepted now; if not, why.
    ///
    /// On a full disk none that replace others: the log would go on in another segment, and the last
    /// that is ready is kept for the next start. 1. Entries of a new leader replace some of the old
    /// one's; 2. they are taken, and no segment is ready; 3. the disk thread waits for room, and this
    /// node can neither vote nor be led.
    pub fn admit_append(
        &mut self,
        now: Instant,
        raft: &Raft,
        run: Run,
        bytes: u64,
    ) -> Result<(), RequestRefusal> {
        match self.disk.space().is_full() && self.replaces(raft, run) {
            true => Err(self.turn_away(now, run.count, bytes)),
            false => self.admit(now, run.count, bytes),
        }
    }

    /// Whether `run` replaces entries of this log. Where both have an entry of one term at one
    /// index, they are the same through it.
    fn replaces(&self, raft: &Raft, run: Run) -> bool {
        let end = run.last().min(self.next().prev());
        let same = |own: Run| own.term == run.term;
        run.first <= end && !raft.run_from(end, 1).is_some_and(same)
    }

    /// Whether this many more entries, of so many bytes in all, may be accepted now; if not, why.
    pub fn admit(&mut self, now: Instant, entries: u32, bytes: u64) -> Result<(), RequestRefusal> {
        let waiting_bytes = self.cache.bytes_after(self.submitted);
        if bytes + waiting_bytes > self.unwritten_bytes_max {
            return Err(RequestRefusal::Busy {
                bound: Bound::UnwrittenBytes,
                limit: self.unwritten_bytes_max,
            });
        }
        let waiting = self.next().prev().since(self.submitted);
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let (all, all_bytes) = (entries.saturating_add(waiting), bytes + waiting_bytes);
        match self.disk.space().admit(all, all_bytes) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.turn_away(now, entries, bytes)),
        }
    }

    /// Notes and says that entries are turned away for want of room.
    fn turn_away(&mut self, now: Instant, entries: u32, bytes: u64) -> RequestRefusal {
        self.room.turned_away = (entries, bytes);
        self.room.note_full(now);
        let space = self.disk.space();
        RequestRefusal::DiskFull {
            free: space.headroom(),
            reserve: space.reserve(),
        }
    }

    /// Looks at the disk and says what changed.
    pub fn look(&mut self, now: Instant) {
        let (entries, bytes) = self.room.turned_away;
        match self.disk.space().admit(entries, bytes) {
            Ok(()) => self.room.note_room(),
            Err(_) => self.room.note_full(now),
        }
        self.room.note_busy(self.busy());
    }

    /// How long the disk has been at one thing by now.
    pub fn busy(&self) -> Duration {
        self.disk.stats().busy()
    }

    /// Whether the disk had room when it was looked at last, or when something was turned away.
    pub fn room(&self) -> DiskRoom {
        self.room.room
    }

    /// How long it has been full by now; zero while it has room.
    pub fn full_for(&self, now: Instant) -> Duration {
        let since = self.room.full_since;
        since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// What an operator should know of the disk.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let space = self.disk.space();
        let full = match self.room.room {
            DiskRoom::Full => Some(format!(
                "{FULL}; {}",
                reopening_text(space.needed_to_open())
            )),
            DiskRoom::Enough if space.is_full() => Some(format!(
                "the disk has no room for another segment: {} bytes of log are left, of which {} \
                 are kept back, before writes are refused; {}",
                space.headroom(),
                space.reserve(),
                reopening_text(space.needed_to_open())
            )),
            DiskRoom::Enough => None,
        };
        let stuck = match self.room.pace {
            Pace::Answering => None,
            Pace::Stuck(busy) => Some(stuck_text(busy)),
        };
        full.into_iter()
            .chain(stuck)
            .chain(self.descriptors_warning())
    }

    /// Says when the log is about to need more open files than this process may have.
    fn descriptors_warning(&self) -> Option<String> {
        let (limit, segments) = (descriptors::limit(), self.disk.reader().segments());
        let needed = descriptors::needed(segments);
        (needed.saturating_add(needed / 8) > limit).then(|| {
            format!(
                "this process may have {limit} files open, and its log of {segments} segments is close \
                 to that: raise the limit (`ulimit -n`) and start it again before it is reached"
            )
        })
    }
}

/// What to say when a start on this disk needs room that it does not have.
fn reopening_text(needed: u64) -> String {
    match needed {
        0 => "a segment is kept for the next start".to_owned(),
        _ => format!("no segment is kept for the next start, which needs {needed} bytes free"),
    }
}

fn stuck_text(busy: Duration) -> String {
    format!(
        "the disk has been at one write for {:.1} s: nothing more is written or synced by this node \
         until it answers",
        busy.as_secs_f64()
    )
}
