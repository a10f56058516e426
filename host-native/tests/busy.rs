//! Bounds of a real node that are full: a write or read beyond one is refused by name, and taken once
//! there is room again. And who has an early answer awaits the stronger one.

mod rig;

use std::time::Duration;

use host_native::client::{Client, ClientError};
use host_native::config::Config;
use kraft_proto::{CommitMode, Fate, FsyncMode, Grade, Held};
use rig::{Cluster, PATIENCE};

const MIB: usize = 1024 * 1024;

/// A value whose entry is a little less than 256 KiB.
const BIG: usize = MIB / 4 - 256;

/// As long as a client that is refused asks again; long enough for an answer from a machine with much
/// else to do.
const BRIEFLY: Duration = Duration::from_secs(3);

fn patient_disk(mut config: Config) -> Config {
    // The leader stays while its disk is held up.
    config.durability.disk_stall = Duration::from_secs(3600);
    config
}

/// Nothing is open when this returns: what is counted after it is the test's own.
async fn committed(cluster: &Cluster) {
    let put = cluster.client.put("settle", "").mode(CommitMode::All);
    put.fsync(FsyncMode::Commit).send().await.unwrap();
}

/// Why a write was not taken.
async fn refusal(client: &Client, mode: CommitMode, bytes: usize) -> String {
    let put = client.put("refused", vec![b'x'; bytes]).mode(mode);
    match put.fsync(FsyncMode::Commit).deadline(BRIEFLY).send().await {
        Err(ClientError::NotWritten { last, .. }) => last,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_wait_for_the_disk_are_bounded_and_taken_again_once_it_answers() {
    let cluster = Cluster::start_with(|mut config| {
        config.limits.unwritten_bytes = 16 * MIB as u64;
        config.limits.writes_in_flight = 1;
        patient_disk(config)
    })
    .await;
    committed(&cluster).await;
    let leader = cluster.leader().await;
    cluster.nodes[leader].disk.gate.shut();
    // The first is with the disk; each of the others waits in memory, although two disks have it.
    const FIT: usize = 1 + 64;
    for _ in 0..FIT {
        let put = cluster.client.put("big", vec![b'x'; BIG]);
        let answer = put.fsync(FsyncMode::Commit).send().await.unwrap();
        assert_eq!(answer.grade, Grade::AsAsked);
    }
    let last = refusal(&cluster.client, CommitMode::Sync, BIG).await;
    assert!(
        last.contains("unwritten bytes at its limit of 16777216"),
        "{last}"
    );
    cluster.nodes[leader].disk.gate.open();
    let put = cluster.client.put("big", vec![b'x'; BIG]);
    let answer = put.fsync(FsyncMode::Commit).send().await.unwrap();
    assert_eq!(answer.grade, Grade::AsAsked);
    println!("{FIT} writes of {BIG} bytes fit below the bound of 16 MiB");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_and_reads_that_wait_are_bounded() {
    let cluster = Cluster::start_with(|mut config| {
        config.limits.waiting_writes = 2;
        config.limits.waiting_reads = 2;
        patient_disk(config)
    })
    .await;
    committed(&cluster).await;
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.clone().for_each(|gate| gate.shut());
    let wait = |n: u8| {
        let put = cluster.client.put([n], "x").fsync(FsyncMode::Commit);
        tokio::spawn(put.send())
    };
    let (first, second) = (wait(1), wait(2));
    let leader = cluster.leader().await;
    let both = async || {
        let status = cluster.status(leader).await?;
        (status.last.index.since(status.commit.index) >= 2).then_some(())
    };
    cluster.until("two writes wait", both).await;
    let last = refusal(&cluster.client, CommitMode::Sync, 1).await;
    assert!(
        last.contains("waiting requests at its limit of 2"),
        "{last}"
    );
    disks.for_each(|gate| gate.open());
    for sent in [first, second] {
        assert_eq!(sent.await.unwrap().unwrap().grade, Grade::AsAsked);
    }
    cluster.client.put("more", "x").send().await.unwrap();
    // Reads that can be confirmed do not wait.
    for _ in 0..4 {
        assert!(cluster.client.get("more").await.unwrap().is_some());
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_comes_first_and_the_commit_is_awaited() {
    let cluster = Cluster::start_with(patient_disk).await;
    committed(&cluster).await;
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.clone().for_each(|gate| gate.shut());
    let early = cluster
        .client
        .put("early", "x")
        .mode(CommitMode::LeaderOnly);
    let early = early.fsync(FsyncMode::None).send().await.unwrap();
    assert_eq!(early.achieved.unwrap().held, Held::Written);
    // No disk was forced: it cannot be committed yet.
    let pending = cluster.client.await_commit(early.position, BRIEFLY).await;
    assert_eq!(pending.unwrap().fate, Fate::Pending);
    let client = cluster.client.clone();
    let awaited = tokio::spawn(async move { client.await_commit(early.position, PATIENCE).await });
    disks.for_each(|gate| gate.open());
    let report = awaited.await.unwrap().unwrap();
    assert_eq!(
        (report.position, report.fate),
        (early.position, Fate::Committed)
    );
    assert!(report.commit >= early.position.index);
    // What is decided already is told at once.
    let again = cluster.client.await_commit(early.position, PATIENCE).await;
    assert_eq!(again.unwrap().fate, Fate::Committed);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_how_far_followers_are_behind_what_is_waited_for_and_what_is_at_risk() {
    let cluster = Cluster::start_with(patient_disk).await;
    committed(&cluster).await;
    let leader = cluster.leader().await;
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.clone().for_each(|gate| gate.shut());
    for _ in 0..3 {
        let put = cluster
            .client
            .put("early", "x")
            .mode(CommitMode::LeaderOnly);
        put.fsync(FsyncMode::None).send().await.unwrap();
    }
    let status = cluster.status(leader).await.unwrap();
    assert_eq!(status.at_risk.entries, 3);
    let waits = status
        .waiting
        .iter()
        .any(|why| why.contains("entries wait to be committed"));
    assert!(waits, "{:?}", status.waiting);
    assert_eq!((status.unkept.lost, status.suspects), (0, 0));
    disks.for_each(|gate| gate.open());
    let all = async || {
        let status = cluster.status(leader).await?;
        let caught_up = status.lag.entries_max == 0 && status.at_risk.entries == 0;
        (caught_up && status.commit == status.last).then_some(status)
    };
    let status = cluster.until("everything is committed", all).await;
    assert_eq!(status.lag.entries_mean, 0);
    cluster.stop().await;
}
