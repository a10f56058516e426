//! What an operator watches: counters, gauges and latencies, in the Prometheus text format.
//!
//! A [`Metrics`] is a handle: clone it to wherever something happens. Recording takes a lock that
//! is held for a few instructions and never waits for a reader.

mod labels;
mod lag;
mod names;
mod window;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kraft_proto::health::{AlertKind, Figures};
use kraft_proto::ids::{LogIndex, Term};
use kraft_proto::modes::{Class, CommitMode, Held};
use kraft_proto::output::Role;
use kraft_wire::api::{DiskRoom, SnapshotStatus};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use labels::{AlertLabels, CommitLabels, ModeLabels, ReasonLabels};
use lag::Replication;
pub use lag::{Behind, Lag};
use names::{Names, Seconds};
use window::Window;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
    disk_busy: Seconds,
    disk_full: Gauge,
    disk_full_seconds: Seconds,
    log_segments: Gauge<u64, AtomicU64>,
    snapshot_index: Gauge<u64, AtomicU64>,
    snapshot_bytes: Gauge<u64, AtomicU64>,
    waiting_writes: Gauge<u64, AtomicU64>,
    waiting_reads: Gauge<u64, AtomicU64>,
    places_taken: Gauge<u64, AtomicU64>,
    client_connections: Gauge<u64, AtomicU64>,
    unread_bytes: Gauge<u64, AtomicU64>,
    client_refusals: Family<ReasonLabels, Counter>,
    clients_sent_away: Counter,
    replication: Replication,
    entries_at_risk: Gauge<u64, AtomicU64>,
    bytes_at_risk: Gauge<u64, AtomicU64>,
    suspects: Gauge<u64, AtomicU64>,
    replicas_differ: Gauge<u64, AtomicU64>,
    disks_set_back: Gauge<u64, AtomicU64>,
    replicas_compared: Counter,
    without_leader: Seconds,
    certificate_left: Seconds,
    certificate_shown: AtomicBool,
    acks_lost: Family<ModeLabels, Counter>,
    acks_unknown: Family<ModeLabels, Counter>,
    role: Gauge,
    term: Gauge<u64, AtomicU64>,
    commit_index: Gauge<u64, AtomicU64>,
    transport_drops: Family<ReasonLabels, Counter>,
    transport_refusals: Family<ReasonLabels, Counter>,
    transport_spares: Counter,
    alerts: Family<AlertLabels, Counter>,
    fsync_window: Mutex<Window>,
}

#[derive(Clone, Copy)]
struct Latencies;

