//! Time as the host tells it.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment on the host's monotonic clock, in microseconds since any fixed start.
///
/// The core reads no clock: every call that needs one is handed `now` first, read just then. A `now`
/// beyond a hundred years is not believed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Instant(pub u64);

impl Instant {
    /// The start of the host's clock.
    pub const ZERO: Self = Self(0);
    /// A moment that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The last moment a clock gets to: a hundred years after its start.
    const REACHED_LAST: Self = Self(100 * 366 * 24 * 60 * 60 * 1_000_000);

    /// Whether a clock can get there.
    pub(crate) const fn is_within_reach(self) -> bool {
        self.0 <= Self::REACHED_LAST.0
    }

    /// A moment this many microseconds after the start of the clock.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A moment this many milliseconds after the start of the clock.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// The moment `delay` later, [`Instant::NEVER`] at the latest.
    pub const fn after(self, delay: Duration) -> Self {
        let micros = delay.as_micros();
        if micros >= u64::MAX as u128 {
            return Self::NEVER;
        }
        Self(self.0.saturating_add(micros as u64))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}
