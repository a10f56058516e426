//! A cluster's certificates, and strangers who do not keep to the protocol.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use host_native::transport::{
    Events, Hello, Limits, PEER_ALPN, PEER_VERSION, Settings, Timing, Transport, TransportConfig,
};
use kraft_proto::cluster::{ClusterId, Epoch};
use kraft_proto::ids::{Incarnation, NodeId, Nonce, StoreId};
use kraft_wire::cert::{ClusterCa, Credentials, Issued};
use kraft_wire::quic::BindError;
use kraft_wire::rpc::CLIENT_VERSION;
use quinn::crypto::rustls::QuicClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Any free port of this machine.
pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// One cluster.
pub struct Lab {
    pub ca: ClusterCa,
}

/// Waits, but not forever.
pub async fn within<T>(wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wanted)
        .await
        .expect("nothing happened in half a minute")
}

impl Lab {
    pub fn new() -> Self {
        Self {
            ca: ClusterCa::create(ClusterId(0xfeed)).unwrap(),
        }
    }

    pub fn hello(&self, node: u64) -> Hello {
        Hello {
            cluster: self.ca.cluster(),
            node: NodeId(node),
            store: StoreId(1000 + node),
            epoch: Epoch::default(),
            incarnation: Incarnation::new(1, Nonce(1)),
            settings: Settings {
                zones: 1,
                default_class: 2,
                on_power_loss: 3,
            },
        }
    }

    /// A node on a free port that lists these peers.
    pub fn node(&self, id: u64, peers: &[(u64, SocketAddr)]) -> TransportConfig {
        let issued = self.ca.issue_node(NodeId(id)).unwrap();
        TransportConfig {
            listen: LOOPBACK,
            peers: peers
                .iter()
                .map(|(id, address)| (NodeId(*id), vec![address.to_string()]))
                .collect(),
            hello: self.hello(id),
            clients: String::new(),
            credentials: Credentials::from_issued(&issued).unwrap(),
            limits: Limits::default(),
            timing: Timing::default(),
        }
    }
}

/// Binds to a port that its last owner is just about to leave.
pub async fn bind_again(config: TransportConfig) -> (Transport, Events) {
    loop {
        match Transport::bind(config.clone()) {
            Ok(bound) => return bound,
            Err(BindError::Socket { .. }) => tokio::task::yield_now().await,
            Err(e) => panic!("{e}"),
        }
    }
}

/// Binds in a runtime of its own, so that it can be ended as a killed process ends: mid-sentence.
pub fn bind_to_kill(config: TransportConfig) -> (SocketAddr, impl FnOnce()) {
    let (told, address) = std::sync::mpsc::channel();
    let (kill, killed) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let bound = runtime.block_on(async {
            let (transport, mut events) = Transport::bind(config).unwrap();
            told.send(transport.local_addr().unwrap()).unwrap();
            let drain = async { while events.recv().await.is_some() {} };
            tokio::select! {
                _ = killed => {}
                () = drain => {}
            }
            transport
        });
        // First the runtime: nothing can be sent any more when the transport says farewell.
        drop(runtime);
        drop(bound);
    });
    let kill = move || {
        kill.send(()).unwrap();
        thread.join().unwrap();
    };
    (address.recv().unwrap(), kill)
}

/// The first words of a peer.
pub fn opening(version: u16, hello: &Hello) -> Vec<u8> {
    let process = 7_u64;
    let body = postcard::to_allocvec(&(hello, process, "")).unwrap();
    [&b"kraft"[..], &version.to_le_bytes(), &body].concat()
}

/// The first words of a client, as they stand on the stream.
pub fn client_opening(lab: &Lab) -> Vec<u8> {
    let body = postcard::to_allocvec(&lab.ca.cluster()).unwrap();
    framed(&[&b"kraft"[..], &CLIENT_VERSION.to_le_bytes(), &body].concat())
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&length, bytes].concat()
}

/// Someone with a QUIC library and bad manners.
pub struct Stranger {
    endpoint: quinn::Endpoint,
}

impl Stranger {
    /// With this certificate.
    pub fn new(lab: &Lab, issued: &Issued) -> Self {
        Self::with(PEER_ALPN, lab, Some(issued))
    }

    /// With this certificate and another protocol.
    pub fn speaking(alpn: &str, lab: &Lab, issued: &Issued) -> Self {
        Self::with(alpn, lab, Some(issued))
    }

    /// Without a certificate.
    pub fn nameless(lab: &Lab) -> Self {
        Self::with(PEER_ALPN, lab, None)
    }

    pub fn with(alpn: &str, lab: &Lab, issued: Option<&Issued>) -> Self {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate(lab.ca.certificate_pem())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut tls = match issued {
            Some(issued) => builder
                .with_client_auth_cert(
                    vec![certificate(issued.certificate_pem())],
                    PrivateKeyDer::from_pem_slice(issued.key_pem().as_bytes()).unwrap(),
                )
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let mut endpoint = quinn::Endpoint::client(LOOPBACK).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(
            QuicClientConfig::try_from(tls).unwrap(),
        )));
        Self { endpoint }
    }

    async fn connect(&self, address: SocketAddr) -> Result<quinn::Connection, String> {
        let name = format!("node.{}.kraft", ClusterId(0xfeed));
        self.endpoint
            .connect(address, &name)
            .unwrap()
            .await
            .map_err(|e| e.to_string())
    }

    /// Connects, and returns what it is told.
    pub async fn connects(&self, node: &Transport) -> String {
        self.knock_at(node.local_addr().unwrap()).await
    }

    /// The same at an address.
    pub async fn knock_at(&self, address: SocketAddr) -> String {
        match self.connect(address).await {
            Ok(connection) => connection.closed().await.to_string(),
            Err(told) => told,
        }
    }

    /// Connects and says hello with these bytes; returns what it is told.
    pub async fn greet(&self, node: &Transport, opening: &[u8]) -> String {
        self.greet_at(node.local_addr().unwrap(), opening).await
    }

    /// The same at an address.
    pub async fn greet_at(&self, address: SocketAddr, opening: &[u8]) -> String {
        self.greet_raw_at(address, &framed(opening)).await
    }

    /// Connects and sends these bytes on the first stream; returns what it is told.
    pub async fn greet_raw(&self, node: &Transport, bytes: &[u8]) -> String {
        self.greet_raw_at(node.local_addr().unwrap(), bytes).await
    }

    /// The same at an address.
    pub async fn greet_raw_at(&self, address: SocketAddr, bytes: &[u8]) -> String {
        let connection = self.connect(address).await.unwrap();
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        // The answer may come first.
        let _ = send.write_all(bytes).await;
        connection.closed().await.to_string()
    }

    /// Is polite until the hellos are over.
    pub async fn greeted(&self, node: &Transport, hello: &Hello) -> quinn::Connection {
        let connection = self.connect(node.local_addr().unwrap()).await.unwrap();
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        let opening = framed(&opening(PEER_VERSION, hello));
        send.write_all(&opening).await.unwrap();
        receive.read_to_end(4096).await.unwrap();
        connection
    }

    /// Says hello, then sends these bytes, each on a stream of its own; returns what it is told.
    pub async fn misbehave(&self, node: &Transport, hello: &Hello, streams: &[&[u8]]) -> String {
        let connection = self.greeted(node, hello).await;
        for bytes in streams {
            let mut stream = connection.open_uni().await.unwrap();
            let _ = stream.write_all(bytes).await;
            let _ = stream.finish();
        }
        connection.closed().await.to_string()
    }
}
