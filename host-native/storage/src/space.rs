//! How much room the log has: a full disk is refused ahead of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::Full;
use super::record::{ALIGN, HEADER_BYTES};
use super::segment::RECORDS_AT;

/// Whether another segment could be prepared when that was looked at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fullness {
    Room,
    Full,
}

/// Bytes of its disk that whatever else is written there leaves to the log: for a segment and its reserve, so that it is
/// not full because of that.
pub(super) const fn left_to_log(segment_bytes: u64) -> u64 {
    2 * segment_bytes
}

/// How much room the log has. Cheap to copy and to ask, from any thread.
#[derive(Clone, Debug)]
pub struct Space {
    shared: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    segment_bytes: u64,
    active_left: AtomicU64,
    spare_left: AtomicU64,
    queued: AtomicU64,
    full: AtomicBool,
    disk_free: AtomicU64,
}

impl Space {
    pub(super) fn new(segment_bytes: u64) -> Self {
        Self {
            shared: Arc::new(Room {
                segment_bytes,
                active_left: AtomicU64::new(0),
                spare_left: AtomicU64::new(0),
                queued: AtomicU64::new(0),
                full: AtomicBool::new(false),
                disk_free: AtomicU64::new(0),
            }),
        }
    }

    /// Bytes of log that can be written without asking the file system for more, less what waits to
    /// be written.
    ///
    /// Once no other segment can be prepared, the last prepared one is kept for the next start, which
    /// writes the end of the log anew: a node that is killed on a full disk opens with the room it had.
    pub fn headroom(&self) -> u64 {
        let room = &self.shared;
        let spare = room.spare_left.load(Ordering::Relaxed);
        let usable = match self.is_full() {
            true => spare.saturating_sub(room.segment_bytes - RECORDS_AT),
            false => spare,
        };
        let prepared = room.active_left.load(Ordering::Relaxed) + usable;
        prepared.saturating_sub(room.queued.load(Ordering::Relaxed))
    }

    /// Bytes that must be free on the disk for the next start: none while a segment is kept for it.
    pub fn needed_to_open(&self) -> u64 {
        match self.shared.spare_left.load(Ordering::Relaxed) {
            0 => self.segment_needs(),
            _ => 0,
        }
    }

    /// Bytes free on the file system of the log, when last looked at.
    pub fn disk_free(&self) -> u64 {
        self.shared.disk_free.load(Ordering::Relaxed)
    }

    /// Bytes that must be free for another segment to be prepared.
    pub(super) fn segment_needs(&self) -> u64 {
        self.shared.segment_bytes + self.reserve()
    }

    pub(super) fn set_disk_free(&self, bytes: u64) {
        self.shared.disk_free.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of headroom kept back for what was admitted and has not reached the disk's queue yet,
    /// and for a leader's own entries: a quarter of a segment. An admitted batch must be smaller.
    pub fn reserve(&self) -> u64 {
        self.shared.segment_bytes / 4
    }

    /// Whether `entries` entries of `payload_bytes` bytes in all may be accepted now.
    ///
    /// Always, while another segment can be prepared. Once none can: as long as the prepared ones
    /// reach, less the reserve. It clears by itself when there is space again.
    pub fn admit(&self, entries: u32, payload_bytes: u64) -> Result<(), Full> {
        if !self.is_full() {
            return Ok(());
        }
        let each = (HEADER_BYTES + ALIGN) as u64;
        let needed = payload_bytes.saturating_add(u64::from(entries) * each);
        let headroom = self.headroom();
        if needed.saturating_add(self.reserve()) <= headroom {
            Ok(())
        } else {
            Err(self.full_error())
        }
    }

    pub(super) fn queued(&self, bytes: u64) {
        self.shared.queued.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn unqueued(&self, bytes: u64) {
        self.shared.queued.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_active_left(&self, bytes: u64) {
        self.shared.active_left.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_spare_left(&self, bytes: u64) {
        self.shared.spare_left.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set_full(&self, fullness: Fullness) {
        let full = fullness == Fullness::Full;
        self.shared.full.store(full, Ordering::Relaxed);
    }

    /// Whether the [headroom](Self::headroom) is all there is: no other segment can be prepared.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    pub(super) fn full_error(&self) -> Full {
        Full {
            headroom: self.headroom(),
            needed: self.segment_needs(),
        }
    }
}
