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
