//! From connecting to a connection at work, on both sides of the listener.

use std::sync::Arc;
use std::time::Duration;

use kraft_proto::ids::NodeId;
use kraft_wire::cert::{Role, server_name};
use kraft_wire::quic::hello::{self, Greeted};
use kraft_wire::quic::{CLOSED_REPLACED, ConnectionRefusal, Outlook, endpoint};
use quinn::{Connection, Incoming};
use ring::rand::SystemRandom;
use tokio::time::timeout;

use super::Shared;
use super::hello::{PEER_VERSION, PeerHello};
use super::link;
use super::slot::{AtWork, Dialer, Link, Reach, Slot, Verdict};
use crate::listener::Seated;

/// How long the node that is not the preferred dialer waits for the other one's call.
const COURTESY: Duration = Duration::from_millis(30);

/// The pause after a first failed attempt; it doubles from there.
const RETRY_MIN: Duration = Duration::from_millis(10);

/// Takes calls until the endpoint is closed.
pub(super) async fn answer_calls(shared: Arc<Shared>) {
    while let Some(incoming) = shared.endpoint.accept().await {
        let seat = match shared.desk.receive(&incoming) {
            Seated::Here(seat) => seat,
            Seated::ProveAddress => {
                // An error means that it has proved it by now: its next packet comes in.
                let _ = incoming.retry();
                continue;
            }
        };
        let call = shared.clone();
        shared.spawn(async move {
            let address = endpoint::plain(incoming.remote_address()).to_string();
            let hearing = timeout(call.timing.connect, hear(&call, incoming));
            let heard = match seat.hold(hearing).await {
                Some(heard) => heard.unwrap_or(Err((None, ConnectionRefusal::Timeout))),
                None => Err((None, ConnectionRefusal::TooMany)),
            };
            match heard {
                Ok((slot, connection, greeted)) => take(call, slot, connection, greeted).await,
                Err((peer, refusal)) => call.report(peer, address, refusal),
            }
        });
    }
}

type Caller = (Arc<Slot>, Connection, Greeted<PeerHello>);

/// Finds out who calls.
async fn hear(
    shared: &Shared,
    incoming: Incoming,
) -> Result<Caller, (Option<NodeId>, ConnectionRefusal)> {
    let unknown = |refusal| (None, refusal);
    let connection = incoming
        .await
        .map_err(|e| unknown(ConnectionRefusal::of_connection(&e)))?;
    let refuse = |peer, refusal: ConnectionRefusal| {
        connection.close(refusal.close_code(), refusal.to_string().as_bytes());
        (peer, refusal)
    };
    let certified = certified_node(shared, &connection).map_err(|e| refuse(None, e))?;
    let peer = Some(certified);
    let greeted = hello::listen(&connection, PEER_VERSION)
        .await
        .map_err(|e| refuse(peer, e))?;
    check(shared, certified, &greeted.theirs).map_err(|e| refuse(peer, e))?;
    let slot = shared
        .slot_for(certified)
        .ok_or_else(|| refuse(peer, ConnectionRefusal::TooMany))?;
    Ok((slot, connection, greeted))
}

/// Answers a caller if its connection is the one to keep.
async fn take(
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    connection: Connection,
    mut greeted: Greeted<PeerHello>,
) {
    let (link, at_work) = Link::new(connection, greeted.theirs, Dialer::Them);
    if slot.adopt(&link, &shared.events, &shared.stats).await == Verdict::Close {
        close_spare(&link.connection);
        return;
    }
    // Failing to answer means that the connection is gone, which the link finds out by itself.
    let _ = hello::say(&mut greeted.send, PEER_VERSION, &shared.ours).await;
    let _ = greeted.send.finish();
    work(shared, slot, link, at_work).await;
}

/// Keeps a peer within reach for as long as it is on the list.
pub(super) async fn keep_reaching(shared: Arc<Shared>, slot: Arc<Slot>) {
    let mut reach = slot.watch();
    let (mut failures, mut refusals) = (0, 0);
    while reach.wait_for(|now| *now == Reach::Down).await.is_ok() {
        if slot.preferred() == Dialer::Them {
            let called = reach.wait_for(|now| *now == Reach::Up);
            if timeout(COURTESY, called).await.is_ok() {
                continue;
            }
        }
        let dialed = match timeout(shared.timing.connect, dial(&shared, &slot, failures)).await {
            Ok(dialed) => dialed,
            Err(_) => Err(ConnectionRefusal::Timeout),
        };
        match dialed {
            Ok(Dialed::Greeted(greeted)) => {
                let (link, at_work) = *greeted;
                let connection = link.connection.clone();
                shared.spawn(settle(shared.clone(), slot.clone(), link, at_work));
                tokio::select! {
                    _ = reach.wait_for(|now| *now == Reach::Up) => {}
                    _ = connection.closed() => {}
                }
                (failures, refusals) = (0, 0);
            }
            Ok(Dialed::Spare) => (failures, refusals) = (0, 0),
            Err(refusal) => {
                let pause = match refusal.outlook() {
                    Outlook::Passing => backoff(RETRY_MIN, failures, shared.timing.retry_max),
                    Outlook::Lasting => {
                        let timing = &shared.timing;
                        let pause = backoff(timing.refused, refusals, timing.refused_max);
                        refusals = refusals.saturating_add(1);
                        pause
                    }
                };
                let (address, _) = slot.address_at(failures).unwrap_or_default();
                shared.report(Some(slot.peer), address, refusal);
                failures = failures.saturating_add(1);
                let called = reach.wait_for(|now| *now == Reach::Up);
                // Either way there is news: the pause is over, or the peer called.
                if timeout(pause, called).await.is_ok() {
                    (failures, refusals) = (0, 0);
                }
            }
        }
    }
}

