//! No command waits longer than its deadline, and every one says why it waited.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::e2e;
use crate::e2e::Cluster;

/// Beyond a deadline, for a busy machine.
const SLACK: Duration = Duration::from_secs(4);

/// A busy machine must not look like a dead leader.
const CALM: &[&str] = &[
    "--election-timeout-min",
    "1s",
    "--election-timeout-max",
    "2s",
];

/// A cluster of which one node runs, which therefore has no leader.
async fn leaderless() -> (Cluster, usize) {
    let mut cluster = Cluster::start_with(CALM).await;
    assert_eq!(cluster.run(&["put", "k", "v"]).code, 0);
    cluster.nodes[0].kill();
    cluster.nodes[1].kill();
    cluster
        .until("a node without a leader", async || {
            let status = cluster.status(2).await?;
            status.leader.is_none().then_some(())
        })
        .await;
    (cluster, 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_every_command_ends_at_its_deadline_and_says_so() {
    let (cluster, _) = leaderless().await;
    for words in [
        &["put", "k", "w", "--deadline", "2s"][..],
        &["put", "k", "w", "--timeout", "1s", "--deadline", "6s"],
        &["delete", "k", "--deadline", "2s"],
        &["get", "k", "--deadline", "2s"],
        &["scan", "--deadline", "2s"],
        &["transfer", "3", "--deadline", "2s"],
    ] {
        let began = Instant::now();
        let ran = cluster.run(words);
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(6) + SLACK,
            "{words:?} took {took:?}"
        );
        let error = ran.json["error"].as_str().unwrap();
        if ran.code == 6 {
            // The deadline came between its last request and the answer, as on a busy machine.
            assert!(["put", "delete"].contains(&words[0]), "{words:?}: {error}");
            assert!(error.contains("It may be written or not"), "{error}");
            continue;
        }
        assert_eq!(ran.code, 5, "{words:?}: {}", ran.json);
        assert!(error.contains("kraft status"), "{words:?}: {error}");
        match words[0] {
            "put" | "delete" => assert!(error.contains("Nothing was written"), "{error}"),
            "transfer" => assert!(
                error.contains("Leadership may have moved or not"),
                "{error}"
            ),
            _ => assert!(error.contains("Nothing was read"), "{error}"),
        }
    }
    // Ten seconds unless something is said, and the timeout of a write does not add thirty.
    let began = Instant::now();
    let mut put = e2e::kraft();
    put.env_remove("KRAFT_DEADLINE")
        .args(["put", "k", "w", "--timeout", "2s", "--config"])
        .arg(&cluster.created.client);
    let output = e2e::process::output(&mut put);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(began.elapsed() < Duration::from_secs(10) + SLACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_says_that_nobody_leads_and_what_a_candidate_lacks() {
    let (cluster, alone) = leaderless().await;
    let expected = "no leader: node 3 asks for votes and has 1 of 2";
    cluster
        .until("a candidate that says what it lacks", async || {
            let ran = cluster.run(&["status"]);
            assert_eq!(ran.code, 5, "{}", ran.json);
            ran.json["no_leader"]
                .as_str()?
                .contains(expected)
                .then_some(())
        })
        .await;
    cluster
        .until("an alert", async || {
            let (_, alerts) = cluster.nodes[alone].get("/v1/alerts");
            alerts.contains("no_leader").then_some(())
        })
        .await;
    assert_eq!(cluster.nodes[alone].get("/readyz").0, 503);
}

/// A write that is stopped by hand says under which request to send it again.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_write_prints_its_request() {
    let mut cluster = Cluster::start_with(CALM).await;
    let leader = cluster.leader().await;
    let other = (leader + 1) % 3;
    cluster.nodes[other].kill();
    // It waits for the node that is down.
    let child = cluster.spawn(&["put", "k", "v", "--mode", "ALL", "--timeout", "1m"]);
    cluster
        .until("an entry on its way", async || {
            let status = cluster.status(leader).await?;
            let waits = cluster
                .client
                .get_as("k", kraft_wire::api::Freshness::Linearizable)
                .await;
            (status.commit == status.last && waits.ok()??.as_bytes() == b"v").then_some(())
        })
        .await;
    child.signal("INT");
    let output = child.output();
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let request = told["request"].as_str().unwrap();
    assert!(told["error"].as_str().unwrap().contains(request), "{told}");

    // Under that request the same write is answered, and another one is refused.
    let again = cluster.run(&["put", "k", "v", "--request", request]);
    assert_eq!(again.code, 0, "{}", again.json);
    let another = cluster.run(&["put", "k", "other", "--request", request]);
    assert_eq!(
        another.json["refusal"], "request_was_another_write",
        "{}",
        another.json
    );
    let value = cluster.run(&["get", "k"]);
    assert_eq!(value.json["value"], "v");
}

/// Whoever asks for an hour holds a place for as long as the node gives, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_no_longer_than_the_node_gives() {
    let mut cluster = Cluster::start_with(&["--request-timeout-max", "2s"]).await;
    let leader = cluster.leader().await;
    cluster.nodes[(leader + 1) % 3].kill();
    let put = &[
        "put",
        "k",
        "v",
        "--mode",
        "ALL",
        "--timeout",
        "1h",
        "--deadline",
        "60s",
    ];
    let ran = cluster.run(put);
    assert_eq!(
        ran.code, 4,
        "it is answered, and has its position: {}",
        ran.json
    );
}
