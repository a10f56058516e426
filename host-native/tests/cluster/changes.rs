//! Clusters whose members change: a dead node is replaced, one grows to three under load, a node moves, and what makes a
//! cluster weaker is refused with what would be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kraft_client::Client;
use serde_json::Value;

use crate::e2e::Cluster;

/// Who votes, by `kraft member list`, once no change is on its way.
async fn voters(cluster: &Cluster) -> Vec<u64> {
    cluster
        .until("settled members", async || {
            let listed = cluster.run(&["member", "list"]);
            (listed.code == 0 && listed.json["settled"] == true).then(|| voters_of(&listed.json))
        })
        .await
}

fn voters_of(report: &Value) -> Vec<u64> {
    let members = report["members"].as_array().unwrap();
    let voters = members.iter().filter(|member| member["voting"] == "voter");
    voters
        .map(|member| member["id"].as_u64().unwrap())
        .collect()
}

/// Writes one after the other until it is dropped; each must be acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    fn start(client: Client) -> Self {
        let (stop, written) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (ended, count) = (stop.clone(), written.clone());
        let task = tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let number = count.load(Ordering::Relaxed);
                let put = client.put(format!("load{number}"), number.to_string());
                put.send().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self {
            stop,
            written,
            task,
        }
    }

    /// Ends it; how many were written.
    async fn end(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        self.written.load(Ordering::Relaxed)
    }
}

/// Every write of a load is there.
async fn all_there(cluster: &Cluster, written: u64) {
    assert!(written > 0);
    assert_eq!(cluster.rows("load").await.len() as u64, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_node_is_replaced_by_one_command_and_one_start() {
    let mut cluster = Cluster::start().await;
    let load = Load::start(cluster.another_client());
    let dead = cluster.follower().await;
    let old = (dead + 1) as u64;
    cluster.nodes[dead].kill();
    let alive = cluster.leader().await;
    let new = cluster.join(alive, &["--replace", &old.to_string()]);
    cluster.nodes[new].start();
    let mut expected = vec![1, 2, 3, 4];
    expected.retain(|id| *id != old);
    cluster
        .until("the new node in the place of the dead one", async || {
            (voters(&cluster).await == expected).then_some(())
        })
        .await;
    let written = load.end().await;
    all_there(&cluster, written).await;
    cluster.caught_up(new).await;

    // The dead one comes back, is told, and stops.
    cluster.nodes[dead].start();
    let end = std::time::Instant::now() + crate::e2e::PATIENCE;
    let code = loop {
        if let Some(code) = cluster.nodes[dead].ended() {
            break code;
        }
        assert!(std::time::Instant::now() < end, "a removed node stops");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    };
    assert_eq!(code, 5, "{}", cluster.nodes[dead].log());
    let said = cluster.nodes[dead].log();
    assert!(
        said.contains(&format!("node {old} was removed from its cluster")),
        "{said}"
    );

    // Its machine may join again, even under the number it had: on another store it is another member.
    let again = cluster.join_as(old, "again", new, &[]);
    cluster.nodes[again].start();
    cluster
        .until("the former member as a learner", async || {
            let listed = cluster.run(&["member", "list"]);
            let members = listed.json["members"].as_array()?.clone();
            let one = members.iter().find(|one| one["id"] == old)?;
            (one["voting"] == "learner" && one["lag_entries"] == 0).then_some(())
        })
        .await;
    assert_eq!(voters(&cluster).await, expected);

    // The new one counts: with it and one more there is a majority.
    let others = cluster.running().into_iter();
    let other = { others }.find(|at| ![new, again].contains(at)).unwrap();
    cluster.nodes[other].kill();
    assert_eq!(cluster.run(&["put", "after", "x"]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_one_grows_to_three_under_load() {
    let mut cluster = Cluster::start_alone().await;
    let load = Load::start(cluster.another_client());
    for _ in 0..2 {
        let joined = cluster.join(0, &[]);
        cluster.nodes[joined].start();
    }
    // Two are refused: they survive no more than one.
    let even = cluster.run(&["member", "promote", "2"]);
    assert_eq!(even.code, 5, "{}", even.json);
    assert!(
        even.json.to_string().contains("an even number"),
        "{}",
        even.json
    );
    let grown = cluster.run(&["member", "promote", "2", "3"]);
    assert_eq!(grown.code, 0, "{}", grown.json);
    assert_eq!(voters_of(&grown.json), [1, 2, 3]);
    // What was done is not done twice.
    assert_eq!(cluster.run(&["member", "promote", "2", "3"]).code, 0);
    let written = load.end().await;
    all_there(&cluster, written).await;

    let even = cluster.run(&["member", "remove", "2"]);
    assert_eq!(even.code, 5);
    cluster.caught_up(1).await;
    cluster.caught_up(2).await;
    cluster.nodes[0].kill();
    assert_eq!(cluster.run(&["put", "after", "x"]).code, 0, "two of three");
    // One of two that run: 3 is removed, and what is left has no majority up.
    let weaker = cluster.run(&["member", "remove", "2", "3"]);
    assert_eq!(weaker.code, 5);
    let why = weaker.json.to_string();
    assert!(why.contains("0 answer by now, and 1 are needed"), "{why}");
    cluster.nodes[0].start();
    cluster.caught_up(0).await;
    let forced = cluster.run(&["member", "remove", "3", "--force"]);
    assert_eq!(forced.code, 0, "{}", forced.json);
    assert_eq!(voters_of(&forced.json), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_moves_is_found_by_nodes_and_clients() {
    let mut cluster = Cluster::start().await;
    let moved = cluster.follower().await;
    let id = (moved + 1).to_string();
    cluster.nodes[moved].stop();
    let ports = crate::e2e::ports::Block::take();
    let [peers, clients] = ports.ports();
    let host = format!("127.0.0.1:{peers}");
    let told = cluster.run(&["member", "move", &id, "--host", &host]);
    assert_eq!(told.code, 0, "{}", told.json);
    assert!(told.json.to_string().contains(&host), "{}", told.json);
    cluster.nodes[moved].start_listening(&host, &format!("127.0.0.1:{clients}"));
    cluster.nodes[moved].clients = format!("127.0.0.1:{clients}");
    cluster.caught_up(moved).await;
    // The others started again look for it where the log says, whatever their files do.
    for other in cluster.running() {
        if other != moved {
            cluster.nodes[other].stop();
            cluster.nodes[other].start();
            cluster.caught_up(other).await;
        }
    }
    let listed = cluster.run(&["member", "list"]);
    assert!(listed.json.to_string().contains(&host), "{}", listed.json);
    let stranger = cluster.run(&["member", "move", "9", "--host", &host]);
    assert_eq!(stranger.code, 5);
}
