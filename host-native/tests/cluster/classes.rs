//! What each class costs and holds, and how its requests end, on real nodes.

use std::time::{Duration, Instant};

use host_native::exit::ExitCode;
use kraft_client::{Client, ClientError};
use kraft_proto::ids::LogIndex;
use kraft_proto::output::Fate;
use kraft_proto::{CommitMode, FsyncMode, Grade};
use kraft_wire::api::{Freshness, TestSwitch};
use kraft_wire::command::{RequestId, SessionId};
use kraft_wire::rows::Effect;
use kraft_wire::txn::{Found, Mismatch};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::e2e;
use crate::e2e::process::Program;
use crate::e2e::{Cluster, Ran};

/// Writes in each fsync mode.
const WRITES: u64 = 400;

/// Of them on their way at a time.
const AT_ONCE: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classes_hold_what_they_say_and_cost_what_they_must() {
    let cluster = Cluster::start().await;
    every_class_names_its_evidence(&cluster).await;
    fsync_modes_are_told_apart_by_counted_fsyncs(&cluster).await;
    a_read_sees_a_relaxed_write_that_is_not_committed_yet(&cluster).await;
    what_cannot_be_written_is_refused(&cluster);
}

async fn every_class_names_its_evidence(cluster: &Cluster) {
    for mode in CommitMode::each(2) {
        for fsync in FsyncMode::ALL {
            let answer = cluster.client.put("class", "x").mode(mode).fsync(fsync);
            let answer = answer.send().await.unwrap();
            assert_eq!(answer.grade, Grade::AsAsked, "{mode}·{fsync}");
            let held = answer.achieved.unwrap().to_string();
            let synced = fsync >= FsyncMode::Commit;
            let expected = match (mode, synced) {
                (CommitMode::Async, _) => "in the leader's memory",
                (CommitMode::LeaderOnly, false) => "in the leader's operating system",
                (CommitMode::LeaderOnly, true) => "on the leader's disk",
                (CommitMode::AtLeast(_), false) => "in the operating systems of 2 voters",
                (CommitMode::AtLeast(_), true) => "on the disks of 2 voters",
                (CommitMode::Sync, false) => "in the operating systems of a majority",
                (CommitMode::Sync, true) => "on the disks of a majority",
                (CommitMode::All, false) => "in the operating systems of every voter",
                (CommitMode::All, true) => "on the disks of every voter",
            };
            assert_eq!(held, expected, "{mode}·{fsync}");
        }
    }
    println!("20 classes named what held their writes");
}

async fn fsync_modes_are_told_apart_by_counted_fsyncs(cluster: &Cluster) {
    let mut said = Vec::new();
    for fsync in FsyncMode::ALL {
        settle(cluster).await;
        let leader = cluster.leader().await;
        let before = fsyncs(cluster, leader).await;
        let began = Instant::now();
        write(&cluster.client, CommitMode::Sync, fsync).await;
        if fsync >= FsyncMode::Commit {
            // The two others may have acknowledged what the leader's own disk is still at.
            cluster
                .until("the leader's own disk", async || {
                    let status = cluster.status(leader).await?;
                    (status.watermarks.synced >= status.last.index).then_some(())
                })
                .await;
        }
        let counted = fsyncs(cluster, leader).await - before;
        // Beside the writes themselves, time asks for some: rounded up, one that was under way, and
        // the mark that relaxed copies exist.
        let every = |interval| (began.elapsed().as_millis() / interval) as u64 + 3;
        let (least, most) = match fsync {
            FsyncMode::None => (0, every(1000)),
            // A batch ends with the write that completes it, and those that came along with that.
            FsyncMode::Batch => (WRITES / (100 + AT_ONCE), WRITES / 100 + every(100)),
            FsyncMode::Commit => (WRITES / AT_ONCE, WRITES + every(1000)),
            FsyncMode::Always => (WRITES, u64::MAX),
        };
        assert!(
            (least..=most).contains(&counted),
            "{fsync}: {counted} fsyncs for {WRITES} writes, not {least} to {most}"
        );
        said.push(format!("{fsync} {counted}"));
    }
    println!(
        "fsyncs of the leader for {WRITES} writes: {}",
        said.join(", ")
    );
}

