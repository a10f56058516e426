//! One peer: what waits for it, and the one connection that is kept.
//!
//! Both nodes of a pair dial, so that a node that just started reaches everyone without waiting for
//! their next attempt; and both must keep the same connection. The node with the lower id is the
//! *preferred* dialer; the other one waits a moment before it dials.

use std::sync::{Arc, Mutex, OnceLock};

use kraft_proto::ids::NodeId;
use kraft_wire::lock;
use kraft_wire::quic::{CLOSED_FAULT, CLOSED_IN_ORDER, CLOSED_REMOVED, CLOSED_REPLACED};
use quinn::Connection;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::config::Limits;
use super::event::{DownReason, Event, EventSender};
use super::hello::PeerHello;
use super::outbox::Outbox;
use super::stats::{Dropped, TransportStats};
use super::stream::Stream;

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialer {
    Us,
    Them,
}

/// Whether the peer can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Down,
    Up,
}

/// A connection whose hellos were exchanged.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) theirs: PeerHello,
    dialer: Dialer,
    /// Why we ended it, if we did.
    ended: Arc<OnceLock<DownReason>>,
    /// Closed once no frame of it is handed on any more.
    quiet: watch::Receiver<()>,
}

/// Held by whoever hands on the frames of a [`Link`]. Dropped, there will be no more of them.
#[derive(Debug)]
pub(super) struct AtWork(
    #[expect(dead_code, reason = "only its end is of interest")] watch::Sender<()>,
);

/// What to do with a new connection while there is one already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Keep the new one.
    Keep,
    /// Close the new one.
    Close,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) peer: NodeId,
    preferred: Dialer,
    outboxes: [Outbox; Stream::ALL.len()],
    /// Where it may be, `host:port`, the likeliest first; none if it only ever called us.
    addresses: Mutex<Vec<String>>,
    dialing: Mutex<Option<AbortHandle>>,
    link: Mutex<Option<Link>>,
    /// Held while the link changes and the change is told, so that it is told in order.
    turn: tokio::sync::Mutex<()>,
    reach: watch::Sender<Reach>,
}

impl Link {
    pub(super) fn new(connection: Connection, theirs: PeerHello, dialer: Dialer) -> (Self, AtWork) {
        let (at_work, quiet) = watch::channel(());
        let link = Self {
            connection,
            theirs,
            dialer,
            ended: Arc::default(),
            quiet,
        };
        (link, AtWork(at_work))
    }

    /// Waits until no frame of it is handed on any more. It must have ended.
    async fn fall_silent(mut self) {
        // Nothing is ever sent: the only news is that the sender is gone.
        while self.quiet.changed().await.is_ok() {}
    }

    /// Closes the connection, telling the other side why.
    pub(super) fn end(&self, reason: DownReason) {
        let code = match reason {
            DownReason::Replaced => CLOSED_REPLACED,
            DownReason::Removed => CLOSED_REMOVED,
            DownReason::Fault(_) => CLOSED_FAULT,
            _ => CLOSED_IN_ORDER,
        };
        let text = match &reason {
            DownReason::Fault(fault) => fault.label().to_owned(),
            other => other.to_string(),
        };
        // The first reason is the one that counts.
        let _ = self.ended.set(reason);
        self.connection.close(code, text.as_bytes());
    }

    /// Why we ended it, if we did.
    pub(super) fn ended(&self) -> Option<DownReason> {
        self.ended.get().cloned()
    }

    fn is(&self, other: &Self) -> bool {
        self.connection.stable_id() == other.connection.stable_id()
    }
}

impl Slot {
    pub(super) fn new(us: NodeId, peer: NodeId, limits: &Limits) -> Self {
        let preferred = if us < peer { Dialer::Us } else { Dialer::Them };
        Self {
            peer,
            preferred,
            outboxes: Stream::ALL
                .map(|stream| Outbox::new(limits.queue_bytes_max(stream), limits.frame_bytes_max)),
            addresses: Mutex::default(),
            dialing: Mutex::default(),
            link: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            reach: watch::Sender::new(Reach::Down),
        }
    }

    pub(super) fn outbox(&self, stream: Stream) -> &Outbox {
        &self.outboxes[stream.index()]
    }

    /// Where it is the likeliest.
    pub(super) fn address(&self) -> Option<String> {
        lock(&self.addresses).first().cloned()
    }

    /// Where to dial it at this attempt, and how often it was dialed there before.
    pub(super) fn address_at(&self, attempt: usize) -> Option<(String, usize)> {
        let addresses = lock(&self.addresses);
        let place = attempt.checked_rem(addresses.len())?;
        Some((addresses[place].clone(), attempt / addresses.len()))
    }

    pub(super) fn set_addresses(&self, addresses: Vec<String>) {
        *lock(&self.addresses) = addresses;
    }

    /// Has a task dial from now on, unless one does already.
    pub(super) fn dial_with(&self, start: impl FnOnce() -> AbortHandle) {
        lock(&self.dialing).get_or_insert_with(start);
    }

    pub(super) const fn preferred(&self) -> Dialer {
        self.preferred
    }

    pub(super) fn reach(&self) -> Reach {
        *self.reach.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
    }

    pub(super) fn link(&self) -> Option<Link> {
        lock(&self.link).clone()
    }

