//! The hostile table: what a client with a certificate, or anybody with a socket, can do to real nodes.
//! Each row prints what it did to the memory of the node it was done to, and that an honest client of
//! the same certificate was served meanwhile.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use host_native::descriptors;
use kraft_client::Client;
use kraft_proto::{CommitMode, FsyncMode, Grade, LogIndex};
use kraft_wire::api::{Attempt, Freshness, Options, Request, Write};
use kraft_wire::command::{Operation, RequestId, SessionId};
use kraft_wire::key_value::{Key, KeyValue, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::Query;

use crate::e2e::{Cluster, PATIENCE};
use crate::raw::{Raw, Session};

const MIB: u64 = 1024 * 1024;

/// What no row may add to the memory of a node.
const GROWTH_MAX: u64 = 64 * MIB;

/// A busy machine must not look like a dead leader.
const PATIENT: &[&str] = &[
    "--election-timeout-min",
    "4s",
    "--election-timeout-max",
    "8s",
];

/// How long a hostile client goes on sending what does not get through.
const INSISTENCE: Duration = Duration::from_secs(2);

/// An honest client is served in a time that a person does not notice, on a busy machine.
const PROMPT: Duration = Duration::from_secs(20);

/// The memory of a node before something is done to it, and the most since.
struct Watched<'a> {
    cluster: &'a Cluster,
    at: usize,
    before: u64,
    most: u64,
}

impl<'a> Watched<'a> {
    fn new(cluster: &'a Cluster, at: usize) -> Self {
        let before = cluster.nodes[at].memory();
        Self {
            cluster,
            at,
            before,
            most: before,
        }
    }

    fn look(&mut self) {
        self.most = self.most.max(self.cluster.nodes[self.at].memory());
    }

    /// Looks until `work` is done.
    async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = pace.tick() => self.look(),
            }
        }
    }

    fn judge(mut self, row: &str) {
        self.look();
        let grown = self.most - self.before;
        let (before, most) = (self.before / MIB, self.most / MIB);
        println!("{row}: {before} MiB, then at most {most} MiB");
        assert!(
            grown < GROWTH_MAX,
            "{row}: memory grew by {} MiB",
            grown / MIB
        );
    }
}

/// Puts and gets as somebody would who knows of nothing.
async fn honest(client: &Client, row: &str) -> Duration {
    let began = Instant::now();
    for number in 0..10 {
        let key = format!("honest:{row}:{number}");
        let put = client.put(&key, "x").mode(CommitMode::Sync);
        let answer = put.fsync(FsyncMode::Commit).send().await;
        assert_eq!(answer.expect(row).grade, Grade::AsAsked, "{row}");
        let read = client.get(&key).await.expect(row);
        assert!(read.is_some(), "{row}");
    }
    let took = began.elapsed();
    assert!(took < PROMPT, "{row}: an honest client took {took:?}");
    took
}

fn get(key: &str) -> bytes::Bytes {
    let key = Key::try_from(key).unwrap();
    let (query, freshness) = (Payload::of(&Query::Get(key)), Freshness::Linearizable);
    Request::Query { query, freshness }.encode()
}

fn put_for_an_hour(number: u64) -> bytes::Bytes {
    let pair = KeyValue {
        key: Key::try_from("hostile").unwrap(),
        value: Value::default(),
    };
    let session = SessionId {
        id: number.into(),
        opened_at: LogIndex(0),
    };
    let write = Write {
        request: RequestId { session, number: 1 },
        attempt: Attempt::First,
        patience_ms: None,
        operation: Payload::of(&Operation::Put { pairs: vec![pair] }),
        options: Options {
            mode: Some(CommitMode::All),
            timeout_ms: Some(3_600_000),
            ..Options::default()
        },
    };
    Request::Write(write).encode()
}

/// So many connections. One that a busy machine is too slow for is tried again.
async fn sessions(raw: &Raw, address: &str, count: usize) -> Vec<Session> {
    let (mut sessions, end) = (Vec::new(), Instant::now() + PATIENCE);
    while sessions.len() < count {
        match raw.connect(address).await {
            Ok(session) => sessions.push(session),
            Err(why) => assert!(Instant::now() < end, "{count} connections: {why}"),
        }
    }
    sessions
}

