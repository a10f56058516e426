//! Opening a node: its store, its certificate, its listeners.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kraft_proto::cluster::ClusterId;
use kraft_proto::{
    Config as CoreConfig, ConfigError as CoreConfigError, Instant, LogIndex, NodeId, Nonce, Raft,
    Snapshot, StoreId, Trust,
};
use kraft_storage::{Disk, Expect, Fs, History, Identity, Join, Opened, RealFs, Reserve};
use kraft_wire::api::{self, MESSAGE_MAX};
use kraft_wire::cert::Credentials;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::advertised::advertised;
use super::applied::Applied;
use super::certificate::{Keeper, Reload};
use super::clock::Clock;
use super::engine::{Engine, Inputs, Parts, TestSwitchAccess};
use super::error::NodeError;
use super::log::Log;
use super::members::{Contacts, Joined, check_list, first_members, is_bound_to};
use super::membership::Membership;
use super::office::Office;
use super::peers::Peers;
use super::snapshots::{Restored, Snapshots, load_newest};
use super::waiting::Waiting;
use crate::admin::Admin;
use crate::config::Config;
use crate::descriptors;
use crate::machine::StateMachine;
use crate::metrics::Metrics;
use crate::rpc::{RpcServer, ServerLimits};
use crate::transport::{Hello, Limits, Settings, Timing, Transport, TransportConfig};

/// Bytes of one frame between peers: the longest command, its checksum and its header, with room.
const FRAME_BYTES_MAX: u32 = 8 * 1024 * 1024;

/// How long a node waits for the process before it to let go of the data directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// A node that is open and not running yet.
pub struct Node {
    engine: Engine,
    inputs: Inputs,
    admin: (Admin, TcpListener),
    stop_admin: tokio::sync::oneshot::Receiver<()>,
    admin_stopper: tokio::sync::oneshot::Sender<()>,
    addresses: Addresses,
    keeper: Keeper,
}

/// Where an open node listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For peers, UDP.
    pub peers: Option<SocketAddr>,
    /// For clients, UDP.
    pub clients: Option<SocketAddr>,
    /// For operators, TCP.
    pub admin: Option<SocketAddr>,
}

/// What tells this start from any other.
pub(super) fn nonce() -> Result<Nonce, NodeError> {
    let drawn = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new());
    let drawn = drawn.map_err(|_| NodeError::Entropy)?;
    Ok(Nonce(u64::from_le_bytes(drawn.expose())))
}

pub(super) fn core_config(config: &Config, node: NodeId, identity: Identity) -> CoreConfig {
    let core = CoreConfig {
        election_timeout_min: config.timing.election_timeout_min,
        election_timeout_max: config.timing.election_timeout_max,
        heartbeat: config.timing.heartbeat,
        durability: config.durability(),
        // The store's id is random, so nodes draw different timeouts.
        ..CoreConfig::new(node, identity.store, identity.store.0)
    };
    config.limits.bound(core)
}

/// Whose data directory it must be.
pub(crate) fn expected(config: &Config, cluster: ClusterId, node: NodeId) -> Expect {
    match config.member(node).map(|member| member.store) {
        Some(store) if store != StoreId::ANY => Expect::Exactly(Identity {
            cluster,
            node,
            store,
        }),
        _ => Expect::Member { cluster, node },
    }
}

/// Digests of what all nodes ought to agree on.
fn settings(config: &Config) -> Settings {
    let durability = config.durability();
    let digest = |text: String| u64::from(crc32c::crc32c(text.as_bytes()));
    Settings {
        zones: config.zones.digest(),
        default_class: digest(durability.default.to_string()),
        on_power_loss: digest(format!("{:?}", durability.on_power_loss)),
    }
}

impl Node {
    /// Opens the store and the listeners of the node that `config` describes. What is committed is applied
    /// to `machine`, which has seen no command yet. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When anything it needs cannot be had; then nothing runs and no port stays open.
    pub async fn start(config: Config, machine: impl StateMachine) -> Result<Self, NodeError> {
        let options = kraft_storage::Options {
            lock_patience: LOCK_PATIENCE,
            ..kraft_storage::Options::default()
        };
        let limit = descriptors::raise();
        let files = Reserve::of(RealFs::shared())
            .map_err(|source| NodeError::NoDescriptors { limit, source })?;
        Self::start_on(files, options, config, machine).await
    }

