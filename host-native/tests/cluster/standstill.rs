//! Processes that stand still for seconds and go on, and a node that comes back at another address.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kraft_client::{Client, ClientError};
use kraft_proto::{CommitMode, FsyncMode, Grade, Role, Term};
use tokio::task::JoinHandle;

use crate::e2e::Cluster;

/// Clients that write all the while.
const WRITERS: usize = 4;

/// Times a leader stands still for a moment.
const STOPS: usize = 2;

/// A leader that stood still could take itself for one for as long as the shortest of these.
const ELECTIONS: [&str; 4] = [
    "--election-timeout-min",
    "1s",
    "--election-timeout-max",
    "2s",
];

/// Writes that wait for a leader that stands still.
const EARLY: usize = 16;

/// What one of them was told: which keys are on a majority's disks, and by leaders of which terms.
#[derive(Default)]
struct Told {
    acked: Vec<String>,
    terms: Vec<Term>,
}

/// Writers, each one write at a time, at Sync and a forced disk.
struct Writers {
    acked: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Told>>,
}

impl Writers {
    fn start(cluster: &Cluster, prefix: &'static str) -> Self {
        let (acked, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let tasks = (0..WRITERS).map(|writer| {
            let (client, acked, stop) = (cluster.another_client(), acked.clone(), stop.clone());
            tokio::spawn(async move {
                let mut told = Told::default();
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let key = format!("{prefix}:{writer}:{number}");
                    put(&client, key, &mut told).await;
                    acked.fetch_add(1, Ordering::Relaxed);
                }
                told
            })
        });
        Self {
            tasks: tasks.collect(),
            acked,
            stop,
        }
    }

    /// Waits for this many more acknowledgements.
    async fn go_on(&self, cluster: &Cluster, more: u64) {
        let wanted = self.acked.load(Ordering::Relaxed) + more;
        cluster
            .until("writes that go on", async || {
                (self.acked.load(Ordering::Relaxed) >= wanted).then_some(())
            })
            .await;
    }

    async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::Relaxed);
        let mut told = Vec::new();
        for task in self.tasks {
            told.push(task.await.unwrap());
        }
        told
    }
}

async fn put(client: &Client, key: String, told: &mut Told) {
    let put = client.put(&key, "x").mode(CommitMode::Sync);
    match put.fsync(FsyncMode::Commit).send().await {
        Ok(answer) => {
            assert_eq!(answer.grade, Grade::AsAsked, "{key}");
            told.acked.push(key);
            told.terms.push(answer.position.term);
        }
        Err(ClientError::OutcomeUnknown { .. } | ClientError::NotWritten { .. }) => {}
        Err(other) => panic!("{key}: {other}"),
    }
}

/// Every row that was acknowledged is there, on every node the same.
async fn nothing_is_lost(cluster: &Cluster, prefix: &str, told: &[Told]) -> usize {
    let rows = cluster.rows(prefix).await;
    let rows: BTreeMap<_, _> = rows
        .into_iter()
        .map(|pair| (pair.key, pair.value))
        .collect();
    let mut acked = 0;
    for key in told.iter().flat_map(|told| &told.acked) {
        let there = rows.keys().any(|row| row.as_bytes() == key.as_bytes());
        assert!(there, "{key} was acknowledged");
        acked += 1;
    }
    same_state(cluster).await;
    acked
}

