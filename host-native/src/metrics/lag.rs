//! How far peers are behind. What is not known has no sample: a zero would say that all is well, and
//! any other number that something is wrong.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kraft_proto::ids::NodeId;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::labels::PeerLabels;
use super::names::{Names, Seconds};

/// What a leader knows of how far one peer is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Which peer.
    pub peer: NodeId,
    /// How far; `None` while it has not told this leader what it holds.
    pub behind: Option<Behind>,
    /// For how long it has not told what it holds.
    pub silence: Duration,
}

/// How far a peer is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Entries it does not hold yet.
    pub entries: u64,
    /// How long the oldest of them has been waiting for it.
    pub time: Duration,
}

/// The figures of all peers, empty on a node that does not lead.
pub(super) struct Replication {
    entries: Family<PeerLabels, Gauge>,
    seconds: Family<PeerLabels, Seconds>,
    silent: Family<PeerLabels, Seconds>,
    max: Known,
    mean: Known,
    silent_max: Known,
}

impl Replication {
    pub fn new(names: &mut Names) -> Self {
        Self {
            entries: names.add(
                "replication_lag_entries",
                "Entries the leader has and the peer does not hold; absent while the peer has not \
                 told it what it holds",
                Family::default(),
            ),
            seconds: names.add(
                "replication_lag_seconds",
                "How long the oldest of them has been waiting; absent likewise",
                Family::default(),
            ),
            max: names.add(
                "replication_lag_max_seconds",
                "The lag of the slowest peer of those that have told; absent if none has",
                Known::default(),
            ),
            mean: names.add(
                "replication_lag_mean_seconds",
                "The mean lag of the same peers; absent likewise",
                Known::default(),
            ),
            silent: names.add(
                "peer_silent_seconds",
                "How long the peer has not told its leader what it holds",
                Family::default(),
            ),
            silent_max: names.add(
                "peer_silent_max_seconds",
                "The same of the peer that has been silent for the longest",
                Known::default(),
            ),
        }
    }

    pub fn show(&self, lags: &[Lag]) {
        self.entries.clear();
        self.seconds.clear();
        self.silent.clear();
        for lag in lags {
            let labels = PeerLabels::new(lag.peer);
            let silence = lag.silence.as_secs_f64();
            self.silent.get_or_create(&labels).set(silence);
            if let Some(Behind { entries, time }) = lag.behind {
                let entries = i64::try_from(entries).unwrap_or(i64::MAX);
                self.entries.get_or_create(&labels).set(entries);
                self.seconds.get_or_create(&labels).set(time.as_secs_f64());
            }
        }
        let times = || lags.iter().filter_map(|lag| Some(lag.behind?.time));
        let known = times().count() as f64;
        self.max.set(times().max());
        let sum: Duration = times().sum();
        self.mean.set((known > 0.0).then(|| sum.div_f64(known)));
        self.silent_max
            .set(lags.iter().map(|lag| lag.silence).max());
    }

    /// The slowest peer's lag, zero if none is known.
    pub fn lag_max(&self) -> Duration {
        self.max.get().unwrap_or_default()
    }

    /// The longest silence, zero without peers.
    pub fn silent_max(&self) -> Duration {
        self.silent_max.get().unwrap_or_default()
    }
}

/// Seconds that may be unknown: then there is no sample.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<Option<Duration>>>);

impl Known {
    fn set(&self, value: Option<Duration>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    fn get(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl EncodeMetric for Known {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => encoder.encode_gauge(&value.as_secs_f64()),
            None => Ok(()),
        }
    }

    fn metric_type(&self) -> MetricType {
        Gauge::<f64, AtomicU64>::default().metric_type()
    }

    fn is_empty(&self) -> bool {
        self.get().is_none()
    }
}
