//! A cluster under load of every class while its processes are killed, stand still, hand over, are replaced by new machines
//! and backed up: what was acknowledged is there, reads are linearizable, and the replicas are the same.
//!
//! The page cache outlives a killed process, so of what the contract has to say without a power cut, everything that a
//! majority held is to be there, written or synced.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kraft_client::Client;
use kraft_proto::{CommitMode, FsyncMode, Grade};
use kraft_wire::api::Link;

use crate::e2e::{Cluster, PATIENCE};

/// Snapshots are made often, so that who joins or was away is sent one.
const FLAGS: &[&str] = &["--snapshot-entries", "300"];

/// The classes of the load, and whether a write of it outlives its leader.
const CLASSES: [(CommitMode, FsyncMode, bool); 8] = [
    (CommitMode::Sync, FsyncMode::Commit, true),
    (CommitMode::Sync, FsyncMode::None, true),
    (CommitMode::AtLeast(2), FsyncMode::Batch, true),
    (CommitMode::All, FsyncMode::Commit, true),
    (CommitMode::Sync, FsyncMode::Always, true),
    (CommitMode::AtLeast(1), FsyncMode::Commit, false),
    (CommitMode::LeaderOnly, FsyncMode::None, false),
    (CommitMode::Async, FsyncMode::None, false),
];

/// What the load did.
#[derive(Default)]
struct Load {
    ended: AtomicBool,
    tried: AtomicU64,
    acked: AtomicU64,
    /// Of one key, the numbers that were begun and acknowledged: it has one writer, which counts upwards.
    begun: AtomicU64,
    counted: AtomicU64,
    reads: AtomicU64,
}

impl Load {
    fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }
}

/// Writes keys of its own in every class. Which of them are to be there.
async fn write(client: Client, worker: u64, load: Arc<Load>) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    for number in 0.. {
        if !load.goes_on() {
            break;
        }
        let (mode, fsync, outlives) = CLASSES[(number % CLASSES.len() as u64) as usize];
        let key = format!("w{worker}-{number:06}");
        let put = client
            .put(key.clone(), vec![7; 100])
            .mode(mode)
            .fsync(fsync);
        load.tried.fetch_add(1, Ordering::SeqCst);
        if let Ok(answer) = put.timeout(Duration::from_secs(1)).send().await
            && answer.grade == Grade::AsAsked
        {
            load.acked.fetch_add(1, Ordering::SeqCst);
            if outlives {
                kept.insert(key);
            }
        }
    }
    kept
}

/// Counts upwards in one key.
async fn count(client: Client, load: Arc<Load>) {
    while load.goes_on() {
        let number = load.begun.fetch_add(1, Ordering::SeqCst) + 1;
        // Sent again until it is acknowledged: else its copy could come behind a later one.
        while load.goes_on() {
            if client
                .put("counter", number.to_string())
                .send()
                .await
                .is_ok()
            {
                load.counted.store(number, Ordering::SeqCst);
                break;
            }
        }
    }
}

/// Reads that key: never less than was acknowledged before, nor more than was begun.
async fn read(client: Client, load: Arc<Load>) {
    let mut seen = 0;
    while load.goes_on() {
        let least = load.counted.load(Ordering::SeqCst).max(seen);
        let Ok(value) = client.get("counter").await else {
            continue;
        };
        let most = load.begun.load(Ordering::SeqCst);
        let value = value.map_or("0".into(), |value| {
            String::from_utf8(value.as_bytes().to_vec()).unwrap()
        });
        seen = value.parse().unwrap();
        assert!(
            (least..=most).contains(&seen),
            "read {seen}, where {least} was acknowledged and {most} begun"
        );
        load.reads.fetch_add(1, Ordering::SeqCst);
    }
}

/// What was done to the cluster.
#[derive(Debug, Default)]
struct Done {
    kills: u32,
    standstills: u32,
    stops: u32,
    transfers: u32,
    replacements: u32,
    backups: u32,
}

/// Choices from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % count
    }
}

/// Does things to a cluster.
struct Nemesis {
    cluster: Cluster,
    random: Random,
    load: Arc<Load>,
    done: Done,
}

/// Writes acknowledged between two things that are done.
const BETWEEN: u64 = 200;

impl Nemesis {
    fn any(&mut self) -> usize {
        let running = self.cluster.running();
        running[self.random.below(running.len())]
    }

