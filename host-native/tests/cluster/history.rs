//! A node of three that was away for more changes of leader than a core remembers, its disk intact.

use kraft_proto::limits::TERM_RUNS_MAX;

use crate::e2e::Cluster;

/// More than a core remembers.
const CHANGES: usize = 75;

/// Node 3 is killed, and `kraft transfer` and `kraft put` follow each other between the other two.
async fn while_node_3_is_away() -> Cluster {
    let mut cluster = Cluster::start().await;
    let first = cluster.run(&["put", "k:first", "v"]);
    assert_eq!(first.code, 0, "{}", first.json);
    cluster.caught_up(2).await;
    cluster.nodes[2].kill();
    cluster.leader().await;
    for change in 0..CHANGES {
        let to = (change % 2 + 1).to_string();
        let moved = cluster.run(&["transfer", &to]);
        assert_eq!(moved.code, 0, "change {change}: {}", moved.json);
        let put = cluster.run(&["put", &format!("k:{change:03}"), "v"]);
        assert_eq!(put.code, 0, "change {change}: {}", put.json);
    }
    let status = cluster.status(0).await.unwrap();
    assert!(status.term.0 > TERM_RUNS_MAX as u64, "{}", status.term);
    cluster
}

/// Every row is there, and these nodes have made the same of them.
async fn all_is_there(cluster: &Cluster, nodes: &[usize], rows: usize) {
    assert_eq!(cluster.rows("k:").await.len(), rows);
    let mut digests = Vec::new();
    for at in nodes {
        cluster.caught_up(*at).await;
        let digest = cluster.client.digest(&cluster.nodes[*at].clients).await;
        digests.push(digest.unwrap().sha256);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same state on every node");
}

/// The story: 1. node 3 is down for seconds, in which leadership moves 75 times and each leader writes; 2. its
/// leader remembers no term that node 3's log ends with; 3. it used to wait for a snapshot that nobody makes,
/// for ever, with all it needs in the leader's log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_for_75_changes_of_leader_gets_every_entry() {
    let mut cluster = while_node_3_is_away().await;
    cluster.nodes[2].start();
    cluster.caught_up(2).await;
    all_is_there(&cluster, &[0, 1, 2], CHANGES + 1).await;
    for at in 0..3 {
        let status = cluster.status(at).await.unwrap();
        assert_eq!(status.warnings, [] as [String; 0], "node {}", at + 1);
    }
}

/// The story: 1. the same, and nodes 1 and 2 have committed everything; 2. node 1 starts again, node 2 is gone
/// for good, and node 3 is back; 3. all data is on the disk of node 1, and a majority runs: it led and
/// committed nothing, for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_started_again_and_a_node_that_was_away_commit() {
    let mut cluster = while_node_3_is_away().await;
    cluster.nodes[0].kill();
    cluster.nodes[1].kill();
    for at in [0, 2] {
        cluster.nodes[at].start();
    }
    let put = cluster.run(&["put", "k:last", "v"]);
    assert_eq!(put.code, 0, "{}", put.json);
    assert_eq!(cluster.leader().await, 0, "only node 1 has everything");
    all_is_there(&cluster, &[0, 2], CHANGES + 2).await;
    let (term, index) = (
        &put.json["position"]["term"],
        &put.json["position"]["index"],
    );
    let fate = cluster.run(&["fate", &format!("{term}.{index}")]);
    assert_eq!(fate.code, 0, "{}: {}", put.json, fate.json);
}
