//! What an operator sees: data at risk, its alert, its loss, and whether a node is ready.

use kraft_proto::ids::LogPosition;
use kraft_proto::output::Fate;
use kraft_proto::{CommitMode, FsyncMode, Role};
use kraft_wire::api::TestSwitch;

use crate::e2e::Cluster;

/// Writes that are acknowledged by the leader alone.
const WRITES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_at_risk_is_watched_until_its_fate_is_known() {
    let mut cluster = Cluster::start_with(&["--alert-bytes-at-risk", "1KiB"]).await;
    let leader = cluster.leader().await;
    let positions = acknowledged_by_the_leader_alone(&cluster, leader).await;
    risk_is_shown(&cluster, leader).await;

    cluster.nodes[leader].signal("STOP");
    another_leads(&cluster, leader).await;
    let client = cluster.another_client();
    client.put("after", "x").send().await.unwrap();
    cluster.nodes[leader].signal("CONT");
    loss_is_shown(&cluster, leader).await;
    for at in 0..3 {
        cluster.caught_up(at).await;
        for position in &positions {
            let report = client.fate_of(&cluster.nodes[at].clients, *position).await;
            assert_eq!(report.unwrap().fate, Fate::Lost, "{position} by node {at}");
        }
    }
    println!("{WRITES} fates: every node says lost");

    readiness_follows_the_majority(&mut cluster).await;
}

async fn acknowledged_by_the_leader_alone(cluster: &Cluster, leader: usize) -> Vec<LogPosition> {
    let address = &cluster.nodes[leader].clients;
    let held = cluster.client.test(address, TestSwitch::HoldAppends).await;
    held.unwrap();
    let mut positions = Vec::new();
    for number in 0..WRITES {
        let put = cluster.client.put(format!("early:{number}"), [b'x'; 256]);
        let put = put.mode(CommitMode::LeaderOnly).fsync(FsyncMode::None);
        positions.push(put.send().await.unwrap().position);
    }
    positions
}

async fn risk_is_shown(cluster: &Cluster, leader: usize) {
    let node = &cluster.nodes[leader];
    let (entries, bytes) = cluster
        .until("figures of what is at risk", async || {
            let entries = node.figure("kraft_entries_at_risk")?;
            let bytes = node.figure("kraft_bytes_at_risk")?;
            (entries == WRITES as f64).then_some((entries, bytes))
        })
        .await;
    assert!(bytes >= 256.0 * entries, "{bytes}");
    let alert = cluster
        .until("an alert", async || {
            let (status, alerts) = node.get("/v1/alerts");
            (status == 200 && alerts.contains("data_at_risk")).then_some(alerts)
        })
        .await;
    let raised = node.figure("kraft_alerts_total{alert=\"data_at_risk\"}");
    assert_eq!(raised, Some(1.0));
    println!("{entries} entries, {bytes} bytes at risk: {alert}");
}

async fn another_leads(cluster: &Cluster, old: usize) {
    cluster
        .until("another leader", async || {
            for at in (0..3).filter(|at| *at != old) {
                if cluster.status(at).await?.role == Role::Leader {
                    return Some(());
                }
            }
            None
        })
        .await;
}

async fn loss_is_shown(cluster: &Cluster, old: usize) {
    let node = &cluster.nodes[old];
    cluster
        .until("the deposed leader's count of lost acks", async || {
            let lost = node.figure("kraft_acks_lost_total{mode=\"leader_only\"}")?;
            (lost == WRITES as f64).then_some(())
        })
        .await;
    cluster
        .until("nothing at risk any more", async || {
            let none = node.figure("kraft_entries_at_risk")? == 0.0;
            let over = !node.get("/v1/alerts").1.contains("data_at_risk");
            (none && over).then_some(())
        })
        .await;
    println!("the deposed leader counts {WRITES} lost acknowledgements, and its alert is over");
}

async fn readiness_follows_the_majority(cluster: &mut Cluster) {
    for at in [0, 1] {
        cluster.nodes[at].kill();
    }
    let why = cluster
        .until("a node that is not ready", async || {
            let (status, why) = cluster.nodes[2].get("/readyz");
            (status == 503).then_some(why)
        })
        .await;
    assert_eq!(cluster.nodes[2].get("/healthz").0, 200, "it is well itself");
    println!("alone, a node is not ready: {}", why.trim());
    for at in [0, 1] {
        cluster.nodes[at].start();
    }
    cluster
        .until("every node ready again", async || {
            cluster.leader().await;
            let ready = |at: usize| cluster.nodes[at].get("/readyz").0 == 200;
            (0..3).all(ready).then_some(())
        })
        .await;
}
