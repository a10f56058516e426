//! Peers over QUIC: one connection per pair, mutual TLS always.
//!
//! ```text
//!              send()  ┌─ outbox control ─► stream ─┐
//!   node ────────────► ├─ outbox append ──► stream ─┤ one connection ──► peer
//!                      └─ outbox snapshot ► stream ─┘
//!   node ◄── Events ◄── frames, Up, Down ◄── streams ◄──────────────────  peer
//! ```
//!
//! Sending never blocks: what does not fit is dropped and counted, as a network would. Receiving
//! slows the peers down when the node does not keep up. Nothing is remembered across connections.
//!
//! The list of peers says where each is dialed; who it is, its certificate says. A node that comes
//! back at another address calls the others, and that one connection serves both directions, so
//! their lists need not be changed at once. They must be before two nodes that moved can find each
//! other.

mod config;
mod event;
mod greet;
mod hello;
mod link;
mod outbox;
mod refused;
mod shared;
mod slot;
mod stats;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kraft_proto::ids::NodeId;
use tokio::time::timeout;

pub use config::{Limits, Timing, TransportConfig};
pub use event::{DownReason, Event, Events};
pub use hello::{Hello, PEER_ALPN, PEER_VERSION, Setting, Settings};
pub use refused::Refused;
pub use stats::{Dropped, Fault, TrafficCount, TransportStats};
pub use stream::{Route, Stream};

use kraft_wire::cert::{CertError, Credentials};
use kraft_wire::quic::{BindError, CLOSED_IN_ORDER};

use event::DownReason as Reason;
use shared::Shared;
use slot::Reach;

/// How long a shutdown waits for the farewells to leave.
const FAREWELL: Duration = Duration::from_millis(300);

/// The connections to this node's peers. Dropping it closes them.
#[derive(Debug)]
pub struct Transport {
    shared: Arc<Shared>,
}

/// What became of a frame that was given to [`Transport::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// It waits for its stream. It may still be lost.
    Queued,
    /// It was dropped and counted.
    Dropped(Dropped),
}

/// Whether appends are kept from leaving, for demonstrations of what is lost when they do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Appends are dropped, those that wait included.
    On,
    /// Appends are sent.
    Off,
}

/// A peer as the transport sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Which.
    pub peer: NodeId,
    /// Where it is dialed; none if it only ever called us.
    pub address: Option<String>,
    /// What it said of itself and how long a round trip takes, while it can be reached.
    pub up: Option<(Hello, Duration)>,
    /// Until when the certificate holds that it showed for its connection, while there is one.
    pub certificate_until: Option<SystemTime>,
}

impl Transport {
    /// Opens the peers' listener and starts to reach the peers. Needs a tokio runtime, of either kind.
    ///
    /// # Errors
    ///
    /// When the certificate is not this node's or the address cannot be had.
    pub fn bind(config: TransportConfig) -> Result<(Self, Events), BindError> {
        let peers = config.peers.clone();
        let (shared, events) = Shared::open(config)?;
        let shared = Arc::new(shared);
        shared.spawn(greet::answer_calls(shared.clone()));
        let transport = Self { shared };
        for (peer, addresses) in peers {
            transport.set_peer(peer, addresses);
        }
        Ok((transport, events))
    }

