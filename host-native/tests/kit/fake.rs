//! Nodes that answer as told, behind real connections.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use host_native::rpc::{Calls, RpcServer, ServerLimits};
use kraft_client::{Client, Settings};
use kraft_proto::NodeId;
use kraft_proto::cluster::ClusterId;
use kraft_wire::api::{FRAME_BYTES_MAX, Leader, Request, Response};
use kraft_wire::cert::{ClusterCa, Credentials};
use tokio::sync::Barrier;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One cluster's certificates.
pub struct Cluster {
    ca: ClusterCa,
}

/// A node. Gone when dropped.
pub struct Node {
    /// Where it takes clients.
    pub address: String,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

/// What a node does about a request.
pub enum Say {
    /// Answer this.
    This(Response),
    /// Answer this, once everybody else is there.
    When(Arc<Barrier>, Response),
    /// Answer these bytes.
    Bytes(Vec<u8>),
    /// Never answer.
    Nothing,
    /// Close every connection, and be gone.
    HangUp,
}

impl Say {
    /// Another node leads.
    pub fn leader_is(node: u64, address: &str) -> Self {
        let leader = Leader {
            node: NodeId(node),
            address: address.to_owned(),
        };
        Self::This(Response::Redirect {
            leader: Some(leader),
        })
    }

    /// Nobody is known to lead.
    pub fn nobody_leads() -> Self {
        Self::This(Response::Redirect { leader: None })
    }
}

impl Cluster {
    pub fn new() -> Self {
        Self {
            ca: ClusterCa::create(ClusterId(0xc11e)).unwrap(),
        }
    }

    pub fn credentials(&self) -> Credentials {
        Credentials::from_issued(&self.ca.issue_client("tester").unwrap()).unwrap()
    }

    /// A node that does about each request what `says` returns.
    pub async fn node(&self, says: impl Fn(Request) -> Say + Send + Sync + 'static) -> Node {
        let issued = self.ca.issue_node(NodeId(1)).unwrap();
        let credentials = Credentials::from_issued(&issued).unwrap();
        let limits = ServerLimits {
            frame_bytes_max: FRAME_BYTES_MAX,
            ..ServerLimits::default()
        };
        let (server, calls) = RpcServer::bind(LOOPBACK, &credentials, limits).unwrap();
        let address = server.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(serve(server, calls, asked.clone(), says));
        Node {
            address,
            asked,
            task,
        }
    }

    /// A client that knows these nodes.
    pub async fn client<const N: usize>(&self, nodes: [&Node; N]) -> Client {
        let addresses = nodes.map(|node| node.address.clone());
        let client = Client::new(addresses, self.credentials(), patient()).unwrap();
        client.reach_one().await.unwrap();
        client
    }

    /// The same with other settings.
    pub async fn client_with<const N: usize>(
        &self,
        nodes: [&Node; N],
        settings: Settings,
    ) -> Client {
        let addresses = nodes.map(|node| node.address.clone());
        // In the order of the list, however busy the machine is; what these are in a hurry for comes later.
        let head_start = patient().head_start;
        let settings = Settings {
            head_start,
            ..settings
        };
        let client = Client::new(addresses, self.credentials(), settings).unwrap();
        let end = Instant::now() + head_start;
        while let Err(error) = client.reach_one().await {
            assert!(Instant::now() < end, "a connection: {error}");
        }
        client
    }
}

fn patient() -> Settings {
    Settings {
        head_start: Duration::from_secs(60),
        ..Settings::default()
    }
}

impl Node {
    /// How many requests came.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address where nobody listens.
pub fn nobody_at() -> String {
    let socket = UdpSocket::bind(LOOPBACK).unwrap();
    socket.local_addr().unwrap().to_string()
}

async fn serve(
    server: RpcServer,
    mut calls: Calls,
    asked: Arc<AtomicUsize>,
    says: impl Fn(Request) -> Say,
) {
    let mut unanswered = Vec::new();
    while let Some(call) = calls.recv().await {
        asked.fetch_add(1, Ordering::SeqCst);
        match says(Request::decode(&call.body).unwrap()) {
            Say::This(response) => call.reply.send(response.encode()),
            Say::When(all, response) => {
                tokio::spawn(async move {
                    all.wait().await;
                    call.reply.send(response.encode());
                });
            }
            Say::Bytes(bytes) => call.reply.send(bytes.into()),
            Say::Nothing => unanswered.push(call.reply),
            Say::HangUp => {
                drop(server);
                return;
            }
        }
    }
}
