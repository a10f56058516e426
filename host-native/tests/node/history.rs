//! Real nodes whose logs have more terms than their cores remember, and that are started again: what was told
//! as committed is known at once, as far as the log has it.

use std::time::Duration;

use kraft_proto::limits::TERM_RUNS_MAX;
use kraft_proto::{FsyncMode, LogPosition, NodeId, Trust};
use kraft_storage::testing::Crash;

use crate::rig::{Cluster, Stopped};

/// More than the terms a core remembers.
const CHANGES: u64 = TERM_RUNS_MAX as u64 + 2;

/// Leadership goes back and forth between nodes 1 and 2, and each writes.
async fn change_leaders(cluster: &Cluster) {
    for change in 0..CHANGES {
        let to = NodeId(2 - change % 2);
        let leads = cluster.client.transfer(Some(to)).await.unwrap();
        assert_eq!(leads.leader, to, "change {change}");
        let put = cluster.client.put(format!("k{change}"), "v");
        put.send().await.unwrap();
    }
}

/// What node `at` says is committed.
async fn commit(cluster: &Cluster, at: usize) -> LogPosition {
    let status = cluster.until("its status", async || cluster.status(at).await);
    status.await.commit
}

/// Starts it alone: two others are missing, so nobody can be elected.
async fn alone(cluster: &mut Cluster, stopped: Stopped) -> LogPosition {
    assert!(cluster.nodes.is_empty());
    cluster.restart(stopped).await;
    let status = cluster.until("its status", async || cluster.status(0).await);
    let status = status.await;
    assert_eq!(status.leader, None);
    status.commit
}

/// The story: 1. a cluster of many terms stops in order; 2. one node is started, and knows at once what it knew,
/// and has applied it; 3. it used to know nothing before an election.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_stop_in_order_a_node_alone_knows_what_was_committed() {
    let mut cluster = Cluster::start().await;
    change_leaders(&cluster).await;
    let all = cluster.agree().await;
    let third = cluster.halt(2).await;
    let second = cluster.halt(1).await;
    let first = cluster.halt(0).await;
    let known = first.recovered().committed;
    assert!(known.index.0 >= all, "{known}, agreed on {all}");
    assert!(known.term.0 > TERM_RUNS_MAX as u64, "{known}");
    assert_eq!(alone(&mut cluster, first).await, known);
    cluster
        .until("all of that applied", async || {
            let applied = cluster.status(0).await?.applied;
            (applied == known).then_some(())
        })
        .await;
    cluster.restart(second).await;
    cluster.restart(third).await;
    cluster.leader().await;
    cluster.agree().await;
    cluster.stop().await;
}

/// A node that is killed keeps what it knew when it last wrote a hard state, or began a segment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_a_node_alone_knows_what_was_committed_at_its_last_change_of_term() {
    let mut cluster = Cluster::start().await;
    change_leaders(&cluster).await;
    let before = commit(&cluster, 2).await;
    cluster.client.transfer(Some(NodeId(2))).await.unwrap();
    cluster.agree().await;
    let killed = cluster.crash(2, Crash::Process).await;
    cluster.halt(1).await;
    cluster.halt(0).await;
    let known = alone(&mut cluster, killed).await;
    assert!(known.index >= before.index, "{known}, was {before}");
    cluster.stop().await;
}

/// The story: 1. node 3 hears that a write is committed, on the disks of the others, while its own copy is
/// unsynced; 2. it votes, so its disk keeps what it heard; 3. its power goes, and the copy with it. Clamped to
/// the log that is left, what it heard would have it apply what nobody committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_power_cut_took_is_not_taken_for_committed() {
    let mut cluster = Cluster::start_with(|mut config| {
        config.durability.lazy_force = match config.node {
            Some(NodeId(3)) => Duration::from_secs(3600),
            _ => Duration::from_millis(20),
        };
        config
    })
    .await;
    cluster.client.transfer(Some(NodeId(1))).await.unwrap();
    cluster.client.put("firm", "v").send().await.unwrap();
    cluster.agree().await;
    let put = cluster.client.put("relaxed", "v").fsync(FsyncMode::None);
    let relaxed = put.send().await.unwrap().position;
    cluster
        .until("a commit that node 3 has merely written", async || {
            let status = cluster.status(2).await?;
            assert!(status.watermarks.synced < relaxed.index, "{status:?}");
            (status.commit.index >= relaxed.index).then_some(())
        })
        .await;
    let log_gate = cluster.nodes[2].disk.log_gate.clone();
    log_gate.shut();
    cluster.client.transfer(Some(NodeId(2))).await.unwrap();
    cluster
        .until("entries of the new term at node 3", async || {
            log_gate.is_waited_at().then_some(())
        })
        .await;
    let third = cluster.cut_power(2).await;
    let opened = third.recovered();
    assert!(opened.committed.index >= relaxed.index);
    assert!(opened.store.last().index < relaxed.index);
    drop(opened);
    let second = cluster.halt(1).await;
    let first = cluster.halt(0).await;
    assert_eq!(alone(&mut cluster, third).await, LogPosition::ZERO);
    let suspect = cluster.status(0).await.map(|status| status.trust);
    assert_eq!(suspect, Some(Trust::Suspect));
    cluster.restart(first).await;
    cluster.restart(second).await;
    cluster.leader().await;
    cluster.agree().await;
    assert!(cluster.client.get("relaxed").await.unwrap().is_some());
    cluster.stop().await;
}
