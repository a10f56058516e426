//! What an operator watches: counters, gauges and latencies, in the Prometheus text format.
//!
//! A [`Metrics`] is a handle: clone it to wherever something happens. Recording takes a lock that
//! is held for a few instructions and never waits for a reader.

use std::fmt::{self, Write as _};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram as Quantiles;
use kraft_proto::health::{AlertKind, Figures};
use kraft_proto::ids::{LogIndex, NodeId, Term};
use kraft_proto::modes::{Class, CommitMode, FsyncMode, Held};
use kraft_proto::output::Role;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The slowest fsync told apart from slower ones.
const FSYNC_MAX_US: u64 = 60_000_000;

type Seconds = Gauge<f64, AtomicU64>;

/// The figures of one node.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    commit_latency: Family<CommitLabels, Histogram, Latencies>,
    fsync_latency: Histogram,
    fsyncs: Counter,
    fsync_bytes: Counter,
    lag_entries: Family<PeerLabels, Gauge>,
    lag_seconds: Family<PeerLabels, Seconds>,
    lag_max: Seconds,
    lag_mean: Seconds,
    entries_at_risk: Gauge<u64, AtomicU64>,
    bytes_at_risk: Gauge<u64, AtomicU64>,
    acks_lost: Family<ModeLabels, Counter>,
    acks_unknown: Family<ModeLabels, Counter>,
    role: Gauge,
    term: Gauge<u64, AtomicU64>,
    commit_index: Gauge<u64, AtomicU64>,
    transport_drops: Family<ReasonLabels, Counter>,
    transport_refusals: Family<ReasonLabels, Counter>,
    alerts: Family<AlertLabels, Counter>,
    fsync_window: Mutex<Window>,
}

/// How far one peer is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Which peer.
    pub peer: NodeId,
    /// Entries it does not hold yet.
    pub entries: u64,
    /// How long the oldest of them has been waiting for it.
    pub time: Duration,
}

/// The last fsyncs, in two halves: the older is dropped when the newer is full of its time.
struct Window {
    newer: Quantiles<u32>,
    older: Quantiles<u32>,
}

#[derive(Clone, Copy)]
struct Latencies;

impl MetricConstructor<Histogram> for Latencies {
    /// From 50 µs to 13 s, doubling: an fsync of a fast disk to a timeout of a slow cluster.
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(50e-6, 2.0, 19))
    }
}

/// A word in lower case as a label's value, written without an allocation of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Lower<T>(T);

