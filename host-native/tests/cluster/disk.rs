//! A data directory that is not what it should be: the node says so, and nothing is lost.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use kraft_proto::{CommitMode, FsyncMode};

use crate::e2e;
use crate::e2e::{Cluster, Node};

/// Rows that must still be there in the end.
const ROWS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_only_on_the_whole_of_its_own_data() {
    let mut cluster = Cluster::start().await;
    for number in 0..ROWS {
        let put = cluster.client.put(format!("row:{number:04}"), "value");
        put.mode(CommitMode::Sync).send().await.unwrap();
    }
    let at = cluster.follower().await;
    one_process_for_one_directory(&cluster.nodes[at]);
    // Everything it has lies in files, and a part of it is not forced: that takes a second from here.
    let put = cluster.client.put("row:last", "value");
    put.mode(CommitMode::All)
        .fsync(FsyncMode::None)
        .send()
        .await
        .unwrap();

    cluster.nodes[at].kill();
    damage_in_the_middle_is_named(&cluster.nodes[at]);
    a_wiped_directory_is_not_taken_for_an_empty_log(&cluster.nodes[at]);
    what_it_is_told_must_make_sense(&cluster.nodes[at]);

    let torn = tear_the_tail(&cluster.nodes[at]);
    cluster.nodes[at].start();
    cluster.caught_up(at).await;
    let log = cluster.nodes[at].log();
    assert!(log.contains("were cut off"), "{log}");
    assert!(log.contains(torn.file_name().unwrap().to_str().unwrap()));
    let warnings = cluster.status(at).await.unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    println!("a torn tail: {}", warnings[0]);

    let other = (0..3).find(|other| *other != at).unwrap();
    cluster.nodes[other].stop();
    cluster.nodes[at].stop();
    the_directory_of_another_node_is_refused(&cluster.nodes[at], &cluster.nodes[other]);
    cluster.nodes[at].start();
    cluster.nodes[other].start();
    cluster.leader().await;

    let rows = cluster.rows("row:").await;
    assert_eq!(rows.len(), ROWS + 1, "nothing was lost");
    let mut digests = Vec::new();
    for at in 0..3 {
        cluster.caught_up(at).await;
        let digest = cluster.client.digest(&cluster.nodes[at].clients).await;
        digests.push(digest.unwrap().sha256);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same state on every node");
}

/// Tries to run a node that must not start. What it says.
fn refused(node: &Node, words: &[&str], code: i32) -> String {
    let output: Output = e2e::process::output(node.command().args(words));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
    said
}

fn one_process_for_one_directory(node: &Node) {
    let free = ["--listen-peers", "--listen-clients", "--listen-admin"];
    let words: Vec<&str> = free
        .iter()
        .flat_map(|flag| [*flag, "127.0.0.1:0"])
        .collect();
    let said = refused(node, &words, 5);
    assert!(said.contains(data(node).to_str().unwrap()), "{said}");
    println!("a second process on one directory: {said}");
}

fn damage_in_the_middle_is_named(node: &Node) {
    let (file, end) = newest(node);
    let middle = end / 2;
    flip(&file, middle);
    let said = refused(node, &[], 5);
    assert!(said.contains(file.to_str().unwrap()), "{said}");
    let offset: u64 = said
        .split_once("at byte ")
        .and_then(|(_, rest)| rest.split_once(':'))
        .and_then(|(offset, _)| offset.parse().ok())
        .unwrap_or_else(|| panic!("no offset in {said}"));
    assert!(
        (middle.saturating_sub(8192)..=middle).contains(&offset),
        "byte {middle} was damaged: {said}"
    );
    println!("a flipped bit at byte {middle}: {said}");
    flip(&file, middle);
}

fn a_wiped_directory_is_not_taken_for_an_empty_log(node: &Node) {
    let (data, aside) = (data(node), data(node).with_extension("aside"));
    fs::rename(&data, &aside).unwrap();
    let said = refused(node, &[], 5);
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    println!("no data directory: {said}");
    fs::create_dir(&data).unwrap();
    let said = refused(node, &[], 5);
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    println!("a wiped data directory: {said}");
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&aside, &data).unwrap();
}

fn what_it_is_told_must_make_sense(node: &Node) {
    let dir = node.config.parent().unwrap();
    let zones = dir.join("zones.toml");
    fs::write(&zones, "[[zones]]\npattern = \"a:*\"\nmode = \"MOST\"\n").unwrap();
    let said = refused(node, &["--zones", zones.to_str().unwrap()], 1);
    assert!(said.contains("zones.toml:3"), "{said}");
    assert!(said.contains("MOST"), "{said}");

    let whole = fs::read(&node.config).unwrap();
    fs::write(&node.config, "node = \n").unwrap();
    let said = refused(node, &[], 1);
    assert!(said.contains("kraft.toml:1"), "{said}");
    fs::remove_file(&node.config).unwrap();
    let said = refused(node, &[], 1);
    assert!(said.contains("kraft.toml"), "{said}");
    println!("no configuration: {said}");
    fs::write(&node.config, whole).unwrap();
}

fn the_directory_of_another_node_is_refused(node: &Node, other: &Node) {
    let theirs = data(other);
    let said = refused(node, &["--data-dir", theirs.to_str().unwrap()], 5);
    assert!(said.contains(theirs.to_str().unwrap()), "{said}");
    println!("another node's data directory: {said}");
}

/// Damages the very last bytes that were written, as a power cut in the middle of a write does.
fn tear_the_tail(node: &Node) -> PathBuf {
    let (file, end) = newest(node);
    flip(&file, end - 1);
    file
}

fn data(node: &Node) -> PathBuf {
    node.config.with_file_name("data")
}

/// The segment written last, and where what was written to it ends.
fn newest(node: &Node) -> (PathBuf, u64) {
    let mut segments: Vec<PathBuf> = fs::read_dir(data(node).join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
        .collect();
    segments.sort();
    let written = segments.into_iter().rev().find_map(|file| {
        let end = end_of(&file);
        (end > 8192).then_some((file, end))
    });
    written.expect("a segment that was written to")
}

/// Where the zeroes that were prepared begin.
fn end_of(file: &Path) -> u64 {
    let bytes = fs::read(file).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |last| last as u64 + 1)
}

fn flip(file: &Path, at: u64) {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    opened.read_exact_at(&mut byte, at).unwrap();
    opened.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
}
