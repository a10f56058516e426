//! Whether the disk has room and answers: what is turned away before it is accepted, and what an
//! operator is told.
//!
//! Entries reach the disk thread in two steps, and [`Space`](kraft_storage::Space) sees the second
//! only: an entry is accepted by the core, and is submitted once one of its writes in flight is
//! free. What lies between is counted here, so that an accepted entry always finds its room.

use std::time::Duration;

use kraft_proto::Run;
use kraft_wire::api::{Bound, DiskRoom, RequestRefusal};

use super::disk_view::Pace;
use super::engine::Engine;
use crate::descriptors;

/// How long the disk may be at one thing before an operator is told.
const SLOW: Duration = Duration::from_secs(1);

const FULL: &str = "the disk is full: writes of clients are refused here and entries of the leader \
    are turned away until there is room; nothing need be restarted then";

impl Engine {
    /// Whether the entries of an append, of so many bytes in all, may be accepted now; if not, why.
    ///
    /// On a full disk none that replace others: the log would go on in another segment, and the last
    /// that is ready is kept for the next start. 1. Entries of a new leader replace some of the old
    /// one's; 2. they are taken, and no segment is ready; 3. the disk thread waits for room, and this
    /// node can neither vote nor be led.
    pub(super) fn admit_append(&mut self, run: Run, bytes: u64) -> Result<(), RequestRefusal> {
        match self.parts.disk.space().is_full() && self.replaces(run) {
            true => Err(self.turn_away(run.count, bytes)),
            false => self.admit_entries(run.count, bytes),
        }
    }

    /// Whether `run` replaces entries of this log. Where both have an entry of one term at one
    /// index, they are the same through it.
    fn replaces(&self, run: Run) -> bool {
        let end = run.last().min(self.cache.next().prev());
        let same = |own: Run| own.term == run.term;
        run.first <= end && !self.parts.raft.run_from(end, 1).is_some_and(same)
    }

    /// Whether this many more entries, of so many bytes in all, may be accepted now; if not, why.
    pub(super) fn admit_entries(&mut self, entries: u32, bytes: u64) -> Result<(), RequestRefusal> {
        self.admit_unwritten(bytes)?;
        let waiting = self.cache.next().prev().since(self.disk.submitted);
        let waiting_bytes = self.cache.bytes_after(self.disk.submitted);
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let space = self.parts.disk.space();
        let all = (entries.saturating_add(waiting), bytes + waiting_bytes);
        match space.admit(all.0, all.1) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.turn_away(entries, bytes)),
        }
    }

    /// Whether memory may hold so many more bytes that wait to be written.
    fn admit_unwritten(&self, bytes: u64) -> Result<(), RequestRefusal> {
        let limit = self.parts.config.limits.unwritten_bytes;
        match bytes + self.cache.bytes_after(self.disk.submitted) > limit {
            true => Err(RequestRefusal::Busy {
                bound: Bound::UnwrittenBytes,
                limit,
            }),
            false => Ok(()),
        }
    }

    /// Notes and says that entries are turned away for want of room.
    fn turn_away(&mut self, entries: u32, bytes: u64) -> RequestRefusal {
        let space = self.parts.disk.space();
        let refusal = RequestRefusal::DiskFull {
            free: space.headroom(),
            reserve: space.reserve(),
        };
        self.disk.turned_away = (entries, bytes);
        self.note_full();
        refusal
    }

    fn note_full(&mut self) {
        if self.disk.room == DiskRoom::Enough {
            self.disk.room = DiskRoom::Full;
            self.disk.full_since = Some(self.now());
            tracing::error!("{FULL}");
        }
    }

    /// Looks at the disk and says what changed.
    pub(super) fn look_at_disk(&mut self) {
        let (entries, bytes) = self.disk.turned_away;
        let room = self.parts.disk.space().admit(entries, bytes);
        if room.is_err() {
            self.note_full();
        } else if self.disk.room == DiskRoom::Full {
            self.disk.room = DiskRoom::Enough;
            self.disk.full_since = None;
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
        let full = self.disk.full_for(self.now());
        self.parts.metrics.disk(busy, self.disk.room, full);
        self.look_for_standby();
    }

    /// Says when the log is about to need more open files than this process may have.
    fn descriptors_warning(&self) -> Option<String> {
        let (limit, segments) = (descriptors::limit(), self.parts.disk.reader().segments());
        let needed = descriptors::needed(segments);
        (needed.saturating_add(needed / 8) > limit).then(|| {
            format!(
                "this process may have {limit} files open, and its log of {segments} segments is close \
                 to that: raise the limit (`ulimit -n`) and start it again before it is reached"
            )
        })
    }

    /// What an operator should know of the disk.
    pub(super) fn disk_warnings(&self) -> impl Iterator<Item = String> {
        let space = self.parts.disk.space();
        let full = match self.disk.room {
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
        let stuck = match self.disk.pace {
            Pace::Answering => None,
            Pace::Stuck(busy) => Some(stuck_text(busy)),
        };
        full.into_iter()
            .chain(stuck)
            .chain(self.descriptors_warning())
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
