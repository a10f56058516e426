//! Backups: saved while the cluster serves, looked into, refused where they are damaged, and the beginning of another
//! cluster.

use std::fs;

use serde_json::Value;

use crate::e2e::process::Program;
use crate::e2e::{Cluster, kraft};

/// Runs a command that needs no cluster, in JSON.
fn alone(words: &[&str]) -> (i32, Value) {
    let mut command = kraft();
    command.args(words).arg("--json");
    let output = Program::listened_to(&mut command).output();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap_or(-1), json)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_serving_cluster_is_the_beginning_of_another() {
    let cluster = Cluster::start().await;
    for number in 0..50 {
        let put = cluster
            .client
            .put(format!("key{number:02}"), format!("{number}"));
        put.send().await.unwrap();
    }
    let file = cluster.dir.path().join("state.backup");
    let path = file.to_str().unwrap();
    for at in cluster.running() {
        cluster.caught_up(at).await;
    }
    let saved = cluster.run(&["snapshot", "save", path]);
    assert_eq!(saved.code, 0, "{}", saved.json);
    assert_eq!(saved.json["keys"], 50, "{}", saved.json);
    let again = cluster.run(&["snapshot", "save", path]);
    assert_eq!(
        again.code, 1,
        "a backup is not written over: {}",
        again.json
    );
    // From each node, its state as it is.
    for node in ["1", "2", "3"] {
        let one = format!("{path}.{node}");
        let saved = cluster.run(&["snapshot", "save", &one, "--node", node]);
        assert_eq!((saved.code, &saved.json["keys"]), (0, &50.into()));
        assert_eq!(saved.json["saved_from"].to_string(), node);
    }

    let (code, inspected) = alone(&["snapshot", "inspect", path]);
    assert_eq!(code, 0, "{inspected}");
    assert_eq!(inspected["sha256"], saved.json["sha256"]);
    assert_eq!(inspected["cluster"], cluster.created.cluster.to_string());

    let other = Cluster::begun_from(&file).await;
    assert_ne!(other.created.cluster, cluster.created.cluster);
    assert_eq!(other.rows("key").await, cluster.rows("key").await);
    assert_eq!(
        other
            .client
            .put("after", "x")
            .send()
            .await
            .unwrap()
            .position
            .index
            .0,
        3
    );
    for at in other.running() {
        other.caught_up(at).await;
    }
    let compared = other.run(&["digest"]);
    assert_eq!(compared.code, 0, "{}", compared.json);
    assert_eq!(compared.json["digests"].as_array().unwrap().len(), 3);
    // What it begins with is no entry of its log, and a node that was away has it all the same.
    let mut other = other;
    let away = other.follower().await;
    other.nodes[away].kill();
    assert_eq!(other.run(&["put", "meanwhile", "y"]).code, 0);
    other.nodes[away].start();
    other.caught_up(away).await;
    // So does one that joins.
    let joined = other.join(0, &[]);
    other.nodes[joined].start();
    other.caught_up(joined).await;
    let stale = other.client_of(joined);
    let read = stale
        .get_as("key07", kraft_wire::api::Freshness::Stale)
        .await;
    assert_eq!(read.unwrap().unwrap().as_bytes(), b"7");

    // The log says where the new one is, and its files are whole, snapshot and all.
    other.nodes[joined].stop();
    let data = other.nodes[joined].config.with_file_name("data");
    let dumped = Program::listened_to(kraft().args(["log", "dump"]).arg(&data)).output();
    let dumped = String::from_utf8(dumped.stdout).unwrap();
    assert!(dumped.contains("node 4 is at 127.0.0.1:"), "{dumped}");
    let (code, verified) = alone(&["log", "verify", data.to_str().unwrap()]);
    assert_eq!(code, 0, "{verified}");
    assert_eq!(
        verified["snapshots"].as_array().unwrap().len(),
        1,
        "{verified}"
    );

    // Any byte of it that changed is noticed.
    let whole = fs::read(&file).unwrap();
    let mut checked = 0;
    for at in (0..whole.len()).step_by(61) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let read = host_native::node::backup::inspect::<host_native::kv::Kv>(&file);
        assert!(read.is_err(), "byte {at} was changed");
        checked += 1;
    }
    assert!(checked > 20, "{checked}");
    let (code, refused) = alone(&["snapshot", "inspect", path]);
    assert_eq!(code, 5, "{refused}");
    let dir = cluster.dir.path().join("never");
    let (code, refused) = alone(&["init", dir.to_str().unwrap(), "--from-snapshot", path]);
    assert_eq!(code, 5, "{refused}");
    assert!(!dir.exists());
}
