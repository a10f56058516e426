//! A cluster of real processes: each node is `kraft server`, and can be killed.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub mod ports;
pub mod process;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use host_native::config::{Config, read_zones};
use host_native::kv::Kv;
use host_native::node::backup::Beginning;
use host_native::setup::{self, Created, Place, Plan};
use kraft_client::{Client, Settings};
use kraft_proto::Role;
use kraft_proto::presets::Preset;
use kraft_wire::api::StatusReport;
use kraft_wire::cert::Credentials;
use kraft_wire::key_value::{Key, KeyValue};
use kraft_wire::rows::{SCAN_ROWS_MAX, Scan, ScanFrom};
use serde_json::Value;
use tempfile::TempDir;

use ports::Block;
use process::Program;

/// How long anything may take before its test gives up: many tests share few cores.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A cluster. Its processes end with it, and with this process.
pub struct Cluster {
    pub dir: TempDir,
    pub created: Created,
    pub nodes: Vec<Node>,
    pub client: Client,
    _ports: Block,
}

/// One node.
pub struct Node {
    pub config: PathBuf,
    pub log: PathBuf,
    /// Where it takes clients.
    pub clients: String,
    /// Where it takes operators.
    pub admin: String,
    flags: &'static [&'static str],
    running: Option<Program>,
    /// Those beside its own that it was started at.
    other_ports: Option<Block>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub json: Value,
}

/// `kraft` with none of this process's own variables for it.
pub fn kraft() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kraft"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("KRAFT_") {
            command.env_remove(name);
        }
    }
    // A busy machine is no reason to give up.
    command.env("KRAFT_DEADLINE", "60s");
    command
}

