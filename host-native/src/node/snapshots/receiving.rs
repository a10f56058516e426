//! A snapshot that a leader sends: taken piece by piece, verified and loaded before the core hears of it.

use std::sync::mpsc::{Sender, channel};

use kraft_proto::{Instant, LogPosition, NodeId};
use kraft_storage::{IoError, Part, SnapshotFile, Snapshots as Store};
use tokio::sync::mpsc;

use super::content::{Restored, load};
use super::frame::Said;
use super::{News, STALLED, WINDOW_BYTES};
use crate::machine::Loader;

/// Bytes after which it is noted on the disk how far a snapshot came: a process that ends is sent at most so many again.
const NOTED_BYTES: u64 = 32 * 1024 * 1024;

/// How far a snapshot came, told by the thread that writes it.
pub(in crate::node) enum Progress {
    /// So many bytes of it are here.
    Have(LogPosition, u64),
    /// It is here, verified and loaded.
    Loaded(Box<Restored>),
    /// It is not, and what there was of it is gone.
    Failed(LogPosition, String),
}

/// One that is on its way.
struct Incoming {
    from: NodeId,
    offered: SnapshotFile,
    have: u64,
    /// Bytes through here were asked for.
    asked: u64,
    moved_at: Instant,
    pieces: Sender<(u64, Vec<u8>)>,
}

/// What is received.
enum State {
    Nothing,
    Incoming(Incoming),
    /// It waits for the core's message.
    Loaded(NodeId, Box<Restored>),
    /// The core took it, and the disk is to put it in place of the log.
    Taken(Box<Restored>),
}

/// Snapshots from a leader, one at a time.
pub(in crate::node) struct Receiving {
    store: Store,
    state: State,
    news: mpsc::UnboundedSender<News>,
}

impl Receiving {
    pub(super) fn new(store: Store, news: mpsc::UnboundedSender<News>) -> Self {
        Self {
            store,
            state: State::Nothing,
            news,
        }
    }

    /// A leader has this snapshot for this node. What to say to it.
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
        match self.begin(now, from, offered, loader) {
            Ok(mut incoming) => {
                let said = incoming.ask_again(now);
                self.state = State::Incoming(incoming);
                Some(said)
            }
            Err(error) => {
                tracing::warn!("a snapshot of node {from} cannot be taken: {error}");
                None
            }
        }
    }

    fn begin(
        &self,
        now: Instant,
        from: NodeId,
        offered: SnapshotFile,
        loader: Loader,
    ) -> Result<Incoming, IoError> {
        let part = self.store.receive(&offered)?;
        tracing::info!(
            "node {from} sends a snapshot through entry {}: {} of {} bytes are here",
            offered.last,
            part.have(),
            offered.bytes
        );
        let (pieces, taken) = channel();
        let have = part.have();
        let (store, news) = (self.store.clone(), self.news.clone());
        let write = move || {
            let last = part.offered().last;
            let said = match gather(part, &taken, &news) {
                Ok(Gathered::Whole) => {
                    match store.read_received(last).and_then(|r| load(r, loader)) {
                        Ok(restored) => Progress::Loaded(Box::new(restored)),
                        Err(error) => {
                            // It begins anew with the next offer.
                            let _ = store.forget_received();
                            Progress::Failed(last, error.to_string())
                        }
                    }
                }
                Ok(Gathered::Abandoned) => return,
                Err(error) => Progress::Failed(last, error.to_string()),
            };
            // An error means that the node is gone.
            let _ = news.send(News::Received(said));
        };
        let thread = std::thread::Builder::new().name("receive".into());
        thread.spawn(write).map_err(|source| IoError {
            doing: "start a thread for",
            path: "a snapshot".into(),
            source,
        })?;
        Ok(Incoming {
            from,
            offered,
            have,
            asked: have,
            moved_at: now,
            pieces,
        })
    }

    /// Bytes of a snapshot came.
    pub fn piece(&mut self, from: NodeId, last: LogPosition, offset: u64, bytes: Vec<u8>) {
        if let State::Incoming(incoming) = &self.state
            && incoming.offered.last == last
            && incoming.from == from
            && offset.saturating_add(bytes.len() as u64) <= incoming.asked
        {
            // An error means that the thread has ended, and says so.
            let _ = incoming.pieces.send((offset, bytes));
        }
    }

    /// The thread says how far it is. What to say to whom.
    pub fn progress(&mut self, now: Instant, progress: Progress) -> Option<(NodeId, Said)> {
        let State::Incoming(incoming) = &mut self.state else {
            return None;
        };
        match progress {
            Progress::Have(last, have) if last == incoming.offered.last => {
                (incoming.have, incoming.moved_at) = (have, now);
                incoming.ask_more().map(|said| (incoming.from, said))
            }
            Progress::Loaded(restored) if restored.known.file == incoming.offered => {
                let from = incoming.from;
                let last = restored.known.file.last;
                tracing::info!("the snapshot through entry {last} is here, whole");
                self.state = State::Loaded(from, restored);
                Some((from, Said::Have { last }))
            }
            Progress::Failed(last, why) if last == incoming.offered.last => {
                tracing::warn!("the snapshot through entry {last} was not taken: {why}");
                self.state = State::Nothing;
                None
            }
            Progress::Have(..) | Progress::Loaded(_) | Progress::Failed(..) => None,
        }
    }

    /// Asks again where nothing came for a while.
    pub fn remind(&mut self, now: Instant) -> Option<(NodeId, Said)> {
        match &mut self.state {
            State::Incoming(incoming)
                if incoming.have < incoming.offered.bytes
                    && now.since(incoming.moved_at) >= STALLED =>
            {
                Some((incoming.from, incoming.ask_again(now)))
            }
            _ => None,
        }
    }

    /// Whether the snapshot that ends with `last` is here, so that the core may hear of it.
    pub fn is_loaded(&self, last: LogPosition) -> bool {
        matches!(&self.state, State::Loaded(_, restored) if restored.known.file.last == last)
    }

    /// The core took it; what it holds of the log before. It is in place once the disk says so.
    pub fn taken(&mut self) -> Option<&Restored> {
        if let State::Loaded(_, restored) = std::mem::replace(&mut self.state, State::Nothing) {
            self.state = State::Taken(restored);
        }
        match &self.state {
            State::Taken(restored) => Some(restored),
            _ => None,
        }
    }

    /// The core has no use for it.
    pub fn not_taken(&mut self) {
        self.state = State::Nothing;
        if let Err(error) = self.store.forget_received() {
            tracing::warn!("a snapshot that is not needed was not removed: {error}");
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

/// How the gathering of pieces ended.
enum Gathered {
    Whole,
    /// Nobody sends any more.
    Abandoned,
}

/// Writes pieces until all are there.
fn gather(
    mut part: Part,
    taken: &std::sync::mpsc::Receiver<(u64, Vec<u8>)>,
    news: &mpsc::UnboundedSender<News>,
) -> Result<Gathered, IoError> {
    let mut noted = part.have();
    while !part.is_whole() {
        let Ok((offset, bytes)) = taken.recv() else {
            return Ok(Gathered::Abandoned);
        };
        part.put(offset, &bytes)?;
        if part.have() - noted >= NOTED_BYTES {
            part.note()?;
            noted = part.have();
        }
        let have = Progress::Have(part.offered().last, part.have());
        let _ = news.send(News::Received(have));
    }
    part.finish()?;
    Ok(Gathered::Whole)
}