impl MetricConstructor<Histogram> for Latencies {
    /// From 50 µs to 13 s, doubling: an fsync of a fast disk to a timeout of a slow cluster.
    fn new_metric(&self) -> Histogram {
        Histogram::new(exponential_buckets(50e-6, 2.0, 19))
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
        let replication = Replication::new(&mut names);
        let inner = Inner {
            replication,
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
            disk_busy: names.add(
                "disk_busy_seconds",
                "How long the disk has been at what it does now; 0 while it has nothing to do",
                Seconds::default(),
            ),
            disk_full: names.add(
                "disk_full",
                "1 while entries are turned away because the disk is full",
                Gauge::default(),
            ),
            log_segments: names.add("log_segments", "Files of the log", Gauge::default()),
            snapshot_index: names.add(
                "snapshot_index",
                "The last entry in the newest snapshot",
                Gauge::default(),
            ),
            snapshot_bytes: names.add(
                "snapshot_bytes",
                "Bytes of the newest snapshot",
                Gauge::default(),
            ),
            disk_full_seconds: names.add(
                "disk_full_seconds",
                "How long they have been turned away",
                Seconds::default(),
            ),
            waiting_writes: names.add(
                "waiting_writes",
                "Writes, and waits for a commit, without their answer",
                Gauge::default(),
            ),
            waiting_reads: names.add(
                "waiting_reads",
                "Reads without their answer",
                Gauge::default(),
            ),
            places_taken: names.add(
                "places_taken_percent",
                "Of a hundred places for waiting requests, those taken",
                Gauge::default(),
            ),
            client_connections: names.add(
                "client_connections",
                "Clients' connections",
                Gauge::default(),
            ),
            unread_bytes: names.add(
                "client_unread_bytes",
                "Bytes of answers that no client has read yet",
                Gauge::default(),
            ),
            client_refusals: names.add(
                "client_refusals",
                "Clients' connections refused",
                Family::default(),
            ),
            clients_sent_away: names.add(
                "clients_sent_away",
                "Clients' connections closed because others needed their place",
                Counter::default(),
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
            suspects: names.add(
                "suspects",
                "Nodes, this one and those that answer it as their leader, that may have forgotten \
                 copies in a power cut and are not re-admitted yet",
                Gauge::default(),
            ),
            without_leader: names.add(
                "without_leader_seconds",
                "How long this node has known no leader; 0 while it knows one",
                Gauge::default(),
            ),
            certificate_left: names.add(
                "certificate_left_seconds",
                "How long this node's certificate holds from now; 0 once it has expired",
                Gauge::default(),
            ),
            certificate_shown: AtomicBool::new(false),
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
            replicas_differ: names.add(
                "replicas_differ",
                "Peers that have applied other entries than this node",
                Gauge::default(),
            ),
            disks_set_back: names.add(
                "disks_set_back",
                "Nodes whose disk went back to an older copy of itself",
                Gauge::default(),
            ),
            replicas_compared: names.add(
                "replicas_compared",
                "Times the digest of a peer's entries was held against this node's",
                Counter::default(),
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
            transport_spares: names.add(
                "transport_spares",
                "Connections closed because another one with the same peer was kept",
                Counter::default(),
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
            drop(inner.acks_lost.get_or_create(&ModeLabels::new(mode)));
            drop(inner.acks_unknown.get_or_create(&ModeLabels::new(mode)));
        }
        for alert in AlertKind::ALL {
            drop(inner.alerts.get_or_create(&AlertLabels::new(alert)));
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

    /// How long the disk has been at what it does now, whether it is full, and for how long.
    pub fn disk(&self, busy: Duration, room: DiskRoom, full: Duration) {
        self.inner.disk_busy.set(busy.as_secs_f64());
        self.inner.disk_full_seconds.set(full.as_secs_f64());
        self.inner.disk_full.set(i64::from(room == DiskRoom::Full));
    }

    /// How many files the log has, and the newest snapshot.
    pub fn kept(&self, segments: u64, snapshot: Option<SnapshotStatus>) {
        self.inner.log_segments.set(segments);
        if let Some(SnapshotStatus { last, bytes }) = snapshot {
            self.inner.snapshot_index.set(last.index.0);
            self.inner.snapshot_bytes.set(bytes);
        }
    }

    /// How far every peer is behind, as the leader sees it; nobody, on another node.
    pub fn replication_lag(&self, lags: &[Lag]) {
        self.inner.replication.show(lags);
    }

    /// What is acknowledged and not yet synced by a majority.
    pub fn at_risk(&self, entries: u64, bytes: u64) {
        self.inner.entries_at_risk.set(entries);
        self.inner.bytes_at_risk.set(bytes);
    }

    /// Nodes whose votes are not clean, as far as this one knows.
    pub fn suspects(&self, count: u64) {
        self.inner.suspects.set(count);
    }

    /// Peers that have applied other entries than this node.
    pub fn replicas_differ(&self, count: u64) {
        self.inner.replicas_differ.set(count);
    }

    /// Nodes whose disk went back to an older copy of itself.
    pub fn disks_set_back(&self, count: u64) {
        self.inner.disks_set_back.set(count);
    }

    /// The digest of a peer's entries was held against this node's.
    pub fn replicas_compared(&self) {
        self.inner.replicas_compared.inc();
    }

    /// How long this node has known no leader; zero while it knows one.
    pub fn without_leader(&self, time: Duration) {
        self.inner.without_leader.set(time.as_secs_f64());
    }

    /// How long its certificate holds from now, zero once it has expired.
    pub fn certificate_left(&self, time: Duration) {
        self.inner.certificate_left.set(time.as_secs_f64());
        self.inner.certificate_shown.store(true, Ordering::Relaxed);
    }

    /// Acknowledged writes of `mode` are gone.
    pub fn acks_lost(&self, mode: CommitMode, count: u64) {
        let counter = self.inner.acks_lost.get_or_create(&ModeLabels::new(mode));
        counter.inc_by(count);
    }

    /// What became of acknowledged writes of `mode` can no longer be told here.
    pub fn acks_unknown(&self, mode: CommitMode, count: u64) {
        let counter = self
            .inner
            .acks_unknown
            .get_or_create(&ModeLabels::new(mode));
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
        let counter = self
            .inner
            .transport_drops
            .get_or_create(&ReasonLabels::new(reason));
        raise_to(&counter, total);
    }

    /// Connections refused for this reason since the node started.
    pub fn transport_refusals(&self, reason: &'static str, total: u64) {
        let counter = self
            .inner
            .transport_refusals
            .get_or_create(&ReasonLabels::new(reason));
        raise_to(&counter, total);
    }

    /// Connections closed since the node started because another one with the same peer was kept.
    pub fn transport_spares(&self, total: u64) {
        raise_to(&self.inner.transport_spares, total);
    }

    /// Requests that wait, and how many of a hundred places that is.
    pub fn places(&self, writes: u64, reads: u64, percent: u32) {
        self.inner.waiting_writes.set(writes);
        self.inner.waiting_reads.set(reads);
        self.inner.places_taken.set(percent.into());
    }

    /// Clients' connections: those up, and those closed because others needed their place.
    pub fn clients(&self, connected: u64, sent_away: u64) {
        self.inner.client_connections.set(connected);
        raise_to(&self.inner.clients_sent_away, sent_away);
    }

    /// Bytes of answers that no client has read yet.
    pub fn unread(&self, bytes: u64) {
        self.inner.unread_bytes.set(bytes);
    }

    /// Clients' connections refused for this reason since the node started.
    pub fn client_refusals(&self, reason: &'static str, total: u64) {
        let counter = self
            .inner
            .client_refusals
            .get_or_create(&ReasonLabels::new(reason));
        raise_to(&counter, total);
    }

    /// An alert began.
    pub fn alert_raised(&self, alert: AlertKind) {
        self.inner
            .alerts
            .get_or_create(&AlertLabels::new(alert))
            .inc();
    }

    /// The figures alerts are judged by.
    pub fn figures(&self) -> Figures {
        let seconds =
            |gauge: &Seconds| Duration::try_from_secs_f64(gauge.get()).unwrap_or_default();
        Figures {
            bytes_at_risk: self.inner.bytes_at_risk.get(),
            replication_lag_max: self.inner.replication.lag_max(),
            peer_silent_max: self.inner.replication.silent_max(),
            replicas_differing: self.inner.replicas_differ.get(),
            disks_set_back: self.inner.disks_set_back.get(),
            fsync_p99: self.with_window(|window| window.p99()),
            disk_full: seconds(&self.inner.disk_full_seconds),
            places_taken: self.inner.places_taken.get() as u32,
            without_leader: seconds(&self.inner.without_leader),
            certificate_left: Some(seconds(&self.inner.certificate_left))
                .filter(|_| self.inner.certificate_shown.load(Ordering::Relaxed)),
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

/// Brings a counter up to a total that is counted elsewhere. Of two callers the later total stays.
fn raise_to(counter: &Counter, total: u64) {
    counter.inner().fetch_max(total, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
