//! The client's side of the clients' listener.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kraft_proto::cluster::Epoch;
use kraft_proto::ids::NodeId;
use kraft_wire::cert::{Credentials, server_name};
use kraft_wire::quic::endpoint::{self, Pulse, Streams, Windows};
use kraft_wire::quic::{
    Batch, CLOSED_FAULT, CLOSED_IN_ORDER, ConnectionRefusal, FrameReader, HEAD_START, Losers,
    hello, race,
};
use kraft_wire::rpc::{
    BATCH_BYTES_MAX, CALL_BYTES_MAX, CLIENT_ALPN, CLIENT_VERSION, ClientHello,
    REQUEST_HEADER_BYTES, ServerHello, Whereabouts, answer,
};
use quinn::{ClientConfig, Connection, Endpoint, SendStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::call_error::{CallError, ConnectError};
use super::waiting::{Waiter, Waiting};

/// Bounds of a [`RpcClient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Bytes of one request or answer, its header included. Servers need the same.
    pub frame_bytes_max: u32,
    /// Calls that are not answered yet; further ones wait.
    pub calls_max: usize,
    /// Silence after which the server is taken for gone.
    pub idle: Duration,
    /// From dialing to the end of the hello.
    pub connect: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: CALL_BYTES_MAX,
            calls_max: 4096,
            idle: Duration::from_secs(1),
            connect: Duration::from_secs(1),
        }
    }
}

/// Parts of an answer that may wait to be taken.
const PARTS_MAX: usize = 1024;

/// A connection to one node, for any number of calls at a time. Cheap to clone; the last clone
/// dropped closes it.
#[derive(Clone, Debug)]
pub struct RpcClient {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    waiting: Arc<Waiting>,
    connection: Connection,
    /// Kept open for as long as the connection is.
    _endpoint: Endpoint,
    limits: ClientLimits,
    node: NodeId,
    epoch: Epoch,
    members: Vec<Whereabouts>,
}

/// The parts of an answer of many.
#[derive(Debug)]
pub struct Answers {
    parts: mpsc::Receiver<Result<Bytes, CallError>>,
}

impl RpcClient {
    /// Connects to the node at `address`, `host:port`, and exchanges hellos, within
    /// `limits.connect` in all. Needs a tokio runtime, of either kind.
    ///
    /// # Errors
    ///
    /// When nobody answers there, or one side refuses the other. Nothing was sent then.
    pub async fn connect(
        address: &str,
        credentials: &Credentials,
        limits: ClientLimits,
    ) -> Result<Self, ConnectError> {
        let unknown = |detail: String| ConnectError::Address {
            address: address.to_owned(),
            detail,
        };
        let found: Vec<SocketAddr> = tokio::net::lookup_host(address)
            .await
            .map_err(|e| unknown(e.to_string()))?
            .collect();
        if found.is_empty() {
            return Err(unknown("no address was found".to_owned()));
        }
        // A name may stand for an address where nobody listens and another where someone does.
        let attempt = |target| {
            let credentials = credentials.clone();
            async move { greet(target, &credentials, limits).await }
        };
        let tried = timeout(
            limits.connect,
            race(found, attempt, HEAD_START, Losers::End),
        )
        .await;
        let failure = match tried {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(failures)) => failures.into_iter().next(),
            Err(_) => None,
        };
        Err(match failure {
            Some(Failed::Local(error)) => error,
            None | Some(Failed::Remote(ConnectionRefusal::Timeout)) => ConnectError::Timeout {
                address: address.to_owned(),
                after: limits.connect,
            },
            Some(Failed::Remote(refusal)) => ConnectError::Refused {
                address: address.to_owned(),
                refusal,
            },
        })
    }

    /// The node at the other end.
    pub fn node(&self) -> NodeId {
        self.handle.node
    }

    /// How often its cluster was founded anew.
    pub fn epoch(&self) -> Epoch {
        self.handle.epoch
    }

    /// Where clients reach the nodes that it knew when this connection was made.
    pub fn members(&self) -> &[Whereabouts] {
        &self.handle.members
    }

    /// Makes a call and waits for its answer. Waits first while `calls_max` are unanswered.
    ///
    /// A call that is abandoned, by dropping this future, is carried out all the same once it was
    /// queued.
    ///
    /// # Errors
    ///
    /// Each says whether the call may have had its effect; see [`CallError`].
    pub async fn call(&self, body: Bytes) -> Result<Bytes, CallError> {
        let (sender, outcome) = oneshot::channel();
        self.push(body, Waiter::One(sender)).await?;
        outcome.await.unwrap_or_else(|_| Err(self.lost()))
    }

    /// Makes a call whose answer comes in parts.
    ///
    /// # Errors
    ///
    /// When it was not sent. What happens later comes among the parts.
    pub async fn stream(&self, body: Bytes) -> Result<Answers, CallError> {
        let (sender, parts) = mpsc::channel(PARTS_MAX);
        self.push(body, Waiter::Many(sender)).await?;
        Ok(Answers { parts })
    }

    /// Why no more calls can be made over this connection; `None` while they can.
    pub fn broken(&self) -> Option<String> {
        self.handle.waiting.broken()
    }

    /// Waits until no more calls can be made over this connection.
    pub async fn closed(&self) {
        self.handle.connection.closed().await;
    }

    async fn push(&self, body: Bytes, waiter: Waiter) -> Result<(), CallError> {
        let (bytes, max) = (
            body.len(),
            (self.handle.limits.frame_bytes_max as usize).saturating_sub(REQUEST_HEADER_BYTES),
        );
        if bytes > max {
            return Err(CallError::TooLarge { bytes, max });
        }
        self.handle.waiting.push(body, waiter).await
    }

    fn lost(&self) -> CallError {
        CallError::OutcomeUnknown {
            reason: self.broken().unwrap_or_default(),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.connection.close(CLOSED_IN_ORDER, b"done");
    }
}

