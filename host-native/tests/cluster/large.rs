//! A state of millions of keys on one node, by hand: what a snapshot costs those who write meanwhile, and how long a start
//! takes. Figures, not verdicts; what is asserted is that nothing is missing.
//!
//! ```sh
//! KRAFT_KEYS=10000000 cargo test --release -p host-native --test cluster large:: -- --ignored --nocapture
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::e2e::Cluster;

/// Keys of one write.
const AT_ONCE: u64 = 1000;

/// Writes on their way at once while the state is made.
const WRITERS: u64 = 8;

/// No snapshot is made but on command.
const FLAGS: &[&str] = &[
    "--snapshot-entries",
    "1000000000",
    "--snapshot-bytes",
    "1000GiB",
];

async fn fill(cluster: &Cluster, keys: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (client, next) = (cluster.another_client(), next.clone());
            tokio::spawn(async move {
                loop {
                    let first = next.fetch_add(AT_ONCE, Ordering::SeqCst);
                    if first >= keys {
                        return;
                    }
                    let pairs = (first..(first + AT_ONCE).min(keys))
                        .map(|key| (format!("key{key:012}"), vec![b'v'; 100]));
                    client.put_many(pairs).send().await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Latencies of single writes, one after the other, until told, or for a while.
async fn latencies(cluster: &Cluster, ended: &AtomicBool, longest: Duration) -> Vec<Duration> {
    let client = cluster.another_client();
    let (mut took, began) = (Vec::new(), Instant::now());
    while !ended.load(Ordering::SeqCst) && began.elapsed() < longest {
        let asked = Instant::now();
        client
            .put("single", took.len().to_string())
            .send()
            .await
            .unwrap();
        took.push(asked.elapsed());
    }
    took.sort_unstable();
    took
}

fn say(what: &str, took: &[Duration]) -> Duration {
    let at = |percent: usize| took[took.len() * percent / 100];
    println!(
        "{what}: {} puts, p50 {:?}, p99 {:?}, longest {:?}",
        took.len(),
        at(50),
        at(99),
        took[took.len() - 1]
    );
    at(99)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "by hand: minutes, and gigabytes of memory"]
async fn a_snapshot_of_millions_of_keys_and_a_start_from_it() {
    let keys = std::env::var("KRAFT_KEYS").map_or(1_000_000, |keys| keys.parse().unwrap());
    let mut cluster = Cluster::start_alone_with(FLAGS).await;
    let began = Instant::now();
    fill(&cluster, keys).await;
    println!(
        "{keys} keys of 15 B with values of 100 B written in {:?}",
        began.elapsed()
    );
    let memory = cluster.nodes[0].memory();
    let never = AtomicBool::new(false);
    let without = latencies(&cluster, &never, Duration::from_secs(10)).await;
    let without = say("without a snapshot", &without);

    let ended = AtomicBool::new(false);
    let address = cluster.nodes[0].clients.clone();
    let client = cluster.another_client();
    let began = Instant::now();
    let (during, (offer, took, most)) = tokio::join!(
        latencies(&cluster, &ended, Duration::from_secs(600)),
        async {
            let hour = Duration::from_secs(3600);
            let mut offer = std::pin::pin!(client.snapshot(&address, hour));
            let mut most = 0;
            let offer = loop {
                most = most.max(cluster.nodes[0].memory());
                let a_while = Duration::from_millis(100);
                if let Ok(offer) = tokio::time::timeout(a_while, offer.as_mut()).await {
                    break offer.unwrap();
                }
            };
            ended.store(true, Ordering::SeqCst);
            (offer, began.elapsed(), most)
        }
    );
    let during = say("during it", &during);
    println!(
        "the snapshot has {} MB and took {took:?}; p99 {:.2} times; memory {} MB, {} MB at most during it",
        offer.bytes / 1_000_000,
        during.as_secs_f64() / without.as_secs_f64(),
        memory / 1_000_000,
        most / 1_000_000
    );
    cluster.nodes[0].stop();
    let began = Instant::now();
    cluster.nodes[0].start();
    cluster
        .until("a node that serves", async || {
            let status = cluster.status(0).await?;
            (status.data.entries == keys + 1 && status.leader.is_some()).then_some(())
        })
        .await;
    println!("started and serving after {:?}", began.elapsed());
    let last = format!("key{:012}", keys - 1);
    assert!(cluster.client.get(last).await.unwrap().is_some());
}
