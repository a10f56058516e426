//! Real data loaded into real nodes while they are killed: every row acknowledged is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use host_native::load::{Keying, Rows};
use kraft_wire::key_value::{Key, Value};

use crate::e2e::Cluster;

/// Rows loaded by the everyday suite. All 42,049 with `XTASK_LONG=1`.
const ROWS: usize = 3000;

/// The first rows of the zip codes, in a file of their own.
fn zipcodes(into: &Path) -> PathBuf {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/node_modules/vega-datasets/data/zipcodes.csv");
    let text = fs::read_to_string(&whole).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. Run `cargo xtask data`, or `npm ci` in tests/",
            whole.display()
        )
    });
    let rows = match std::env::var_os("XTASK_LONG") {
        Some(_) => usize::MAX,
        None => ROWS,
    };
    let lines: Vec<&str> = text.lines().take(rows.saturating_add(1)).collect();
    let file = into.join("zipcodes.csv");
    fs::write(&file, lines.join("\n")).unwrap();
    file
}

/// What the file's rows become, by their keys.
fn expected(file: &Path) -> BTreeMap<Key, Value> {
    let keying = Keying {
        column: Some("zip_code".into()),
        prefix: "zip:".into(),
    };
    let rows = Rows::open(file, None, &keying).unwrap();
    rows.map(|row| row.unwrap().pair)
        .map(|pair| (pair.key, pair.value))
        .collect()
}

async fn assert_all_there(cluster: &Cluster, wanted: &BTreeMap<Key, Value>, when: &str) {
    let rows = cluster.rows("zip:").await;
    let read: BTreeMap<Key, Value> = rows.into_iter().map(|row| (row.key, row.value)).collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(key, value)| read.get(*key) != Some(*value))
        .map(|(key, _)| key.to_string())
        .collect();
    assert!(missing.is_empty(), "{when}: missing {missing:?}");
    assert_eq!(read.len(), wanted.len(), "{when}: rows nobody wrote");
    println!("{when}: all {} rows are there", read.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sync_row_is_there_whatever_node_is_killed_during_the_load() {
    let mut cluster = Cluster::start().await;
    let file = zipcodes(cluster.dir.path());
    let wanted = expected(&file);
    let mut load = cluster.spawn(&[
        "load",
        "zipcodes.csv",
        "--key",
        "zip_code",
        "--prefix",
        "zip:",
        "--mode",
        "SYNC",
        "--in-flight",
        "16",
    ]);

    let leader = cluster.leader().await;
    let part = |part: usize| wanted.len() as u64 * part as u64 / 8;
    stored(&cluster, leader, part(1)).await;
    cluster.nodes[leader].kill();
    assert!(load.is_running(), "the load goes on");
    let second = cluster.leader().await;
    println!(
        "node {} was killed in mid-load; node {} leads",
        leader + 1,
        second + 1
    );
    stored(&cluster, second, part(3)).await;
    cluster.nodes[leader].start();
    cluster.caught_up(leader).await;
    let other = (0..3).find(|at| *at != leader && *at != second).unwrap();
    cluster.nodes[other].kill();
    assert!(load.is_running(), "the load goes on");
    println!(
        "node {} came back; node {} was killed in mid-load",
        leader + 1,
        other + 1
    );
    stored(&cluster, second, part(6)).await;
    cluster.nodes[other].start();

    let ended = load.output();
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert!(ended.status.success(), "{report} {ended:?}");
    assert_eq!(report["as_asked"], wanted.len());
    assert_eq!(report["held"]["on the disks of a majority"], wanted.len());
    assert_all_there(&cluster, &wanted, "after the load").await;
    figures_are_served(&cluster).await;

    for node in &mut cluster.nodes {
        node.kill();
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    assert_all_there(&cluster, &wanted, "after all three were killed").await;

    for node in &mut cluster.nodes {
        node.stop();
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    assert_all_there(&cluster, &wanted, "after a stop in order").await;
    let mut digests = Vec::new();
    for at in 0..3 {
        cluster.caught_up(at).await;
        let digest = cluster.client.digest(&cluster.nodes[at].clients).await;
        digests.push(digest.unwrap().sha256);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same state on every node");
}

/// Waits until node `at` stores as many rows.
async fn stored(cluster: &Cluster, at: usize, rows: u64) {
    cluster
        .until("rows of the load", async || {
            (cluster.status(at).await?.data.entries >= rows).then_some(())
        })
        .await;
}

/// What an operator's tools read from the admin port after the load.
async fn figures_are_served(cluster: &Cluster) {
    let leader = &cluster.nodes[cluster.leader().await];
    let figure = |name: &str| {
        let value = leader.figure(name);
        value.unwrap_or_else(|| panic!("no figure {name} in\n{}", leader.get("/metrics").1))
    };
    let acks = figure(
        "kraft_commit_latency_seconds_count{mode=\"sync\",held=\"synced\",fsync=\"commit\"}",
    );
    let fsyncs = figure("kraft_fsyncs_total");
    assert!(acks >= 100.0, "{acks} acknowledgements");
    assert!(fsyncs >= 1.0 && figure("kraft_fsync_bytes_total") >= 4096.0);
    assert!(figure("kraft_fsync_latency_seconds_count") >= 1.0);
    assert!(figure("kraft_commit_index") >= acks);
    assert!(figure("kraft_term") >= 2.0);
    for name in [
        "kraft_entries_at_risk",
        "kraft_bytes_at_risk",
        "kraft_replication_lag_max_seconds",
        "kraft_replication_lag_mean_seconds",
    ] {
        figure(name);
    }
    assert_eq!(leader.get("/readyz").0, 200);
    assert_eq!(leader.get("/healthz").0, 200);
    let (status, alerts) = leader.get("/v1/alerts");
    assert_eq!(status, 200);
    let alerts: serde_json::Value = serde_json::from_str(&alerts).unwrap();
    println!("{acks} acknowledgements on {fsyncs} fsyncs; alerts: {alerts}");
}
