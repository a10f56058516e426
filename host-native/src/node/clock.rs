//! The node's clock: microseconds since it started.
//!
//! It is monotonic: setting the machine's wall clock changes nothing here. It goes on while the
//! process is stopped and steps ahead when it goes on; on Linux it stands still while the machine
//! sleeps. The wall clock is read for one thing, the validity of certificates at a handshake.

use kraft_proto::Instant;

/// Tells the core's time from the operating system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    pub fn start() -> Self {
        Self {
            start: tokio::time::Instant::now(),
        }
    }

    pub fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The moment as the runtime counts it; an hour from now at the latest.
    pub fn deadline(&self, at: Instant) -> tokio::time::Instant {
        let hour = self.now().0.saturating_add(3_600_000_000);
        self.start + std::time::Duration::from_micros(at.0.min(hour))
    }
}