impl<T: fmt::Display> EncodeLabelValue for Lower<T> {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        struct Lowered<'a, 'b>(&'a mut LabelValueEncoder<'b>);
        impl fmt::Write for Lowered<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars()
                    .try_for_each(|c| self.0.write_char(c.to_ascii_lowercase()))
            }
        }
        write!(Lowered(encoder), "{}", self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CommitLabels {
    mode: Lower<CommitMode>,
    held: Lower<Held>,
    fsync: Lower<FsyncMode>,
}

impl CommitLabels {
    const fn new(class: Class, held: Held) -> Self {
        Self {
            mode: Lower(class.mode),
            held: Lower(held),
            fsync: Lower(class.fsync),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PeerLabels {
    peer: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModeLabels {
    mode: Lower<CommitMode>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlertLabels {
    alert: Lower<AlertKind>,
}

/// Hands out metrics that are registered under their names.
struct Names(Registry);

impl Names {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Figures of a node at which nothing has happened yet.
    pub fn new() -> Self {
        let mut names = Names(Registry::with_prefix("kraft"));
        let inner = Inner {
            commit_latency: names.add(
                "commit_latency_seconds",
                "Time from a write's arrival to its acknowledgement, by what was held at the time",
                Family::new_with_constructor(Latencies),
            ),
            fsync_latency: names.add(
                "fsync_latency_seconds",
                "Time one fsync takes",
                Latencies.new_metric(),
            ),
            fsyncs: names.add("fsyncs", "Fsyncs completed", Counter::default()),
            fsync_bytes: names.add("fsync_bytes", "Bytes they forced", Counter::default()),
            lag_entries: names.add(
                "replication_lag_entries",
                "Entries the leader has and the peer does not hold",
                Family::default(),
            ),
            lag_seconds: names.add(
                "replication_lag_seconds",
                "How long the oldest of them has been waiting",
                Family::default(),
            ),
            lag_max: names.add(
                "replication_lag_max_seconds",
                "The lag of the slowest peer",
                Seconds::default(),
            ),
            lag_mean: names.add(
                "replication_lag_mean_seconds",
                "The mean lag of all peers",
                Seconds::default(),
            ),
            entries_at_risk: names.add(
                "entries_at_risk",
                "Entries acknowledged and not yet synced by a majority",
                Gauge::default(),
            ),
            bytes_at_risk: names.add(
                "bytes_at_risk",
                "Bytes acknowledged and not yet synced by a majority",
                Gauge::default(),
            ),
            acks_lost: names.add(
                "acks_lost",
                "Acknowledged writes that commit proved to be gone",
                Family::default(),
            ),
            acks_unknown: names.add(
                "acks_unknown",
                "Acknowledged writes whose fate this node can no longer tell",
                Family::default(),
            ),
            role: names.add(
                "role",
                "0 follower, 1 pre-candidate, 2 candidate, 3 leader",
                Gauge::default(),
            ),
            term: names.add("term", "The term of this node", Gauge::default()),
            commit_index: names.add("commit_index", "The last committed entry", Gauge::default()),
            transport_drops: names.add(
                "transport_drops",
                "Frames dropped before they were sent or taken",
                Family::default(),
            ),
            transport_refusals: names.add(
                "transport_refusals",
                "Connections refused",
                Family::default(),
            ),
            alerts: names.add("alerts", "Alerts raised", Family::default()),
            fsync_window: Mutex::new(Window::new()),
            registry: names.0,
        };
        let metrics = Self {
            inner: Arc::new(inner),
        };
        metrics.show_at_zero();
        metrics
    }

    /// Makes the labels that are known beforehand appear before anything is counted, so that a
    /// rate over them starts at the start.
    fn show_at_zero(&self) {
        let inner = &self.inner;
        let default = CommitLabels::new(Class::default(), Held::Synced);
        drop(inner.commit_latency.get_or_create(&default));
        for mode in [CommitMode::Async, CommitMode::LeaderOnly] {
            drop(inner.acks_lost.get_or_create(&labels(mode)));
            drop(inner.acks_unknown.get_or_create(&labels(mode)));
        }
        for alert in AlertKind::ALL {
            let alert = Lower(alert);
            drop(inner.alerts.get_or_create(&AlertLabels { alert }));
        }
    }

    /// A write of `class` was acknowledged on copies held so, this long after it arrived.
    pub fn acked(&self, class: Class, held: Held, after: Duration) {
        let labels = CommitLabels::new(class, held);
        let latency = self.inner.commit_latency.get_or_create(&labels);
        latency.observe(after.as_secs_f64());
    }

    /// One fsync completed: it took `took` and forced `bytes`.
    pub fn fsynced(&self, took: Duration, bytes: u64) {
        self.inner.fsync_latency.observe(took.as_secs_f64());
        self.inner.fsyncs.inc();
        self.inner.fsync_bytes.inc_by(bytes);
        self.with_window(|window| window.record(took));
    }

    /// How far every peer is behind, as the leader sees it; nobody, on another node.
    pub fn replication_lag(&self, lags: &[Lag]) {
        let inner = &self.inner;
        inner.lag_entries.clear();
        inner.lag_seconds.clear();
        for lag in lags {
            let labels = PeerLabels { peer: lag.peer.0 };
            let entries = i64::try_from(lag.entries).unwrap_or(i64::MAX);
            inner.lag_entries.get_or_create(&labels).set(entries);
            let seconds = lag.time.as_secs_f64();
            inner.lag_seconds.get_or_create(&labels).set(seconds);
        }
        let max = lags.iter().map(|lag| lag.time).max().unwrap_or_default();
        let sum: f64 = lags.iter().map(|lag| lag.time.as_secs_f64()).sum();
        inner.lag_max.set(max.as_secs_f64());
        inner.lag_mean.set(sum / lags.len().max(1) as f64);
    }

    /// What is acknowledged and not yet synced by a majority.
    pub fn at_risk(&self, entries: u64, bytes: u64) {
        self.inner.entries_at_risk.set(entries);
        self.inner.bytes_at_risk.set(bytes);
    }

    /// Acknowledged writes of `mode` are gone.
    pub fn acks_lost(&self, mode: CommitMode, count: u64) {
        let counter = self.inner.acks_lost.get_or_create(&labels(mode));
        counter.inc_by(count);
    }

    /// What became of acknowledged writes of `mode` can no longer be told here.
    pub fn acks_unknown(&self, mode: CommitMode, count: u64) {
        let counter = self.inner.acks_unknown.get_or_create(&labels(mode));
        counter.inc_by(count);
    }

    /// What the node is, and in which term.
    pub fn role(&self, role: Role, term: Term) {
        self.inner.role.set(match role {
            Role::Follower => 0,
            Role::PreCandidate => 1,
            Role::Candidate => 2,
            Role::Leader => 3,
        });
        self.inner.term.set(term.0);
    }

    /// The last committed entry.
    pub fn committed(&self, index: LogIndex) {
        self.inner.commit_index.set(index.0);
    }

    /// Frames dropped for this reason since the node started.
    pub fn transport_drops(&self, reason: &'static str, total: u64) {
        let counter = self.inner.transport_drops.get_or_create(&why(reason));
        raise_to(&counter, total);
    }

    /// Connections refused for this reason since the node started.
    pub fn transport_refusals(&self, reason: &'static str, total: u64) {
        let counter = self.inner.transport_refusals.get_or_create(&why(reason));
        raise_to(&counter, total);
    }

    /// An alert began.
    pub fn alert_raised(&self, alert: AlertKind) {
        let alert = Lower(alert);
        self.inner
            .alerts
            .get_or_create(&AlertLabels { alert })
            .inc();
    }

    /// The figures alerts are judged by.
    pub fn figures(&self) -> Figures {
        let lag = Duration::try_from_secs_f64(self.inner.lag_max.get()).unwrap_or_default();
        Figures {
            bytes_at_risk: self.inner.bytes_at_risk.get(),
            replication_lag_max: lag,
            fsync_p99: self.with_window(|window| window.p99()),
        }
    }

    /// Ends a stretch of the time over which the fsync percentile is taken: it covers the stretch
    /// under way and the one before. Whoever watches calls this at a steady pace.
    pub fn next_fsync_window(&self) {
        self.with_window(Window::turn);
    }

    /// Everything, as Prometheus reads it.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.inner.registry);
        page
    }

    fn with_window<T>(&self, look: impl FnOnce(&mut Window) -> T) -> T {
        let window = &self.inner.fsync_window;
        look(&mut window.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Window {
    fn new() -> Self {
        let empty = || {
            Quantiles::new_with_bounds(1, FSYNC_MAX_US, 2).expect("the bounds are those it takes")
        };
        Self {
            newer: empty(),
            older: empty(),
        }
    }

    fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(FSYNC_MAX_US);
        self.newer.saturating_record(micros);
    }

    fn turn(&mut self) {
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.reset();
    }

    fn p99(&self) -> Duration {
        let mut both = self.newer.clone();
        both.add(&self.older).expect("both have the same bounds");
        Duration::from_micros(both.value_at_quantile(0.99))
    }
}

fn labels(mode: CommitMode) -> ModeLabels {
    ModeLabels { mode: Lower(mode) }
}

fn why(reason: &'static str) -> ReasonLabels {
    ReasonLabels { reason }
}

/// Brings a counter up to a total that is counted elsewhere. Of two callers the later total stays.
fn raise_to(counter: &Counter, total: u64) {
    counter
        .inner()
        .fetch_max(total, std::sync::atomic::Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of the one line that starts so.
    fn value(page: &str, series: &str) -> f64 {
        let lines: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .collect();
        assert_eq!(lines.len(), 1, "{series} in {page}");
        lines[0].parse().unwrap()
    }

    fn busy() -> Metrics {
        let metrics = Metrics::new();
        let class = Class::new(CommitMode::AtLeast(2), FsyncMode::Batch);
        metrics.acked(class, Held::Written, Duration::from_millis(2));
        metrics.fsynced(Duration::from_millis(3), 4096);
        metrics.fsynced(Duration::from_millis(5), 1000);
        metrics.replication_lag(&[
            Lag {
                peer: NodeId(2),
                entries: 10,
                time: Duration::from_secs(3),
            },
            Lag {
                peer: NodeId(3),
                entries: 0,
                time: Duration::ZERO,
            },
        ]);
        metrics.at_risk(7, 700);
        metrics.acks_lost(CommitMode::LeaderOnly, 2);
        metrics.acks_unknown(CommitMode::Async, 3);
        metrics.role(Role::Leader, Term(4));
        metrics.committed(LogIndex(99));
        metrics.transport_drops("queue_full", 5);
        metrics.transport_drops("queue_full", 8);
        metrics.transport_refusals("cluster", 1);
        metrics.alert_raised(AlertKind::SlowFsync);
        metrics
    }

    #[test]
    fn every_family_has_its_name_labels_and_value() {
        let page = busy().encode();
        for (series, expected) in [
            (
                "kraft_commit_latency_seconds_count{mode=\"at_least_2\",held=\"written\",fsync=\"batch\"}",
                1.0,
            ),
            ("kraft_fsync_latency_seconds_count", 2.0),
            ("kraft_fsync_latency_seconds_sum", 0.008),
            ("kraft_fsyncs_total", 2.0),
            ("kraft_fsync_bytes_total", 5096.0),
            ("kraft_replication_lag_entries{peer=\"2\"}", 10.0),
            ("kraft_replication_lag_seconds{peer=\"2\"}", 3.0),
            ("kraft_replication_lag_seconds{peer=\"3\"}", 0.0),
            ("kraft_replication_lag_max_seconds", 3.0),
            ("kraft_replication_lag_mean_seconds", 1.5),
            ("kraft_entries_at_risk", 7.0),
            ("kraft_bytes_at_risk", 700.0),
            ("kraft_acks_lost_total{mode=\"leader_only\"}", 2.0),
            ("kraft_acks_lost_total{mode=\"async\"}", 0.0),
            ("kraft_acks_unknown_total{mode=\"async\"}", 3.0),
            ("kraft_role", 3.0),
            ("kraft_term", 4.0),
            ("kraft_commit_index", 99.0),
            ("kraft_transport_drops_total{reason=\"queue_full\"}", 8.0),
            ("kraft_transport_refusals_total{reason=\"cluster\"}", 1.0),
            ("kraft_alerts_total{alert=\"slow_fsync\"}", 1.0),
            ("kraft_alerts_total{alert=\"data_at_risk\"}", 0.0),
        ] {
            let found = value(&page, series);
            assert!((found - expected).abs() < 1e-9, "{series} is {found}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn a_node_at_which_nothing_happened_shows_all_but_peers_and_transport() {
        let page = Metrics::new().encode();
        for family in [
            "commit_latency_seconds",
            "fsync_latency_seconds",
            "fsyncs",
            "fsync_bytes",
            "replication_lag_max_seconds",
            "replication_lag_mean_seconds",
            "entries_at_risk",
            "bytes_at_risk",
            "acks_lost",
            "acks_unknown",
            "role",
            "term",
            "commit_index",
            "alerts",
        ] {
            assert!(
                page.contains(&format!("# TYPE kraft_{family} ")),
                "{family}"
            );
        }
    }

    #[test]
    fn a_peer_that_left_is_no_longer_shown() {
        let metrics = busy();
        metrics.replication_lag(&[]);
        let page = metrics.encode();
        assert!(!page.contains("peer="), "{page}");
        assert_eq!(value(&page, "kraft_replication_lag_max_seconds"), 0.0);
        assert_eq!(value(&page, "kraft_replication_lag_mean_seconds"), 0.0);
    }

    #[test]
    fn the_figures_for_alerts_are_those_shown() {
        let figures = busy().figures();
        assert_eq!(figures.bytes_at_risk, 700);
        assert_eq!(figures.replication_lag_max, Duration::from_secs(3));
        let p99 = figures.fsync_p99.as_micros();
        assert!((4950..=5050).contains(&p99), "{p99}");
    }

    #[test]
    fn the_fsync_percentile_forgets_what_is_two_stretches_old() {
        let metrics = Metrics::new();
        assert_eq!(metrics.figures().fsync_p99, Duration::ZERO);
        for _ in 0..98 {
            metrics.fsynced(Duration::from_millis(1), 1);
        }
        metrics.fsynced(Duration::from_secs(2), 1);
        metrics.fsynced(Duration::from_secs(90), 1);
        let p99 = metrics.figures().fsync_p99;
        assert!(p99 >= Duration::from_millis(1990), "{p99:?}");
        metrics.next_fsync_window();
        assert_eq!(metrics.figures().fsync_p99, p99, "one stretch old");
        metrics.next_fsync_window();
        assert_eq!(metrics.figures().fsync_p99, Duration::ZERO);
    }
}