    /// The address it receives at.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.shared.endpoint.local_addr()
    }

    /// Sends a frame, given as the pieces it consists of; long pieces are not copied. Never blocks.
    pub fn send(
        &self,
        to: NodeId,
        route: Route,
        frame: impl IntoIterator<Item = Bytes>,
    ) -> Sending {
        let (shared, stream) = (&self.shared, route.stream());
        let pushed = if stream == Stream::Append && shared.hold.load(Ordering::Relaxed) {
            Err(Dropped::Held)
        } else {
            match shared.slot(to) {
                Some(slot) => slot.outbox(stream).push(route.priority(), frame),
                None => Err(Dropped::NotConnected),
            }
        };
        match pushed {
            Ok(bytes) => {
                shared.stats.count_sent(stream, bytes);
                Sending::Queued
            }
            Err(reason) => {
                shared.stats.count_dropped(reason, 1);
                Sending::Dropped(reason)
            }
        }
    }

    /// Bytes that still fit into a stream's queue; 0 while the peer cannot be reached.
    pub fn room(&self, to: NodeId, stream: Stream) -> usize {
        self.shared
            .slot(to)
            .map_or(0, |slot| slot.outbox(stream).room())
    }

    /// Whether a peer can be reached now, as far as is known.
    pub fn is_up(&self, peer: NodeId) -> bool {
        self.shared
            .slot(peer)
            .is_some_and(|slot| slot.reach() == Reach::Up)
    }

    /// Every peer that is listed or can be reached.
    pub fn peers(&self) -> Vec<PeerView> {
        self.shared
            .slots()
            .filter(|slot| !slot.is_idle())
            .map(|slot| PeerView {
                peer: slot.peer,
                address: slot.address(),
                up: slot
                    .link()
                    .map(|link| (link.theirs.hello, link.connection.rtt())),
                certificate_until: slot
                    .link()
                    .and_then(|link| kraft_wire::quic::hello::until(&link.connection)),
            })
            .collect()
    }

    /// Lists a peer, or gives a listed one other addresses, `host:port`, which are tried in turn. This node itself is
    /// never a peer, and none is listed without an address.
    pub fn set_peer(&self, peer: NodeId, addresses: Vec<String>) {
        let shared = &self.shared;
        if peer == shared.ours.hello.node || addresses.is_empty() {
            return;
        }
        let Some(slot) = shared.slot_for(peer) else {
            tracing::warn!(
                peer = peer.0,
                "too many nodes are known; this one is not dialed until others are removed"
            );
            return;
        };
        slot.set_addresses(addresses);
        slot.dial_with(|| shared.spawn(greet::keep_reaching(shared.clone(), slot.clone())));
    }

    /// Takes a peer off the list and ends its connection. It may call again by itself.
    pub fn remove_peer(&self, peer: NodeId) {
        if let Some(slot) = self.shared.slot(peer) {
            slot.remove();
        }
    }

    /// Ends the connection with a peer whose frames make no sense. It is made anew.
    pub fn disconnect(&self, peer: NodeId, fault: Fault) {
        if let Some(link) = self.shared.slot(peer).and_then(|slot| slot.link()) {
            self.shared.stats.count_fault(fault);
            link.end(Reason::Fault(fault));
        }
    }

    /// Shows another certificate to whoever connects from now on. Connections that there are go on. It must be for the same
    /// node.
    ///
    /// # Errors
    ///
    /// When TLS refuses it; then nothing has changed.
    pub fn set_credentials(&self, credentials: &Credentials) -> Result<(), CertError> {
        self.shared.set_credentials(credentials)
    }

    /// Holds appends to all peers, or lets them go again.
    pub fn hold_appends(&self, hold: Hold) {
        let shared = &self.shared;
        shared.hold.store(hold == Hold::On, Ordering::Relaxed);
        if hold == Hold::On {
            for slot in shared.slots() {
                let dropped = slot.outbox(Stream::Append).clear();
                shared.stats.count_dropped(Dropped::Held, dropped);
            }
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> Arc<TransportStats> {
        self.shared.stats.clone()
    }

    /// Closes every connection, so that the peers know at once, and waits until that was sent.
    pub async fn shutdown(self) {
        let endpoint = self.shared.endpoint.clone();
        endpoint.close(CLOSED_IN_ORDER, b"shut down");
        // The peers notice by themselves if the farewells take longer.
        let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
        self.shared.end_tasks().await;
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.shared.endpoint.close(CLOSED_IN_ORDER, b"shut down");
        self.shared.abort_tasks();
    }
}
