//! What storage did to the disk, counted where it was done.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Which file an fsync forced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forced {
    /// A log segment, for entries.
    Log,
    /// `meta`, for hard state or a synced end.
    Meta,
    /// A segment being prepared in the background, or a directory.
    Upkeep,
}

/// Counters of one store, readable from any thread while it works.
#[derive(Debug)]
pub struct StorageStats {
    log: AtomicU64,
    meta: AtomicU64,
    upkeep: AtomicU64,
    bytes_written: AtomicU64,
    bytes_forced: AtomicU64,
    entries_written: AtomicU64,
    zeroed: AtomicU64,
    latency_us: Mutex<Histogram<u64>>,
    observer: OnceLock<Observer>,
    opened: Instant,
    /// When the disk thread took up what it is at, in microseconds after `opened`; [`IDLE`] if nothing.
    busy_since_us: AtomicU64,
}

/// Not a time any store gets to.
const IDLE: u64 = u64::MAX;

/// Whoever is told of each fsync as it ends.
struct Observer(Box<dyn Fn(Duration, u64) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Longest fsync told apart from longer ones.
const LATENCY_US_MAX: u64 = 600_000_000;

impl Default for StorageStats {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 2)
            .expect("constant bounds that hdrhistogram accepts");
        Self {
            log: AtomicU64::new(0),
            meta: AtomicU64::new(0),
            upkeep: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            bytes_forced: AtomicU64::new(0),
            entries_written: AtomicU64::new(0),
            zeroed: AtomicU64::new(0),
            latency_us: Mutex::new(latency),
            observer: OnceLock::new(),
            opened: Instant::now(),
            busy_since_us: AtomicU64::new(IDLE),
        }
    }
}

impl StorageStats {
    /// Fsyncs on behalf of entries and hard state: what durability cost.
    pub fn fsyncs(&self) -> u64 {
        self.log_fsyncs() + self.meta_fsyncs()
    }

    /// Fsyncs of log segments for entries.
    pub fn log_fsyncs(&self) -> u64 {
        self.log.load(Ordering::Relaxed)
    }

    /// Fsyncs of `meta`.
    pub fn meta_fsyncs(&self) -> u64 {
        self.meta.load(Ordering::Relaxed)
    }

    /// Fsyncs for segments prepared in the background, and of directories.
    pub fn upkeep_fsyncs(&self) -> u64 {
        self.upkeep.load(Ordering::Relaxed)
    }

    /// Bytes of records handed to the operating system, checksums and all.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written.load(Ordering::Relaxed)
    }

    /// Bytes of records that fsyncs of the log made durable.
    pub fn bytes_forced(&self) -> u64 {
        self.bytes_forced.load(Ordering::Relaxed)
    }

    /// Bytes of new segments that were filled with zeroes: none once compaction gives back as many as are needed.
    pub fn bytes_zeroed(&self) -> u64 {
        self.zeroed.load(Ordering::Relaxed)
    }

    pub(super) fn count_zeroed(&self, bytes: u64) {
        self.zeroed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Entries handed to the operating system.
    pub fn entries_written(&self) -> u64 {
        self.entries_written.load(Ordering::Relaxed)
    }

    /// How long fsyncs of log and `meta` took at quantile `q` (0.99 for the p99) since the store
    /// was opened; zero before the first.
    pub fn fsync_latency(&self, q: f64) -> Duration {
        let histogram = self
            .latency_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Duration::from_micros(histogram.value_at_quantile(q))
    }

    /// A copy of the whole distribution of fsync latencies, in microseconds.
    pub fn fsync_latencies_us(&self) -> Histogram<u64> {
        self.latency_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells `observer` of each fsync of log and `meta` from now on: how long it took and how many
    /// bytes of records it forced. It is called on the disk thread and must not block. Only the
    /// first observer is told.
    pub fn on_fsync(&self, observer: impl Fn(Duration, u64) + Send + Sync + 'static) {
        let _ = self.observer.set(Observer(Box::new(observer)));
    }

    /// How long the disk thread has been at what it took up last; zero while it has nothing to do.
    /// A disk that is stuck shows here, and only here: an fsync is counted when it ends.
    pub fn busy(&self) -> Duration {
        match self.busy_since_us.load(Ordering::Relaxed) {
            IDLE => Duration::ZERO,
            since => (self.opened.elapsed()).saturating_sub(Duration::from_micros(since)),
        }
    }

    pub(super) fn begin(&self) {
        let since = u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(IDLE - 1);
        self.busy_since_us.store(since, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.busy_since_us.store(IDLE, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, bytes: u64, entries: u64) {
        self.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        self.entries_written.fetch_add(entries, Ordering::Relaxed);
    }

    /// Runs one fsync and counts it if it succeeds; `bytes` are those of the log it forces.
    pub(super) fn time<E>(
        &self,
        forced: Forced,
        bytes: u64,
        fsync: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let start = Instant::now();
        fsync()?;
        let took = start.elapsed();
        let counter = match forced {
            Forced::Log => &self.log,
            Forced::Meta => &self.meta,
            Forced::Upkeep => &self.upkeep,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.bytes_forced.fetch_add(bytes, Ordering::Relaxed);
        if forced != Forced::Upkeep {
            let us = u64::try_from(took.as_micros()).unwrap_or(LATENCY_US_MAX);
            self.latency_us
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .saturating_record(us.max(1));
            if let Some(Observer(observer)) = self.observer.get() {
                observer(took, bytes);
            }
        }
        Ok(())
    }
}
