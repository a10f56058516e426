//! Disks that are slow, stuck or full under real nodes: every promise stays exact, nothing stalls
//! without a name, and a disk that has room again is used without a restart.

use std::collections::BTreeMap;

use host_native::node::NodeError;
use kraft_client::ClientError;
use kraft_proto::{CommitMode, FsyncMode, Grade, Held, LogIndex};
use kraft_wire::api::{Answer, Freshness, RequestRefusal};
use kraft_wire::key_value::Unfit;
use tokio::task::{JoinHandle, JoinSet};

use crate::rig::disk::Gate;
use crate::rig::{Cluster, SEGMENT_BYTES};

/// Modes that rest on copies, and how many of three disks each needs, the leader's last.
const MODES: [CommitMode; 4] = [
    CommitMode::LeaderOnly,
    CommitMode::AtLeast(2),
    CommitMode::Sync,
    CommitMode::All,
];

/// What fills a segment soon.
const VALUE: [u8; 16 * 1024] = [b'x'; 16 * 1024];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_disk_nothing_is_acknowledged_as_synced_before_it_is() {
    let cluster = Cluster::start().await;
    let mut checked = 0;
    for fsync in [FsyncMode::None, FsyncMode::Batch] {
        for mode in MODES {
            a_relaxed_write_waits_for_no_disk(&cluster, mode, fsync).await;
            checked += 1;
        }
    }
    for fsync in [FsyncMode::Commit, FsyncMode::Always] {
        for mode in MODES {
            a_firm_write_waits_for_exactly_its_disks(&cluster, mode, fsync).await;
            checked += 1;
        }
    }
    println!("{checked} classes on disks that force nothing, then one disk after the other");
    cluster.stop().await;
}

/// Nothing is left to be forced on any node when this returns.
async fn settle(cluster: &Cluster) {
    let put = cluster.client.put("settle", "").mode(CommitMode::All);
    put.fsync(FsyncMode::Commit).send().await.unwrap();
}

fn shut_all(cluster: &Cluster) {
    cluster.nodes.iter().for_each(|node| node.disk.gate.shut());
}

fn open_all(cluster: &Cluster) {
    cluster.nodes.iter().for_each(|node| node.disk.gate.open());
}

async fn a_relaxed_write_waits_for_no_disk(cluster: &Cluster, mode: CommitMode, fsync: FsyncMode) {
    settle(cluster).await;
    // The first of them waits for one thing: the mark that a power cut would take such copies.
    let marks = cluster.client.put("marks", "x").mode(CommitMode::All);
    marks.fsync(FsyncMode::None).send().await.unwrap();
    shut_all(cluster);
    let put = cluster.client.put("relaxed", "x").mode(mode).fsync(fsync);
    let answer = put.send().await.unwrap();
    assert_eq!(answer.grade, Grade::AsAsked, "{mode} {fsync}");
    assert_eq!(
        answer.achieved.unwrap().held,
        Held::Written,
        "{mode} {fsync}"
    );
    for at in 0..3 {
        let status = cluster.status(at).await.unwrap();
        assert!(
            status.watermarks.synced < answer.position.index,
            "node {at}"
        );
        assert!(status.commit < answer.position, "only forced copies commit");
    }
    open_all(cluster);
}

/// A write on its way, and which disks could be forced when it was acknowledged.
fn send(cluster: &Cluster, mode: CommitMode, fsync: FsyncMode) -> JoinHandle<(Answer, Vec<bool>)> {
    let put = cluster.client.put("firm", "x").mode(mode).fsync(fsync);
    let disks = cluster.nodes.iter().map(|node| node.disk.gate.clone());
    let gates: Vec<Gate> = disks.collect();
    tokio::spawn(async move {
        let answer = put.send().await.unwrap();
        (answer, gates.iter().map(Gate::is_open).collect())
    })
}

