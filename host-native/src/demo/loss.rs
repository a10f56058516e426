//! Step 2: a write that only the leader holds goes with it, and its fate says so.

use std::time::Instant;

use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_proto::output::Fate;
use kraft_wire::api::{Answer, TestSwitch};
use kraft_wire::key_value::{Key, KeyValue, Value};
use serde_json::json;

use super::cluster::{Cluster, Leading, NODES};
use super::error::DemoError;
use super::figures::millis;
use super::ledger::Ledger;
use super::screen::{News, Screen};
use crate::glyph::Glyph;

const KEY: &str = "session:lost-with-its-leader";
const VALUE: &str = "acknowledged, and yet";

/// How often it is tried to keep a write on its leader.
const ATTEMPTS: u32 = 5;

pub(super) async fn step(
    cluster: &mut Cluster,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(), DemoError> {
    screen.heading("2. A write that only the leader holds is lost with the leader");
    let (old, key, answer) = on_the_leader_alone(cluster, ledger, screen).await?;

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
    let value = cluster.client().get(&key).await;
    let value = value.map_err(DemoError::asking("reading the key of the lost write"))?;
    if fate != Fate::Lost || value.is_some() {
        return Err(DemoError::NotShown(format!(
            "the write at {} was to be lost and is not: fate {fate:?}, key {}",
            answer.position,
            if value.is_some() { "there" } else { "absent" },
        )));
    }
    screen.say(format_args!(
        "fate of {}, asked of node {}: {}  {}",
        answer.position,
        new.node,
        screen.mark("lost", News::Expected),
        Glyph::lost(NODES)
    ));
    screen.say("Another entry is committed in its place.");
    screen.say(format_args!("get {key}: no such key."));

    cluster.node_mut(old.node).start()?;
    cluster.one_leader("the return of the killed node").await?;
    cluster.settle().await?;
    screen.say(format_args!(
        "Node {} is started again, follows, and has given the write up as well.",
        old.node
    ));
    screen.say("That is LEADER_ONLY's bargain: a quick answer, which may go with its leader.");
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

/// Has a write acknowledged that no other node has. On a busy machine another node may take the
/// lead meanwhile, and the write be replicated: then it is tried once more.
async fn on_the_leader_alone(
    cluster: &mut Cluster,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<(Leading, String, Answer), DemoError> {
    let mut why = String::new();
    for attempt in 1..=ATTEMPTS {
        let key = match attempt {
            1 => KEY.to_owned(),
            _ => format!("{KEY}-{attempt}"),
        };
        cluster.settle().await?;
        cluster.all_written().await?;
        let leading = cluster.one_leader("one leader").await?;
        switch(cluster, leading, TestSwitch::HoldAppends).await?;
        screen.say(format_args!(
            "Node {} leads. It is told to hold back the entries for its followers.",
            leading.node
        ));
        let answer = write(cluster, &key, ledger, screen).await?;
        match nobody_else_has(cluster, leading, &answer, screen).await {
            Ok(()) => return Ok((leading, key, answer)),
            Err(replicated) => why = replicated,
        }
        screen.say(format_args!("{why}: once more."));
        switch(cluster, leading, TestSwitch::ReleaseAppends).await?;
    }
    Err(DemoError::NotShown(format!(
        "no write stayed on the leader alone in {ATTEMPTS} attempts; at last: {why}"
    )))
}

async fn switch(cluster: &Cluster, leading: Leading, switch: TestSwitch) -> Result<(), DemoError> {
    let address = &cluster.node(leading.node).address;
    let switched = cluster.client().test(address, switch).await;
    switched.map_err(DemoError::asking("holding back the leader's entries"))
}

/// The write that will be lost.
async fn write(
    cluster: &Cluster,
    key: &str,
    ledger: &Ledger,
    screen: &Screen,
) -> Result<Answer, DemoError> {
    let pair = KeyValue {
        key: Key::try_from(key).expect("a short key"),
        value: Value::try_from(VALUE).expect("a short value"),
    };
    let began = Instant::now();
    let result = cluster
        .client()
        .put(key, VALUE)
        .mode(CommitMode::LeaderOnly)
        .fsync(FsyncMode::None)
        .send()
        .await;
    let took = began.elapsed();
    ledger.note(pair, began, &result);
    let answer = result.map_err(DemoError::asking("the write that is to be lost"))?;
    let Some(achieved) = answer.achieved else {
        return Err(DemoError::NotShown(format!("not acknowledged: {answer}")));
    };
    screen.say(format_args!("put {key} --mode LEADER_ONLY --fsync NONE"));
    screen.say(format_args!(
        "{} ms later: acknowledged, {achieved}  {}",
        millis(took),
        Glyph::of(achieved.mode, achieved.held, NODES)
    ));
    screen.say(format_args!(
        "It is entry {}: term {}, index {}.",
        answer.position, answer.position.term, answer.position.index
    ));
    Ok(answer)
}

/// Makes sure that the write lies on the leader alone, or says why it may not.
async fn nobody_else_has(
    cluster: &Cluster,
    leading: Leading,
    answer: &Answer,
    screen: &Screen,
) -> Result<(), String> {
    if answer.position.term != leading.term {
        return Err("Another node leads by now".into());
    }
    for node in cluster.nodes() {
        if node.id == leading.node {
            continue;
        }
        let Some(status) = cluster.status(node.id).await else {
            return Err(format!("Node {} does not say where its log ends", node.id));
        };
        let last = status.last;
        if last >= answer.position {
            return Err(format!("The log of node {} goes on to {last}", node.id));
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
