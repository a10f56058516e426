//! The node's side of the clients' listener.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kraft_proto::cluster::ClusterId;
use kraft_proto::ids::NodeId;
use kraft_wire::cert::{CertError, Credentials, PeerIdentity, Role};
use kraft_wire::lock;
use kraft_wire::quic::endpoint::{self, Pulse, Streams, Windows};
use kraft_wire::quic::hello::{self, Greeted};
use kraft_wire::quic::{
    Batch, BindError, CLOSED_FAULT, CLOSED_IN_ORDER, ConnectionRefusal, ConnectionRefusalKind,
    FrameReader, ReadFrameError,
};
use kraft_wire::rpc::{
    BATCH_BYTES_MAX, CLIENT_ALPN, CLIENT_VERSION, ClientHello, ServerHello, request,
};
use quinn::{Connection, Endpoint, Incoming, SendStream, TransportConfig};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connections::{Connections, Entry};
use super::directory::Directory;
use super::limits::ServerLimits;
use super::origin::Origin;
use super::pool::Pool;
use super::session::{Call, Reply, Session};
use crate::listener::Repeats;
use crate::listener::{Desk, Seated};

/// Calls that wait for the node, of all connections together.
const CALLS_QUEUED: usize = 1024;

/// How long a shutdown waits for answers to be given and sent.
const FAREWELL: Duration = Duration::from_millis(500);

/// The clients' listener. Dropping it closes every connection.
#[derive(Debug)]
pub struct RpcServer {
    shared: Arc<Shared>,
    stop: watch::Sender<Running>,
}

/// The calls of all clients. Calls of one client come in the order it sent them.
#[derive(Debug)]
pub struct Calls {
    queue: mpsc::Receiver<Call>,
    gone: mpsc::UnboundedReceiver<Origin>,
    pool: Arc<Pool>,
}

/// What a node hears of its clients.
#[derive(Debug)]
pub enum ClientNews {
    /// A call.
    Call(Call),
    /// A connection is gone: nobody waits for its answers any more. Calls of it may follow.
    Gone(Origin),
    /// Answers were read since [`RpcServer::want_room`].
    Room,
}

/// Counters, each only rising.
#[derive(Debug, Default)]
pub struct RpcStats {
    connects: AtomicU64,
    disconnects: AtomicU64,
    calls: AtomicU64,
    faults: AtomicU64,
    sent_away: AtomicU64,
    refused: [AtomicU64; ConnectionRefusalKind::ALL.len()],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Running {
    Yes,
    No,
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    cluster: ClusterId,
    node: NodeId,
    directory: Arc<Directory>,
    limits: ServerLimits,
    settings: Arc<TransportConfig>,
    stats: Arc<RpcStats>,
    calls: mpsc::Sender<Call>,
    gone: mpsc::UnboundedSender<Origin>,
    desk: Desk,
    connections: Connections,
    pool: Arc<Pool>,
    refusals: Repeats<ConnectionRefusalKind>,
    numbers: AtomicU64,
    /// Bytes of calls that may still be taken.
    shares: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
}

impl RpcServer {
    /// Opens the listener. Needs a tokio runtime, of either kind.
    ///
    /// # Errors
    ///
    /// When the certificate is not a node's or the address cannot be had.
    pub fn bind(
        listen: SocketAddr,
        credentials: &Credentials,
        limits: ServerLimits,
    ) -> Result<(Self, Calls), BindError> {
        let identity = credentials.identity();
        let Role::Node(node) = identity.role else {
            return Err(BindError::NotANode {
                found: Box::new(identity.clone()),
            });
        };
        let streams = Streams {
            two_way: 1,
            one_way: 0,
        };
        let pulse = Pulse {
            keep_alive: limits.idle / 3,
            idle: limits.idle,
        };
        let settings = endpoint::settings(streams, pulse, Windows::Narrow)?;
        let listener = endpoint::server(credentials, CLIENT_ALPN.as_bytes(), settings.clone())?;
        let endpoint = endpoint::open(listen, credentials, CLIENT_ALPN, Some(listener))?;
        let (sender, queue) = mpsc::channel(CALLS_QUEUED);
        // At most one for each connection that was up.
        let (departures, gone) = mpsc::unbounded_channel();
        let pool = Arc::new(Pool::new(limits.answer_bytes_max_total));
        let shares = limits
            .bytes_max_total
            .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let shared = Arc::new(Shared {
            endpoint,
            cluster: identity.cluster,
            node,
            directory: Arc::default(),
            limits: ServerLimits {
                bytes_max_total: shares,
                ..limits
            },
            settings,
            stats: Arc::default(),
            calls: sender,
            gone: departures,
            desk: Desk::new(limits.hellos_max),
            connections: Connections::new(limits.connections_max),
            pool: pool.clone(),
            refusals: Repeats::new(),
            numbers: AtomicU64::new(0),
            shares: Arc::new(Semaphore::new(shares)),
            tasks: Mutex::default(),
        });
        let stop = watch::Sender::new(Running::Yes);
        shared.spawn(answer_calls(shared.clone(), stop.subscribe()));
        Ok((Self { shared, stop }, Calls { queue, gone, pool }))
    }

