//! Three real nodes in this process: QUIC between them, and disks under them that can be made to
//! wait or to fill up.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub mod disk;
#[path = "../e2e/ports.rs"]
mod ports;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use host_native::config::{Config, Listen, MemberConfig, Timing, TlsFiles};
use host_native::kv::Kv;
use host_native::node::{Node, NodeError};
use kraft_client::{Client, ClientLimits, RpcClient, Settings};
use kraft_proto::{Member, Members, NodeId, Role, StoreId};
use kraft_storage::testing::Crash;
use kraft_storage::{Founding, Identity};
use kraft_wire::api::{Request, Response, StatusReport};
use kraft_wire::cert::{ClusterCa, Credentials};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use disk::{Disk, OpenAtEnd};
use ports::Block;

/// How long anything may take before its test gives up: many tests share few cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of a segment: full soon.
pub const SEGMENT_BYTES: u64 = 1024 * 1024;

/// Waits, but not forever.
async fn within<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, wanted).await;
    waited.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// A node that runs, and its disk.
pub struct Running {
    pub disk: Disk,
    config: Config,
    pub clients: String,
    admin: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), NodeError>>,
}

/// A machine whose node does not run.
pub struct Stopped {
    at: usize,
    pub disk: Disk,
    pub config: Config,
}

impl Stopped {
    /// What is on its disk.
    pub fn recovered(&self) -> kraft_storage::Opened {
        let options = kraft_storage::Options {
            segment_bytes: SEGMENT_BYTES,
            ..kraft_storage::Options::default()
        };
        let files = Arc::new(self.disk.clone());
        kraft_storage::open(&self.config.data_dir, files, &options).unwrap()
    }
}

pub struct Cluster {
    _dir: tempfile::TempDir,
    _gates: Vec<OpenAtEnd>,
    _ports: Block,
    pub nodes: Vec<Running>,
    pub client: Client,
    credentials: Credentials,
}

/// A cluster that begins with these members.
pub fn founding_of(members: &[MemberConfig]) -> Founding {
    let member = |member: &MemberConfig| Member {
        id: member.id,
        store: member.store,
    };
    Founding::of(Members::with_stores(members.iter().map(member), []).unwrap())
}

pub fn configured(dir: &Path, ca: &ClusterCa, id: u64, members: &[MemberConfig]) -> Config {
    let home = dir.join(format!("node-{id}"));
    std::fs::create_dir_all(&home).unwrap();
    ca.write(&home).unwrap();
    let (cert, key) = ca.issue_node(NodeId(id)).unwrap().write(&home).unwrap();
    let member = &members[id as usize - 1];
    Config {
        node: Some(NodeId(id)),
        cluster: Some(ca.cluster()),
        // In the disk in memory, not in this machine's.
        data_dir: "/data".into(),
        listen: Listen {
            peers: member.peers.to_string().parse().unwrap(),
            clients: member.clients.to_string().parse().unwrap(),
            admin: "127.0.0.1:0".parse().unwrap(),
        },
        tls: TlsFiles {
            ca: home.join("ca.pem"),
            cert,
            key,
        },
        members: members.to_vec(),
        // A busy machine must not look like a dead leader.
        timing: Timing {
            election_timeout_min: Duration::from_secs(2),
            election_timeout_max: Duration::from_secs(4),
            heartbeat: Duration::from_millis(50),
        },
        ..Config::default()
    }
}

