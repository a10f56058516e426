//! Step 2: a write that only the leader holds goes with it, and its fate says so.

use std::time::Instant;

use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_proto::output::Fate;
use serde_json::json;

use super::cluster::{Cluster, Leading};
use super::error::DemoError;
use super::figures::millis;
use super::ledger::Ledger;
use super::screen::{News, Screen};
use crate::api::{Answer, TestSwitch};
use crate::pair::{Key, Pair, Value};

const KEY: &str = "session:lost-with-its-leader";

pub(super) async fn step(
    cluster: &mut Cluster,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(), DemoError> {
    screen.heading("2. A write that only the leader holds is lost with the leader");
    cluster.settle().await?;
    cluster.all_written().await?;
    let old = cluster.one_leader("one leader").await?;
    let address = cluster.node(old.node).address.clone();
    cluster
        .client()
        .test(&address, TestSwitch::HoldAppends)
        .await
        .map_err(DemoError::asking("holding back the leader's entries"))?;
    screen.say(format_args!(
        "Node {} leads. From now on it holds back the entries it should send to its followers.",
        old.node
    ));
    let answer = write(cluster, ledger, screen).await?;
    nobody_else_has(cluster, old, &answer, screen).await?;

    let killed = cluster.node_mut(old.node).kill();
    screen.say(format_args!("kill -9 node {}", old.node));
    let new = {
        let _waiting = screen.waiting("the others notice, and elect");
        cluster.next_leader(old.term).await?
    };
    let elected = killed.elapsed();
    screen.say(format_args!(
        "{} ms later node {} leads term {}.",
        millis(elected),
        new.node,
        new.term
    ));
    let fate = fate_by(cluster, new, &answer).await?;
    let decided = killed.elapsed();
    let value = cluster.client().get(KEY).await;
    let value = value.map_err(DemoError::asking("reading the key of the lost write"))?;
    if fate != Fate::Lost || value.is_some() {
        return Err(DemoError::NotShown(format!(
            "the write at {} was to be lost and is not: fate {fate:?}, key {}",
            answer.position,
            if value.is_some() { "there" } else { "absent" },
        )));
    }
    screen.say(format_args!(
        "fate of {}, asked of node {}: {}. Another entry is committed in its place.",
        answer.position,
        new.node,
        screen.mark("lost", News::Expected)
    ));
    screen.say(format_args!("get {KEY}: no such key."));

    cluster.node_mut(old.node).start()?;
    cluster.one_leader("the return of the killed node").await?;
    cluster.settle().await?;
    screen.say(format_args!(
        "Node {} is started again. It follows, and has given the write up like the others.",
        old.node
    ));
    screen.say(
        "That is the bargain of LEADER_ONLY: a quick answer, and the leader may take it along.",
    );
    screen.fact(json!({
        "step": "loss",
        "acknowledged": answer,
        "killed": old.node,
        "leader": new.node,
        "term": new.term,
        "elected_after_ms": elected.as_secs_f64() * 1e3,
        "fate": "lost",
        "fate_known_after_ms": decided.as_secs_f64() * 1e3,
        "key_present": false,
    }));
    Ok(())
}

/// The write that will be lost.
async fn write(cluster: &Cluster, ledger: &Ledger, screen: &Screen) -> Result<Answer, DemoError> {
    let began = Instant::now();
    let result = cluster
        .client()
        .put(KEY, "acknowledged, and yet")
        .mode(CommitMode::LeaderOnly)
        .fsync(FsyncMode::None)
        .send()
        .await;
    let took = began.elapsed();
    let pair = Pair {
        key: Key::try_from(KEY).expect("a short key"),
        value: Value::try_from("acknowledged, and yet").expect("a short value"),
    };
    ledger.note(pair, began, &result);
    let answer = result.map_err(DemoError::asking("the write that is to be lost"))?;
    let Some(achieved) = answer.achieved else {
        return Err(DemoError::NotShown(format!("not acknowledged: {answer}")));
    };
    screen.say(format_args!("put {KEY} --mode LEADER_ONLY --fsync NONE"));
    screen.say(format_args!(
        "{} ms later: acknowledged, {achieved}.",
        millis(took)
    ));
    screen.say(format_args!(
        "It is entry {}: term {}, index {}.",
        answer.position, answer.position.term, answer.position.index
    ));
    Ok(answer)
}

/// Makes sure that the write lies on the leader alone.
async fn nobody_else_has(
    cluster: &Cluster,
    leading: Leading,
    answer: &Answer,
    screen: &Screen,
) -> Result<(), DemoError> {
    for node in cluster
        .nodes()
        .iter()
        .filter(|node| node.id != leading.node)
    {
        let last = match cluster.status(node.id).await {
            Some(status) => status.last,
            None => {
                return Err(DemoError::NotShown(format!(
                    "node {} did not say where its log ends",
                    node.id
                )));
            }
        };
        if last >= answer.position {
            return Err(DemoError::NotShown(format!(
                "node {} has entry {} although it was held back",
                node.id, answer.position
            )));
        }
        screen.say(format_args!(
            "The log of node {} ends at {last}: it does not have it.",
            node.id
        ));
    }
    Ok(())
}

/// What the new leader says became of the write, once it can tell: its own first entry has to be
/// committed before.
async fn fate_by(cluster: &mut Cluster, new: Leading, answer: &Answer) -> Result<Fate, DemoError> {
    cluster
        .wait("the fate of the lost write", async |cluster| {
            let address = &cluster.node(new.node).address;
            let report = cluster.client().fate_of(address, answer.position).await;
            let fate = report.ok()?.fate;
            (fate != Fate::Pending).then_some(fate)
        })
        .await
}
