use kraft_proto::ids::{LogPosition, NodeId};
use kraft_proto::modes::FsyncMode;

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
            behind: Some(Behind {
                entries: 10,
                time: Duration::from_secs(3),
            }),
            silence: Duration::from_millis(50),
        },
        Lag {
            peer: NodeId(3),
            behind: Some(Behind {
                entries: 0,
                time: Duration::ZERO,
            }),
            silence: Duration::from_millis(20),
        },
        Lag {
            peer: NodeId(4),
            behind: None,
            silence: Duration::from_secs(12),
        },
    ]);
    metrics.at_risk(7, 700);
    metrics.suspects(1);
    metrics.disk(
        Duration::from_millis(1500),
        DiskRoom::Full,
        Duration::from_secs(2),
    );
    let last = LogPosition::new(Term(4), LogIndex(90));
    metrics.kept(7, Some(SnapshotStatus { last, bytes: 4096 }));
    metrics.places(11, 12, 13);
    metrics.clients(5, 4);
    metrics.unread(321);
    metrics.client_refusals("too_many", 14);
    metrics.without_leader(Duration::from_secs(9));
    metrics.certificate_left(Duration::from_secs(86_400));
    metrics.replicas_differ(2);
    metrics.disks_set_back(1);
    metrics.replicas_compared();
    metrics.transport_spares(6);
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
        ("kraft_peer_silent_seconds{peer=\"2\"}", 0.05),
        ("kraft_peer_silent_seconds{peer=\"4\"}", 12.0),
        ("kraft_peer_silent_max_seconds", 12.0),
        ("kraft_entries_at_risk", 7.0),
        ("kraft_bytes_at_risk", 700.0),
        ("kraft_suspects", 1.0),
        ("kraft_waiting_writes", 11.0),
        ("kraft_waiting_reads", 12.0),
        ("kraft_places_taken_percent", 13.0),
        ("kraft_clients_sent_away_total", 4.0),
        ("kraft_client_unread_bytes", 321.0),
        ("kraft_client_refusals_total{reason=\"too_many\"}", 14.0),
        ("kraft_without_leader_seconds", 9.0),
        ("kraft_certificate_left_seconds", 86_400.0),
        ("kraft_replicas_differ", 2.0),
        ("kraft_disks_set_back", 1.0),
        ("kraft_replicas_compared_total", 1.0),
        ("kraft_disk_busy_seconds", 1.5),
        ("kraft_disk_full", 1.0),
        ("kraft_log_segments", 7.0),
        ("kraft_snapshot_index", 90.0),
        ("kraft_snapshot_bytes", 4096.0),
        ("kraft_transport_spares_total", 6.0),
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
        "entries_at_risk",
        "bytes_at_risk",
        "suspects",
        "replicas_differ",
        "disks_set_back",
        "replicas_compared",
        "disk_busy_seconds",
        "disk_full",
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
    assert!(!page.contains("kraft_replication_lag"), "{page}");
    assert!(!page.contains("kraft_peer_silent"), "{page}");
    assert_eq!(metrics.figures().peer_silent_max, Duration::ZERO);
}

/// A zero would say that the peer holds everything, or the whole log's length that it holds nothing.
#[test]
fn of_a_peer_that_has_not_told_what_it_holds_there_is_no_sample_but_its_silence() {
    let page = busy().encode();
    for family in ["entries", "seconds"] {
        let series = format!("kraft_replication_lag_{family}{{peer=\"4\"}}");
        assert!(!page.contains(&series), "{page}");
    }
    let metrics = Metrics::new();
    metrics.replication_lag(&[Lag {
        peer: NodeId(4),
        behind: None,
        silence: Duration::from_secs(12),
    }]);
    let page = metrics.encode();
    assert!(!page.contains("kraft_replication_lag"), "{page}");
    let figures = metrics.figures();
    assert_eq!(figures.replication_lag_max, Duration::ZERO);
    assert_eq!(figures.peer_silent_max, Duration::from_secs(12));
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
