//! What the tasks of one transport share.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use kraft_proto::ids::NodeId;
use kraft_wire::cert::{CertError, Credentials, PeerIdentity, Role};
use kraft_wire::lock;
use kraft_wire::quic::endpoint::{self, Pulse, Streams, Windows};
use kraft_wire::quic::{BindError, ConnectionRefusal, ConnectionRefusalKind, Outlook};
use quinn::{ClientConfig, Endpoint};
use tokio::task::{AbortHandle, JoinSet};

use super::config::{Limits, Timing, TransportConfig};
use super::event::{self, Event, EventSender, Events};
use super::hello::PEER_ALPN;
use super::hello::{PeerHello, Settings};
use super::refused::Refused;
use super::slot::Slot;
use super::stats::TransportStats;
use super::stream::Stream;
use crate::listener::Desk;
use crate::listener::Repeats;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ours: PeerHello,
    pub(super) endpoint: Endpoint,
    client: Mutex<ClientConfig>,
    settings: Arc<quinn::TransportConfig>,
    pub(super) limits: Limits,
    pub(super) timing: Timing,
    pub(super) events: EventSender,
    pub(super) stats: Arc<TransportStats>,
    /// Those who have not finished their hello.
    pub(super) desk: Desk,
    /// Whether appends are held.
    pub(super) hold: AtomicBool,
    refusals: Repeats<(Option<NodeId>, ConnectionRefusalKind)>,
    slots: Mutex<BTreeMap<NodeId, Arc<Slot>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl Shared {
    pub(super) fn open(config: TransportConfig) -> Result<(Self, Events), BindError> {
        let TransportConfig {
            listen,
            hello,
            clients,
            credentials,
            limits,
            timing,
            ..
        } = config;
        let wanted = PeerIdentity {
            cluster: hello.cluster,
            role: Role::Node(hello.node),
        };
        if &wanted != credentials.identity() {
            return Err(BindError::Identity {
                wanted: Box::new(wanted),
                found: Box::new(credentials.identity().clone()),
            });
        }
        let streams = Streams {
            two_way: 1,
            one_way: Stream::ALL.len() as u8,
        };
        let pulse = Pulse {
            keep_alive: timing.keep_alive,
            idle: timing.idle,
        };
        let settings = endpoint::settings(streams, pulse, Windows::Wide)?;
        let alpn = PEER_ALPN.as_bytes();
        let server = endpoint::server(&credentials, alpn, settings.clone())?;
        let client = endpoint::client(&credentials, alpn, settings.clone())?;
        let endpoint = endpoint::open(listen, &credentials, PEER_ALPN, Some(server))?;
        let drawn = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new())
            .map_err(|_| BindError::Random)?;
        let process = u64::from_le_bytes(drawn.expose());
        let (events, receiver) = event::channel(limits.events_bytes_max);
        let shared = Self {
            ours: PeerHello {
                hello,
                process,
                clients,
            },
            endpoint,
            client: Mutex::new(client),
            settings,
            limits,
            timing,
            events,
            stats: Arc::default(),
            desk: Desk::new(limits.hellos_max),
            hold: AtomicBool::new(false),
            refusals: Repeats::new(),
            slots: Mutex::default(),
            tasks: Mutex::default(),
        };
        Ok((shared, receiver))
    }

    /// How this node connects at the moment.
    pub(super) fn client(&self) -> ClientConfig {
        lock(&self.client).clone()
    }

    /// Shows another certificate to whoever connects from now on.
    pub(super) fn set_credentials(&self, credentials: &Credentials) -> Result<(), CertError> {
        let alpn = PEER_ALPN.as_bytes();
        let server = endpoint::server(credentials, alpn, self.settings.clone())?;
        let client = endpoint::client(credentials, alpn, self.settings.clone())?;
        self.endpoint.set_server_config(Some(server));
        *lock(&self.client) = client;
        Ok(())
    }

    /// The peer, if it is known.
    pub(super) fn slot(&self, peer: NodeId) -> Option<Arc<Slot>> {
        lock(&self.slots).get(&peer).cloned()
    }

    /// The peer, known from now on; `None` when too many are.
    pub(super) fn slot_for(&self, peer: NodeId) -> Option<Arc<Slot>> {
        let mut slots = lock(&self.slots);
        if !slots.contains_key(&peer) && slots.len() >= self.limits.nodes_max {
            // Those removed keep their place until it is needed, so that their news stay in order.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.is_idle());
            if slots.len() >= self.limits.nodes_max {
                return None;
            }
        }
        let us = self.ours.hello.node;
        let slot = slots
            .entry(peer)
            .or_insert_with(|| Arc::new(Slot::new(us, peer, &self.limits)));
        Some(slot.clone())
    }

    /// Every peer known now.
    pub(super) fn slots(&self) -> impl Iterator<Item = Arc<Slot>> {
        let slots: Vec<_> = lock(&self.slots).values().cloned().collect();
        slots.into_iter()
    }

    /// Counts a refusal, and tells the operator and the node unless it is likely to pass. The
    /// operator hears of the same peer and reason once, and then how often it was.
    pub(super) fn report(&self, peer: Option<NodeId>, address: String, refusal: ConnectionRefusal) {
        self.stats.count_refused(refusal.kind());
        let peer_text = peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string());
        if refusal.outlook() == Outlook::Passing {
            tracing::debug!(peer = peer_text, address, "no connection: {refusal}");
            return;
        }
        if let Some(count) = self
            .refusals
            .happened((peer, refusal.kind()), Instant::now())
        {
            tracing::warn!(peer = peer_text, address, count, "{refusal}");
        }
        self.events.offer(Event::Refused(Refused {
            peer,
            address,
            refusal,
        }));
    }

    /// The peer is connected: should it be refused again, that is news.
    pub(super) fn welcome(&self, peer: NodeId) {
        self.refusals.over(|(refused, _)| refused == Some(peer));
    }

    /// Reports every setting that is not equal at a peer.
    pub(super) async fn compare(&self, peer: NodeId, theirs: Settings) {
        for setting in self.ours.hello.settings.differences(theirs) {
            self.stats.count_difference();
            tracing::warn!(
                peer = peer.0,
                "the setting {} is not the same there as here; make it equal on every node",
                setting.label(),
            );
            self.events.send(Event::Differs { peer, setting }).await;
        }
    }

    /// Starts a task that ends with the transport.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    pub(super) fn abort_tasks(&self) {
        lock(&self.tasks).abort_all();
    }

    /// Ends every task and waits until they are gone.
    pub(super) async fn end_tasks(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.shutdown().await;
    }
}
