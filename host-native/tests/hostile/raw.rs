//! A client with the cluster's certificate that does not keep to what an honest one does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host_native::config::Config;
use kraft_proto::cluster::ClusterId;
use kraft_wire::rpc::{CLIENT_ALPN, CLIENT_VERSION};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::UdpSocket;

/// Connects as often as it likes.
pub struct Raw {
    cluster: ClusterId,
    endpoint: Endpoint,
}

/// A connection whose hellos were exchanged.
pub struct Session {
    pub connection: Connection,
    pub send: SendStream,
    /// Kept open and not read.
    _receive: RecvStream,
    next: u64,
}

impl Raw {
    /// With the certificate of a client's configuration.
    pub fn new(client: &Path) -> Self {
        let config = Config::load(client).unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap();
        let certificates = |path: &Path| CertificateDer::from_pem_slice(&read(path)).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificates(&config.tls.ca)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![certificates(&config.tls.cert)],
                PrivateKeyDer::from_pem_slice(&read(&config.tls.key)).unwrap(),
            )
            .unwrap();
        tls.alpn_protocols = vec![CLIENT_ALPN.as_bytes().to_vec()];
        let tls = QuicClientConfig::try_from(tls).unwrap();
        let mut settings = quinn::ClientConfig::new(Arc::new(tls));
        let mut transport = quinn::TransportConfig::default();
        transport.keep_alive_interval(Some(Duration::from_millis(300)));
        settings.transport_config(Arc::new(transport));
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(settings);
        Self {
            cluster: config.cluster.unwrap(),
            endpoint,
        }
    }

    fn name(&self) -> String {
        format!("node.{}.kraft", self.cluster)
    }

    /// Connects and is polite until the hellos are over.
    pub async fn connect(&self, address: &str) -> Result<Session, String> {
        let connecting = self
            .endpoint
            .connect(address.parse().unwrap(), &self.name());
        let connection = connecting.unwrap().await.map_err(|e| e.to_string())?;
        let (mut send, mut receive) = connection.open_bi().await.map_err(|e| e.to_string())?;
        let cluster = postcard::to_allocvec(&self.cluster).unwrap();
        let hello = [&b"kraft"[..], &CLIENT_VERSION.to_le_bytes(), &cluster].concat();
        let sent = send.write_all(&framed(&hello)).await;
        sent.map_err(|e| e.to_string())?;
        let mut length = [0; 4];
        let read = receive.read_exact(&mut length).await;
        read.map_err(|e| e.to_string())?;
        let mut theirs = vec![0; u32::from_le_bytes(length) as usize];
        let read = receive.read_exact(&mut theirs).await;
        read.map_err(|e| e.to_string())?;
        Ok(Session {
            connection,
            send,
            _receive: receive,
            next: 0,
        })
    }

    /// The first packets of so many connections that will not go on.
    pub async fn client_hellos(&self, count: usize) -> Vec<Vec<u8>> {
        let trap = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = trap.local_addr().unwrap();
        let mut hellos = Vec::new();
        let mut packet = vec![0; 2048];
        while hellos.len() < count {
            let connecting = self.endpoint.connect(address, &self.name()).unwrap();
            let received = tokio::time::timeout(Duration::from_secs(10), trap.recv(&mut packet));
            let bytes = received.await.expect("a first packet in time").unwrap();
            hellos.push(packet[..bytes].to_vec());
            drop(connecting);
        }
        hellos
    }
}

impl Session {
    /// Asks so often, and reads no answer. Returns once all was sent, or it cannot be sent now.
    pub async fn ask(&mut self, body: &Bytes, times: usize, patience: Duration) {
        let asking = async {
            for _ in 0..times {
                let request = [&self.next.to_le_bytes()[..], body].concat();
                self.next += 1;
                if self.send.write_all(&framed(&request)).await.is_err() {
                    return;
                }
            }
        };
        // What does not fit on the way waits here, and is given up.
        let _ = tokio::time::timeout(patience, asking).await;
    }
}

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [&length, bytes].concat()
}
