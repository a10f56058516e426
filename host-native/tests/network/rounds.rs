//! How long rounds take over the loopback, for a person to read:
//!
//! ```text
//! cargo test --release -p host-native --test network rounds -- --ignored --nocapture
//! ```
//!
//! Both sides run in this process, each on a thread of its own. CPU is that of both together.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use host_native::rpc::{RpcServer, ServerLimits};
use host_native::transport::{Event, Route, Sending, Stream, Transport, TransportConfig};
use kraft_client::{ClientLimits, RpcClient};
use kraft_proto::ids::NodeId;
use kraft_proto::modes::CommitMode;
use kraft_wire::cert::Credentials;

use crate::common;
use crate::common::Lab;

const KIB: usize = 1024;
const APPEND: Route = Route::Append(CommitMode::Sync);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// CPU time of this process, in steps of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
    let ticks: u64 = fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn show(what: &str, rounds: &mut [Duration], started: Instant, cpu_before: Duration) {
    rounds.sort_unstable();
    let count = rounds.len();
    let at = |share: usize| rounds[(count * share / 100).min(count - 1)];
    println!(
        "{what:<44} p50 {:>9.1?}  p99 {:>9.1?}  {:>8.0}/s  cpu {:>6.1?} each",
        at(50),
        at(99),
        count as f64 / started.elapsed().as_secs_f64(),
        (cpu() - cpu_before) / count as u32,
    );
}

fn serve_echo(lab: &Lab) -> SocketAddr {
    let node = Credentials::from_issued(&lab.ca.issue_node(NodeId(1)).unwrap()).unwrap();
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let (server, mut calls) =
                RpcServer::bind(common::LOOPBACK, &node, ServerLimits::default()).unwrap();
            told.send(server.local_addr().unwrap()).unwrap();
            while let Some(call) = calls.recv().await {
                call.reply.send(call.body);
            }
        });
    });
    address.recv().unwrap()
}

async fn rounds(client: &RpcClient, what: &str, at_once: usize, bytes: usize, per_task: usize) {
    let (started, cpu_before) = (Instant::now(), cpu());
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (client, body) = (client.clone(), Bytes::from(vec![7; bytes]));
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(per_task);
                for _ in 0..per_task {
                    let before = Instant::now();
                    client.call(body.clone()).await.unwrap();
                    times.push(before.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    show(what, &mut times, started, cpu_before);
}

#[test]
#[ignore = "a measurement, for a person to read"]
fn calls() {
    let lab = Lab::new();
    let address = serve_echo(&lab).to_string();
    let issued = lab.ca.issue_client("bench").unwrap();
    let credentials = Credentials::from_issued(&issued).unwrap();
    runtime().block_on(async {
        let client = RpcClient::connect(&address, &credentials, ClientLimits::default())
            .await
            .unwrap();
        rounds(&client, "calls of 256 B, 1 at a time", 1, 256, 5000).await;
        rounds(&client, "calls of 256 B, 64 at a time", 64, 256, 2000).await;
        rounds(&client, "calls of 256 B, 256 at a time", 256, 256, 1000).await;
        rounds(&client, "calls of 256 B, 1024 at a time", 1024, 256, 300).await;
        rounds(&client, "calls of 16 KiB, 1 at a time", 1, 16 * KIB, 2000).await;
        rounds(&client, "calls of 64 KiB, 1 at a time", 1, 64 * KIB, 1000).await;
        rounds(&client, "calls of 64 KiB, 8 at a time", 8, 64 * KIB, 300).await;
        rounds(&client, "calls of 1 MiB, 1 at a time", 1, 1024 * KIB, 100).await;
    });
}

/// Waits for the frames that answer `count` sent ones.
async fn answers(events: &mut host_native::transport::Events, count: usize) {
    let mut seen = 0;
    let all = async {
        while seen < count {
            match events.recv().await {
                Some(Event::Frame { .. }) => seen += 1,
                Some(_) => {}
                None => panic!("the transport ended after {seen} of {count} answers"),
            }
        }
    };
    let all = tokio::time::timeout(Duration::from_secs(30), all).await;
    all.expect("an answer to every frame");
}

fn answer_appends(config: TransportConfig) {
    std::thread::spawn(move || {
        runtime().block_on(async {
            let (transport, mut events) = Transport::bind(config).unwrap();
            while let Some(event) = events.recv().await {
                if let Event::Frame { from, bytes, .. } = event {
                    transport.send(from, Route::Control, [bytes.slice(..32)]);
                }
            }
        });
    });
}

#[test]
#[ignore = "a measurement, for a person to read"]
fn appends() {
    let lab = Lab::new();
    runtime().block_on(async {
        let (transport, mut events) = Transport::bind(lab.node(1, &[])).unwrap();
        answer_appends(lab.node(2, &[(1, transport.local_addr().unwrap())]));
        while !transport.is_up(NodeId(2)) {
            events.recv().await;
        }
        for (what, bytes, in_flight, count) in [
            ("appends of 320 B, 1 at a time", 320, 1, 5000),
            ("appends of 16 KiB, 1 at a time", 16 * KIB, 1, 2000),
            ("appends of 64 KiB, 1 at a time", 64 * KIB, 1, 1000),
            ("appends of 256 KiB, 1 at a time", 256 * KIB, 1, 500),
            ("appends of 16 KiB, 32 at a time", 16 * KIB, 32, 300),
            ("appends of 1 MiB, 4 at a time", 1024 * KIB, 4, 100),
        ] {
            let body = Bytes::from(vec![7; bytes]);
            let (started, cpu_before) = (Instant::now(), cpu());
            let mut times = Vec::new();
            for _ in 0..count {
                let before = Instant::now();
                for _ in 0..in_flight {
                    let sent = transport.send(NodeId(2), APPEND, [body.clone()]);
                    assert_eq!(sent, Sending::Queued);
                }
                answers(&mut events, in_flight).await;
                times.push(before.elapsed());
            }
            show(what, &mut times, started, cpu_before);
        }
        assert_eq!(transport.stats().received(Stream::Append).frames, 0);
    });
}