/// Whatever fails, what the nodes said is worth reading.
fn show_logs_on_panic(cluster: &Cluster) {
    let logs: Vec<_> = cluster.nodes.iter().map(|node| node.log.clone()).collect();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        for log in &logs {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            eprintln!("{}:\n{said}", log.display());
        }
        usual(panic);
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_client_takes_the_memory_or_the_places_of_another() {
    let mut cluster = Cluster::start_with(PATIENT).await;
    show_logs_on_panic(&cluster);
    let leader = cluster.leader().await;
    let raw = Raw::new(&cluster.created.client);
    let large = vec![b'x'; MIB as usize];
    for number in 0..4 {
        let put = cluster.client.put(format!("large:{number}"), &large);
        put.send().await.unwrap();
    }
    answers_nobody_reads(&cluster, leader, &raw).await;
    idle_connections(&cluster, leader, &raw).await;
    unfinished_hellos(&cluster, leader, &raw).await;
    idle_admin_connections(&cluster, leader);
    let follower = cluster.follower().await;
    cluster.nodes[follower].kill();
    writes_that_wait_for_an_hour(&cluster, leader, &raw).await;
}

async fn answers_nobody_reads(cluster: &Cluster, leader: usize, raw: &Raw) {
    const ROW: &str = "8 connections, 4,000 reads of 1 MiB each, no answer read";
    const READS: usize = 4000;
    let address = &cluster.nodes[leader].clients;
    let mut watched = Watched::new(cluster, leader);
    let hostile = sessions(raw, address, 8).await;
    let body = get("large:0");
    let asking: Vec<_> = (hostile.into_iter())
        .map(|mut session| {
            let body = body.clone();
            tokio::spawn(async move {
                session.ask(&body, READS, PATIENCE).await;
                session
            })
        })
        .collect();
    let mut hostile = Vec::new();
    for asking in asking {
        hostile.push(watched.during(asking).await.unwrap());
    }
    // Those that others' unread answers keep from theirs have the largest of them closed meanwhile.
    let many = async || {
        let places = cluster.status(leader).await?.places;
        (places.reads >= READS as u64).then_some(places)
    };
    let unread = watched.during(cluster.until("reads that wait", many)).await;
    println!(
        "    {} reads wait, {} bytes unread",
        unread.reads, unread.unread_bytes
    );
    let client = cluster.another_client();
    let took = watched.during(honest(&client, "unread")).await;
    // One who wants as much at a time as those get nothing of is served too.
    let read = watched.during(client.get("large:1")).await;
    assert_eq!(read.unwrap().map(|value| value.len() as u64), Some(MIB));
    watched.judge(ROW);
    println!("    an honest client meanwhile: {took:?}");
    drop(hostile);
}

async fn idle_connections(cluster: &Cluster, leader: usize, raw: &Raw) {
    const ROW: &str = "up to 1,100 idle connections of one certificate";
    let address = &cluster.nodes[leader].clients;
    let mut watched = Watched::new(cluster, leader);
    let (mut idle, end) = (Vec::new(), Instant::now() + INSISTENCE * 8);
    let connect = async {
        // As many as this machine can keep alive: `rpc.rs` shows a full house.
        while idle.len() < 1100 && Instant::now() < end {
            idle.extend(raw.connect(address).await.ok());
        }
    };
    watched.during(connect).await;
    let client = cluster.another_client();
    let took = watched.during(honest(&client, "idle")).await;
    let node = &cluster.nodes[leader];
    let connected = node.figure("kraft_client_connections").unwrap();
    let away = node.figure("kraft_clients_sent_away_total").unwrap();
    let lost = idle
        .iter()
        .filter(|one| one.connection.close_reason().is_some());
    println!(
        "    {connected} connected, {} closed, {away} to make room",
        lost.count()
    );
    watched.judge(ROW);
    println!("    an honest client meanwhile: {took:?}");
}

async fn unfinished_hellos(cluster: &Cluster, leader: usize, raw: &Raw) {
    const ROW: &str = "600 unfinished hellos a second from one address";
    const HELLOS: usize = 1200;
    let address = &cluster.nodes[leader].clients;
    let hellos = raw.client_hellos(HELLOS).await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(address).await.unwrap();
    let flood = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / 600));
        for hello in hellos {
            pace.tick().await;
            // An answer that the system refused for us may be reported here.
            let _ = socket.send(&hello).await;
        }
    });
    let mut watched = Watched::new(cluster, leader);
    let (mut served, mut longest) = (0, Duration::ZERO);
    while !flood.is_finished() {
        let client = cluster.another_client();
        let took = watched.during(honest(&client, "hellos")).await;
        longest = longest.max(took);
        served += 1;
    }
    assert!(served > 0);
    let refused = "kraft_client_refusals_total{reason=\"timeout\"}";
    let refused = cluster.nodes[leader].figure(refused).unwrap();
    watched.judge(ROW);
    println!("    {served} honest clients meanwhile, none refused, at most {longest:?}");
    println!("    counted as refused for want of a hello: {refused}");
}

