//! The latest fsyncs, for a percentile that forgets.

use std::time::Duration;

use hdrhistogram::Histogram as Quantiles;

/// The slowest fsync told apart from slower ones.
const FSYNC_MAX_US: u64 = 60_000_000;

/// The last fsyncs, in two halves: the older is dropped when the newer is full of its time.
pub(super) struct Window {
    newer: Quantiles<u32>,
    older: Quantiles<u32>,
}

impl Window {
    pub fn new() -> Self {
        let empty = || {
            Quantiles::new_with_bounds(1, FSYNC_MAX_US, 2).expect("the bounds are those it takes")
        };
        Self {
            newer: empty(),
            older: empty(),
        }
    }

    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(FSYNC_MAX_US);
        self.newer.saturating_record(micros);
    }

    pub fn turn(&mut self) {
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.reset();
    }

    pub fn p99(&self) -> Duration {
        let mut both = self.newer.clone();
        both.add(&self.older).expect("both have the same bounds");
        Duration::from_micros(both.value_at_quantile(0.99))
    }
}
