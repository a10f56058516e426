//! A node that finds its disk dirty under another boot: what it says, and what an operator can do.

use std::io;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use host_native::config::Config;
use kraft_proto::{HardState, Trust};
use kraft_storage::fs::{File, LockGuard};
use kraft_storage::{BootId, Fs, RealFs};

use crate::e2e;
use crate::e2e::process::Program;
use crate::e2e::{Cluster, kraft};

/// The files of this machine, under a boot that is over.
struct Before(RealFs);

impl Fs for Before {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.create_dir(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.open(path)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<LockGuard> {
        self.0.lock(path)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.0.free_bytes(dir)
    }

    fn boot_id(&self) -> Option<BootId> {
        Some(BootId(1))
    }
}

/// Leaves the disk of a node as if the power had gone while it was dirty.
fn lose_power(config: &Path) {
    let data = Config::load(config).unwrap().data_dir;
    let options = kraft_storage::Options::default();
    let opened = kraft_storage::open(&data, Arc::new(Before(RealFs)), &options).unwrap();
    let mut store = opened.store;
    let hard = HardState {
        trust: Trust::Dirty,
        ..opened.hard_state
    };
    store.save_hard_state(hard).unwrap();
    store.close().unwrap();
}

fn recover(config: &Path, more: &[&str]) -> Output {
    let mut command = kraft();
    command
        .arg("recover")
        .arg("--config")
        .arg(config)
        .args(more);
    e2e::process::output(&mut command)
}

fn told(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspect_is_readmitted_by_itself_or_by_its_operator() {
    let mut cluster = Cluster::start().await;
    cluster.client.put("row", "value").send().await.unwrap();
    let at = cluster.follower().await;
    let config = cluster.nodes[at].config.clone();

    let running = recover(&config, &["--accept-data-loss"]);
    assert_eq!(running.status.code(), Some(5), "{}", told(&running));

    cluster.nodes[at].stop();
    let clean = recover(&config, &["--accept-data-loss"]);
    assert_eq!(clean.status.code(), Some(0));
    assert!(
        told(&clean).contains("Nothing was changed"),
        "{}",
        told(&clean)
    );

    // With a leader there is nothing to do.
    lose_power(&config);
    cluster.nodes[at].start();
    cluster.caught_up(at).await;
    cluster
        .until("a node that is trusted again", async || {
            (cluster.status(at).await?.trust != Trust::Suspect).then_some(())
        })
        .await;
    let log = cluster.nodes[at].log();
    assert!(
        log.contains("may have forgotten acknowledged copies"),
        "{log}"
    );

    // Without one it takes every voter, or an operator who knows that none will come back.
    for node in 0..3 {
        cluster.nodes[node].stop();
        lose_power(&cluster.nodes[node].config);
    }
    let refused = recover(&config, &[]);
    assert_eq!(refused.status.code(), Some(5));
    let stakes = told(&refused);
    assert!(stakes.contains("Nothing was changed"), "{stakes}");
    assert!(stakes.contains("--accept-data-loss"), "{stakes}");
    let other = (at + 1) % 3;
    for node in [at, other] {
        let accepted = recover(&cluster.nodes[node].config, &["--accept-data-loss"]);
        assert_eq!(accepted.status.code(), Some(0), "{}", told(&accepted));
        cluster.nodes[node].start();
    }
    cluster.leader().await;
    assert!(cluster.client.get("row").await.unwrap().is_some());
    let put = cluster.client.put("row", "another").send().await.unwrap();
    println!(
        "two of three lead again without the third: {}",
        put.position
    );
    for node in [at, other] {
        cluster.nodes[node].stop();
    }
}

/// Runs `kraft recover --from-survivor` on node `at`, with these words more.
fn from_survivor(cluster: &Cluster, at: usize, words: &[&str]) -> (i32, String) {
    let mut command = kraft();
    command
        .args(["recover", "--from-survivor", "--json", "--config"])
        .arg(&cluster.nodes[at].config)
        .args(words);
    let output = Program::listened_to(&mut command).output();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

/// 1. Two of three disks seem to be gone for good. 2. The cluster goes on from the third, as another epoch. 3. The two come
/// back after all, and are a majority of the cluster that was: nobody who has seen the new one takes them for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_on_from_a_survivor_and_those_left_behind_do_not_pass_for_it() {
    let mut cluster = Cluster::start().await;
    for number in 0..20 {
        assert_eq!(cluster.run(&["put", &format!("k{number:02}"), "x"]).code, 0);
    }
    let survivor = cluster.follower().await;
    cluster.caught_up(survivor).await;
    let lost: Vec<usize> = (0..3).filter(|at| *at != survivor).collect();
    cluster.nodes[survivor].kill();
    cluster.nodes[lost[0]].kill();
    let (code, said) = from_survivor(&cluster, survivor, &["--accept-data-loss"]);
    assert_eq!(code, 5, "{said}");
    let answers = format!("of the other members {} answers", lost[1] + 1);
    assert!(said.contains(&answers), "{said}");
    cluster.nodes[lost[1]].kill();
    let (code, said) = from_survivor(&cluster, survivor, &[]);
    assert_eq!(code, 5, "{said}");
    assert!(
        said.contains("Nothing was changed: to go on like this"),
        "{said}"
    );
    let (code, said) = from_survivor(&cluster, survivor, &["--accept-data-loss"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\"epoch\":1"), "{said}");

    cluster.nodes[survivor].start();
    let listed = cluster
        .until("the survivor alone", async || {
            let listed = cluster.run(&["member", "list"]);
            (listed.code == 0 && listed.json["settled"] == true).then_some(listed.json)
        })
        .await;
    assert_eq!(listed["members"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(cluster.run(&["put", "after", "x"]).code, 0);
    let read = cluster.run(&["get", "k19"]);
    assert_eq!(read.code, 0, "{}", read.json);
    // Another joins the cluster as it is now.
    let joined = cluster.join(survivor, &[]);
    cluster.nodes[joined].start();
    cluster.caught_up(joined).await;

    // Those that were left behind elect a leader of their own; the new cluster does not run.
    cluster.nodes[survivor].stop();
    cluster.nodes[joined].stop();
    for at in &lost {
        cluster.nodes[*at].start();
    }
    let left = cluster.client_of(lost[0]);
    cluster
        .until("a leader of those left behind", async || {
            left.status(&cluster.nodes[lost[0]].clients)
                .await
                .ok()?
                .leader
        })
        .await;
    let put = cluster.run(&["put", "whose", "x", "--deadline", "2s"]);
    assert_eq!(
        put.code, 5,
        "written by who is not the cluster: {}",
        put.json
    );
    assert_eq!(left.get("whose").await.unwrap(), None);
    assert_eq!(left.get("after").await.unwrap(), None);
    // Nor do nodes: the survivor and they refuse each other.
    cluster.nodes[survivor].start();
    cluster
        .until("a refusal by epoch", async || {
            cluster.nodes[survivor]
                .log()
                .contains("epoch")
                .then_some(())
        })
        .await;
    let listed = cluster.run(&["member", "list"]);
    assert_eq!(
        listed.json["members"].as_array().unwrap().len(),
        2,
        "{}",
        listed.json
    );
}