    /// The address it receives at.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// From now on [`ClientNews::Room`] tells when answers are read.
    pub fn want_room(&self) {
        self.shared.pool.want();
    }

    /// Connections that are up.
    pub fn connected(&self) -> usize {
        self.shared.connections.len()
    }

    /// Bytes of answers that no client has read yet.
    pub fn unread_bytes(&self) -> usize {
        self.shared.pool.bytes()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Arc<RpcStats> {
        self.shared.stats.clone()
    }

    /// What clients are told of the nodes when they connect; empty at first.
    pub fn directory(&self) -> &Directory {
        &self.shared.directory
    }

    /// Shows another certificate to whoever connects from now on. Connections that there are go on.
    ///
    /// # Errors
    ///
    /// When TLS refuses it; then nothing has changed.
    pub fn set_credentials(&self, credentials: &Credentials) -> Result<(), CertError> {
        let settings = self.shared.settings.clone();
        let listener = endpoint::server(credentials, CLIENT_ALPN.as_bytes(), settings)?;
        self.shared.endpoint.set_server_config(Some(listener));
        Ok(())
    }

    /// Takes no more calls, sends the answers to those that were taken, for half a second at most,
    /// and closes every connection. The node goes on answering meanwhile.
    pub async fn shutdown(self) {
        self.shared.endpoint.set_server_config(None);
        self.stop.send_replace(Running::No);
        let mut tasks = std::mem::take(&mut *lock(&self.shared.tasks));
        let all = async { while tasks.join_next().await.is_some() {} };
        // Whoever takes longer finds the connection closed.
        let _ = timeout(FAREWELL, all).await;
        self.shared.endpoint.close(CLOSED_IN_ORDER, b"shut down");
        let _ = timeout(FAREWELL, self.shared.endpoint.wait_idle()).await;
        tasks.shutdown().await;
    }
}

impl Drop for RpcServer {
    fn drop(&mut self) {
        self.shared.endpoint.close(CLOSED_IN_ORDER, b"shut down");
        lock(&self.shared.tasks).abort_all();
    }
}

impl Calls {
    /// The next call; `None` once the server is gone and all were taken. May be abandoned while
    /// it waits, without loss.
    pub async fn recv(&mut self) -> Option<Call> {
        self.queue.recv().await
    }

    /// What happens next; `None` once the server is gone and all was told. May be abandoned while it
    /// waits, without loss.
    pub async fn news(&mut self) -> Option<ClientNews> {
        tokio::select! {
            Some(origin) = self.gone.recv() => Some(ClientNews::Gone(origin)),
            call = self.queue.recv() => call.map(ClientNews::Call),
            () = self.pool.freed() => Some(ClientNews::Room),
        }
    }

    /// The next call if there is one already.
    pub fn try_recv(&mut self) -> Option<Call> {
        self.queue.try_recv().ok()
    }
}

impl RpcStats {
    /// Connections that came up.
    pub fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// Connections that ended after they were up.
    pub fn disconnects(&self) -> u64 {
        self.disconnects.load(Ordering::Relaxed)
    }