impl Answers {
    /// The next part; `None` after the last.
    ///
    /// # Errors
    ///
    /// When there will be no further part, before all were there.
    pub async fn next(&mut self) -> Option<Result<Bytes, CallError>> {
        let part = self.parts.recv().await;
        if matches!(part, Some(Err(_))) {
            self.parts.close();
        }
        part
    }
}

enum Failed {
    Local(ConnectError),
    Remote(ConnectionRefusal),
}

async fn greet(
    target: SocketAddr,
    credentials: &Credentials,
    limits: ClientLimits,
) -> Result<RpcClient, Failed> {
    let (endpoint, settings) = open(target, credentials, limits).map_err(Failed::Local)?;
    let cluster = credentials.identity().cluster;
    let connection = endpoint
        .connect_with(settings, target, &server_name(cluster))
        .map_err(|e| Failed::Remote(ConnectionRefusal::Broken(e.to_string())))?
        .await
        .map_err(|e| Failed::Remote(ConnectionRefusal::of_connection(&e)))?;
    let ours = ClientHello { cluster };
    let greeted: hello::Greeted<ServerHello> = hello::introduce(&connection, CLIENT_VERSION, &ours)
        .await
        .map_err(Failed::Remote)?;
    let hello::Greeted {
        theirs,
        send,
        mut receive,
    } = greeted;
    if theirs.cluster != cluster {
        return Err(Failed::Remote(ConnectionRefusal::Cluster {
            ours: cluster,
            theirs: theirs.cluster,
        }));
    }
    receive.set_frame_bytes_max(limits.frame_bytes_max);
    let waiting = Arc::new(Waiting::new(limits.calls_max));
    tokio::spawn(work(connection.clone(), waiting.clone(), send, receive));
    Ok(RpcClient {
        handle: Arc::new(Handle {
            waiting,
            connection,
            _endpoint: endpoint,
            limits,
            node: theirs.node,
            epoch: theirs.epoch,
            members: theirs.members,
        }),
    })
}

fn open(
    target: SocketAddr,
    credentials: &Credentials,
    limits: ClientLimits,
) -> Result<(Endpoint, ClientConfig), ConnectError> {
    let streams = Streams {
        two_way: 0,
        one_way: 0,
    };
    let pulse = Pulse {
        keep_alive: limits.idle / 3,
        idle: limits.idle,
    };
    let any = match target {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let settings = endpoint::settings(streams, pulse, Windows::Wide)?;
    let client = endpoint::client(credentials, CLIENT_ALPN.as_bytes(), settings)
        .map_err(kraft_wire::quic::BindError::from)?;
    let endpoint = endpoint::open(SocketAddr::new(any, 0), credentials, CLIENT_ALPN, None)?;
    Ok((endpoint, client))
}

/// Sends calls and hands out answers until the connection ends, and then fails what is left.
async fn work(
    connection: Connection,
    waiting: Arc<Waiting>,
    mut send: SendStream,
    mut receive: FrameReader,
) {
    let reason = tokio::select! {
        reason = write_calls(&waiting, &mut send) => reason,
        reason = read_answers(&waiting, &mut receive) => reason,
    };
    let reason = match connection.close_reason() {
        Some(lost) => format!("the connection to the node ended: {lost}"),
        None => reason,
    };
    waiting.fail(&reason);
    connection.close(CLOSED_FAULT, reason.as_bytes());
}

async fn write_calls(waiting: &Waiting, send: &mut SendStream) -> String {
    let mut batch = Batch::default();
    loop {
        waiting.take(&mut batch, BATCH_BYTES_MAX).await;
        if let Err(e) = batch.write_to(send).await {
            return format!("the node takes no more calls: {e}");
        }
    }
}

async fn read_answers(waiting: &Waiting, receive: &mut FrameReader) -> String {
    loop {
        let frame = match receive.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return "the node shut down".to_owned(),
            Err(e) => return e.to_string(),
        };
        let handed = match answer(frame) {
            Some((id, status, body)) => waiting.answer(id, status, body),
            None => Err("it sent what is no answer"),
        };
        if let Err(fault) = handed {
            return format!("the node misbehaved: {fault}");
        }
    }
}
