//! Named deadlines in one table.

use serde::Serialize;

use crate::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// No leader was heard: campaign.
    Election,
    /// A leader says that it lives.
    Heartbeat,
    /// A leader asks itself whether it hears a majority.
    CheckQuorum,
    /// `Async` entries waited long enough for company.
    AsyncBatch,
    /// `Batch` entries waited long enough for the disk.
    FsyncBatch,
    /// Anything unforced waited long enough for the disk.
    LazyForce,
    /// No relied-on copy lay unsynced for so long that the disk may say so.
    Quiet,
    /// Whom leadership was handed to does not lead yet.
    Transfer,
    /// A leader's own disk reports nothing.
    DiskStall,
}

impl Timer {
    pub const ALL: [Self; 9] = [
        Self::Election,
        Self::Heartbeat,
        Self::CheckQuorum,
        Self::AsyncBatch,
        Self::FsyncBatch,
        Self::LazyForce,
        Self::Quiet,
        Self::Transfer,
        Self::DiskStall,
    ];

    /// What stops with leading.
    pub const OF_A_LEADER: [Self; 5] = [
        Self::Heartbeat,
        Self::CheckQuorum,
        Self::AsyncBatch,
        Self::Transfer,
        Self::DiskStall,
    ];
}

/// The deadlines that are set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

impl Timers {
    pub fn new() -> Self {
        Self([Instant::NEVER; Timer::ALL.len()])
    }

    pub fn set(&mut self, timer: Timer, deadline: Instant) {
        self.0[timer as usize] = deadline;
    }

    /// Sets a deadline unless one is set already.
    pub fn start(&mut self, timer: Timer, deadline: Instant) {
        if !self.is_set(timer) {
            self.set(timer, deadline);
        }
    }

    pub fn stop_all(&mut self) {
        *self = Self::new();
    }

    pub fn stop(&mut self, timer: Timer) {
        self.set(timer, Instant::NEVER);
    }

    /// How long a deadline that is set has passed.
    pub fn overdue(&self, timer: Timer, now: Instant) -> core::time::Duration {
        now.since(self.0[timer as usize])
    }

    pub fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Instant::NEVER
    }

    /// Takes the deadline away if it has passed.
    pub fn take_due(&mut self, timer: Timer, now: Instant) -> bool {
        let due = self.is_set(timer) && self.0[timer as usize] <= now;
        if due {
            self.stop(timer);
        }
        due
    }

    pub fn earliest(&self) -> Instant {
        self.0.iter().copied().min().unwrap_or(Instant::NEVER)
    }
}
