//! Real nodes that make snapshots: their logs stay short, they start from what they have, and who was away for long is sent
//! one.

use host_native::config::Config;
use host_native::node::NodeError;
use kraft_proto::LogIndex;
use kraft_storage::Fs;

use crate::rig::Cluster;

/// Entries after which a snapshot is made.
const EVERY: u64 = 200;

fn often(mut config: Config) -> Config {
    config.snapshots.entries = EVERY;
    config
}

/// Writes enough for so many snapshots, in values that fill segments.
async fn write(cluster: &Cluster, snapshots: u64, round: &str) {
    for number in 0..=snapshots * EVERY / 8 {
        let pairs = (0..8).map(|n| (format!("key{}", (number * 8 + n) % 700), vec![7; 4000]));
        let pairs = pairs.chain([(format!("{round}{number}"), vec![1])]);
        cluster.client.put_many(pairs).send().await.unwrap();
        // One entry a write: so many that a snapshot is due are written one by one.
        for n in 0..7 {
            let put = cluster.client.put(format!("small{n}"), number.to_string());
            put.send().await.unwrap();
        }
    }
}

/// Waits until node `at` has a snapshot that reaches at least `index`.
async fn has_snapshot(cluster: &Cluster, at: usize, index: LogIndex) {
    cluster
        .until("a snapshot", async || {
            let snapshot = cluster.status(at).await?.snapshot?;
            (snapshot.last.index >= index).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_once_two_snapshots_cover_it_and_a_node_starts_from_them() {
    let mut cluster = Cluster::start_with(often).await;
    write(&cluster, 5, "first").await;
    for at in 0..3 {
        has_snapshot(&cluster, at, LogIndex(4 * EVERY)).await;
    }
    let before = cluster.agree().await;
    let stopped = cluster.halt(1).await;
    let opened = stopped.recovered();
    assert!(
        opened.base.index > LogIndex::ZERO,
        "its log goes back to the beginning"
    );
    let kept = opened.store.snapshots().list().unwrap();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(
        kept[1].index >= opened.base.index,
        "the log begins behind the older one"
    );
    drop(opened);
    cluster.restart(stopped).await;
    write(&cluster, 1, "second").await;
    assert!(cluster.agree().await > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_while_the_log_went_is_sent_a_snapshot() {
    let mut cluster = Cluster::start_with(often).await;
    let away = cluster.halt(2).await;
    write(&cluster, 5, "without-it").await;
    for at in 0..2 {
        has_snapshot(&cluster, at, LogIndex(4 * EVERY)).await;
    }
    cluster.restart(away).await;
    let end = cluster.agree().await;
    assert!(end > 5 * EVERY);
    let snapshot = cluster.status(2).await.unwrap().snapshot;
    assert!(snapshot.is_some_and(|snapshot| snapshot.last.index.0 > EVERY));
    // It is a node like any other: it writes, is written to, and starts from what it was sent.
    write(&cluster, 1, "with-it").await;
    let stopped = cluster.halt(2).await;
    cluster.restart(stopped).await;
    cluster.agree().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_newer_snapshot_falls_back_to_the_older_and_in_both_refuses_the_start() {
    let mut cluster = Cluster::start_with(often).await;
    write(&cluster, 5, "all").await;
    for at in 0..3 {
        has_snapshot(&cluster, at, LogIndex(4 * EVERY)).await;
    }
    let stopped = cluster.halt(2).await;
    let dir = stopped.config.data_dir.join("snapshots");
    let mut names = stopped.disk.list(&dir).unwrap();
    names.retain(|name| name.ends_with(".snap"));
    assert_eq!(names.len(), 2, "{names:?}");
    let damage = |name: &String| {
        let file = stopped.disk.open(&dir.join(name)).unwrap();
        file.write_at(b"damage", file.size().unwrap() / 2).unwrap();
    };
    damage(&names[1]);
    cluster.restart(stopped).await;
    cluster.agree().await;
    let warnings = cluster.status(2).await.unwrap().warnings;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("is damaged at byte")),
        "{warnings:?}"
    );
    // The good one is kept with the next, and joins the log.
    write(&cluster, 1, "more").await;
    has_snapshot(&cluster, 2, LogIndex(6 * EVERY)).await;
    let stopped = cluster.halt(2).await;
    let mut names = stopped.disk.list(&dir).unwrap();
    assert!(names.contains(&"damaged".to_owned()), "{names:?}");
    names.retain(|name| name.ends_with(".snap"));
    for name in &names {
        let file = stopped.disk.open(&dir.join(name)).unwrap();
        file.write_at(b"damage", file.size().unwrap() / 2).unwrap();
    }
    let refused = cluster.refused(stopped).await;
    assert!(
        matches!(refused, NodeError::NothingJoins { .. }),
        "{refused}"
    );
    let why = refused.to_string();
    assert!(why.contains("rejoin as a new store"), "{why}");
}