    /// [`Node::start`] on other files than this machine's, or in other segments. Whose data directory it must
    /// be is the configuration's to say.
    ///
    /// # Errors
    ///
    /// As [`Node::start`].
    pub async fn start_on(
        files: Arc<dyn Fs>,
        options: kraft_storage::Options,
        config: Config,
        machine: impl StateMachine,
    ) -> Result<Self, NodeError> {
        open(files, options, config, machine).await
    }

    /// Whether clients may ask the node to misbehave; they are refused unless this is said.
    pub fn set_test_switch(&mut self, access: TestSwitchAccess) {
        self.engine.set_test_switch(access);
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Has it read its certificate again while it runs.
    pub fn reload(&self) -> Reload {
        self.keeper.reload()
    }

    /// Runs until `stop` is ready or the disk fails. In the end the listeners are shut and the store is
    /// forced and closed; a disk that is stuck is not waited for longer than
    /// [`STOP_MAX`](kraft_storage::STOP_MAX).
    ///
    /// # Errors
    ///
    /// When the disk fails or does not finish, or committed entries cannot be read back.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), NodeError> {
        let (admin, listener) = self.admin;
        let stop_admin = self.stop_admin;
        let serving = tokio::spawn(admin.serve(listener, async {
            // Either way the node is gone.
            let _ = stop_admin.await;
        }));
        // Ends when the engine, which takes what it finds, is gone.
        tokio::spawn(self.keeper.keep());
        let ended = self.engine.run(self.inputs, stop).await;
        drop(self.admin_stopper);
        if let Ok(Err(error)) = serving.await {
            tracing::warn!("the admin endpoint failed: {error}");
        }
        ended
    }
}

/// Which term wrote which part of the log, from its first entry on.
fn history_of(opened: &Opened, restored: Option<&Restored>) -> History {
    let before = restored
        .into_iter()
        .flat_map(|restored| &restored.head.history);
    let last = restored.map_or(LogIndex::ZERO, |restored| restored.known.file.last.index);
    History::of(before.copied().chain(opened.log_behind(last)))
}