    /// Waits until all that run have what the leader has, and clients got on.
    async fn calm(&self) {
        let before = self.load.acked.load(Ordering::SeqCst);
        self.cluster
            .until("writes that are acknowledged", async || {
                (self.load.acked.load(Ordering::SeqCst) >= before + BETWEEN).then_some(())
            })
            .await;
        for at in self.cluster.running() {
            self.cluster.caught_up(at).await;
        }
        self.cluster.leader().await;
    }

    async fn kill(&mut self, victim: usize) {
        self.cluster.nodes[victim].kill();
        self.cluster.leader().await;
        self.cluster.nodes[victim].start();
        self.done.kills += 1;
        self.calm().await;
    }

    async fn stop(&mut self) {
        let victim = self.any();
        self.cluster.nodes[victim].stop();
        self.cluster.nodes[victim].start();
        self.done.stops += 1;
        self.calm().await;
    }

    /// A process stands still until the others have another leader, or follow the same.
    async fn stand_still(&mut self) {
        let victim = self.cluster.leader().await;
        self.cluster.nodes[victim].signal("STOP");
        let others: Vec<usize> = self.cluster.running();
        let others = others.into_iter().filter(|at| *at != victim);
        let others: Vec<usize> = others.collect();
        self.cluster
            .until("another leader", async || {
                let leader = self.cluster.status(others[0]).await?.leader?;
                (leader.0 as usize != victim + 1).then_some(())
            })
            .await;
        self.cluster.nodes[victim].signal("CONT");
        self.done.standstills += 1;
        self.calm().await;
    }

    async fn transfer(&mut self) {
        let ran = self.cluster.run(&["transfer"]);
        // It may be refused while a member is away for a moment.
        if ran.code == 0 {
            self.done.transfers += 1;
        }
        self.calm().await;
    }

    /// A machine is gone for good, and another takes its place.
    async fn replace(&mut self) {
        let victim = self.any();
        let old = (victim + 1) as u64;
        self.cluster.nodes[victim].kill();
        let alive = self.cluster.leader().await;
        let new = self.cluster.join(alive, &["--replace", &old.to_string()]);
        self.cluster.nodes[new].set_flags(FLAGS);
        self.cluster.nodes[new].start();
        self.cluster
            .until("a new node in the place of one that is gone", async || {
                let status = self.cluster.status(new).await?;
                let gone = status.members.iter().all(|member| member.id.0 != old);
                (gone && status.members.len() == 3).then_some(())
            })
            .await;
        self.done.replacements += 1;
        self.calm().await;
    }

    async fn back_up(&mut self) {
        let file = self
            .cluster
            .dir
            .path()
            .join(format!("{}.backup", self.done.backups));
        let saved = self
            .cluster
            .run(&["snapshot", "save", file.to_str().unwrap()]);
        assert_eq!(saved.code, 0, "{}", saved.json);
        self.done.backups += 1;
    }
}

/// `rounds` of everything, from `seed`.
async fn survive(seed: u64, rounds: u64) {
    println!("KRAFT_SEED={seed} KRAFT_ROUNDS={rounds}");
    let cluster = Cluster::start_with(FLAGS).await;
    let load = Arc::new(Load::default());
    let writers: Vec<_> = (0..8)
        .map(|worker| tokio::spawn(write(cluster.another_client(), worker, load.clone())))
        .collect();
    let counter = tokio::spawn(count(cluster.another_client(), load.clone()));
    let readers: Vec<_> = (0..2)
        .map(|_| tokio::spawn(read(cluster.another_client(), load.clone())))
        .collect();
    let mut nemesis = Nemesis {
        cluster,
        random: Random(seed),
        load: load.clone(),
        done: Done::default(),
    };
    for _ in 0..rounds {
        let victim = nemesis.any();
        nemesis.kill(victim).await;
        nemesis.transfer().await;
        nemesis.replace().await;
        nemesis.stand_still().await;
        nemesis.back_up().await;
        nemesis.stop().await;
        let leader = nemesis.cluster.leader().await;
        nemesis.kill(leader).await;
    }
    load.ended.store(true, Ordering::SeqCst);
    let within = PATIENCE * 2;
    let mut kept = BTreeSet::new();
    for writer in writers {
        kept.extend(tokio::time::timeout(within, writer).await.unwrap().unwrap());
    }
    tokio::time::timeout(within, counter)
        .await
        .unwrap()
        .unwrap();
    for reader in readers {
        tokio::time::timeout(within, reader).await.unwrap().unwrap();
    }
    let Nemesis { cluster, done, .. } = nemesis;
    check(&cluster, &load, &kept, &done).await;
}

