//! A snapshot that a leader sends: taken piece by piece, verified and loaded before the core hears of it.

use kraft_proto::{Instant, LogIndex, LogPosition, NodeId};
use kraft_storage::{IoError, SnapshotFile, Snapshots as Store};
use tokio::sync::mpsc;

use super::content::Restored;
use super::frame::Said;
use super::receiver::{Attempt, Progress, Reached, Receiver};
use super::{News, STALLED, WINDOW_BYTES};
use crate::machine::Loader;

/// One that is on its way.
struct Incoming {
    from: NodeId,
    offered: SnapshotFile,
    attempt: Attempt,
    have: u64,
    /// Bytes through here were asked for.
    asked: u64,
    moved_at: Instant,
}

/// What is received.
enum State {
    Nothing,
    Incoming(Incoming),
    /// It waits for the core's message.
    Loaded(NodeId, Box<Restored>),
    /// The core took it, and the disk is to put it in place of the log: until then its file is nobody else's.
    Taken(Box<Restored>),
}

/// Snapshots from a leader, one at a time.
pub(in crate::node) struct Receiving {
    receiver: Receiver,
    /// The newest.
    attempt: Attempt,
    state: State,
}

impl Receiving {
    pub(super) fn start(store: Store, news: mpsc::UnboundedSender<News>) -> Result<Self, IoError> {
        Ok(Self {
            receiver: Receiver::start(store, news)?,
            attempt: Attempt::default(),
            state: State::Nothing,
        })
    }

    /// A leader has this snapshot for this node. What to say to it, if that is known already.
    pub fn offered(
        &mut self,
        now: Instant,
        from: NodeId,
        offered: SnapshotFile,
        loader: Loader,
    ) -> Option<Said> {
        match &mut self.state {
            State::Taken(_) => return None,
            State::Loaded(peer, restored) if restored.known.file == offered => {
                *peer = from;
                return Some(Said::Have { last: offered.last });
            }
            State::Incoming(incoming) if incoming.offered == offered => {
                let stalled = now.since(incoming.moved_at) >= STALLED || incoming.from != from;
                incoming.from = from;
                return stalled.then(|| incoming.ask_again(now));
            }
            State::Nothing | State::Loaded(..) | State::Incoming(_) => {}
        }
        tracing::info!(
            "node {from} has a snapshot through entry {} for this node: {} bytes",
            offered.last,
            offered.bytes
        );
        self.attempt = self.attempt.next();
        self.receiver.begin(self.attempt, offered.clone(), loader);
        self.state = State::Incoming(Incoming {
            from,
            offered,
            attempt: self.attempt,
            have: 0,
            asked: 0,
            moved_at: now,
        });
        None
    }

    /// Bytes of a snapshot came.
    pub fn piece(&mut self, from: NodeId, last: LogPosition, offset: u64, bytes: Vec<u8>) {
        if let State::Incoming(incoming) = &self.state
            && incoming.offered.last == last
            && incoming.from == from
            && offset.saturating_add(bytes.len() as u64) <= incoming.asked
        {
            self.receiver.piece(offset, bytes);
        }
    }

    /// The thread says how far it is. What to say to whom.
    pub fn progress(&mut self, now: Instant, progress: Progress) -> Option<(NodeId, Said)> {
        let State::Incoming(incoming) = &mut self.state else {
            return None;
        };
        if progress.attempt != incoming.attempt {
            return None;
        }
        let (from, last) = (incoming.from, incoming.offered.last);
        match progress.what {
            Reached::Have(have) => {
                (incoming.have, incoming.moved_at) = (have, now);
                // What was here before needs not be asked for.
                incoming.asked = incoming.asked.max(have);
                incoming.ask_more().map(|said| (from, said))
            }
            Reached::Loaded(restored) => {
                tracing::info!("the snapshot through entry {last} is here, whole");
                self.state = State::Loaded(from, restored);
                Some((from, Said::Have { last }))
            }
            Reached::Failed(why) => {
                tracing::warn!("the snapshot through entry {last} was not taken: {why}");
                self.state = State::Nothing;
                None
            }
        }
    }

    /// Asks again where nothing came for a while.
    pub fn remind(&mut self, now: Instant) -> Option<(NodeId, Said)> {
        match &mut self.state {
            State::Incoming(incoming)
                if incoming.have < incoming.asked && now.since(incoming.moved_at) >= STALLED =>
            {
                Some((incoming.from, incoming.ask_again(now)))
            }
            _ => None,
        }
    }

    /// The snapshot that ends with `last`, if it is here, so that the core may hear of it.
    pub fn loaded(&self, last: LogPosition) -> Option<&Restored> {
        match &self.state {
            State::Loaded(_, restored) if restored.known.file.last == last => Some(restored),
            _ => None,
        }
    }

    /// The core took it; what it holds of the log before. It is in place once the disk says so.
    pub fn taken(&mut self) -> Option<&Restored> {
        self.state = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Loaded(_, restored) => State::Taken(restored),
            other => other,
        };
        match &self.state {
            State::Taken(restored) => Some(restored),
            _ => None,
        }
    }

    /// Forgets what came or comes, if the state has passed it by way of the log.
    pub fn forget_passed(&mut self, applied: LogIndex) {
        let last = match &self.state {
            State::Incoming(incoming) => incoming.offered.last,
            State::Loaded(_, restored) => restored.known.file.last,
            State::Nothing | State::Taken(_) => return,
        };
        if last.index <= applied {
            self.state = State::Nothing;
            self.receiver.forget();
        }
    }

    /// The disk has put the one that ends with `last` in place of the log.
    pub fn in_place(&mut self, last: LogPosition) -> Option<Restored> {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Taken(restored) if restored.known.file.last == last => Some(*restored),
            other => {
                self.state = other;
                None
            }
        }
    }
}

impl Incoming {
    fn ask_more(&mut self) -> Option<Said> {
        let window = (self.have + WINDOW_BYTES).min(self.offered.bytes);
        // Half a window at a time, but for the last.
        let due = window >= self.asked + WINDOW_BYTES / 2 || window == self.offered.bytes;
        (due && window > self.asked).then(|| {
            let offset = std::mem::replace(&mut self.asked, window);
            Said::Want {
                last: self.offered.last,
                offset,
                length: window - offset,
            }
        })
    }

    fn ask_again(&mut self, now: Instant) -> Said {
        (self.asked, self.moved_at) = (self.have, now);
        self.ask_more().unwrap_or(Said::Want {
            last: self.offered.last,
            offset: self.have,
            length: 0,
        })
    }
}