async fn run(disk: Disk, config: Config) -> Running {
    let options = kraft_storage::Options {
        segment_bytes: SEGMENT_BYTES,
        ..kraft_storage::Options::default()
    };
    let end = Instant::now() + PATIENCE;
    let node = loop {
        let files = Arc::new(disk.clone());
        let (options, config) = (options.clone(), config.clone());
        let opened = Node::start_on(files, options, config, Kv::default());
        match opened.await {
            Ok(node) => break node,
            // Its last incarnation is just about to leave its ports.
            Err(NodeError::Peers(_) | NodeError::Clients(_)) if Instant::now() < end => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    let admin = node.addresses().admin.unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(node.run(async {
        // Dropped or sent, it says the same.
        let _ = stopped.await;
    }));
    Running {
        clients: config.listen.clients.to_string(),
        config,
        disk,
        admin,
        stop,
        ended,
    }
}

impl Cluster {
    /// Three nodes, started and led.
    pub async fn start() -> Self {
        Self::start_with(|config| config).await
    }

    /// The same with other settings.
    pub async fn start_with(settings: impl Fn(Config) -> Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = kraft_wire::cert::random_cluster_id().unwrap();
        let ca = ClusterCa::create(cluster).unwrap();
        let block = Block::take();
        let ports: [u16; 6] = block.ports();
        let at = |port: u16| format!("127.0.0.1:{port}").parse().unwrap();
        let members: Vec<_> = (1..)
            .zip(ports.as_chunks::<2>().0)
            .map(|(id, [peers, clients])| MemberConfig {
                id: NodeId(id),
                peers: at(*peers),
                clients: at(*clients),
                store: StoreId(1000 + id),
            })
            .collect();
        let (mut nodes, mut gates) = (Vec::new(), Vec::new());
        for (id, member) in (1..).zip(&members) {
            let config = settings(configured(dir.path(), &ca, id, &members));
            let disk = Disk::new(id);
            gates.push(OpenAtEnd(disk.gate.clone()));
            gates.push(OpenAtEnd(disk.log_gate.clone()));
            let identity = Identity {
                cluster,
                node: NodeId(id),
                store: member.store,
            };
            let founding = founding_of(&members);
            kraft_storage::format(&config.data_dir, &disk, identity, founding).unwrap();
            nodes.push(run(disk, config).await);
        }
        let credentials = Credentials::from_issued(&ca.issue_client("test").unwrap()).unwrap();
        let settings = Settings {
            deadline: PATIENCE,
            patience: PATIENCE,
            ..Settings::default()
        };
        let addresses = members.iter().map(|member| member.clients.to_string());
        let client = Client::new(addresses, credentials.clone(), settings).unwrap();
        let started = Self {
            _dir: dir,
            _gates: gates,
            _ports: block,
            nodes,
            client,
            credentials,
        };
        started.leader().await;
        started
    }

    /// A connection of its own to a node.
    pub async fn connect(&self, at: usize) -> RpcClient {
        let address = &self.nodes[at].clients;
        let client = RpcClient::connect(address, &self.credentials, ClientLimits::default());
        let client = tokio::time::timeout(PATIENCE, client).await;
        client.expect("a connection in time").unwrap()
    }

    /// What the node says to one request, asked once.
    pub async fn call(&self, at: usize, request: &Request) -> Response {
        let address = &self.nodes[at].clients;
        let client = RpcClient::connect(address, &self.credentials, ClientLimits::default());
        let answer = async { client.await.unwrap().call(request.encode()).await.unwrap() };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        Response::decode(&answer.expect("an answer in time")).unwrap()
    }

    /// Where each node's disk has its data.
    pub fn data_dir(&self) -> std::path::PathBuf {
        self.nodes[0].config.data_dir.clone()
    }

    /// How node `at` sees the cluster.
    pub async fn status(&self, at: usize) -> Option<StatusReport> {
        assert!(!self.nodes[at].ended.is_finished(), "node {at} has ended");
        self.client.status(&self.nodes[at].clients).await.ok()
    }

    /// The node that leads, once all follow it.
    pub async fn leader(&self) -> usize {
        self.until("one leader", async || {
            let mut leader = None;
            for at in 0..self.nodes.len() {
                let status = self.status(at).await?;
                let named = status.leader?.0 as usize - 1;
                if *leader.get_or_insert(named) != named {
                    return None;
                }
            }
            leader
        })
        .await
    }

    /// Whether node `at` leads.
    pub async fn leads(&self, at: usize) -> bool {
        self.status(at).await.unwrap().role == Role::Leader
    }

    /// Waits until all have applied the same log, and compares what came of it.
    pub async fn agree(&self) -> u64 {
        self.until("the same state on every node", async || {
            let mut seen = None;
            for node in &self.nodes {
                let digest = self.client.digest(&node.clients).await.ok()?;
                let applied = digest.applied;
                let (at, sha256) = seen.get_or_insert_with(|| (applied, digest.sha256.clone()));
                if *at != applied {
                    return None;
                }
                assert_eq!(*sha256, digest.sha256, "two states at {applied}");
                let differing = self.client.status(&node.clients).await.ok()?.differing;
                assert_eq!(differing, [], "a false alarm");
            }
            Some(seen?.0.index.0)
        })
        .await
    }

    /// Looks until there is what is looked for; fails loudly if it takes too long.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends node `at` as a crash does, and returns what its machine has left.
    pub async fn crash(&mut self, at: usize, crash: Crash) -> Stopped {
        self.end(at, |disk| disk.crash(crash)).await
    }

    /// The same by a power cut that takes all that was not forced.
    pub async fn cut_power(&mut self, at: usize) -> Stopped {
        self.end(at, Disk::without_power).await
    }

    async fn end(&mut self, at: usize, leaves: impl Fn(&Disk) -> Disk) -> Stopped {
        let node = self.nodes.remove(at);
        let disk = leaves(&node.disk);
        node.ended.abort();
        node.disk.open_gates();
        // Whether it was aborted or its disk failed first: it is gone.
        let _ = within("the end of a node that crashed", node.ended).await;
        Stopped {
            at,
            disk,
            config: node.config,
        }
    }

    /// Asks node `at` to stop while its disk does not answer. Returns what it ended with, and what
    /// its machine has left once the process is gone.
    pub async fn stop_on_a_stuck_disk(&mut self, at: usize) -> (Result<(), NodeError>, Stopped) {
        let node = self.nodes.remove(at);
        assert!(!node.disk.gate.is_open());
        // It may have noticed by itself that nobody holds the other end.
        let _ = node.stop.send(());
        let ended = tokio::time::timeout(PATIENCE, node.ended).await;
        let ended = ended.expect("a node that ends by itself").unwrap();
        let disk = node.disk.crash(Crash::Process);
        node.disk.gate.open();
        let stopped = Stopped {
            at,
            disk,
            config: node.config,
        };
        (ended, stopped)
    }

    /// Stops node `at` in order, and returns what its machine has.
    pub async fn halt(&mut self, at: usize) -> Stopped {
        let node = self.nodes.remove(at);
        let (disk, config) = (node.disk.clone(), node.config.clone());
        node.stop().await;
        Stopped { at, disk, config }
    }

    /// Starts a node from what its machine has left. Nodes come back in the order of their places.
    pub async fn restart(&mut self, stopped: Stopped) {
        let running = run(stopped.disk, stopped.config).await;
        self.nodes.insert(stopped.at.min(self.nodes.len()), running);
    }

    /// Why a node does not start from what its machine has left.
    pub async fn refused(&self, stopped: Stopped) -> NodeError {
        let options = kraft_storage::Options {
            segment_bytes: SEGMENT_BYTES,
            ..kraft_storage::Options::default()
        };
        let files = Arc::new(stopped.disk);
        match Node::start_on(files, options, stopped.config, Kv::default()).await {
            Ok(_) => panic!("it started"),
            Err(error) => error,
        }
    }

    /// Stops every node in order.
    pub async fn stop(self) {
        for node in self.nodes {
            node.stop().await;
        }
    }
}

impl Running {
    /// Stops it in order.
    pub async fn stop(self) {
        self.disk.open_gates();
        // It may have noticed by itself that nobody holds the other end.
        let _ = self.stop.send(());
        let ended = within("a stop in order", self.ended).await;
        ended.unwrap().unwrap();
    }

    /// Asks its admin port. Status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.page(path).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// What its admin port answers, head included.
    pub async fn page(&self, path: &str) -> String {
        within("a page of the admin port", self.read_page(path)).await
    }

    async fn read_page(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: kraft\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).await.unwrap();
        page
    }

    /// A figure on its metrics page.
    pub async fn figure(&self, name: &str) -> Option<f64> {
        let page = self.page("/metrics").await;
        page.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }
}
