//! Reads of one moment against real nodes: what is read in several requests fits together, whatever is written meanwhile,
//! and a moment that is gone is said to be.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use kraft_client::{Client, ClientError};
use kraft_wire::api::{MOMENTS_MAX, RequestRefusal};
use kraft_wire::key_value::{KeyValue, VALUE_MAX};
use kraft_wire::rows::{Page, Scan, ScanFrom};
use serde_json::Value;

use crate::e2e::Cluster;

const KEYS: usize = 60;

/// Rows of a page: a few pages are the whole.
const ROWS: &str = "7";

/// Values of the greatest length, of which a page has fewer.
const PADS: usize = 5;

/// Every key gets the same value, as one entry.
async fn write_round(client: &Client, round: u32) {
    let value = round.to_string();
    let pairs = (0..KEYS).map(|n| (format!("key{n:02}"), value.clone()));
    client.put_many(pairs).send().await.unwrap();
}

fn values(rows: &[KeyValue]) -> BTreeSet<String> {
    rows.iter().map(|row| row.value.to_string()).collect()
}

fn page_after(page: Option<&Page>) -> Scan {
    let last = page.and_then(|page| page.more.clone());
    Scan {
        from: last.map_or(ScanFrom::Start, ScanFrom::After),
        limit: Some(ROWS.parse().unwrap()),
        ..Scan::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_one_moment_fit_together_while_others_write() {
    let mut cluster = Cluster::start().await;
    write_round(&cluster.client, 0).await;
    the_state_changes_between_pages(&cluster).await;
    write_round(&cluster.client, 0).await;
    a_command_reads_while_others_write(&cluster).await;
    one_client_gives_way_to_another(&cluster).await;
    a_node_that_starts_anew_has_no_moments(&mut cluster).await;
}

async fn the_state_changes_between_pages(cluster: &Cluster) {
    let client = &cluster.client;
    let moment = client.moment().await.unwrap();
    let (mut rows, mut page, mut round) = (Vec::new(), None, 1);
    loop {
        let next = moment.scan(page_after(page.as_ref())).await.unwrap();
        rows.extend(next.rows.clone());
        if next.more.is_none() {
            break;
        }
        page = Some(next);
        write_round(client, round).await;
        client.put("key000", "new").send().await.unwrap();
        client.delete(["key59"]).send().await.unwrap();
        round += 1;
    }
    assert!(round > 5, "there were many pages");
    assert_eq!(rows.len(), KEYS);
    assert_eq!(values(&rows), BTreeSet::from(["0".to_owned()]));
    let then = moment.get("key59").await.unwrap().unwrap();
    assert_eq!(then.as_bytes(), b"0");
    assert_eq!(client.get("key59").await.unwrap(), None, "it is gone now");
    assert!(client.moment().await.unwrap().read_at() > moment.read_at());
    client.delete(["key000"]).send().await.unwrap();
}

async fn a_command_reads_while_others_write(cluster: &Cluster) {
    let (writer, done) = (cluster.another_client(), Arc::new(AtomicBool::new(false)));
    let writing = tokio::spawn({
        let done = done.clone();
        async move {
            let mut rounds = 0;
            while !done.load(Relaxed) {
                rounds += 1;
                write_round(&writer, rounds).await;
            }
            rounds
        }
    });
    let scan = || cluster.spawn(&["scan", "key", "--all", "--limit", ROWS]);
    for _ in 0..5 {
        let output = scan().output();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let pages: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(pages.len(), KEYS.div_ceil(ROWS.parse().unwrap()));
        let (last, others) = pages.split_last().unwrap();
        assert!(last["more"].is_null() && others.iter().all(|page| page["more"].is_string()));
        let rows = pages
            .iter()
            .flat_map(|page| page["rows"].as_array().unwrap());
        let seen: BTreeSet<_> = rows.clone().map(|row| row["value"].to_string()).collect();
        assert_eq!((rows.count(), seen.len()), (KEYS, 1), "{seen:?}");
    }
    // Between the keys, so that they are not on one page of an export.
    let pads = (0..PADS).map(|n| format!("key29:{n}"));
    for pad in pads.clone() {
        let put = cluster.client.put(pad, vec![b'x'; VALUE_MAX]);
        put.send().await.unwrap();
    }
    let exported = cluster.run(&["export", "moment.jsonl"]);
    done.store(true, Relaxed);
    assert!(writing.await.unwrap() > 5);
    assert_eq!(exported.json["rows"], KEYS + PADS, "{}", exported.json);
    let file = fs::read_to_string(cluster.dir.path().join("moment.jsonl")).unwrap();
    let rows = file
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let seen: BTreeSet<_> = rows
        .filter(|row| row["key"].as_str().is_some_and(|key| !key.contains(':')))
        .map(|row| row["value"].to_string())
        .collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    cluster.client.delete(pads).send().await.unwrap();
    let refused = cluster.spawn(&["scan", "--all", "--limit", "0"]).output();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

async fn one_client_gives_way_to_another(cluster: &Cluster) {
    let mut taken = Vec::new();
    let client = cluster.another_client();
    for _ in 0..MOMENTS_MAX {
        taken.push(client.moment().await.unwrap());
    }
    let other = cluster.another_client();
    let moment = other.moment().await.unwrap();
    assert_eq!(
        values(&moment.scan(Scan::default()).await.unwrap().rows).len(),
        1
    );
    let mut gone = 0;
    for moment in &taken {
        match moment.get("key00").await {
            Ok(value) => assert!(value.is_some()),
            Err(error) => {
                assert_eq!(error, ClientError::Refused(RequestRefusal::MomentGone));
                gone += 1;
            }
        }
    }
    assert_eq!(gone, 1);
}

async fn a_node_that_starts_anew_has_no_moments(cluster: &mut Cluster) {
    let leader = cluster.leader().await;
    let moment = cluster.client.moment().await.unwrap();
    moment.get("key00").await.unwrap();
    cluster.nodes[leader].kill();
    cluster.nodes[leader].start();
    let error = moment.get("key00").await.unwrap_err();
    assert_eq!(error, ClientError::Refused(RequestRefusal::MomentGone));
    assert!(error.to_string().contains("begin again"), "{error}");
}
