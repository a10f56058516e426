//! Who is in the cluster is what a directory was formatted with, whatever a file says later.

use std::fs;
use std::path::Path;

use kraft_proto::{CommitMode, FsyncMode};

use crate::e2e;
use crate::e2e::{Cluster, Node};

/// Leaves of a file's `[[members]]` only those with these ids.
fn keep_members(file: &Path, kept: &[u64]) {
    let whole = fs::read_to_string(file).unwrap();
    // What follows the members, the zones, stays.
    let (head, zones) = whole.split_once("[[zones]]").unwrap();
    let (head, members) = head.split_once("[[members]]").unwrap();
    let mut text = head.to_owned();
    for member in members.split("[[members]]") {
        let id = member.lines().find_map(|line| line.strip_prefix("id = "));
        if kept.contains(&id.unwrap().parse().unwrap()) {
            text += "[[members]]";
            text += member;
        }
    }
    text += "[[zones]]";
    text += zones;
    fs::write(file, text).unwrap();
}

/// Starts node `at` and waits until it has ended by itself. It must serve nobody meanwhile.
async fn refuses_to_start(cluster: &mut Cluster, at: usize) -> String {
    cluster.nodes[at].start();
    let end = std::time::Instant::now() + e2e::PATIENCE;
    loop {
        if let Some(code) = cluster.nodes[at].ended() {
            assert_eq!(code, 5, "{}", cluster.nodes[at].log());
            return last_line(&cluster.nodes[at]);
        }
        let served = cluster.status(at).await;
        assert!(served.is_none(), "it runs by that file: {served:?}");
        assert!(std::time::Instant::now() < end, "a node that refuses");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

fn last_line(node: &Node) -> String {
    node.log().lines().last().unwrap_or_default().to_owned()
}

/// 1. Node 3's file is cut down to itself. 2. Alone it would elect itself and acknowledge
/// SYNC·COMMIT on one disk. 3. Back in its cluster those acknowledgements are gone.
#[tokio::test]
async fn a_file_that_names_only_its_own_node_starts_no_second_cluster() {
    let mut cluster = Cluster::start().await;
    let put = cluster.client.put("before", "x").mode(CommitMode::Sync);
    put.fsync(FsyncMode::Commit).send().await.unwrap();
    cluster.nodes[2].kill();
    let file = cluster.nodes[2].config.clone();
    keep_members(&file, &[3]);

    let why = refuses_to_start(&mut cluster, 2).await;
    assert!(why.contains("members 3"), "{why}");
    assert!(why.contains("formatted with 1, 2 and 3"), "{why}");

    let put = cluster.client.put("after", "x").mode(CommitMode::Sync);
    put.fsync(FsyncMode::Commit).send().await.unwrap();
    // Without a list it knows them all, and where they are.
    keep_members(&file, &[]);
    cluster.nodes[2].start();
    cluster.caught_up(2).await;
    let status = cluster.status(2).await.unwrap();
    let all = cluster.nodes.iter().map(|node| node.clients.as_str());
    let known = status.members.iter();
    let known = known.map(|member| member.client_address.as_deref().unwrap());
    assert!(known.eq(all), "{:?}", status.members);
}