async fn same_state(cluster: &Cluster) {
    cluster
        .until("the same state on every node", async || {
            let mut seen = None;
            for node in &cluster.nodes {
                let digest = cluster.client.digest(&node.clients).await.ok()?;
                let first = seen.get_or_insert_with(|| digest.clone());
                if first.applied != digest.applied {
                    return None;
                }
                assert_eq!(first.sha256, digest.sha256, "at {}", digest.applied);
            }
            Some(())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stands_still_and_goes_on_harms_nobody() {
    let mut cluster = Cluster::start().await;
    a_leader_that_stood_still_follows_the_next(&cluster).await;
    a_follower_that_stood_still_catches_up(&cluster).await;
    all_at_once_and_nobody_leads_by_mistake(&cluster).await;
    a_node_at_another_address_is_found_again(&mut cluster).await;
}

/// Waits until another node than `old` leads a later term.
async fn another_leads(cluster: &Cluster, old: usize, term: Term) -> usize {
    cluster
        .until("another leader", async || {
            for at in (0..3).filter(|at| *at != old) {
                let status = cluster.status(at).await?;
                if status.role == Role::Leader && status.term > term {
                    return Some(at);
                }
            }
            None
        })
        .await
}

/// Writes that a leader alone may acknowledge reach one that stood still and was replaced, before
/// anybody has told it so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn early_acknowledgements_are_none_of_a_leader_of_the_past() {
    let cluster = Cluster::start_with(&ELECTIONS).await;
    for round in 0..STOPS {
        let old = cluster.leader().await;
        let term = cluster.status(old).await.unwrap().term;
        // It knows no other node, and has a connection.
        let client = cluster.client_of(old);
        client.put("early", "x").send().await.unwrap();
        cluster.nodes[old].signal("STOP");
        another_leads(&cluster, old, term).await;
        // And nobody tells it.
        let others: Vec<usize> = (0..3).filter(|at| *at != old).collect();
        for at in &others {
            cluster.nodes[*at].signal("STOP");
        }
        let early: Vec<_> = (0..EARLY)
            .map(|number| {
                let put = client.put(format!("early:{round}:{number}"), "x");
                let put = put.mode(CommitMode::LeaderOnly).fsync(FsyncMode::None);
                tokio::spawn(put.send())
            })
            .collect();
        // Time for them to leave; nothing rests on it.
        tokio::time::sleep(Duration::from_millis(20)).await;
        cluster.nodes[old].signal("CONT");
        cluster
            .until("one that does not lead any more", async || {
                (cluster.status(old).await?.role != Role::Leader).then_some(())
            })
            .await;
        for at in &others {
            cluster.nodes[*at].signal("CONT");
        }
        for put in early {
            let at = put.await.unwrap().unwrap().position;
            assert!(at.term > term, "{at} is of a leader of the past");
        }
    }
    println!("{STOPS} leaders stood still; none of {EARLY} early writes each was theirs");
}

async fn a_leader_that_stood_still_follows_the_next(cluster: &Cluster) {
    let writers = Writers::start(cluster, "leader");
    writers.go_on(cluster, 50).await;
    let old = cluster.leader().await;
    let before = cluster.status(old).await.unwrap();
    cluster.nodes[old].signal("STOP");
    let new = another_leads(cluster, old, before.term).await;
    // The clients of the old one find the new one by themselves.
    writers.go_on(cluster, 50).await;
    let during = cluster.status(new).await.unwrap();
    cluster.nodes[old].signal("CONT");
    let after = cluster
        .until("the old leader following", async || {
            let status = cluster.status(old).await?;
            (status.term > before.term && status.role == Role::Follower).then_some(status)
        })
        .await;
    assert_eq!(
        after.incarnation, before.incarnation,
        "it was not restarted"
    );
    writers.go_on(cluster, 50).await;
    cluster.caught_up(old).await;
    let told = writers.stop().await;
    for told in &told {
        assert!(
            told.terms.is_sorted(),
            "no acknowledgement by a leader of the past"
        );
    }
    let acked = nothing_is_lost(cluster, "leader:", &told).await;
    let log = cluster.nodes[old].log();
    assert!(log.contains("did not run for"), "it says so itself: {log}");
    println!(
        "leader {} stopped in term {}, {} led term {}; {acked} acknowledged writes are there",
        old + 1,
        before.term,
        new + 1,
        during.term
    );
}

async fn a_follower_that_stood_still_catches_up(cluster: &Cluster) {
    let writers = Writers::start(cluster, "follower");
    writers.go_on(cluster, 20).await;
    let at = cluster.follower().await;
    let before = cluster.status(at).await.unwrap();
    cluster.nodes[at].signal("STOP");
    writers.go_on(cluster, 200).await;
    cluster.nodes[at].signal("CONT");
    cluster.caught_up(at).await;
    let told = writers.stop().await;
    let acked = nothing_is_lost(cluster, "follower:", &told).await;
    let after = cluster.status(at).await.unwrap();
    assert_eq!(
        after.incarnation, before.incarnation,
        "it was not restarted"
    );
    println!(
        "a follower stood still from {} on and has {acked} writes",
        before.last
    );
}

/// As when a laptop sleeps: to each of them its clock jumped.
async fn all_at_once_and_nobody_leads_by_mistake(cluster: &Cluster) {
    let writers = Writers::start(cluster, "all");
    writers.go_on(cluster, 20).await;
    for node in &cluster.nodes {
        node.signal("STOP");
    }
    // Longer than any election timeout of theirs: nothing to wait for can be seen from outside.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for node in &cluster.nodes {
        node.signal("CONT");
    }
    writers.go_on(cluster, 50).await;
    let told = writers.stop().await;
    let acked = nothing_is_lost(cluster, "all:", &told).await;
    cluster.leader().await;
    println!("all stood still for 3 s; {acked} acknowledged writes are there");
}

/// Nobody tells the others: their configuration names the old port. It calls them.
async fn a_node_at_another_address_is_found_again(cluster: &mut Cluster) {
    let at = cluster.follower().await;
    cluster.nodes[at].stop();
    let moved = cluster.nodes[at].start_at_other_peer_port();
    cluster.caught_up(at).await;
    let put = cluster.client.put("moved", "x").mode(CommitMode::All);
    assert_eq!(put.send().await.unwrap().grade, Grade::AsAsked);
    println!("node {} moved to {moved} and holds what is written", at + 1);
}