    /// Puts a new connection in place if it is the one to keep, and tells.
    pub(super) async fn adopt(
        &self,
        new: &Link,
        events: &EventSender,
        stats: &TransportStats,
    ) -> Verdict {
        let _turn = self.turn.lock().await;
        if let Some(current) = self.link() {
            let dead = current.connection.close_reason().is_some();
            if !dead && verdict(&current, new, self.preferred) == Verdict::Close {
                stats.count_spare();
                return Verdict::Close;
            }
            if !dead {
                stats.count_spare();
            }
            current.end(DownReason::Replaced);
            // Or an append of the old one could come after a later append of the new one.
            current.fall_silent().await;
            events
                .send(Event::Down {
                    peer: self.peer,
                    reason: DownReason::Replaced,
                })
                .await;
        }
        *lock(&self.link) = Some(new.clone());
        events
            .send(Event::Up {
                peer: self.peer,
                hello: new.theirs.hello,
                clients: new.theirs.clients.clone(),
            })
            .await;
        for outbox in &self.outboxes {
            outbox.open();
        }
        self.reach.send_replace(Reach::Up);
        Verdict::Keep
    }

    /// Takes an ended connection out of its place and tells, unless another is there already.
    pub(super) async fn release(
        &self,
        old: &Link,
        reason: DownReason,
        events: &EventSender,
        stats: &TransportStats,
    ) {
        let _turn = self.turn.lock().await;
        if !self.link().is_some_and(|current| current.is(old)) {
            return;
        }
        *lock(&self.link) = None;
        for outbox in &self.outboxes {
            stats.count_dropped(Dropped::NotConnected, outbox.close());
        }
        self.reach.send_replace(Reach::Down);
        events
            .send(Event::Down {
                peer: self.peer,
                reason,
            })
            .await;
    }

    /// Whether nobody lists it and nobody is there.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.addresses).is_empty() && lock(&self.link).is_none()
    }

    /// Stops dialing and ends the connection.
    pub(super) fn remove(&self) {
        lock(&self.addresses).clear();
        if let Some(task) = lock(&self.dialing).take() {
            task.abort();
        }
        if let Some(link) = self.link() {
            link.end(DownReason::Removed);
        }
    }
}

fn verdict(current: &Link, new: &Link, preferred: Dialer) -> Verdict {
    choose(
        (&current.theirs, current.dialer),
        (&new.theirs, new.dialer),
        preferred,
    )
}

/// Which of two living connections with one peer is kept. Both sides come to the same answer:
///
/// 1. a hello of an earlier start of the same store is old news;
/// 2. another process has taken the first one's place;
/// 3. a second connection from the same dialer means that it gave the first one up;
/// 4. when both dialed at once, the preferred dialer's is kept.
fn choose(current: (&PeerHello, Dialer), new: (&PeerHello, Dialer), preferred: Dialer) -> Verdict {
    let (was, is) = (&current.0.hello, &new.0.hello);
    if is.store == was.store && is.incarnation.number < was.incarnation.number {
        return Verdict::Close;
    }
    let same_process = current.0.process == new.0.process;
    if !same_process || new.1 == current.1 || new.1 == preferred {
        Verdict::Keep
    } else {
        Verdict::Close
    }
}

#[cfg(test)]
mod tests {
    use kraft_proto::cluster::ClusterId;
    use kraft_proto::cluster::Epoch;
    use kraft_proto::ids::{Incarnation, Nonce, StoreId};

    use super::*;
    use crate::transport::{Hello, Settings};

    fn hello(process: u64, incarnation: u64) -> PeerHello {
        PeerHello {
            hello: Hello {
                cluster: ClusterId(1),
                node: NodeId(2),
                store: StoreId(3),
                epoch: Epoch::default(),
                incarnation: Incarnation::new(incarnation, Nonce(incarnation)),
                settings: Settings::default(),
            },
            process,
            clients: String::new(),
        }
    }

    #[test]
    fn of_two_connections_both_sides_keep_the_same_one() {
        let (x, y) = (hello(1, 1), hello(2, 1));
        // Node 1 dialed the first, node 2 the second; each side may see them in either order.
        for (current, new, kept) in [
            (Dialer::Us, Dialer::Them, Verdict::Close),
            (Dialer::Them, Dialer::Us, Verdict::Keep),
        ] {
            assert_eq!(choose((&y, current), (&y, new), Dialer::Us), kept);
        }
        for (current, new, kept) in [
            (Dialer::Them, Dialer::Us, Verdict::Close),
            (Dialer::Us, Dialer::Them, Verdict::Keep),
        ] {
            assert_eq!(choose((&x, current), (&x, new), Dialer::Them), kept);
        }
    }

    #[test]
    fn a_restarted_peer_takes_its_place_whoever_dialed() {
        for preferred in [Dialer::Us, Dialer::Them] {
            for current in [Dialer::Us, Dialer::Them] {
                for new in [Dialer::Us, Dialer::Them] {
                    let kept = choose((&hello(1, 1), current), (&hello(2, 1), new), preferred);
                    assert_eq!(kept, Verdict::Keep);
                    let late = choose((&hello(2, 2), current), (&hello(1, 1), new), preferred);
                    assert_eq!(late, Verdict::Close);
                }
            }
        }
    }

    #[test]
    fn a_dialer_that_dials_again_gave_the_first_one_up() {
        let same = hello(1, 1);
        for dialer in [Dialer::Us, Dialer::Them] {
            let kept = choose((&same, dialer), (&same, dialer), Dialer::Us);
            assert_eq!(kept, Verdict::Keep);
        }
    }
}