async fn a_read_sees_a_relaxed_write_that_is_not_committed_yet(cluster: &Cluster) {
    settle(cluster).await;
    let reader = cluster.another_client();
    let mut uncommitted = 0;
    for number in 0..20 {
        let value = number.to_string();
        let put = cluster.client.put("relaxed", &value);
        let put = put.mode(CommitMode::Sync).fsync(FsyncMode::None);
        let answer = put.send().await.unwrap();
        let leader = &cluster.nodes[cluster.leader().await].clients;
        let fate = async || cluster.client.fate_of(leader, answer.position).await;
        uncommitted += u32::from(fate().await.unwrap().fate == Fate::Pending);
        let read = reader.get("relaxed").await.unwrap().unwrap();
        assert_eq!(read.as_bytes(), value.as_bytes());
        // The read did not look at what might yet be lost: it had it forced first.
        assert_eq!(fate().await.unwrap().fate, Fate::Committed);
    }
    assert!(
        uncommitted > 0,
        "no read came before the force in the background"
    );
    println!("20 reads saw the write before them, {uncommitted} of them uncommitted until then");
}

fn what_cannot_be_written_is_refused(cluster: &Cluster) {
    let long = "x".repeat(5000);
    let before = stored(cluster);
    for (words, code, expected) in [
        (&["put", "k", "x", "--mode", "AT_LEAST_0"][..], 5, "1 to 3"),
        (&["put", "k", "x", "--mode", "AT_LEAST_9"], 5, "1 to 3"),
        (&["put", "", "x"], 5, "empty"),
        (&["put", &long, "x"], 5, "4096"),
        (&["put", "k", "x", "--mode", "MOST"], 1, "not a commit mode"),
        (
            &["put", "k", "x", "--fsync", "SOON"],
            1,
            "not an fsync mode",
        ),
    ] {
        let child = cluster.spawn(words).output();
        let said = [child.stdout, child.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(child.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    let file = cluster.dir.path().join("large");
    std::fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let mut put = e2e::kraft();
    put.args(["put", "k", "-", "--config"])
        .arg(&cluster.created.client)
        .stdin(std::fs::File::open(&file).unwrap());
    let refused = Program::listened_to(&mut put).output();
    assert_eq!(refused.status.code(), Some(5), "{refused:?}");
    assert_eq!(stored(cluster), before, "nothing was written");
    println!("7 writes that cannot be were refused, and nothing was written");
}

/// Rows there are.
fn stored(cluster: &Cluster) -> usize {
    let page = cluster.run(&["scan", "--limit", "10000"]).json;
    page["rows"].as_array().unwrap().len()
}

/// Writes in one class, some at a time.
async fn write(client: &Client, mode: CommitMode, fsync: FsyncMode) {
    let mut writers = JoinSet::new();
    for writer in 0..AT_ONCE {
        let client = client.clone();
        writers.spawn(async move {
            for number in 0..WRITES / AT_ONCE {
                let put = client.put(format!("{writer}-{number}"), "value");
                let answer = put.mode(mode).fsync(fsync).send().await.unwrap();
                assert_eq!(answer.grade, Grade::AsAsked);
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

/// Has everything forced that is written, on every node.
async fn settle(cluster: &Cluster) {
    let put = cluster.client.put("settle", "").mode(CommitMode::All);
    put.fsync(FsyncMode::Commit).send().await.unwrap();
}

async fn fsyncs(cluster: &Cluster, at: usize) -> u64 {
    cluster.status(at).await.unwrap().disk.fsyncs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_end_honestly_while_nodes_are_killed() {
    let mut cluster = Cluster::start().await;
    a_request_sent_twice_is_applied_once_across_a_killed_leader(&mut cluster).await;
    without_a_follower_all_falls_back_or_times_out(&mut cluster).await;
    without_any_answer_the_outcome_is_unknown(&mut cluster).await;
}

async fn a_request_sent_twice_is_applied_once_across_a_killed_leader(cluster: &mut Cluster) {
    let request = RequestId {
        session: SessionId::random(LogIndex::ZERO),
        number: 1,
    };
    let create = |client: &Client| client.cas("once", None, Some("created")).again_as(request);
    let first = create(&cluster.client).send().await.unwrap();
    assert_eq!(first.effect(), Some(Effect::Swapped));
    let again = create(&cluster.client).send().await.unwrap();
    assert_eq!(
        again.effect(),
        Some(Effect::Swapped),
        "the first one's answer"
    );
    assert!(again.position > first.position, "and yet another entry");

    let changed = cluster.client.put("once", "changed").send().await.unwrap();
    assert_eq!(changed.grade, Grade::AsAsked);
    let leader = cluster.leader().await;
    cluster.nodes[leader].kill();
    let later = create(&cluster.another_client()).send().await.unwrap();
    assert!(later.position.term > first.position.term, "another leader");
    assert_eq!(later.effect(), Some(Effect::Swapped));
    let value = cluster.client.get("once").await.unwrap().unwrap();
    assert_eq!(value.as_bytes(), b"changed", "it was not applied again");
    let other = cluster.client.cas("once", None, Some("x")).send().await;
    let found = Found::of(&value);
    let mismatch = Mismatch {
        at: 0,
        found: Some(found),
    };
    let effect = other.unwrap().effect();
    assert_eq!(effect, Some(Effect::Mismatch(mismatch)));
    cluster.nodes[leader].start();
    cluster.caught_up(leader).await;
    println!("a request sent three times, to two leaders, was applied once");
}

async fn without_a_follower_all_falls_back_or_times_out(cluster: &mut Cluster) {
    let follower = cluster.follower().await;
    cluster.nodes[follower].kill();
    let put = ["put", "all", "x", "--mode", "ALL", "--timeout", "300ms"];
    let Ran { code, json } = cluster.run(&[&put[..], &["--fallback"]].concat());
    assert_eq!((code, &json["grade"]), (3, &json!("fallback")), "{json}");
    let Ran { code, json } = cluster.run(&put);
    assert_eq!((code, &json["grade"]), (4, &json!("timed_out")), "{json}");
    // It timed out and did not fail: its fate is told by its position.
    let position = position_of(&json);
    let Ran { code, json } = cluster.run(&["fate", &position]);
    assert_eq!((code, &json["fate"]), (0, &json!("committed")), "{json}");
    cluster.nodes[follower].start();
    cluster.caught_up(follower).await;
    let Ran { code, json } = cluster.run(&["put", "all", "y", "--mode", "ALL"]);
    assert_eq!((code, &json["grade"]), (0, &json!("as_asked")), "{json}");
    println!("ALL with a dead follower: fallback (3), timed out (4) and committed later");
}

fn position_of(answer: &Value) -> String {
    let at = &answer["position"];
    format!("{}.{}", at["term"], at["index"])
}

async fn without_any_answer_the_outcome_is_unknown(cluster: &mut Cluster) {
    let leader = cluster.leader().await;
    let others: Vec<usize> = (0..3).filter(|at| *at != leader).collect();
    let address = cluster.nodes[leader].clients.clone();
    let held = cluster.client.test(&address, TestSwitch::HoldAppends);
    held.await.unwrap();
    let before = cluster.status(leader).await.unwrap().last;
    let patience = Duration::from_secs(3);
    let put = cluster.another_client().put("unknown", "x");
    let put = tokio::spawn(put.deadline(patience).send());
    let mut command = cluster.spawn(&["put", "unknown", "y"]);
    cluster
        .until("both writes in the leader's log", async || {
            let status = cluster.client.status(&address).await.ok()?;
            (status.last.index >= before.index.plus(2)).then_some(())
        })
        .await;
    for at in &others {
        cluster.nodes[*at].signal("STOP");
    }
    cluster.nodes[leader].kill();
    let result = put.await.unwrap();
    assert_eq!(result.exit_code(), 6, "{result:?}");
    assert!(matches!(result, Err(ClientError::OutcomeUnknown { .. })));
    assert!(command.is_running(), "it tries for longer");

    // The two followers never had it. Once they go on, the same request is written by their leader.
    for at in &others {
        cluster.nodes[*at].signal("CONT");
    }
    let ended = command.output();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let value = cluster.client.get("unknown").await.unwrap().unwrap();
    assert_eq!(value.as_bytes(), b"y");
    println!("a write without an answer: unknown (6) for one, written at last for a patient one");
}

/// A linearizable read is answered by whichever node is asked, and a read after a position sees that write whatever its class.
#[tokio::test(flavor = "multi_thread")]
async fn reads_are_answered_by_any_node_and_see_what_they_are_to_see() {
    let cluster = Cluster::start().await;
    cluster.leader().await;
    for number in 0..20 {
        let value = number.to_string();
        cluster.client.put("k", &value).send().await.unwrap();
        for node in ["1", "2", "3"] {
            let client = cluster
                .client
                .reading_at(&cluster.nodes[number % 3].clients);
            let read = client
                .get_as("k", Freshness::LinearizableHere)
                .await
                .unwrap();
            assert_eq!(read.unwrap().as_bytes(), value.as_bytes());
            if number == 0 {
                let read = cluster.run(&["get", "k", "--node", node]);
                assert_eq!(read.json["value"], value, "{}", read.json);
                let read = cluster.run(&["scan", "k", "--node", node]);
                assert_eq!(
                    read.json["rows"].as_array().unwrap().len(),
                    1,
                    "{}",
                    read.json
                );
            }
        }
        let early = cluster.client.put("early", &value).mode(CommitMode::Async);
        let early = early.send().await.unwrap();
        let after = Freshness::After(early.position);
        let read = cluster.client.get_as("early", after).await.unwrap();
        assert_eq!(read.unwrap().as_bytes(), value.as_bytes());
    }
    let never = cluster.run(&["get", "early", "--after-write", "1.999999"]);
    assert_eq!(never.code, 5, "{}", never.json);
}

/// Where as much is at risk as may be, early writes wait for room, or are refused at once, as the cluster has it; others are
/// written all the same.
#[tokio::test(flavor = "multi_thread")]
async fn at_the_bound_on_what_is_at_risk_early_writes_wait_or_are_refused() {
    for refuses in [false, true] {
        let flags: &'static [&'static str] = match refuses {
            true => &["--at-risk-entries-max", "5", "--at-risk-full", "refuse"],
            false => &["--at-risk-entries-max", "5"],
        };
        let cluster = Cluster::start_with(flags).await;
        let leader = cluster.leader().await;
        let address = cluster.nodes[leader].clients.clone();
        let held = cluster.client.test(&address, TestSwitch::HoldAppends);
        held.await.unwrap();
        let early = ["--mode", "ASYNC", "--fsync", "NONE", "--deadline", "3s"];
        let put = |key: &str| cluster.run(&[&["put", key, "x"], &early[..]].concat());
        let mut written = 0;
        let full = loop {
            let ran = put(&format!("k{written}"));
            match ran.code {
                0 => written += 1,
                _ => break ran,
            }
            assert!(written < 10, "it has no bound");
        };
        assert!(written > 0);
        let said = full.json.to_string();
        match refuses {
            true => assert!(said.contains("at_risk_full"), "{said}"),
            false => assert!(said.contains("entries at risk"), "{said}"),
        }
        let release = cluster.client.test(&address, TestSwitch::ReleaseAppends);
        release.await.unwrap();
        assert_eq!(cluster.run(&["put", "firm", "x"]).code, 0);
        assert_eq!(put("again").code, 0, "there is room again");
    }
}
