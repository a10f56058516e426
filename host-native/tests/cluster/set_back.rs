//! A data directory that is replaced by an older copy of itself, and one that is a copy of another.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use host_native::config::Config;
use kraft_proto::{CommitMode, FsyncMode, HardState, Incarnation, Nonce, Trust};
use kraft_storage::RealFs;

use crate::e2e::ports::Block;
use crate::e2e::process::{self, Program};
use crate::e2e::{Cluster, Node, kraft};

fn data(node: &Node) -> PathBuf {
    Config::load(&node.config).unwrap().data_dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

async fn write(cluster: &Cluster, rows: std::ops::Range<usize>) {
    for number in rows {
        let put = cluster.client.put(format!("row:{number:04}"), "value");
        let put = put.mode(CommitMode::Sync).fsync(FsyncMode::Commit);
        put.send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_is_noticed_named_and_brought_up_to_date() {
    let mut cluster = Cluster::start().await;
    write(&cluster, 0..20).await;
    let at = cluster.follower().await;
    cluster.caught_up(at).await;
    cluster.nodes[at].stop();
    let (data, backup) = (data(&cluster.nodes[at]), cluster.dir.path().join("backup"));
    copy(&data, &backup);
    cluster.nodes[at].start();
    cluster.caught_up(at).await;
    write(&cluster, 20..60).await;
    cluster.caught_up(at).await;
    let leader = cluster.leader().await;

    cluster.nodes[at].kill();
    fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    cluster.nodes[at].start();
    let of = at + 1;
    let said = format!("the disk of node {of} went back to an older copy of itself");
    cluster
        .until("a leader that says whose disk went back", async || {
            let warnings = cluster.status(leader).await?.warnings;
            warnings.iter().any(|w| w.contains(&said)).then_some(())
        })
        .await;
    cluster.caught_up(at).await;
    cluster
        .until("a node that is trusted again, and says so", async || {
            let status = cluster.status(at).await?;
            let named = status.warnings.iter().any(|w| w.contains(&said));
            (named && status.trust != Trust::Suspect).then_some(())
        })
        .await;
    cluster
        .until("the alert", async || {
            let (_, alerts) = cluster.nodes[leader].get("/v1/alerts");
            alerts.contains("disk_went_back").then_some(())
        })
        .await;
    assert_eq!(
        cluster.nodes[leader].figure("kraft_disks_set_back"),
        Some(1.0)
    );
    assert!(cluster.nodes[leader].log().contains(&said));

    // And what was acknowledged outlives the leader.
    cluster.nodes[leader].kill();
    let rows = cluster.rows("row:").await;
    assert_eq!(rows.len(), 60, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_refused_starts_again_only_on_its_operators_word() {
    let mut cluster = Cluster::start().await;
    write(&cluster, 0..5).await;
    let at = cluster.follower().await;
    cluster.nodes[at].stop();
    let data = data(&cluster.nodes[at]);
    let marked = || {
        let opened =
            kraft_storage::open(&data, RealFs::shared(), &kraft_storage::Options::default());
        opened.unwrap().hard_state
    };
    let opened =
        kraft_storage::open(&data, RealFs::shared(), &kraft_storage::Options::default()).unwrap();
    let mut store = opened.store;
    let by = Incarnation::new(opened.hard_state.incarnation.number + 7, Nonce(7));
    let hard = HardState {
        superseded: Some(by),
        ..opened.hard_state
    };
    store.save_hard_state(hard).unwrap();
    store.close().unwrap();

    for _ in 0..4 {
        let output = process::output(&mut cluster.nodes[at].command());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(said.contains("is a copy of one that runs"), "{said}");
    }
    assert_eq!(marked(), hard, "refused starts count no further");

    let recover = |more: &[&str]| {
        let mut command = kraft();
        command.arg("recover").arg("--config");
        command.arg(&cluster.nodes[at].config).args(more);
        let output = process::output(&mut command);
        let both = [&output.stdout[..], &output.stderr[..]].concat();
        (output.status.success(), String::from_utf8(both).unwrap())
    };
    let (done, said) = recover(&[]);
    assert!(!done && said.contains("--only-copy"), "{said}");
    let (done, said) = recover(&["--only-copy"]);
    assert!(done, "{said}");
    let lifted = marked();
    assert_eq!((lifted.superseded, lifted.trust), (None, Trust::Suspect));
    assert!(lifted.incarnation.number > by.number);

    cluster.nodes[at].start();
    cluster.caught_up(at).await;
    cluster
        .until("a node that is trusted again", async || {
            (cluster.status(at).await?.trust != Trust::Suspect).then_some(())
        })
        .await;
}

/// The story: 1. a node's data directory is copied, and both are started; 2. either may hold what the other has
/// reported, and the leader cannot count both as one copy; 3. one of the two has to end, say why, and stay away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_directory_and_its_copy_that_both_run_one_ends_and_stays_away() {
    let mut cluster = Cluster::start().await;
    write(&cluster, 0..5).await;
    let at = cluster.follower().await;
    cluster.caught_up(at).await;
    cluster.nodes[at].stop();
    let copied = cluster.dir.path().join("copy");
    copy(&data(&cluster.nodes[at]), &copied);

    let block = Block::take();
    let [peers, clients, admin] = block.ports().map(|port| format!("127.0.0.1:{port}"));
    let reached = [cluster.nodes[at].clients.clone(), clients.clone()];
    let command = |which: usize| -> Command {
        let mut command = cluster.nodes[at].command();
        if which == 1 {
            command.arg("--data-dir").arg(&copied);
            command.args(["--listen-peers", &peers, "--listen-clients", &clients]);
            command.args(["--listen-admin", &admin]);
        }
        command
    };
    let start = |which| Program::listened_to(command(which).stdin(Stdio::piped()));
    let both = RefCell::new(vec![start(0), start(1)]);
    let ended = cluster
        .until("an end of one of the two", async || {
            let mut both = both.borrow_mut();
            both.iter_mut().position(|program| !program.is_running())
        })
        .await;
    let mut both = both.into_inner();
    let refused = both.remove(ended).output();
    let mut other = both.remove(0);
    let mut outputs = vec![refused];
    for _ in 0..3 {
        write(&cluster, 5 * outputs.len()..5 * (outputs.len() + 1)).await;
        outputs.push(process::output(&mut command(ended)));
    }
    for (starts, output) in outputs.iter().enumerate() {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "start {starts}: {said}");
        assert!(
            said.contains("is a copy of one that runs"),
            "start {starts}: {said}"
        );
    }

    // The other is trusted and counted: a write that all have to hold is acknowledged.
    let reached = &reached[1 - ended];
    cluster
        .until("a write held by all, the other too", async || {
            let put = cluster.client.put("row:last", "value");
            let put = put.mode(CommitMode::All).fsync(FsyncMode::Commit);
            let position = put.send().await.ok()?.position;
            let status = cluster.client.status(reached).await.ok()?;
            (status.applied >= position && status.trust != Trust::Suspect).then_some(())
        })
        .await;
    assert!(other.is_running(), "the other goes on");
    assert_eq!(cluster.rows("row:").await.len(), 21, "nothing was lost");
}