async fn a_firm_write_waits_for_exactly_its_disks(
    cluster: &Cluster,
    mode: CommitMode,
    fsync: FsyncMode,
) {
    settle(cluster).await;
    let leader = cluster.leader().await;
    let before = cluster.status(leader).await.unwrap().last.index;
    shut_all(cluster);
    let sent = send(cluster, mode, fsync);
    let all_wait = async || {
        let mut gates = cluster.nodes.iter().map(|node| &node.disk.gate);
        gates.all(Gate::is_waited_at).then_some(())
    };
    cluster.until("three disks at work", all_wait).await;
    let own = before.next();
    assert!(!sent.is_finished(), "{mode} {fsync}: no disk was forced");
    let followers: Vec<usize> = (0..3).filter(|at| *at != leader).collect();
    for (count, at) in (1..).zip(&followers) {
        cluster.nodes[*at].disk.gate.open();
        let all = followers[..count].to_vec();
        synced_by(cluster, leader, &all, own).await;
        if mode != CommitMode::Sync || count < 2 {
            assert!(
                !sent.is_finished(),
                "{mode} {fsync}: {count} disks, not the leader's"
            );
        }
    }
    if mode != CommitMode::Sync {
        cluster.nodes[leader].disk.gate.open();
    }
    let (answer, open) = sent.await.unwrap();
    assert_eq!(answer.grade, Grade::AsAsked, "{mode} {fsync}");
    assert_eq!(
        answer.achieved.unwrap().held,
        Held::Synced,
        "{mode} {fsync}"
    );
    assert_eq!(answer.position.index, own);
    let forced = open.iter().filter(|open| **open).count();
    match mode {
        // Two followers' disks, while the leader's is still stuck.
        CommitMode::Sync => assert_eq!((forced, open[leader]), (2, false)),
        CommitMode::All => assert_eq!(forced, 3),
        _ => assert!(open[leader], "{mode} {fsync}"),
    }
    open_all(cluster);
}