async fn check(cluster: &Cluster, load: &Load, kept: &BTreeSet<String>, done: &Done) {
    for at in cluster.running() {
        cluster.caught_up(at).await;
    }
    let rows = cluster.rows("w").await;
    let there: BTreeSet<String> = (rows.iter())
        .map(|row| String::from_utf8(row.key.as_bytes().to_vec()).unwrap())
        .collect();
    let lost: Vec<&String> = kept.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let digests = cluster
        .until("replicas at one entry", async || {
            let mut digests = Vec::new();
            for at in cluster.running() {
                digests.push(
                    cluster
                        .client
                        .digest(&cluster.nodes[at].clients)
                        .await
                        .ok()?,
                );
            }
            let same = digests.iter().all(|one| one.applied == digests[0].applied);
            same.then_some(digests)
        })
        .await;
    for one in &digests {
        assert_eq!(
            one.sha256, digests[0].sha256,
            "replicas differ: {digests:?}"
        );
    }
    for at in cluster.running() {
        let status = cluster.status(at).await.unwrap();
        assert_eq!(status.differing, []);
        let down = |peer: &&kraft_wire::api::PeerStatus| peer.link == Link::Down;
        assert_eq!(status.peers.iter().find(down), None);
    }
    let installed: usize = (cluster.nodes.iter())
        .map(|node| {
            node.log()
                .matches("the state is that of the snapshot")
                .count()
        })
        .sum();
    let (tried, acked) = (
        load.tried.load(Ordering::SeqCst),
        load.acked.load(Ordering::SeqCst),
    );
    let (counted, reads) = (
        load.counted.load(Ordering::SeqCst),
        load.reads.load(Ordering::SeqCst),
    );
    println!(
        "{acked} of {tried} writes acknowledged, {} of them to be there; counted to {counted}, read {reads} times; \
         {installed} snapshots installed; {done:?}",
        kept.len()
    );
    assert!(
        acked * 2 >= tried,
        "less than half of the writes were acknowledged"
    );
    assert!(kept.len() > 100 && counted > 20 && reads > 100);
    assert!(done.kills >= 2 && done.standstills >= 1 && done.replacements >= 1 && installed >= 1);
}

/// `KRAFT_SEED` repeats the choices of a run, and `KRAFT_ROUNDS=20` is half an hour by hand.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_whatever_happens_to_processes() {
    let given = |name| {
        let given: Option<u64> = std::env::var(name).ok().map(|text| text.parse().unwrap());
        given
    };
    let drawn = || RandomState::new().build_hasher().finish();
    let seed = given("KRAFT_SEED").unwrap_or_else(drawn);
    survive(seed, given("KRAFT_ROUNDS").unwrap_or(1)).await;
}

/// Every node is stopped in order and started again, one after the other: a leader transfers leadership before it stops, and
/// no write fails. How long the longest waited is said, and not asserted: this machine is shared.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_write() {
    let mut cluster = Cluster::start().await;
    let ended = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4)
        .map(|worker| {
            let (client, ended) = (cluster.another_client(), ended.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !ended.load(Ordering::SeqCst) {
                    let put = client.put(format!("r{worker}-{}", took.len()), "x");
                    let asked = std::time::Instant::now();
                    put.send().await.unwrap();
                    took.push(asked.elapsed());
                }
                took
            })
        })
        .collect();
    for at in 0..3 {
        cluster.nodes[at].stop();
        cluster.nodes[at].start();
        cluster.caught_up(at).await;
        cluster.leader().await;
    }
    ended.store(true, Ordering::SeqCst);
    let mut took = Vec::new();
    for writer in writers {
        took.extend(
            tokio::time::timeout(PATIENCE, writer)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    assert_eq!(cluster.rows("r").await.len(), took.len());
    let longest = took.iter().max().unwrap();
    println!(
        "{} writes, none failed; the longest took {longest:?}",
        took.len()
    );
    assert!(took.len() > 100);
}