enum Dialed {
    Greeted(Box<(Link, AtWork)>),
    /// The peer called while we dialed.
    Spare,
}

async fn dial(shared: &Shared, slot: &Slot, attempt: usize) -> Result<Dialed, ConnectionRefusal> {
    let (address, before) = slot.address_at(attempt).unwrap_or_default();
    let broken = |detail: String| ConnectionRefusal::Broken(format!("{address}: {detail}"));
    let found: Vec<_> = tokio::net::lookup_host(&address)
        .await
        .map_err(|e| broken(e.to_string()))?
        .collect();
    let target = *found
        .get(before % found.len().max(1))
        .ok_or_else(|| broken("no address was found".to_owned()))?;
    let name = server_name(shared.ours.hello.cluster);
    let connection = shared
        .endpoint
        .connect_with(shared.client(), target, &name)
        .map_err(|e| broken(e.to_string()))?
        .await
        .map_err(|e| ConnectionRefusal::of_connection(&e))?;
    if slot.reach() == Reach::Up {
        shared.stats.count_spare();
        close_spare(&connection);
        return Ok(Dialed::Spare);
    }
    let refuse = |refusal: ConnectionRefusal| {
        connection.close(refusal.close_code(), refusal.to_string().as_bytes());
        refusal
    };
    let certified = certified_node(shared, &connection).map_err(refuse)?;
    if certified != slot.peer {
        return Err(refuse(ConnectionRefusal::Address {
            dialed: slot.peer,
            answered: certified,
        }));
    }
    let greeted: Greeted<PeerHello> =
        match hello::introduce(&connection, PEER_VERSION, &shared.ours).await {
            Ok(greeted) => greeted,
            Err(_) if is_spare(&connection) => return Ok(Dialed::Spare),
            Err(refusal) => return Err(refuse(refusal)),
        };
    check(shared, certified, &greeted.theirs).map_err(refuse)?;
    let linked = Link::new(connection, greeted.theirs, Dialer::Us);
    Ok(Dialed::Greeted(Box::new(linked)))
}

/// Works with a peer we dialed, if this connection is the one to keep. A task of its own: the one
/// that dials may be ended at any moment, and this must not be left half done.
async fn settle(shared: Arc<Shared>, slot: Arc<Slot>, link: Link, at_work: AtWork) {
    match slot.adopt(&link, &shared.events, &shared.stats).await {
        Verdict::Keep => work(shared, slot, link, at_work).await,
        Verdict::Close => close_spare(&link.connection),
    }
}

/// Compares settings, then works.
async fn work(shared: Arc<Shared>, slot: Arc<Slot>, link: Link, at_work: AtWork) {
    shared.stats.count_connect();
    shared.welcome(slot.peer);
    let theirs = link.theirs.hello;
    tracing::info!(
        peer = slot.peer.0,
        incarnation = theirs.incarnation.number,
        address = %endpoint::plain(link.connection.remote_address()),
        "connected",
    );
    shared.compare(slot.peer, theirs.settings).await;
    link::run(shared, slot, link, at_work).await;
}

fn certified_node(shared: &Shared, connection: &Connection) -> Result<NodeId, ConnectionRefusal> {
    let identity = hello::identity_of(connection)?;
    let ours = shared.ours.hello.cluster;
    if identity.cluster != ours {
        return Err(ConnectionRefusal::Cluster {
            ours,
            theirs: identity.cluster,
        });
    }
    match identity.role {
        Role::Node(id) => Ok(id),
        role => Err(ConnectionRefusal::Role(role)),
    }
}

fn check(shared: &Shared, certified: NodeId, theirs: &PeerHello) -> Result<(), ConnectionRefusal> {
    let (ours, theirs) = (&shared.ours.hello, &theirs.hello);
    if theirs.cluster != ours.cluster {
        return Err(ConnectionRefusal::Cluster {
            ours: ours.cluster,
            theirs: theirs.cluster,
        });
    }
    if theirs.epoch != ours.epoch {
        return Err(ConnectionRefusal::Epoch {
            ours: ours.epoch,
            theirs: theirs.epoch,
        });
    }
    // A peer with our own id is a copy of us: its certificate is stolen or was given twice.
    if theirs.node != certified || certified == ours.node {
        return Err(ConnectionRefusal::NodeId {
            claimed: theirs.node,
            certified,
        });
    }
    Ok(())
}

fn close_spare(connection: &Connection) {
    connection.close(CLOSED_REPLACED, b"another connection is kept");
}

fn is_spare(connection: &Connection) -> bool {
    matches!(
        connection.close_reason(),
        Some(quinn::ConnectionError::ApplicationClosed(close))
            if close.error_code == CLOSED_REPLACED
    )
}

/// The pause before another attempt: doubling, and between half and all of it by chance, so that
/// nodes that failed together do not try together.
fn backoff(first: Duration, failures: usize, longest: Duration) -> Duration {
    let doublings = u32::try_from(failures).unwrap_or(u32::MAX).min(16);
    let whole = first.saturating_mul(1 << doublings).min(longest);
    let chance = ring::rand::generate::<[u8; 1]>(&SystemRandom::new())
        .map_or(0, |drawn| u32::from(drawn.expose()[0]));
    whole / 2 + whole / 2 * chance / u32::from(u8::MAX)
}