/// Opens everything a node needs, in the order in which it would be in vain.
async fn open<M: StateMachine>(
    fs: Arc<dyn Fs>,
    options: kraft_storage::Options,
    config: Config,
    machine: M,
) -> Result<Node, NodeError> {
    let (node, cluster) = config.check_server()?;
    let credentials = Credentials::load(&config.tls.cert, &config.tls.key, &config.tls.ca)?;
    let options = kraft_storage::Options {
        expect: expected(&config, cluster, node),
        snapshot_dir: config.snapshots.dir.clone(),
        ..options
    };
    let mut opened = kraft_storage::open(&config.data_dir, fs, &options)?;
    let (limit, needed) = (
        descriptors::limit(),
        descriptors::needed(opened.store.reader().segments()),
    );
    if limit < needed {
        return Err(NodeError::Descriptors { limit, needed });
    }
    let members = first_members(&config.data_dir, &opened.founding)?;
    let mut warnings: Vec<String> = opened.warnings.iter().map(ToString::to_string).collect();
    let mut applied = Applied::nothing_of(LogIndex::ZERO, machine);
    let restored = load_newest(&opened, applied.loader(), &mut warnings)?;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let core = restored.as_ref().map(|restored| &restored.head.core);
    if let Some(last) = core.map(Snapshot::last)
        && opened.join(last) == Join::Replaces
    {
        opened.replace_log(last).map_err(NodeError::Disk)?;
    }
    let joined = Joined::of(&members, node, opened.identity.store);
    let recovery = opened
        .recovery(members, core)
        .map_err(NodeError::Unreadable)?;
    let history = history_of(&opened, restored.as_ref());
    let snapshots = opened.store.snapshots();
    let core = core_config(&config, node, opened.identity);
    let raft = Raft::new(core, recovery, nonce()?, Instant::ZERO).map_err(|error| match error {
        CoreConfigError::Superseded { by } => NodeError::Superseded(by),
        error => NodeError::Core(error),
    })?;
    check_list(&config, joined, &opened.founding, raft.members())?;
    if raft.status().members_at == LogIndex::ZERO {
        config.check_voters(raft.members().voters().len())?;
    }
    let newest = restored.map(|restored| {
        // What gives way is empty.
        drop(applied.restore(restored.replica, restored.head.digest));
        restored.known
    });
    let store = opened.identity.store;
    let is_own = |member: &_| is_bound_to(member, node, store);
    let belongs = raft.members().iter().any(is_own);
    let contacts = Contacts::new(&opened.founding, &config.members);
    let status = raft.status();
    if status.dropped.hints > 0 {
        tracing::info!(
            "entry {} was committed when this node last knew, and its log does not have it: it hears \
             from the others what is committed",
            opened.committed
        );
    }

    if raft.status().trust == Trust::Suspect {
        tracing::warn!(
            "this node may have forgotten acknowledged copies in a power cut: its votes do not count \
             in full until a leader has brought it up to date"
        );
    }

    let metrics = Metrics::new();
    let figures = metrics.clone();
    opened
        .store
        .stats()
        .on_fsync(move |took, bytes| figures.fsynced(took, bytes));
    let (done, receipts) = mpsc::unbounded_channel();
    let disk = Disk::start(opened.store, move |report| {
        // The node is gone: nobody is left to tell.
        let _ = done.send(report);
    })
    .map_err(NodeError::Thread)?;

    let hello = Hello {
        cluster,
        node,
        store: opened.identity.store,
        epoch: opened.epoch,
        incarnation: raft.status().incarnation,
        settings: settings(&config),
    };
    let limits = ServerLimits {
        frame_bytes_max: api::FRAME_BYTES_MAX,
        bytes_max: 2 * MESSAGE_MAX,
        ..ServerLimits::default()
    };
    let (clients, calls) =
        RpcServer::bind(config.listen.clients, &credentials, limits).map_err(NodeError::Clients)?;
    for member in raft.members().iter() {
        if let Some(contact) = contacts.of(member.id, applied.book()).first() {
            clients.directory().note(member.id, &contact.clients);
        }
    }
    clients.directory().set_epoch(opened.epoch);
    let known = clients.directory().of(node);
    let advertised = advertised(&config, known.as_deref(), clients.local_addr().ok());
    clients.directory().note(node, &advertised);
    let known = raft.members().iter().map(|member| member.id);
    let others: BTreeSet<NodeId> = known
        .chain(contacts.nodes().filter(|_| joined == Joined::Later))
        .filter(|id| *id != node)
        .collect();
    let dialed = others.into_iter().map(|id| {
        let known = contacts.of(id, applied.book()).into_iter();
        (id, known.map(|contact| contact.peers).collect())
    });
    let (transport, events) = Transport::bind(TransportConfig {
        listen: config.listen.peers,
        peers: dialed.collect(),
        hello,
        clients: advertised,
        credentials: credentials.clone(),
        limits: Limits {
            frame_bytes_max: FRAME_BYTES_MAX,
            ..Limits::default()
        },
        timing: Timing::default(),
    })?;
    let listen = config.listen.admin;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|source| NodeError::Admin { listen, source })?;
    let (admin, publisher) = Admin::new(metrics.clone(), config.alerts);
    let addresses = Addresses {
        peers: transport.local_addr().ok(),
        clients: clients.local_addr().ok(),
        admin: listener.local_addr().ok(),
    };
    let (admin_stopper, stop_admin) = tokio::sync::oneshot::channel();
    let (found, standbys) = mpsc::unbounded_channel();
    let (keeper, renewed) = Keeper::new(&config.tls);
    let clock = Clock::start();
    let (status, limits) = (raft.status(), config.limits);
    let last = status.last.index;
    applied.begin_term(last);
    let (snapshot_news, snapshots_told) = mpsc::unbounded_channel();
    let options = config.snapshots.clone();
    let snapshots = Snapshots::start(snapshots, options, newest, snapshot_news);
    let snapshots = snapshots.map_err(NodeError::Snapshots)?;
    let engine = Engine::new(Parts {
        log: Log::new(disk, history, last, limits.unwritten_bytes),
        peers: Peers::new(transport),
        waiting: Waiting::new(limits.waiting_writes, limits.waiting_reads),
        commit: applied.upto(),
        applied,
        snapshots,
        office: Office::new(&status, clock.now(), found),
        membership: Membership::new(
            opened.founding,
            contacts,
            raft.members().iter().map(|member| member.id),
            belongs,
        ),
        epoch: opened.epoch,
        config: Arc::new(config),
        node,
        identity: opened.identity,
        clock,
        raft,
        clients,
        metrics,
        publisher,
        credentials,
        warnings,
    });
    Ok(Node {
        engine,
        inputs: Inputs {
            events,
            calls,
            receipts,
            standbys,
            credentials: renewed,
            snapshots: snapshots_told,
        },
        admin: (admin, listener),
        stop_admin,
        admin_stopper,
        addresses,
        keeper,
    })
}
