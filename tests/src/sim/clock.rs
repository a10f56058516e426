//! The clock of a node: it may run fast or slow, and never steps.

use kraft_proto::Instant;
use serde::{Deserialize, Serialize};

/// A clock that runs at its own rate since its last change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    world_us: u64,
    own_us: u64,
    ppm: i32,
}

const MILLION: u64 = 1_000_000;

impl Clock {
    /// Whether it runs as the world's does.
    pub fn is_true(&self) -> bool {
        self.ppm == 0
    }

    /// By how many millionths it runs too fast.
    pub fn ppm(&self) -> i32 {
        self.ppm
    }

    fn rate(&self) -> u64 {
        MILLION.saturating_add_signed(i64::from(self.ppm)).max(1)
    }

    /// What it shows at a moment of the world.
    pub fn show(&self, world_us: u64) -> Instant {
        let gone = world_us.saturating_sub(self.world_us);
        if self.ppm == 0 {
            return Instant(self.own_us + gone);
        }
        Instant(
            self.own_us + (u128::from(gone) * u128::from(self.rate()) / u128::from(MILLION)) as u64,
        )
    }

    /// When, in the world, it will show `own`.
    pub fn when(&self, own: Instant) -> u64 {
        if own == Instant::NEVER {
            return u64::MAX;
        }
        let ahead = own.0.saturating_sub(self.own_us);
        if self.ppm == 0 {
            return self.world_us + ahead;
        }
        let rate = u128::from(self.rate());
        let gone = (u128::from(ahead) * u128::from(MILLION)).div_ceil(rate);
        self.world_us.saturating_add(gone as u64)
    }

    /// From now on it runs so many millionths too fast.
    pub fn drift(&mut self, world_us: u64, ppm: i32) {
        self.own_us = self.show(world_us).0;
        self.world_us = world_us;
        self.ppm = ppm;
    }
}
