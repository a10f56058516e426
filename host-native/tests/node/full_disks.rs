//! Full disks under real nodes, one node with more room than another: what waits, what is turned
//! away, and who still votes.

use std::time::Duration;

use kraft_client::ClientError;
use kraft_proto::{CommitMode, FsyncMode, LogPosition, Role};
use kraft_storage::testing::Crash;
use kraft_wire::api::{Answer, Grade, RequestRefusal};
use tokio::task::JoinSet;

use crate::rig::Cluster;

/// Few of them fill a segment.
static VALUE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

type Answers = JoinSet<Result<Answer, ClientError>>;

/// Sends one more write, and waits for no answer.
fn send_one(cluster: &Cluster, answers: &mut Answers) {
    let key = format!("large:{}", answers.len());
    let put = cluster.client.put(key, VALUE).mode(CommitMode::Sync);
    answers.spawn(put.fsync(FsyncMode::Commit).send());
}

async fn warns(cluster: &Cluster, at: usize, words: &str) -> bool {
    let warnings = cluster.status(at).await.unwrap().warnings;
    warnings.iter().any(|text| text.contains(words))
}

/// Fills the disks of these nodes, and writes until each has noticed: one that had made its next segment
/// before notices when it needs the one after.
async fn fill(cluster: &Cluster, nodes: &[usize], answers: &mut Answers) {
    for at in nodes {
        cluster.nodes[*at].disk.fill();
    }
    let noticed = async || {
        send_one(cluster, answers);
        for at in nodes {
            let ahead = warns(cluster, *at, "no room for another segment").await;
            if !ahead && !warns(cluster, *at, "the disk is full").await {
                return None;
            }
        }
        Some(())
    };
    until_mut(cluster, "nodes that notice full disks", noticed).await;
}

/// Writes until each of these nodes has turned something away.
async fn use_up(cluster: &Cluster, nodes: &[usize], answers: &mut Answers) {
    let turned_away = async || {
        send_one(cluster, answers);
        for at in nodes {
            if !warns(cluster, *at, "the disk is full").await {
                return None;
            }
        }
        Some(())
    };
    until_mut(cluster, "nodes without room", turned_away).await;
}

/// As [`Cluster::until`], for a look that changes something.
async fn until_mut(cluster: &Cluster, what: &str, look: impl AsyncFnMut() -> Option<()>) {
    let look = tokio::sync::Mutex::new(look);
    cluster
        .until(what, async || (look.lock().await)().await)
        .await;
}

/// A write that nobody but the leader has room for: its client hears by its deadline that it timed out,
/// and where it stands.
async fn waits_until_its_deadline(cluster: &Cluster, leader: usize) -> LogPosition {
    let deadline = Duration::from_secs(1);
    let put = cluster.client.put("waits", "x").deadline(deadline);
    let began = std::time::Instant::now();
    let told = put.send().await;
    println!("after {:?}: {told:?}", began.elapsed());
    match told {
        Ok(answer) if answer.grade == Grade::TimedOut => answer.position,
        // The leader's answer may come too late for a client that waits no longer.
        Err(ClientError::OutcomeUnknown { .. }) => cluster.status(leader).await.unwrap().last,
        told => panic!("no majority has it: {told:?}"),
    }
}

/// 1. Two followers have no room, and the leader has; 2. what it takes waits, by then without a
///    majority; 3. its own disk is full, and stands still; 4. the others lead on without it, and what
///    they have replaces what it took: it needs a segment, and there is room for none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_room_to_replace_its_entries_waits_for_it_and_votes() {
    let mut cluster = Cluster::start().await;
    let old = cluster.leader().await;
    let others: Vec<usize> = (0..3).filter(|at| *at != old).collect();
    let incarnation = cluster.status(old).await.unwrap().incarnation;
    let mut answers = Answers::new();

    fill(&cluster, &others, &mut answers).await;
    use_up(&cluster, &others, &mut answers).await;
    let waiting = waits_until_its_deadline(&cluster, old).await;
    fill(&cluster, &[old], &mut answers).await;
    use_up(&cluster, &[old], &mut answers).await;

    cluster.nodes[old].disk.gate.shut();
    let mut stopped = Vec::new();
    for at in others.iter().rev() {
        stopped.push(cluster.crash(*at, Crash::Process).await);
    }
    cluster
        .until("a leader that steps down alone", async || {
            (cluster.status(0).await?.role != Role::Leader).then_some(())
        })
        .await;
    for node in stopped.into_iter().rev() {
        node.disk.free();
        cluster.restart(node).await;
    }
    let next = leads(&cluster, &others).await;
    cluster.client.put("after", "x").send().await.unwrap();
    cluster.nodes[old].disk.gate.open();
    cluster
        .until("a node that follows another", async || {
            let status = cluster.status(old).await?;
            (status.leader?.0 as usize == next + 1).then_some(())
        })
        .await;

    // It has no room for what the leader sends, and the other can lead with its vote only.
    let crashed = cluster.crash(next, Crash::Process).await;
    let rest: Vec<usize> = (0..2).collect();
    let last = leads(&cluster, &rest).await;
    let leading = cluster.status(last).await.unwrap();
    println!(
        "{:?} leads by the vote of a node without room",
        leading.node
    );
    cluster.restart(crashed).await;

    cluster.nodes[old].disk.free();
    cluster.client.put("with room", "x").send().await.unwrap();
    cluster.agree().await;
    let status = cluster.status(old).await.unwrap();
    assert_eq!(status.incarnation, incarnation, "it was not restarted");
    let fate = cluster.client.fate(waiting).await.unwrap().fate;
    println!("what nobody else had room for is {fate:?}");
    for answer in answers.join_all().await {
        match answer {
            Ok(_) | Err(ClientError::Refused(RequestRefusal::DiskFull { .. })) => {}
            // By its deadline.
            Err(ClientError::OutcomeUnknown { .. } | ClientError::NotWritten { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    cluster.stop().await;
}

/// Waits until one of these nodes leads.
async fn leads(cluster: &Cluster, nodes: &[usize]) -> usize {
    cluster
        .until("a leader among those that can", async || {
            for at in nodes {
                if cluster.status(*at).await?.role == Role::Leader {
                    return Some(*at);
                }
            }
            None
        })
        .await
}