/// A host and a port as an address has them.
pub fn authority_of(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl Cluster {
    /// Three nodes with the seven zones, started and led.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, each node with these flags.
    pub async fn start_with(flags: &'static [&'static str]) -> Self {
        let mut cluster = Self::make(3);
        for node in &mut cluster.nodes {
            node.flags = flags;
            node.start();
        }
        cluster.leader().await;
        cluster
    }

    /// One node alone, started and led.
    pub async fn start_alone() -> Self {
        Self::start_alone_with(&[]).await
    }

    /// The same, with these flags.
    pub async fn start_alone_with(flags: &'static [&'static str]) -> Self {
        let mut cluster = Self::make(1);
        cluster.nodes[0].flags = flags;
        cluster.nodes[0].start();
        cluster.leader().await;
        cluster
    }

    /// Three nodes that begin with the state of a backup, started and led.
    pub async fn begun_from(backup: &Path) -> Self {
        let beginning = Beginning::from_file::<Kv>(backup).unwrap();
        let mut cluster = Self::make_from(3, Some(&beginning));
        for node in &mut cluster.nodes {
            node.start();
        }
        cluster.leader().await;
        cluster
    }

    fn make(nodes: usize) -> Self {
        Self::make_from(nodes, None)
    }

    fn make_from(nodes: usize, beginning: Option<&Beginning>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let block = Block::take();
        let ports: [u16; 9] = block.ports();
        let places: Vec<Place> = (ports.as_chunks::<3>().0.iter())
            .take(nodes)
            .map(|ports| Place::at_ports(*ports))
            .collect();
        let zones = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zones.toml");
        let plan = Plan {
            places: places.clone(),
            preset: Preset::Balanced,
            zones: read_zones(&zones).unwrap(),
        };
        let created = setup::create_from(&dir.path().join("kraft"), &plan, beginning).unwrap();
        let node = |(config, place): (&PathBuf, &Place)| Node {
            config: config.clone(),
            log: config.with_file_name("server.log"),
            clients: place.listen.clients.to_string(),
            admin: place.listen.admin.to_string(),
            flags: &[],
            running: None,
            other_ports: None,
        };
        let nodes: Vec<Node> = created.nodes.iter().zip(&places).map(node).collect();
        let client = client_of(&created, &nodes);
        Self {
            dir,
            created,
            nodes,
            client,
            _ports: block,
        }
    }

    /// Another machine, with a certificate of the next number and what `kraft join` makes of it, told of node `at` alone. It
    /// is not started.
    pub fn join(&mut self, at: usize, words: &[&str]) -> usize {
        let number = self.nodes.len() as u64 + 1;
        self.join_as(number, &format!("node-{number}"), at, words)
    }

    /// The same under a number and in a folder of one's own choice. Those who ask for the leader by its place find it no more.
    pub fn join_as(&mut self, number: u64, folder: &str, at: usize, words: &[&str]) -> usize {
        let authority = self.created.client.parent().unwrap().to_owned();
        let folder = authority.join(folder);
        let mut issue = kraft();
        issue
            .args(["cert", "issue", "node", &number.to_string(), "--ca"])
            .arg(&authority)
            .arg("--out")
            .arg(&folder);
        let issued = Program::listened_to(&mut issue).output();
        assert!(issued.status.success(), "{issued:?}");
        let ports = Block::take();
        let [peers, clients, admin] = ports.ports();
        let host = format!("127.0.0.1:{peers}");
        let mut join = kraft();
        join.args(["join", &self.nodes[at].clients, "--json"])
            .args(["--host", &host, "--dir"])
            .arg(&folder)
            .args(words);
        let joined = Program::listened_to(&mut join).output();
        assert!(joined.status.success(), "{joined:?}");
        self.nodes.push(Node {
            config: folder.join("kraft.toml"),
            log: folder.join("server.log"),
            clients: format!("127.0.0.1:{clients}"),
            admin: format!("127.0.0.1:{admin}"),
            flags: &[],
            running: None,
            other_ports: Some(ports),
        });
        self.nodes.len() - 1
    }

    /// Another client, with connections of its own.
    pub fn another_client(&self) -> Client {
        client_of(&self.created, &self.nodes)
    }

    /// A client that was told of node `at` only.
    pub fn client_of(&self, at: usize) -> Client {
        client_of(&self.created, &self.nodes[at..=at])
    }

    /// Runs a command to its end, in JSON.
    pub fn run(&self, words: &[&str]) -> Ran {
        let output = self.spawn(words).output();
        let json = serde_json::from_slice(&output.stdout);
        Ran {
            code: output.status.code().unwrap_or(-1),
            json: json.unwrap_or_else(|error| panic!("{words:?}: {error}: {output:?}")),
        }
    }

    /// Starts a command, in JSON.
    pub fn spawn(&self, words: &[&str]) -> Program {
        let mut command = kraft();
        command
            .args(words)
            .arg("--json")
            .arg("--config")
            .arg(&self.created.client)
            .current_dir(self.dir.path());
        Program::listened_to(&mut command)
    }

    /// How node `at` sees the cluster; `None` while it does not answer.
    pub async fn status(&self, at: usize) -> Option<StatusReport> {
        self.client.status(&self.nodes[at].clients).await.ok()
    }

    /// The node that leads, once all that run follow it.
    pub async fn leader(&self) -> usize {
        self.until("one leader", async || {
            let mut agreed = None;
            for at in self.running() {
                let status = self.status(at).await?;
                let leading = (status.leader?, status.term);
                if *agreed.get_or_insert(leading) != leading {
                    return None;
                }
            }
            // Those that survive a leader name it for a while.
            let leader = agreed?.0.0 as usize - 1;
            self.nodes[leader].running.is_some().then_some(leader)
        })
        .await
    }

    /// A node that runs and does not lead.
    pub async fn follower(&self) -> usize {
        let leader = self.leader().await;
        self.running().into_iter().find(|at| *at != leader).unwrap()
    }

    /// The nodes that run.
    pub fn running(&self) -> Vec<usize> {
        let running = |at: &usize| self.nodes[*at].running.is_some();
        (0..self.nodes.len()).filter(running).collect()
    }

    /// Waits until node `at` has applied as much as the leader had when this was called.
    pub async fn caught_up(&self, at: usize) {
        let wanted = self
            .until("a leader's commit", async || {
                for other in self.running() {
                    let status = self.status(other).await?;
                    if status.role == Role::Leader {
                        return Some(status.commit);
                    }
                }
                None
            })
            .await;
        self.until("a node that catches up", async || {
            (self.status(at).await?.applied >= wanted).then_some(())
        })
        .await;
    }

    /// Every row whose key begins with `prefix`, as a linearizable scan sees it.
    pub async fn rows(&self, prefix: &str) -> Vec<KeyValue> {
        let mut rows = Vec::new();
        let mut scan = Scan {
            limit: Some(SCAN_ROWS_MAX),
            ..Scan::prefix(Key::try_from(prefix).unwrap())
        };
        loop {
            let page = self.client.scan(scan.clone()).await.unwrap();
            rows.extend(page.rows);
            match page.more {
                Some(last) => scan.from = ScanFrom::After(last),
                None => return rows,
            }
        }
    }

    /// Looks until there is what is looked for; fails loudly if it takes too long.
    pub async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                Instant::now() < end,
                "{what}: not within {PATIENCE:?}; logs:\n{}",
                self.logs()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    fn logs(&self) -> String {
        let log = |node: &Node| {
            let text = std::fs::read_to_string(&node.log).unwrap_or_default();
            let from = text.lines().count().saturating_sub(20);
            let tail: Vec<&str> = text.lines().skip(from).collect();
            format!("{}:\n{}\n", node.log.display(), tail.join("\n"))
        };
        self.nodes.iter().map(log).collect()
    }
}

