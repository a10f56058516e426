//! The other nodes as this one meets them: what is sent to them, how far they lag, and what an
//! operator should know of them.

mod frames;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kraft_proto::{Instant, Lag, NodeId, PeerState, PeerStatus as CorePeer, Status};
use kraft_wire::api::{LagStatus, Link, PeerStatus};
use kraft_wire::cert::{self, CertError, Credentials};

use crate::metrics::{Behind, Lag as LagFigure};
use crate::transport::{Fault, Hold, Route, Setting, Transport, TransportStats};

/// The other nodes as this one meets them.
pub(super) struct Peers {
    transport: Transport,
    lags: BTreeMap<NodeId, Lag>,
    /// Settings that ought to be equal and are not.
    differing: BTreeSet<(NodeId, &'static str)>,
    /// Those that need a snapshot.
    stranded: BTreeSet<NodeId>,
    /// Nodes whose disk was said to have gone back, and how often.
    set_back: BTreeMap<NodeId, u32>,
}

impl Peers {
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            lags: BTreeMap::new(),
            differing: BTreeSet::new(),
            stranded: BTreeSet::new(),
            set_back: BTreeMap::new(),
        }
    }

    /// Sends a frame of the host's own. It may be lost.
    pub fn send_own(&self, peer: NodeId, route: Route, frame: Vec<u8>) {
        let _ = self.transport.send(peer, route, [frame.into()]);
    }

    /// Looks for a peer at these addresses, one after the other.
    pub fn reach(&self, peer: NodeId, mut addresses: Vec<String>) {
        let mut seen = BTreeSet::new();
        addresses.retain(|address| seen.insert(address.clone()));
        self.transport.set_peer(peer, addresses);
    }

    /// Looks no more for a peer that has left, and ends the connection to it.
    pub fn part(&self, peer: NodeId) {
        self.transport.remove_peer(peer);
    }

    /// Ends the connection to a peer that sent what it should not.
    pub fn disconnect(&self, peer: NodeId) {
        self.transport.disconnect(peer, Fault::Garbage);
    }

    /// Whether there is a connection to this peer.
    pub fn is_up(&self, peer: NodeId) -> bool {
        self.transport.is_up(peer)
    }

    /// For demonstrations and tests: keeps entries from going out, or lets them.
    pub fn hold_appends(&self, hold: Hold) {
        self.transport.hold_appends(hold);
    }

    /// Shows this certificate from now on to whoever connects.
    ///
    /// # Errors
    ///
    /// When it cannot be used; then the one before is shown.
    pub fn set_credentials(&self, credentials: &Credentials) -> Result<(), CertError> {
        self.transport.set_credentials(credentials)
    }

    /// Counters of what was sent and dropped.
    pub fn stats(&self) -> Arc<TransportStats> {
        self.transport.stats()
    }

    /// Closes every connection.
    pub async fn shutdown(self) {
        self.transport.shutdown().await;
    }

    /// This peer can be reached, by a connection that is new.
    pub fn note_up(&mut self, peer: NodeId) {
        self.differing.retain(|(other, _)| *other != peer);
        tracing::info!("node {peer} can be reached");
    }

    /// This peer has another setting than this node.
    pub fn note_differing(&mut self, peer: NodeId, setting: Setting) {
        let setting = setting.label();
        self.differing.insert((peer, setting));
        tracing::warn!("{}", differing_text(peer, setting));
    }

    /// This node leads as of now: how far the others lag, it begins to measure.
    pub fn begin_term(&mut self, now: Instant) {
        for lag in self.lags.values_mut() {
            *lag = Lag::new(now);
        }
    }

    /// Looks at how far each is by what the core knows, and says what changed.
    pub fn look(&mut self, now: Instant, status: &Status) -> Vec<LagFigure> {
        self.notice_stranded(status);
        self.notice_set_back(status);
        let lags = &mut self.lags;
        let figure = |peer: &CorePeer| {
            let lag = lags.entry(peer.id).or_insert_with(|| Lag::new(now));
            lag.look(now, peer, status.last.index);
            LagFigure {
                peer: peer.id,
                behind: match (peer.lag_entries, lag.age()) {
                    (Some(entries), Some(time)) => Some(Behind { entries, time }),
                    _ => None,
                },
                silence: lag.silence(),
            }
        };
        status.peers.iter().map(figure).collect()
    }

    /// Says once of each peer that it needs a snapshot.
    fn notice_stranded(&mut self, status: &Status) {
        for peer in &status.peers {
            if peer.state != PeerState::Snapshot {
                self.stranded.remove(&peer.id);
            } else if self.stranded.insert(peer.id) {
                tracing::info!("node {}: {}", peer.id, stranded_text(status));
            }
        }
    }

    /// Says once of each disk that it went back to an older copy of itself.
    fn notice_set_back(&mut self, status: &Status) {
        for (node, times) in set_backs(status) {
            if self.set_back.insert(node, times) != Some(times) {
                tracing::warn!("{}", set_back_text(node));
            }
        }
    }

    /// What an operator should know of them.
    pub fn warnings(&self, status: &Status) -> Vec<String> {
        let set_back = set_backs(status).map(|(node, _)| set_back_text(node));
        let differing = self.differing.iter();
        let differing = differing.map(|(peer, setting)| differing_text(*peer, setting));
        set_back.chain(differing).collect()
    }

    /// How far all of them lag together.
    pub fn lag(&self, status: &Status) -> LagStatus {
        let known = status.peers.iter().filter(|peer| peer.watermarks.is_some());
        let ages = known.filter_map(|peer| self.lags.get(&peer.id)?.age());
        let ages: Vec<u64> = ages.map(millis).collect();
        LagStatus {
            entries_max: status.lag_entries_max(),
            entries_mean: status.lag_entries_mean(),
            ms_max: ages.iter().copied().max(),
            ms_mean: (!ages.is_empty())
                .then(|| ages.iter().sum::<u64>().div_ceil(ages.len() as u64)),
            unknown: status.peers_unknown() as u64,
        }
    }

    /// How each of them is, by the core and by its connection.
    pub fn status(&self, now: Instant, status: &Status) -> Vec<PeerStatus> {
        let peers = status.peers.iter();
        peers.map(|peer| self.peer(now, status, peer)).collect()
    }

    fn peer(&self, now: Instant, status: &Status, peer: &CorePeer) -> PeerStatus {
        let (link, why) = if !self.is_up(peer.id) {
            let why = "no connection: it is down, or the network between is";
            (Link::Down, Some(why.to_owned()))
        } else if peer.state == PeerState::Snapshot {
            (Link::Connected, Some(stranded_text(status)))
        } else {
            (Link::Connected, None)
        };
        let lag = self.lags.get(&peer.id);
        PeerStatus {
            id: peer.id,
            link,
            state: peer.state,
            heard_ms: peer.heard.map(|heard| millis(now.since(heard))),
            watermarks: peer.watermarks,
            lag_entries: peer.lag_entries,
            lag_ms: lag
                .filter(|_| peer.watermarks.is_some())
                .and_then(Lag::age)
                .map(millis),
            silent_ms: lag.map_or(0, |lag| millis(lag.silence())),
            why,
        }
    }

    /// The node that holds most of the log, of those that can be reached and whose certificates hold.
    pub fn fittest_by_certificate(&self, status: &Status) -> Option<NodeId> {
        let mut views = self.transport.peers();
        views.retain(|view| {
            let until = view.certificate_until;
            until.is_some_and(|until| !cert::left(until).is_zero())
        });
        let valid = |peer: &&CorePeer| views.iter().any(|view| view.peer == peer.id);
        let valid = status.peers.iter().filter(valid);
        valid
            .max_by_key(|peer| peer.watermarks.map(|watermarks| watermarks.synced))
            .map(|peer| peer.id)
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// The nodes whose disk went back to an older copy of itself, and how often.
fn set_backs(status: &Status) -> impl Iterator<Item = (NodeId, u32)> {
    let own = status.set_back.map(|_| (status.id, 1));
    let peers = status.peers.iter().map(|peer| (peer.id, peer.set_backs));
    own.into_iter().chain(peers.filter(|(_, times)| *times > 0))
}

fn set_back_text(node: NodeId) -> String {
    format!(
        "the disk of node {node} went back to an older copy of itself, as a restored backup does: the \
         node is brought up to date, and its votes do not count in full before; see to it that nothing \
         puts old copies back"
    )
}

fn differing_text(peer: NodeId, setting: &str) -> String {
    format!("node {peer} has another setting of {setting}: the leader's decides; make them equal")
}

/// Why a peer gets no entries although it is connected.
fn stranded_text(status: &Status) -> String {
    format!(
        "it needs entries through index {}, which are gone here: it is sent a snapshot",
        status.compacted.index
    )
}