fn idle_admin_connections(cluster: &Cluster, leader: usize) {
    const ROW: &str = "600 idle connections to the admin port";
    descriptors::raise();
    let node = &cluster.nodes[leader];
    let watched = Watched::new(cluster, leader);
    let before = node.descriptors();
    let idle: Vec<TcpStream> = (0..600)
        .map(|_| TcpStream::connect(&node.admin).unwrap())
        .collect();
    let (status, _) = node.get("/healthz");
    assert_eq!(status, 200);
    let end = Instant::now() + PATIENCE;
    while node.descriptors() > before + 80 {
        assert!(Instant::now() < end, "{} descriptors", node.descriptors());
        std::thread::yield_now();
    }
    println!(
        "    {before} descriptors before, {} with them",
        node.descriptors()
    );
    drop(idle);
    watched.judge(ROW);
}

async fn writes_that_wait_for_an_hour(cluster: &Cluster, leader: usize, raw: &Raw) {
    const ROW: &str = "65,536 ALL writes with a timeout of 1 h while a node is down";
    let address = &cluster.nodes[leader].clients;
    let mut watched = Watched::new(cluster, leader);
    let mut hostile = sessions(raw, address, 17).await;
    watched
        .during(async {
            for number in 0..4096 {
                for (at, session) in hostile.iter_mut().enumerate() {
                    let body = put_for_an_hour(number * 17 + at as u64);
                    session.ask(&body, 1, INSISTENCE).await;
                }
            }
        })
        .await;
    let full = async || {
        let places = cluster.status(leader).await?.places;
        (places.writes >= places.writes_max - 256).then_some(places)
    };
    let places = watched
        .during(cluster.until("all places taken", full))
        .await;
    println!(
        "    {} of {} places taken",
        places.writes, places.writes_max
    );
    let alerted = async || {
        let (_, alerts) = cluster.nodes[leader].get("/v1/alerts");
        alerts.contains("\"places_taken\"").then_some(())
    };
    watched.during(cluster.until("an alert", alerted)).await;
    assert!(
        cluster.nodes[leader]
            .figure("kraft_places_taken_percent")
            .unwrap()
            > 90.0
    );

    let client = cluster.another_client();
    let took = watched.during(honest(&client, "places")).await;
    let all = client.put("honest", "x").mode(CommitMode::All);
    let all = all
        .timeout(Duration::from_millis(100))
        .send()
        .await
        .unwrap();
    assert_eq!(all.grade, Grade::TimedOut, "it waited its own time");
    println!("    an honest client meanwhile: {took:?}");

    // Whoever is gone waits for nothing.
    drop(hostile);
    let free = async || {
        let places = cluster.status(leader).await?.places;
        (places.writes == 0).then_some(())
    };
    watched
        .during(cluster.until("places of those who left", free))
        .await;
    watched.judge(ROW);
}