/// Waits until the leader knows that these followers have forced `index`.
async fn synced_by(cluster: &Cluster, leader: usize, followers: &[usize], index: LogIndex) {
    cluster
        .until("a follower's disk", async || {
            let status = cluster.status(leader).await?;
            let synced = |at: &usize| {
                let mut peers = status.peers.iter();
                peers.any(|peer| {
                    peer.id.0 as usize == at + 1
                        && peer
                            .watermarks
                            .is_some_and(|watermarks| watermarks.synced >= index)
                })
            };
            followers.iter().all(synced).then_some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stuck_disk_is_named_and_stalls_only_what_needs_it() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    for at in [leader, (leader + 1) % 3] {
        settle(&cluster).await;
        let gate = &cluster.nodes[at].disk.gate;
        gate.shut();
        // With one disk of three: what needs all of them, or the leader's own.
        let needs_it = match at == leader {
            true => CommitMode::LeaderOnly,
            false => CommitMode::All,
        };
        let waiting = send(&cluster, needs_it, FsyncMode::Commit);
        for number in 0..20 {
            let put = cluster.client.put(format!("stuck:{at}:{number}"), "x");
            let answer = put.mode(CommitMode::Sync).fsync(FsyncMode::Commit).send();
            assert_eq!(answer.await.unwrap().grade, Grade::AsAsked);
        }
        let read = cluster.client.get(format!("stuck:{at}:19")).await.unwrap();
        assert!(read.is_some(), "reads go on");
        let named = cluster
            .until("a warning", async || {
                let warnings = cluster.status(at).await?.warnings;
                warnings
                    .into_iter()
                    .find(|text| text.contains("the disk has been at one write"))
            })
            .await;
        let busy = cluster.nodes[at].figure("kraft_disk_busy_seconds").await;
        assert!(busy.unwrap() >= 1.0, "{busy:?}");
        for other in (0..3).filter(|other| *other != at) {
            assert_eq!(cluster.status(other).await.unwrap().warnings, [""; 0]);
        }
        assert!(
            !waiting.is_finished(),
            "{needs_it} needs the disk that is stuck"
        );
        assert!(cluster.leads(leader).await);
        gate.open();
        let (answer, open) = waiting.await.unwrap();
        assert!(open[at] && answer.achieved.unwrap().held == Held::Synced);
        all_is_well(&cluster, at).await;
        println!("node {} (leader: {}): {named}", at + 1, at == leader);
    }
    cluster.agree().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_on_a_stuck_disk_ends_by_itself_and_says_what_was_not_done() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    for at in [(leader + 1) % 3, leader] {
        let synced = format!("synced:{at}");
        let put = cluster.client.put(&synced, "x").mode(CommitMode::All);
        put.fsync(FsyncMode::Commit).send().await.unwrap();
        let gate = cluster.nodes[at].disk.gate.clone();
        gate.shut();
        let put = cluster.client.put(format!("cut off:{at}"), "x");
        let waiting = tokio::spawn(put.mode(CommitMode::All).fsync(FsyncMode::Commit).send());
        let at_work = async || gate.is_waited_at().then_some(());
        cluster.until("a disk at work", at_work).await;
        let (ended, stopped) = cluster.stop_on_a_stuck_disk(at).await;
        let error = ended.expect_err("it was no clean stop");
        match &error {
            NodeError::Unfinished(unfinished) => assert!(unfinished.writes > 0, "{error}"),
            other => panic!("{other}"),
        }
        println!("node {} (leader: {}): {error}", at + 1, at == leader);
        cluster.restart(stopped).await;
        cluster.leader().await;
        // Whatever it says: somebody has answered, and nobody waits for the node that is gone.
        let _ = waiting.await.unwrap();
        let read = cluster.client.get(&synced).await.unwrap();
        assert!(read.is_some(), "{synced} was acknowledged");
        cluster.agree().await;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_no_segment_could_hold_is_refused_with_the_limit_and_ends_no_node() {
    let cluster = Cluster::start().await;
    let incarnations = all_incarnations(&cluster).await;
    // What a client may ask for anywhere, and more than fits beside a segment's own header.
    let put = async |bytes: usize| {
        let put = cluster.client.put("large", vec![b'x'; bytes]);
        put.mode(CommitMode::All).send().await
    };
    let refused = put(SEGMENT_BYTES as usize).await.expect_err("too large");
    let ClientError::Refused(RequestRefusal::Unfit(Unfit::TooLarge { size, limit, .. })) = refused
    else {
        panic!("{refused}");
    };
    assert!(SEGMENT_BYTES - 16 * 1024 < limit && limit < SEGMENT_BYTES);
    println!("refused: {refused}");
    // The very limit: what the key, the request and the like take is what the refusal counted.
    let around = size - SEGMENT_BYTES;
    let largest = usize::try_from(limit - around).unwrap();
    put(largest).await.expect("the largest fits");
    let refused = put(largest + 1).await;
    assert!(
        matches!(
            refused,
            Err(ClientError::Refused(RequestRefusal::Unfit(
                Unfit::TooLarge { .. }
            )))
        ),
        "{refused:?}"
    );
    cluster.agree().await;
    let read = cluster.client.get("large").await.unwrap();
    assert_eq!(read.map(|value| value.len()), Some(largest));
    assert_eq!(
        all_incarnations(&cluster).await,
        incarnations,
        "nothing was restarted"
    );
    println!(
        "{largest} bytes are taken by every node, {} by none",
        largest + 1
    );
    cluster.stop().await;
}

/// Writes, many at once, until there are `acked`, or one is refused. How many were acknowledged,
/// and the refusal.
async fn write(
    cluster: &Cluster,
    prefix: &str,
    wanted: usize,
) -> (Vec<String>, Option<RequestRefusal>) {
    let (mut acked, mut refused) = (Vec::new(), None);
    let mut number = 0;
    while acked.len() < wanted && refused.is_none() {
        let mut batch = BTreeMap::new();
        for _ in 0..32 {
            number += 1;
            let key = format!("{prefix}:{number}");
            let put = cluster.client.put(&key, VALUE).mode(CommitMode::Sync);
            batch.insert(key, tokio::spawn(put.fsync(FsyncMode::Commit).send()));
        }
        for (key, put) in batch {
            match put.await.unwrap() {
                Ok(answer) => {
                    assert_eq!(answer.grade, Grade::AsAsked);
                    acked.push(key);
                }
                Err(ClientError::Refused(refusal)) => refused = Some(refusal),
                Err(other) => panic!("{other}"),
            }
        }
    }
    (acked, refused)
}

/// Writes, all at once, until one is refused; then every disk has room again. Which were acknowledged,
/// and how many refused.
///
/// A leader may have more room than both of its followers, and does not know: what it takes then waits
/// for theirs.
async fn flood(
    cluster: &Cluster,
    prefix: &str,
    count: usize,
    value: &'static [u8],
) -> (Vec<String>, usize) {
    let mut puts = JoinSet::new();
    for number in 0..count {
        let key = format!("{prefix}:{number}");
        let put = cluster.client.put(&key, value).send();
        puts.spawn(async move { (key, put.await) });
    }
    let (mut acked, mut refused) = (Vec::new(), 0);
    while let Some(answered) = puts.join_next().await {
        match answered.unwrap() {
            (key, Ok(answer)) => {
                assert_eq!(answer.grade, Grade::AsAsked);
                acked.push(key);
            }
            (_, Err(ClientError::Refused(RequestRefusal::DiskFull { .. }))) => {
                refused += 1;
                cluster.nodes.iter().for_each(|node| node.disk.free());
            }
            (key, Err(other)) => panic!("{key}: {other}"),
        }
    }
    (acked, refused)
}

async fn warns_of_full_disk(cluster: &Cluster, at: usize) -> bool {
    let warnings = cluster.status(at).await.unwrap().warnings;
    warnings
        .iter()
        .any(|text| text.contains("the disk is full"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_turns_entries_away_and_is_back_in_service_once_it_has_room() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 3;
    let incarnations: Vec<_> = all_incarnations(&cluster).await;

    // A follower: the cluster goes on without it.
    cluster.nodes[follower].disk.fill();
    let (mut acked, refused) = write(&cluster, "follower", 400).await;
    assert_eq!(refused, None);
    assert!(warns_of_full_disk(&cluster, follower).await);
    assert_eq!(
        cluster.nodes[follower].figure("kraft_disk_full").await,
        Some(1.0)
    );
    let (ahead, behind) = ends(&cluster, leader, follower).await;
    assert!(behind < ahead, "{behind} of {ahead}");
    println!("a full follower holds {behind} of {ahead} entries");
    cluster.nodes[follower].disk.free();
    cluster.agree().await;
    all_is_well(&cluster, follower).await;

    // The leader: its clients are told, before anything of theirs is in the log.
    cluster.nodes[leader].disk.fill();
    let (more, refused) = write(&cluster, "leader", usize::MAX).await;
    let refusal = refused.unwrap();
    assert!(
        matches!(refusal, RequestRefusal::DiskFull { .. }),
        "{refusal}"
    );
    println!("a full leader, after {} writes: {refusal}", more.len());
    acked.extend(more);
    assert!(warns_of_full_disk(&cluster, leader).await);
    let read = cluster.client.get("leader:1").await.unwrap();
    assert!(read.is_some(), "reads are served");
    // What it publishes is looked at now and then.
    let turned_away = async || {
        let (status, why) = cluster.nodes[leader].get("/readyz").await;
        (status == 503 && why.contains("the disk is full")).then_some(())
    };
    cluster.until("a node that is not ready", turned_away).await;
    let alerted = async || {
        let (_, alerts) = cluster.nodes[leader].get("/v1/alerts").await;
        alerts.contains("\"disk_full\"").then_some(())
    };
    cluster.until("an alert", alerted).await;
    // Nobody has to make room for the cluster to take writes again.
    back_in_service(&cluster).await;
    let next = cluster.leader().await;
    assert_ne!(next, leader, "one whose disk has room leads");
    assert!(warns_of_full_disk(&cluster, leader).await);
    println!(
        "node {} leads instead of {}, whose disk is full",
        next + 1,
        leader + 1
    );
    cluster.nodes[leader].disk.free();
    all_is_well(&cluster, leader).await;
    assert_eq!(cluster.nodes[leader].get("/readyz").await.0, 200);

    // All of them.
    cluster.nodes.iter().for_each(|node| node.disk.fill());
    let (more, refused) = flood(&cluster, "all", 400, &VALUE).await;
    println!("three full nodes: {} writes, {refused} refused", more.len());
    assert!(refused > 0);
    acked.extend(more);
    back_in_service(&cluster).await;

    cluster.agree().await;
    for key in &acked {
        let read = cluster.client.get_as(key, Freshness::Linearizable).await;
        assert!(read.unwrap().is_some(), "{key} was acknowledged");
    }
    assert_eq!(
        all_incarnations(&cluster).await,
        incarnations,
        "nothing was restarted"
    );
    println!(
        "{} acknowledged writes of {} bytes, all there",
        acked.len(),
        VALUE.len()
    );
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_that_meets_the_last_of_the_room_is_refused_and_ends_no_node() {
    const BURSTS: usize = 2;
    const BURST: usize = 60;
    let cluster = Cluster::start().await;
    let incarnations = all_incarnations(&cluster).await;
    let (mut acked, mut refused) = (0, 0);
    for round in 0..BURSTS {
        cluster.nodes.iter().for_each(|node| node.disk.fill());
        for at in 0..3 {
            warned_ahead(&cluster, at).await;
        }
        let burst = flood(
            &cluster,
            &format!("burst:{round}"),
            BURST,
            &[b'x'; 64 * 1024],
        )
        .await;
        acked += burst.0.len();
        refused += burst.1;
        back_in_service(&cluster).await;
        for at in 0..3 {
            all_is_well(&cluster, at).await;
        }
    }
    cluster.agree().await;
    assert_eq!(
        all_incarnations(&cluster).await,
        incarnations,
        "nothing was restarted"
    );
    println!("{BURSTS} bursts on the last of the room: {acked} writes taken, {refused} refused");
    assert!(acked > 0 && refused > 0);
    cluster.stop().await;
}

/// Waits until a node warns of nothing.
async fn all_is_well(cluster: &Cluster, at: usize) {
    cluster
        .until("no warning", async || {
            cluster.status(at).await?.warnings.is_empty().then_some(())
        })
        .await;
}

/// Waits until a node says that what is prepared of its log is all there will be.
async fn warned_ahead(cluster: &Cluster, at: usize) {
    cluster
        .until("a warning ahead of time", async || {
            let warnings = cluster.status(at).await?.warnings;
            let ahead = |text: &String| {
                text.contains("no room for another segment") || text.contains("the disk is full")
            };
            warnings.iter().any(ahead).then_some(())
        })
        .await;
}

/// Waits until a write goes through.
async fn back_in_service(cluster: &Cluster) {
    cluster
        .until("room again", async || {
            match cluster.client.put("again", VALUE).send().await {
                Ok(_) => Some(()),
                Err(ClientError::Refused(RequestRefusal::DiskFull { .. })) => None,
                Err(other) => panic!("{other}"),
            }
        })
        .await;
}

/// The ends of two logs.
async fn ends(cluster: &Cluster, one: usize, other: usize) -> (LogIndex, LogIndex) {
    let end = async |at| cluster.status(at).await.unwrap().last.index;
    (end(one).await, end(other).await)
}

/// Which start of which store each node is.
async fn all_incarnations(cluster: &Cluster) -> Vec<u64> {
    let mut incarnations = Vec::new();
    for at in 0..cluster.nodes.len() {
        incarnations.push(cluster.status(at).await.unwrap().incarnation);
    }
    incarnations
}
