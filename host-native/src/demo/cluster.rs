//! The demo's cluster: three processes, a client, and what to wait for.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kraft_client::{Client, Settings};
use kraft_proto::Role;
use kraft_proto::ids::{LogIndex, LogPosition, NodeId, Term};
use kraft_proto::modes::{CommitMode, FsyncMode};
use kraft_proto::presets::Preset;
use kraft_wire::api::StatusReport;
use kraft_wire::cert::Credentials;
use serde_json::json;

use super::error::DemoError;
use super::figures::millis;
use super::options::DemoOptions;
use super::ports;
use super::screen::Screen;
use super::server::Server;
use crate::config::{Config, read_zones};
use crate::setup::{self, Created, Place, Plan};

/// Nodes of the cluster.
pub(super) const NODES: usize = 3;

/// The seven zones.
const ZONES: &str = include_str!("../../examples/zones.toml");

/// How long anything may take that the demo waits for, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether it came about.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A cluster whose processes end with it.
#[derive(Debug)]
pub(super) struct Cluster {
    pub dir: PathBuf,
    /// The client's configuration.
    pub client_config: PathBuf,
    pub program: PathBuf,
    nodes: Vec<Server>,
    client: Option<Client>,
}

/// Who leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading {
    pub node: NodeId,
    pub term: Term,
}

impl Cluster {
    /// Makes its authority, certificates, configurations and data directories. Nothing runs yet.
    pub fn make(options: &DemoOptions) -> Result<Self, DemoError> {
        let ports: [u16; 3 * NODES] = ports::free().map_err(DemoError::Ports)?;
        let (ports, _) = ports.as_chunks::<3>();
        let dir = match &options.dir {
            Some(dir) => dir.clone(),
            None => temporary().join(format!("kraft-demo-{:08x}", ports::random() as u32)),
        };
        let plan = Plan {
            places: ports.iter().map(|ports| Place::at_ports(*ports)).collect(),
            preset: Preset::default(),
            zones: zones(&dir)?,
        };
        let Created { nodes, client, .. } = setup::create(&dir, &plan)?;
        let server = |((number, config), place): ((u64, &PathBuf), &Place)| {
            Server::new(
                &options.program,
                NodeId(number),
                config,
                place.listen.clients.to_string(),
                place.listen.admin.to_string(),
            )
        };
        Ok(Self {
            nodes: (1..).zip(&nodes).zip(&plan.places).map(server).collect(),
            dir,
            client_config: client,
            program: options.program.clone(),
            client: None,
        })
    }