    /// Calls taken.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Connections ended because what came over them was no sequence of calls.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Connections closed because another needed their place, or the room of their unread answers.
    pub fn sent_away(&self) -> u64 {
        self.sent_away.load(Ordering::Relaxed)
    }

    /// Connections refused for this reason.
    pub fn refused(&self, kind: ConnectionRefusalKind) -> u64 {
        self.refused[kind as usize].load(Ordering::Relaxed)
    }
}

impl Shared {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn report(&self, address: SocketAddr, refusal: &ConnectionRefusal) {
        self.stats.refused[refusal.kind() as usize].fetch_add(1, Ordering::Relaxed);
        if let Some(count) = self.refusals.happened(refusal.kind(), Instant::now()) {
            tracing::warn!(%address, count, "a client was refused: {refusal}");
        }
    }
}

async fn answer_calls(shared: Arc<Shared>, mut running: watch::Receiver<Running>) {
    loop {
        let incoming = tokio::select! {
            incoming = shared.endpoint.accept() => incoming,
            () = stopped(&mut running) => None,
        };
        let Some(incoming) = incoming else { return };
        let address = endpoint::plain(incoming.remote_address());
        let seat = match shared.desk.receive(&incoming) {
            Seated::Here(seat) => seat,
            Seated::ProveAddress => {
                // An error means that it has proved it by now: its next packet comes in.
                let _ = incoming.retry();
                continue;
            }
        };
        let (client, running) = (shared.clone(), running.clone());
        shared.spawn(async move {
            let greeting = timeout(client.limits.connect, greet(&client, incoming));
            let greeted = match seat.hold(greeting).await {
                Some(greeted) => greeted.unwrap_or(Err(ConnectionRefusal::Timeout)),
                None => Err(ConnectionRefusal::TooMany),
            };
            match greeted {
                Ok(caller) => admit(&client, caller, address, running).await,
                Err(refusal) => client.report(address, &refusal),
            }
        });
    }
}

/// Waits until the server stops.
async fn stopped(running: &mut watch::Receiver<Running>) {
    // An error means that the server is gone, which is as good.
    let _ = running.wait_for(|now| *now == Running::No).await;
}

struct Caller {
    connection: Connection,
    identity: PeerIdentity,
    send: SendStream,
    receive: FrameReader,
}

/// Finds out who calls, and answers the hello.
async fn greet(shared: &Shared, incoming: Incoming) -> Result<Caller, ConnectionRefusal> {
    let connection = incoming
        .await
        .map_err(|e| ConnectionRefusal::of_connection(&e))?;
    let refuse = |refusal: ConnectionRefusal| {
        connection.close(refusal.close_code(), refusal.to_string().as_bytes());
        refusal
    };
    let identity = hello::identity_of(&connection).map_err(refuse)?;
    let greeted: Greeted<ClientHello> = hello::listen(&connection, CLIENT_VERSION)
        .await
        .map_err(refuse)?;
    let ours = shared.cluster;
    for theirs in [identity.cluster, greeted.theirs.cluster] {
        if theirs != ours {
            return Err(refuse(ConnectionRefusal::Cluster { ours, theirs }));
        }
    }
    let Greeted {
        mut send,
        mut receive,
        ..
    } = greeted;
    let hello = ServerHello {
        cluster: ours,
        epoch: shared.directory.epoch(),
        node: shared.node,
        members: shared.directory.all(),
    };
    hello::say(&mut send, CLIENT_VERSION, &hello)
        .await
        .map_err(refuse)?;
    receive.set_frame_bytes_max(shared.limits.frame_bytes_max);
    Ok(Caller {
        connection,
        identity,
        send,
        receive,
    })
}

/// Gives a caller its place, and serves it.
async fn admit(
    shared: &Shared,
    caller: Caller,
    address: SocketAddr,
    running: watch::Receiver<Running>,
) {
    let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
    let origin = Origin::of(&caller.connection, number);
    let session = Session::new(shared.limits, origin, shared.pool.clone());
    let session = Arc::new(session);
    if shared.connections.enter(origin, &session) == Entry::Full {
        let refusal = ConnectionRefusal::TooMany;
        let text = refusal.to_string();
        caller
            .connection
            .close(refusal.close_code(), text.as_bytes());
        shared.report(address, &refusal);
        return;
    }
    shared.pool.enter(number, &session);
    endpoint::widen(&caller.connection, shared.connections.len());
    serve(shared, caller, &session, running).await;
    shared.connections.leave(&origin);
    shared.pool.leave(number);
    // An error means that the node is gone too.
    let _ = shared.gone.send(origin);
}

/// Takes calls and sends answers until the connection ends or the server stops.
async fn serve(
    shared: &Shared,
    caller: Caller,
    session: &Arc<Session>,
    mut running: watch::Receiver<Running>,
) {
    let Caller {
        connection,
        identity,
        mut send,
        mut receive,
    } = caller;
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    count(&shared.stats.connects);
    tracing::debug!(client = %identity.role, address = %connection.remote_address(), "connected");
    let writing = write_answers(session, &mut send);
    tokio::pin!(writing);
    let reading = read_calls(shared, session, &identity.role, &mut receive);
    let ended = tokio::select! {
        why = session.sent_away() => {
            count(&shared.stats.sent_away);
            tracing::debug!(client = %identity.role, "its connection is closed: {why}");
            session.gone();
            connection.close(CLOSED_IN_ORDER, why.as_bytes());
            count(&shared.stats.disconnects);
            return;
        }
        () = &mut writing => Ok(()),
        ended = reading => ended,
        () = stopped(&mut running) => {
            session.drain();
            writing.as_mut().await;
            Ok(())
        }
    };
    session.gone();
    match ended {
        Ok(()) => connection.close(CLOSED_IN_ORDER, b"shut down"),
        Err(fault) => {
            count(&shared.stats.faults);
            tracing::warn!(client = %identity.role, "the client misbehaved: {fault}; its connection is closed");
            connection.close(CLOSED_FAULT, fault.as_bytes());
        }
    }
    count(&shared.stats.disconnects);
}

/// Hands calls to the node until the stream ends; an error says what the client did wrong.
async fn read_calls(
    shared: &Shared,
    session: &Arc<Session>,
    caller: &Role,
    receive: &mut FrameReader,
) -> Result<(), String> {
    loop {
        let next = receive.next_telling(|bytes| session.hold(bytes)).await;
        session.hold(0);
        let frame = match next {
            Ok(Some(frame)) => frame,
            Ok(None) | Err(ReadFrameError::Stream(_)) => return Ok(()),
            Err(ReadFrameError::Bad(e)) => return Err(e.to_string()),
        };
        let bytes = frame.len();
        let (id, body) = request(frame).ok_or("a request that is too short")?;
        let share = u32::try_from(bytes.min(shared.limits.bytes_max_total)).unwrap_or(u32::MAX);
        let Ok(share) = shared.shares.clone().acquire_many_owned(share).await else {
            return Ok(());
        };
        // Nothing may wait between this and the reply, which gives the room back.
        session.admit(bytes).await;
        shared.stats.calls.fetch_add(1, Ordering::Relaxed);
        let call = Call {
            caller: caller.clone(),
            origin: session.origin,
            body,
            reply: Reply::new(session.clone(), id, bytes, share),
        };
        if shared.calls.send(call).await.is_err() {
            // The node takes no calls any more: the reply, just dropped, says so.
            return Ok(());
        }
    }
}

/// Sends answers until the connection ends, or until no more will come and all have arrived.
async fn write_answers(session: &Session, send: &mut SendStream) {
    let mut batch = Batch::default();
    while let Some(taken) = session.take(&mut batch, BATCH_BYTES_MAX).await {
        if batch.write_to(send).await.is_err() {
            return;
        }
        session.give_back(taken);
    }
    if send.finish().is_ok() {
        // An error means that the client left first.
        let _ = send.stopped().await;
    }
}
