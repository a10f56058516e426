//! What the transport tells its node.

use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::ids::NodeId;
use tokio::sync::{Semaphore, mpsc};

use super::hello::{Hello, Setting};
use super::refused::Refused;
use super::stats::Fault;
use super::stream::Stream;

/// Bytes an event counts for beside its frame.
const EVENT_BYTES: usize = 128;

/// What happened between this node and its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A frame arrived. Order holds within one stream of one peer.
    Frame {
        /// Who sent it; as certain as the certificate.
        from: NodeId,
        /// The stream it came on.
        stream: Stream,
        /// What it holds.
        bytes: Bytes,
    },
    /// A peer can be reached.
    Up {
        /// Which.
        peer: NodeId,
        /// What it said of itself.
        hello: Hello,
        /// Where clients reach it by its own word, `host:port`; empty if it does not say.
        clients: String,
    },
    /// A peer can no longer be reached; what waited for it is dropped. A peer that comes back by
    /// another connection before the old one ended is `Down` and at once `Up`.
    Down {
        /// Which.
        peer: NodeId,
        /// Why.
        reason: DownReason,
    },
    /// A setting that ought to be equal on every node is not.
    Differs {
        /// The peer it was compared with.
        peer: NodeId,
        /// Which setting.
        setting: Setting,
    },
    /// A connection was refused. Some may be left out when many come at once; the counters have
    /// them all.
    Refused(Refused),
}

/// Why a connection that was up ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The peer was shut down in order.
    Shutdown,
    /// The peer's process is another one now, or is gone.
    Restarted,
    /// Nothing was heard for the idle time.
    Silent,
    /// Another connection with the same peer took its place.
    Replaced,
    /// The peer was taken off the list, by us or by it.
    Removed,
    /// We ended it, for this fault of the peer's.
    Fault(Fault),
    /// Anything else; the text is for humans.
    Failed(String),
}

impl std::fmt::Display for DownReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shutdown => f.write_str("it shut down"),
            Self::Restarted => f.write_str("its process ended"),
            Self::Silent => f.write_str("nothing was heard from it"),
            Self::Replaced => f.write_str("a newer connection took over"),
            Self::Removed => f.write_str("it was removed"),
            Self::Fault(fault) => write!(f, "it misbehaved ({})", fault.label()),
            Self::Failed(detail) => f.write_str(detail),
        }
    }
}

/// The events of one transport, in order.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::UnboundedReceiver<(Event, u32)>,
    room: Arc<Semaphore>,
}

/// The sending end: waits for room, so that what is not yet taken stays bounded.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    queue: mpsc::UnboundedSender<(Event, u32)>,
    room: Arc<Semaphore>,
    bytes_max: usize,
}

pub(super) fn channel(bytes_max: usize) -> (EventSender, Events) {
    let bytes_max = bytes_max.clamp(EVENT_BYTES, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(bytes_max));
    let sender = EventSender {
        queue: sender,
        room: room.clone(),
        bytes_max,
    };
    let events = Events {
        queue: receiver,
        room,
    };
    (sender, events)
}

impl Events {
    /// The next event; `None` once the transport is gone and all was taken. May be abandoned while
    /// it waits, without loss.
    pub async fn recv(&mut self) -> Option<Event> {
        let (event, cost) = self.queue.recv().await?;
        self.room.add_permits(cost as usize);
        Some(event)
    }

    /// The next event if there is one already.
    pub fn try_recv(&mut self) -> Option<Event> {
        let (event, cost) = self.queue.try_recv().ok()?;
        self.room.add_permits(cost as usize);
        Some(event)
    }
}

impl EventSender {
    /// Hands an event over as soon as there is room.
    pub(super) async fn send(&self, event: Event) {
        let cost = self.cost(&event);
        if let Ok(permit) = self.room.acquire_many(cost).await {
            permit.forget();
            self.push(event, cost);
        }
    }

    /// Hands an event over if there is room now.
    pub(super) fn offer(&self, event: Event) {
        let cost = self.cost(&event);
        if let Ok(permit) = self.room.try_acquire_many(cost) {
            permit.forget();
            self.push(event, cost);
        }
    }

    fn push(&self, event: Event, cost: u32) {
        // Nobody listens any more: the node is going down, and so will we.
        let _ = self.queue.send((event, cost));
    }

    fn cost(&self, event: &Event) -> u32 {
        let bytes = match event {
            Event::Frame { bytes, .. } => bytes.len() + EVENT_BYTES,
            _ => EVENT_BYTES,
        };
        // A frame longer than all the room there is may pass when it is alone.
        bytes.min(self.bytes_max) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Event {
        Event::Frame {
            from: NodeId(1),
            stream: Stream::Control,
            bytes: vec![0; length].into(),
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn events_wait_for_room_and_go_on_when_some_are_taken() {
        let (sender, mut events) = channel(1000);
        sender.send(frame(700)).await;
        sender.offer(frame(700));
        let waiting = sender.clone();
        let second = tokio::spawn(async move { waiting.send(frame(5000)).await });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        assert_eq!(events.recv().await, Some(frame(700)));
        second.await.unwrap();
        assert_eq!(events.try_recv(), Some(frame(5000)));
        assert_eq!(events.try_recv(), None);
    }
}