    /// Starts every node and waits until all of them follow one leader.
    pub async fn start(&mut self, screen: &Screen) -> Result<(), DemoError> {
        screen.say(format_args!("Made a cluster in {}:", self.dir.display()));
        screen.say("an authority, certificates, and a data directory for each node.");
        let began = Instant::now();
        for node in &mut self.nodes {
            node.start()?;
        }
        let waiting = screen.waiting("waiting for the first election");
        let addresses = self.nodes.iter().map(|node| &node.address);
        let client = Client::new(addresses, self.credentials()?, Settings::default());
        self.client = Some(client.map_err(DemoError::asking("a client"))?);
        let leading = self.one_leader("the first election").await?;
        drop(waiting);
        let pids: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("node {} is process {}", node.id, node.pid().unwrap_or(0)))
            .collect();
        screen.say(format_args!("{}.", capitalized(&pids.join(", "))));
        screen.say(format_args!(
            "They speak QUIC with mutual TLS. After {} ms node {} leads term {}.",
            millis(began.elapsed()),
            leading.node,
            leading.term
        ));
        screen.fact(json!({
            "step": "cluster",
            "dir": self.dir,
            "nodes": self.nodes.iter().map(|node| json!({
                "id": node.id,
                "pid": node.pid(),
                "clients": node.address,
                "admin": node.admin,
            })).collect::<Vec<_>>(),
            "leader": leading.node,
            "term": leading.term,
        }));
        Ok(())
    }

    /// What the client proves itself with.
    pub fn credentials(&self) -> Result<Credentials, DemoError> {
        let tls = Config::load(&self.client_config)?.tls;
        Ok(Credentials::load(&tls.cert, &tls.key, &tls.ca)?)
    }

    /// The client that every step shares.
    pub fn client(&self) -> &Client {
        self.client
            .as_ref()
            .expect("a cluster is used once started")
    }

    /// All nodes, in order.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Server {
        &self.nodes[id.0 as usize - 1]
    }

    /// One node, to start or kill it.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Server {
        &mut self.nodes[id.0 as usize - 1]
    }

    /// How a node sees itself and the cluster; `None` while it does not answer.
    pub async fn status(&self, node: NodeId) -> Option<StatusReport> {
        self.client().status(&self.node(node).address).await.ok()
    }

    /// What every running node says, once all of them answer.
    pub async fn statuses(&mut self) -> Result<Vec<StatusReport>, DemoError> {
        self.wait("an answer of every node", async |cluster| {
            let mut all = Vec::with_capacity(NODES);
            for node in cluster.nodes.iter().filter(|node| node.is_running()) {
                all.push(cluster.status(node.id).await?);
            }
            Some(all)
        })
        .await
    }

    /// Waits until a node leads and every running node follows it.
    pub async fn one_leader(&mut self, what: &str) -> Result<Leading, DemoError> {
        self.wait(what, async |cluster| {
            let mut agreed = None;
            for node in cluster.nodes.iter().filter(|node| node.is_running()) {
                let status = cluster.status(node.id).await?;
                let leading = Leading {
                    node: status.leader?,
                    term: status.term,
                };
                // Those that survive a leader name it for a while.
                let alive = cluster.node(leading.node).is_running();
                if !alive || *agreed.get_or_insert(leading) != leading {
                    return None;
                }
            }
            agreed
        })
        .await
    }

    /// The survivor that leads a later term than `term`, as soon as it says so.
    pub async fn next_leader(&mut self, term: Term) -> Result<Leading, DemoError> {
        self.wait("the election of another leader", async |cluster| {
            for node in cluster.nodes.iter().filter(|node| node.is_running()) {
                let Some(status) = cluster.status(node.id).await else {
                    continue;
                };
                if status.role == Role::Leader && status.term > term {
                    return Some(Leading {
                        node: node.id,
                        term: status.term,
                    });
                }
            }
            None
        })
        .await
    }

    /// Waits until every running node holds the leader's whole log, forced or not.
    pub async fn all_written(&mut self) -> Result<(), DemoError> {
        self.wait("the same log on every node", async |cluster| {
            let leader = cluster.leader_status().await?;
            let running = |id: NodeId| cluster.node(id).is_running();
            let behind = |peer: &kraft_wire::api::PeerStatus| {
                let written = peer.watermarks.map(|watermarks| watermarks.written);
                running(peer.id) && written.is_none_or(|written| written < leader.last.index)
            };
            let whole = leader.watermarks.written == leader.last.index;
            (whole && !leader.peers.iter().any(behind)).then_some(())
        })
        .await
    }

    /// Writes an entry that everything before it must be forced for, and waits until every running
    /// node knows it to be committed: then nothing before it is undecided.
    pub async fn settle(&mut self) -> Result<LogPosition, DemoError> {
        let fence = self
            .client()
            .put("demo:fence", "")
            .mode(CommitMode::Sync)
            .fsync(FsyncMode::Commit)
            .send()
            .await
            .map_err(DemoError::asking("a write that settles those before it"))?;
        let index: LogIndex = fence.position.index;
        self.wait("the same commit on every node", async |cluster| {
            for node in cluster.nodes.iter().filter(|node| node.is_running()) {
                let status = cluster.status(node.id).await?;
                if status.applied.index < index {
                    return None;
                }
            }
            Some(())
        })
        .await?;
        Ok(fence.position)
    }

    /// Looks until `look` finds something; fails if a node ends meanwhile, or it takes too long.
    pub async fn wait<T>(
        &mut self,
        what: &str,
        look: impl AsyncFn(&Self) -> Option<T>,
    ) -> Result<T, DemoError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self).await {
                return Ok(found);
            }
            for node in &mut self.nodes {
                node.check()?;
            }
            if Instant::now() >= until {
                return Err(DemoError::Late {
                    what: what.to_owned(),
                    after: PATIENCE,
                    dir: self.dir.clone(),
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops every node in order.
    pub async fn stop(&mut self) -> Result<(), DemoError> {
        for node in &self.nodes {
            node.ask_to_stop();
        }
        for node in &mut self.nodes {
            node.stopped().await?;
        }
        Ok(())
    }

    /// Lets every node live on.
    pub fn leave(&mut self) -> Result<(), DemoError> {
        for node in &mut self.nodes {
            let log = node.log.clone();
            node.leave()
                .map_err(|source| DemoError::Io { path: log, source })?;
        }
        Ok(())
    }

    /// What the leader says of itself.
    pub async fn leader_status(&self) -> Option<StatusReport> {
        for node in self.nodes.iter().filter(|node| node.is_running()) {
            if let Some(status) = self.status(node.id).await
                && status.role == Role::Leader
            {
                return Some(status);
            }
        }
        None
    }
}

/// The zones that come with the program.
fn zones(dir: &Path) -> Result<kraft_proto::zones::ZoneTable, DemoError> {
    // They are read as a user's would be: from a file.
    let mut path = dir.as_os_str().to_owned();
    path.push(".zones.toml");
    let path = PathBuf::from(path);
    let written = fs::write(&path, ZONES);
    let read = read_zones(&path);
    let _ = fs::remove_file(&path);
    written.map_err(|source| DemoError::Io { path, source })?;
    Ok(read?)
}

/// Where temporary files are; not in memory, where forcing a file costs nothing.
fn temporary() -> PathBuf {
    const TMPFS_MAGIC: i128 = 0x0102_1994;
    let usual = std::env::temp_dir();
    let on_disk = Path::new("/var/tmp");
    match rustix::fs::statfs(&usual) {
        Ok(of) if i128::from(of.f_type) == TMPFS_MAGIC && on_disk.is_dir() => on_disk.to_owned(),
        _ => usual,
    }
}

fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
