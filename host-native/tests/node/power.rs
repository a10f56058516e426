//! Real nodes whose power goes: what was only written is gone, and the node that forgot it is trusted
//! again only once it is whole.

use std::sync::Arc;

use kraft_proto::{CommitMode, Fate, FsyncMode, Held, LogPosition, Trust};
use kraft_storage::Boot;
use kraft_storage::testing::Crash;

use crate::rig;
use crate::rig::{Cluster, Stopped};

/// Acknowledges `key` on the written copies of a majority at least.
async fn relaxed(cluster: &Cluster, mode: CommitMode, key: &str) -> LogPosition {
    let put = cluster.client.put(key, "relaxed").mode(mode);
    let answer = put.fsync(FsyncMode::None).send().await.unwrap();
    let achieved = answer.achieved.unwrap();
    assert_eq!(achieved.held, Held::Written);
    answer.position
}

/// What the disk of a stopped node says of it.
fn marked(stopped: &Stopped) -> (Trust, Boot) {
    let options = kraft_storage::Options {
        segment_bytes: rig::SEGMENT_BYTES,
        ..kraft_storage::Options::default()
    };
    let files = Arc::new(stopped.disk.clone());
    let opened = kraft_storage::open(&stopped.config.data_dir, files, &options).unwrap();
    (opened.hard_state.trust, opened.boot)
}

/// Waits until node `at` says this of what it waits for.
async fn warns(cluster: &Cluster, at: usize, words: &str) {
    cluster
        .until(words, async || {
            let status = cluster.status(at).await?;
            let mut warnings = status.warnings.iter();
            warnings
                .any(|warning| warning.contains(words))
                .then_some(())
        })
        .await;
}

async fn is_committed(cluster: &Cluster, position: LogPosition) {
    cluster
        .until("a committed write", async || {
            let fate = cluster.client.fate(position).await.ok()?.fate;
            assert!(matches!(fate, Fate::Committed | Fate::Pending), "{fate:?}");
            (fate == Fate::Committed).then_some(())
        })
        .await;
}

async fn is_trusted(cluster: &Cluster, at: usize) {
    cluster
        .until("a node that is trusted", async || {
            let status = cluster.status(at).await?;
            (status.trust != Trust::Suspect).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_that_loses_its_power_costs_no_acknowledged_write() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 3;
    // The first relaxed write marks the disks; what comes after it stays in the page cache.
    relaxed(&cluster, CommitMode::All, "marks").await;
    cluster.nodes[follower].disk.gate.shut();
    let kept = relaxed(&cluster, CommitMode::All, "kept").await;
    let stopped = cluster.crash(follower, Crash::Power).await;
    assert_eq!(marked(&stopped), (Trust::Dirty, Boot::Changed));
    cluster.restart(stopped).await;
    is_trusted(&cluster, follower).await;
    cluster.leader().await;
    cluster.agree().await;
    is_committed(&cluster, kept).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_forgets_nothing_and_is_no_suspect() {
    let mut cluster = Cluster::start().await;
    let follower = (cluster.leader().await + 1) % 3;
    relaxed(&cluster, CommitMode::All, "marks").await;
    cluster.nodes[follower].disk.gate.shut();
    relaxed(&cluster, CommitMode::All, "kept").await;
    let stopped = cluster.crash(follower, Crash::Process).await;
    assert_eq!(marked(&stopped), (Trust::Dirty, Boot::Same));
    cluster.restart(stopped).await;
    let status = cluster.until("its status", async || cluster.status(follower).await);
    assert_ne!(status.await.trust, Trust::Suspect);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_lose_their_power_nobody_leads_before_everybody_is_back() {
    let mut cluster = Cluster::start().await;
    cluster.leader().await;
    let firm = cluster.client.put("firm", "synced").send().await.unwrap();
    relaxed(&cluster, CommitMode::All, "marks").await;
    for node in &cluster.nodes {
        node.disk.gate.shut();
    }
    let gone = relaxed(&cluster, CommitMode::All, "gone").await;
    let mut dark = Vec::new();
    for at in (0..3).rev() {
        dark.push(cluster.crash(at, Crash::Power).await);
    }
    let third = dark.remove(0);
    for stopped in dark.into_iter().rev() {
        assert_eq!(marked(&stopped), (Trust::Dirty, Boot::Changed));
        cluster.restart(stopped).await;
    }
    // Two suspects have a majority of votes, and not one of them is clean.
    let waits = "sure to have forgotten nothing in a power cut";
    let either = cluster.until("a candidacy that waits", async || {
        for at in 0..2 {
            let status = cluster.status(at).await?;
            if status
                .warnings
                .iter()
                .any(|warning| warning.contains(waits))
            {
                assert_eq!(status.leader, None);
                return Some(());
            }
        }
        None
    });
    either.await;
    for at in 0..2 {
        warns(&cluster, at, "may have forgotten copies in a power cut").await;
    }
    cluster.restart(third).await;
    cluster.leader().await;
    for at in 0..3 {
        is_trusted(&cluster, at).await;
    }
    assert!(cluster.client.get("firm").await.unwrap().is_some());
    is_committed(&cluster, firm.position).await;
    // The contract says that this one may be lost; if it is, it is said.
    let fate = cluster.client.fate(gone).await.unwrap().fate;
    assert!(matches!(fate, Fate::Lost | Fate::Committed), "{fate:?}");
    println!("what all had merely written: {fate:?}");
    cluster.agree().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_stop_the_power_may_go() {
    let cluster = Cluster::start().await;
    relaxed(&cluster, CommitMode::All, "written").await;
    let disks: Vec<_> = cluster.nodes.iter().map(|node| node.disk.clone()).collect();
    let dir = cluster.data_dir();
    cluster.stop().await;
    for disk in disks {
        let options = kraft_storage::Options {
            segment_bytes: rig::SEGMENT_BYTES,
            ..kraft_storage::Options::default()
        };
        let files = disk.fs.crash(Crash::Power).shared();
        let opened = kraft_storage::open(&dir, files, &options).unwrap();
        assert_eq!(opened.hard_state.trust, Trust::Clean);
    }
}
