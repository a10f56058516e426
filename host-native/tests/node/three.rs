//! Three real nodes in one process: QUIC between them, files under them.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use host_native::config::{Config, Listen, MemberConfig, Timing, TlsFiles};
use host_native::kv::Kv;
use host_native::node::{Node, NodeError};
use kraft_client::{ClientLimits, RpcClient};
use kraft_proto::cluster::ClusterId;
use kraft_proto::{CommitMode, FsyncMode, Grade, LogIndex, Member, Members, NodeId, Role, StoreId};
use kraft_storage::{Founding, Identity, RealFs};
use kraft_wire::api::{Attempt, Freshness, Options, Request, Response, StatusReport, Write};
use kraft_wire::cert::{ClusterCa, Credentials};
use kraft_wire::command::{Operation, RequestId, SessionId};
use kraft_wire::key_value::{Key, KeyValue, Value};
use kraft_wire::payload::Payload;
use kraft_wire::rows::{Query, View};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

struct Running {
    config: Config,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), NodeError>>,
}

struct Cluster {
    _dir: tempfile::TempDir,
    client: Credentials,
    nodes: Vec<Option<Running>>,
}

/// An address nobody uses now.
fn free() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

fn files(
    dir: &Path,
    cluster: ClusterId,
    id: u64,
    ca: &ClusterCa,
    members: &[MemberConfig],
) -> Config {
    let home = dir.join(format!("node-{id}"));
    let member = &members[id as usize - 1];
    std::fs::create_dir_all(&home).unwrap();
    ca.write(&home).unwrap();
    let (cert, key) = ca.issue_node(NodeId(id)).unwrap().write(&home).unwrap();
    let identity = Identity {
        cluster,
        node: NodeId(id),
        store: member.store,
    };
    let members_then = members.iter().map(|member| Member {
        id: member.id,
        store: member.store,
    });
    let founding = Founding::of(Members::with_stores(members_then, []).unwrap());
    kraft_storage::format(&home.join("data"), &RealFs, identity, founding).unwrap();
    Config {
        node: Some(NodeId(id)),
        cluster: Some(cluster),
        data_dir: home.join("data"),
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
            election_timeout_min: Duration::from_secs(1),
            election_timeout_max: Duration::from_secs(2),
            heartbeat: Duration::from_millis(100),
        },
        ..Config::default()
    }
}

impl Cluster {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = kraft_wire::cert::random_cluster_id().unwrap();
        let ca = ClusterCa::create(cluster).unwrap();
        let members: Vec<_> = (1..=3)
            .map(|id| MemberConfig {
                id: NodeId(id),
                peers: free().to_string().parse().unwrap(),
                clients: free().to_string().parse().unwrap(),
                store: StoreId(1000 + id),
            })
            .collect();
        let client = Credentials::from_issued(&ca.issue_client("test").unwrap()).unwrap();
        let mut nodes = Vec::new();
        for id in 1..=3 {
            let config = files(dir.path(), cluster, id, &ca, &members);
            nodes.push(Some(run(config).await));
        }
        Self {
            _dir: dir,
            client,
            nodes,
        }
    }

    async fn call(&self, node: usize, request: &Request) -> Option<Response> {
        let running = self.nodes[node].as_ref()?;
        let address = running.config.listen.clients.to_string();
        let client = RpcClient::connect(&address, &self.client, ClientLimits::default())
            .await
            .ok()?;
        let answer = client.call(request.encode()).await.ok()?;
        Some(Response::decode(&answer).unwrap())
    }

    async fn status(&self, node: usize) -> Option<StatusReport> {
        match self.call(node, &Request::Status).await? {
            Response::Status(report) => Some(*report),
            other => panic!("{other:?}"),
        }
    }

    /// Asks around until a node leads.
    async fn leader(&self) -> usize {
        let search = async {
            loop {
                for node in 0..self.nodes.len() {
                    if let Some(status) = self.status(node).await
                        && status.role == Role::Leader
                    {
                        return node;
                    }
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .expect("a leader in time")
    }

    async fn stop(&mut self, node: usize) -> Config {
        let running = self.nodes[node].take().unwrap();
        running.stop.send(()).unwrap();
        running.ended.await.unwrap().unwrap();
        running.config
    }
}

async fn run(config: Config) -> Running {
    let node = Node::start(config.clone(), Kv::default()).await.unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(node.run(async {
        let _ = stopped.await;
    }));
    Running {
        config,
        stop,
        ended,
    }
}

fn put(number: u64, mode: CommitMode, fsync: FsyncMode) -> Request {
    Request::Write(Write {
        request: RequestId {
            session: SessionId {
                id: 7,
                opened_at: LogIndex(0),
            },
            number,
        },
        operation: Payload::of(&Operation::Put {
            pairs: vec![KeyValue {
                key: Key::try_from(format!("key{number}").as_str()).unwrap(),
                value: Value::try_from("value").unwrap(),
            }],
        }),
        options: Options {
            mode: Some(mode),
            fsync: Some(fsync),
            ..Options::default()
        },
        attempt: Attempt::First,
        patience_ms: None,
    })
}

fn get(number: u64) -> Request {
    let key = Key::try_from(format!("key{number}").as_str()).unwrap();
    Request::Query {
        query: Payload::of(&Query::Get(key)),
        freshness: Freshness::Linearizable,
    }
}

/// The value that was read.
fn value_in(response: Response) -> Option<Value> {
    match response {
        Response::View { view, .. } => match view.read() {
            Ok(View::Value(value)) => value,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_class_is_acknowledged_and_outlives_a_restart_of_the_leader() {
    let mut cluster = Cluster::start().await;
    let leader = cluster.leader().await;
    let mut number = 0;
    for mode in CommitMode::each(2) {
        for fsync in FsyncMode::ALL {
            number += 1;
            match cluster
                .call(leader, &put(number, mode, fsync))
                .await
                .unwrap()
            {
                Response::Answered(answer) => {
                    assert_eq!(answer.grade, Grade::AsAsked, "{mode} {fsync}");
                    assert_eq!((answer.asked.mode, answer.asked.fsync), (mode, fsync));
                }
                other => panic!("{mode} {fsync}: {other:?}"),
            }
            // Async and LeaderOnly included: nothing fails here, and a read is from this leader.
            let value = value_in(cluster.call(leader, &get(number)).await.unwrap());
            assert!(
                value.is_some() || !mode.outlives_leader(3),
                "{mode} {fsync}"
            );
        }
    }
    let config = cluster.stop(leader).await;
    let next = cluster.leader().await;
    assert_ne!(next, leader);
    cluster.nodes[leader] = Some(run(config).await);
    for n in 1..=number {
        let read = cluster.call(next, &get(n)).await.unwrap();
        assert!(value_in(read).is_some(), "key{n}");
    }
    let caught_up = async {
        loop {
            let status = cluster.status(leader).await;
            if status.is_some_and(|status| status.data.entries == number) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, caught_up)
        .await
        .expect("the old leader catches up");
    println!("{number} writes, each read back before and after");
}