fn client_of(created: &Created, nodes: &[Node]) -> Client {
    let tls = Config::load(&created.client).unwrap().tls;
    let credentials = Credentials::load(&tls.cert, &tls.key, &tls.ca).unwrap();
    let settings = Settings {
        deadline: PATIENCE,
        ..Settings::default()
    };
    Client::new(
        nodes.iter().map(|node| &node.clients),
        credentials,
        settings,
    )
    .unwrap()
}

impl Node {
    /// The process, about to start.
    pub fn command(&self) -> Command {
        let mut command = kraft();
        command
            .args(["server", "--until-stdin-closes", "--grant-test-switch"])
            .arg("--config")
            .arg(&self.config)
            .args(self.flags);
        command
    }

    /// Has it started with these flags from now on.
    pub fn set_flags(&mut self, flags: &'static [&'static str]) {
        self.flags = flags;
    }

    /// Starts it. It need not be ready when this returns.
    pub fn start(&mut self) {
        self.start_as(self.command());
    }

    /// The same, where its peers have not been told to look for it. Returns where that is.
    pub fn start_at_other_peer_port(&mut self) -> String {
        let [port] = self.other_ports.insert(Block::take()).ports();
        let address = format!("127.0.0.1:{port}");
        let mut command = self.command();
        command.args(["--listen-peers", &address]);
        self.start_as(command);
        address
    }

    /// The same for the port where clients reach it.
    pub fn start_at_other_client_port(&mut self) -> String {
        let [port] = self.other_ports.insert(Block::take()).ports();
        let address = format!("127.0.0.1:{port}");
        let mut command = self.command();
        command.args(["--listen-clients", &address]);
        self.start_as(command);
        address
    }

    /// Starts it at these addresses, for peers and for clients.
    pub fn start_listening(&mut self, peers: &str, clients: &str) {
        let mut command = self.command();
        command.args(["--listen-peers", peers, "--listen-clients", clients]);
        self.start_as(command);
    }

    fn start_as(&mut self, mut command: Command) {
        assert!(self.running.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(&self.log);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.unwrap());
        self.running = Some(Program::start(&mut command));
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        drop(self.running.take().expect("it runs"));
    }

    /// Stops it in order.
    pub fn stop(&mut self) {
        let status = self.end_of_input();
        assert!(status.success(), "a stop in order: {status}");
    }

    fn end_of_input(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("it runs");
        drop(running.stdin());
        running.wait()
    }

    /// What it exited with, once it has ended by itself.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.running.as_mut()?.ended()?;
        self.running = None;
        Some(status.code().unwrap_or(-1))
    }

    /// Sends it a signal: `STOP` and `CONT` make it absent for a while.
    pub fn signal(&self, name: &str) {
        let running = self.running.as_ref().expect("it runs");
        running.signal(name);
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// Bytes of memory it has.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        let kib = kib.unwrap_or_else(|| panic!("its process has ended; log:\n{}", self.log()));
        kib * 1024
    }

    /// Files and sockets it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .count()
    }

    /// What its log says.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks its admin port. Status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: kraft\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            panic!("{path} was answered {answer:?}; log:\n{}", self.log());
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The value of a figure on its metrics page, labels included in `name`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        let (status, page) = self.get("/metrics");
        assert_eq!(status, 200);
        page.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }
}
