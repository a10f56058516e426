//! Bounds of a real node that are full: a write or read beyond one is refused by name, and taken once
//! there is room again. And who has an early answer awaits the stronger one.

use std::pin::pin;
use std::time::Duration;

use host_native::config::Config;
use kraft_client::RpcClient;
use kraft_proto::{CommitMode, Fate, FsyncMode, Grade, Held, LogIndex, LogPosition};
use kraft_wire::api::{
    Attempt, Bound, FateReport, Freshness, Options, Request, RequestRefusal, Response, Write,
};
use kraft_wire::command::{Operation, RequestId, SessionId};
use kraft_wire::key_value::{Key, KeyValue, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::{Query, View};

use crate::rig::{Cluster, PATIENCE};

const MIB: usize = 1024 * 1024;

/// A value whose entry is a little less than 256 KiB.
const BIG: usize = MIB / 4 - 256;

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

/// A write under a session of its own.
fn small_write(number: u64) -> bytes::Bytes {
    let pair = KeyValue {
        key: Key::try_from("small").unwrap(),
        value: Value::default(),
    };
    let session = SessionId {
        id: u128::from(number) << 64,
        opened_at: LogIndex(0),
    };
    let write = Write {
        request: RequestId { session, number: 1 },
        attempt: Attempt::First,
        patience_ms: None,
        operation: Payload::of(&Operation::Put { pairs: vec![pair] }),
        options: Options::default(),
    };
    Request::Write(write).encode()
}

/// A write asked of a node once, and what it says.
async fn asked_once(cluster: &Cluster, at: usize, bytes: usize) -> Response {
    let id = SessionId {
        id: 7,
        opened_at: LogIndex(0),
    };
    let pair = KeyValue {
        key: Key::try_from("refused").unwrap(),
        value: Value::try_from(vec![b'x'; bytes].as_slice()).unwrap(),
    };
    let write = Write {
        request: RequestId {
            session: id,
            number: 1,
        },
        operation: Payload::of(&Operation::Put { pairs: vec![pair] }),
        options: Options::default(),
        attempt: Attempt::First,
        patience_ms: None,
    };
    cluster.call(at, &Request::Write(write)).await
}

fn busy(bound: Bound, limit: u64) -> Response {
    Response::Refused(RequestRefusal::Busy { bound, limit })
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
    let refused = asked_once(&cluster, leader, BIG).await;
    assert_eq!(refused, busy(Bound::UnwrittenBytes, 16 * MIB as u64));
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
    let leader = cluster.leader().await;
    let before = cluster.status(leader).await.unwrap().last.index;
    let waiting = async |writes: u64| {
        let waits = async || {
            let status = cluster.status(leader).await?;
            let all = status.last.index.since(before) >= writes;
            (all && status.places.writes == 2).then_some(())
        };
        cluster.until("writes wait", waits).await;
    };
    let one = cluster.connect(leader).await;
    let ask = |client: &RpcClient, number: u64| {
        let (client, body) = (client.clone(), small_write(number));
        tokio::spawn(async move { Response::decode(&client.call(body).await.unwrap()).unwrap() })
    };
    let (first, second) = (ask(&one, 1), ask(&one, 2));
    waiting(2).await;
    assert_eq!(ask(&one, 3).await.unwrap(), busy(Bound::Waits, 2));
    // Who has none gets one of the two, whose entry lives on all the same.
    let other = cluster.connect(leader).await;
    let third = ask(&other, 4);
    waiting(3).await;
    disks.for_each(|gate| gate.open());
    let mut grades = Vec::new();
    for sent in [first, second, third] {
        match sent.await.unwrap() {
            Response::Answered(answer) => grades.push(answer.grade),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(grades.pop(), Some(Grade::AsAsked));
    grades.sort_by_key(|grade| *grade == Grade::TimedOut);
    assert_eq!(grades, [Grade::AsAsked, Grade::TimedOut]);
    // Whoever leaves waits for nothing.
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.clone().for_each(|gate| gate.shut());
    let leaving = ask(&other, 5);
    let taken = async |writes: u64| {
        let taken = async || {
            let places = cluster.status(leader).await?.places;
            (places.writes == writes).then_some(())
        };
        cluster.until("as many places taken", taken).await;
    };
    taken(1).await;
    leaving.abort();
    drop(other);
    taken(0).await;
    disks.for_each(|gate| gate.open());
    cluster.client.put("more", "x").send().await.unwrap();
    reads_that_wait_are_bounded(&cluster, leader).await;
    cluster.stop().await;
}

/// A read waits for the force of what was acknowledged before it: here two may.
async fn reads_that_wait_are_bounded(cluster: &Cluster, leader: usize) {
    let relaxed = || cluster.client.put("relaxed", "x").fsync(FsyncMode::None);
    // The first of them waits for the mark that a power cut would take such copies.
    relaxed().mode(CommitMode::All).send().await.unwrap();
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.clone().for_each(|gate| gate.shut());
    relaxed().mode(CommitMode::Sync).send().await.unwrap();
    let get = Request::Query {
        query: Payload::of(&Query::Get(Key::try_from("relaxed").unwrap())),
        freshness: Freshness::Linearizable,
    };
    let mut first = pin!(cluster.call(leader, &get));
    let mut second = pin!(cluster.call(leader, &get));
    let mut third = pin!(cluster.call(leader, &get));
    // Whichever comes last is refused, and is the only one to be answered now.
    let (refused, rest) = tokio::select! {
        answer = &mut first => (answer, [second, third]),
        answer = &mut second => (answer, [first, third]),
        answer = &mut third => (answer, [first, second]),
    };
    assert_eq!(refused, busy(Bound::Reads, 2));
    disks.for_each(|gate| gate.open());
    for waiting in rest {
        let answer = waiting.await;
        let Response::View { view, .. } = answer else {
            panic!("{answer:?}");
        };
        assert!(matches!(view.read(), Ok(View::Value(Some(_)))), "{view:?}");
    }
}

/// What a node says that is asked once to await a commit, and cannot commit before it has been asked.
async fn awaited(cluster: &Cluster, position: LogPosition) -> FateReport {
    let leader = cluster.leader().await;
    let ask = |timeout_ms| Request::Await {
        position,
        timeout_ms,
    };
    let (patiently, at_once) = (ask(60_000), ask(0));
    let mut awaited = pin!(cluster.call(leader, &patiently));
    // Who awaits a commit has the only place among those who wait.
    let taken = async {
        loop {
            tokio::select! {
                answer = &mut awaited => panic!("nothing is decided yet: {answer:?}"),
                answer = cluster.call(leader, &at_once) => {
                    if answer == busy(Bound::Waits, 1) {
                        break;
                    }
                }
            }
        }
    };
    let taken = tokio::time::timeout(PATIENCE, taken).await;
    taken.expect("the only place is taken by who awaits a commit");
    let disks = cluster.nodes.iter().map(|node| &node.disk.gate);
    disks.for_each(|gate| gate.open());
    match awaited.await {
        Response::Fate(report) => report,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_comes_first_and_the_commit_is_awaited() {
    let cluster = Cluster::start_with(|mut config| {
        config.limits.waiting_writes = 1;
        patient_disk(config)
    })
    .await;
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
    let pending = cluster
        .client
        .await_commit(early.position, Duration::from_millis(10))
        .await;
    assert_eq!(pending.unwrap().fate, Fate::Pending);
    let report = awaited(&cluster, early.position).await;
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
        let heard = status.lag.unknown == 0;
        let caught_up = heard && status.lag.entries_max == Some(0) && status.at_risk.entries == 0;
        (caught_up && status.commit == status.last).then_some(status)
    };
    let status = cluster.until("everything is committed", all).await;
    assert_eq!(status.lag.entries_mean, Some(0));
    cluster.stop().await;
}
