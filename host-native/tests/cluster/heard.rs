//! A node that was not heard since the leader changed: what it holds is unknown, and nobody says zero.

use kraft_proto::{CommitMode, FsyncMode, Holding};
use kraft_wire::api::{Link, PeerStatus};
use serde_json::Value;

use crate::e2e::{Cluster, kraft, process};

const QUICK: [&str; 2] = ["--alert-peer-silent", "1s"];

async fn write(cluster: &Cluster, rows: std::ops::Range<usize>) {
    for number in rows {
        let put = cluster.client.put(format!("row:{number:04}"), "value");
        let put = put.mode(CommitMode::Sync).fsync(FsyncMode::Commit);
        put.send().await.unwrap();
    }
}

/// `kraft status` as a person reads it.
fn read_status(cluster: &Cluster) -> String {
    let mut command = kraft();
    command
        .args(["status", "--config"])
        .arg(&cluster.created.client);
    let output = process::output(command.current_dir(cluster.dir.path()));
    String::from_utf8(output.stdout).unwrap()
}

async fn peer(cluster: &Cluster, leader: usize, at: usize) -> Option<PeerStatus> {
    let peers = cluster.status(leader).await?.peers;
    peers.into_iter().find(|peer| peer.id.0 as usize == at + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_not_heard_since_the_leader_changed_is_unknown_and_not_far_behind() {
    let mut cluster = Cluster::start_with(&QUICK).await;
    write(&cluster, 0..40).await;
    let first = cluster.leader().await;
    let [silent, next] = [1, 2].map(|step| (first + step) % 3);
    for at in [silent, next] {
        cluster.caught_up(at).await;
    }
    cluster.nodes[silent].stop();
    assert_eq!(cluster.run(&["transfer", &(next + 1).to_string()]).code, 0);
    let leader = cluster.leader().await;
    assert_eq!(leader, next);
    write(&cluster, 40..42).await;

    let found = cluster
        .until("a leader that knows of both", async || {
            let known = peer(&cluster, leader, first).await?;
            known.holding?;
            peer(&cluster, leader, silent).await
        })
        .await;
    let unknown = (
        found.heard_ms,
        found.holding,
        found.lag_entries,
        found.lag_ms,
    );
    assert_eq!(unknown, (None, None, None, None));
    assert_eq!(found.link, Link::Down);
    let status = cluster.status(leader).await.unwrap();
    assert_eq!(status.lag.unknown, 1);
    assert!(status.lag.entries_max.is_some_and(|entries| entries < 40));

    let (of, by) = (silent + 1, leader + 1);
    let said = read_status(&cluster);
    let sentence = format!("node {of} has not been heard since node {by} leads (");
    assert!(said.contains(&sentence), "{said}");
    assert!(!said.contains(&format!("node {of} is ")), "{said}");
    println!("{said}");
    let json = cluster.run(&["status"]).json;
    let nodes = json["nodes"].as_array().unwrap();
    let leads = nodes.iter().find(|node| node["node"] == by).unwrap();
    let peers = leads["status"]["peers"].as_array().unwrap();
    let shown = peers.iter().find(|peer| peer["id"] == of).unwrap();
    for figure in ["heard_ms", "holding", "lag_entries", "lag_ms"] {
        assert_eq!(shown[figure], Value::Null, "{figure} in {shown}");
    }

    let node = &cluster.nodes[leader];
    let figure =
        |name: &str, at: usize| node.figure(&format!("kraft_{name}{{peer=\"{}\"}}", at + 1));
    cluster
        .until("the alert", async || {
            let (_, alerts) = node.get("/v1/alerts");
            alerts.contains("peer_silent").then_some(())
        })
        .await;
    assert_eq!(figure("replication_lag_entries", silent), None);
    assert_eq!(figure("replication_lag_seconds", silent), None);
    assert!(figure("peer_silent_seconds", silent) > Some(1.0));
    assert!(figure("replication_lag_entries", first).is_some());
    cluster
        .until("a peer that is not silent", async || {
            (figure("peer_silent_seconds", first)? < 1.0).then_some(())
        })
        .await;

    cluster.nodes[silent].start();
    cluster.caught_up(silent).await;
    let node = &cluster.nodes[leader];
    cluster
        .until("a peer that is known, and no alert", async || {
            let known = peer(&cluster, leader, silent).await?;
            let last = cluster.status(leader).await?.last.index;
            let level = Holding {
                written: last,
                synced: last,
            };
            let (_, alerts) = node.get("/v1/alerts");
            let told = known.holding == Some(level) && known.lag_entries == Some(0);
            (told && !alerts.contains("peer_silent")).then_some(())
        })
        .await;
}
