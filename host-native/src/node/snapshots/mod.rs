//! Snapshots of a running node: made in the background, sent to a peer whose entries are gone here, received from a leader.
//!
//! ```text
//!  this node   due ─► thread writes ─► saved: the log before the older of two goes
//!  its leader  Output::Snapshot ─► offer ────►┐   ┌─► pieces ──►┐      ┌─► the core's message
//!  a follower                                 └► want ─┘        └► whole, loaded: have ─┘  ─► Restored
//! ```
//!
//! Who receives asks for each stretch, so what is on its way is bounded, and a connection that ends costs no more than that.
//! A client that saves a snapshot reads it in the same way, from whichever node it likes.
//! A leader keeps nothing of a peer that receives: the next one goes on with the same snapshot, if it has that.

mod content;
mod frame;
mod readers;
mod receiver;
mod receiving;

use std::time::Duration;

use kraft_proto::{Instant, LogIndex, LogPosition, NodeId};
use kraft_storage::{IoError, SnapshotFile, Snapshots as Store};
use kraft_wire::api::SnapshotStatus;
use tokio::sync::mpsc;

pub(super) use content::{Head, Restored, load, load_newest, write};
pub(super) use frame::{Said, is_ours};
pub(super) use readers::Readers;
pub(super) use receiving::Receiving;

use crate::config::SnapshotOptions;
use crate::machine::Image;
use crate::rpc::Reply;

/// Bytes that a peer may have asked for and not received.
const WINDOW_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 * 1024;

/// How long a receiver waits for a piece before it asks again.
const STALLED: Duration = Duration::from_secs(1);

/// How many are kept.
const KEPT: usize = 2;

/// Stretches that are read for one peer at once: as many as one that keeps to its window asks for.
const READS_OF_A_PEER: usize = 2;

/// What threads report.
pub(super) enum News {
    /// A snapshot was made, or not.
    Made(Result<Made, IoError>),
    /// Pieces that a peer asked for were read; none where they could not be.
    Read {
        to: NodeId,
        last: LogPosition,
        pieces: Vec<(u64, Vec<u8>)>,
    },
    /// A peer's snapshot came so far.
    Received(receiver::Progress),
}

/// A snapshot on the disk that can be sent: with the core's part of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub file: SnapshotFile,
    /// The core's part, encoded.
    pub core: Vec<u8>,
}

/// One that was made here.
pub(super) struct Made {
    known: Known,
    /// Where those end that are kept, newest first.
    kept: Vec<LogPosition>,
}

/// Whether one is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Making {
    Nothing,
    /// A thread writes one: whatever happens meanwhile, there is no other before it says how that ended.
    Running,
    /// The last one could not be made, and why: the next is tried then.
    Failed(Instant, String),
}

/// After a failure it is not tried again before.
const RETRY: Duration = Duration::from_secs(10);

/// Snapshots of this node.
pub(super) struct Snapshots {
    store: Store,
    options: SnapshotOptions,
    making: Making,
    /// Whether somebody needs one now.
    asked: bool,
    /// The newest on the disk.
    newest: Option<Known>,
    /// Bytes that were written to the log when the newest was made.
    log_bytes: u64,
    /// Clients that save one.
    readers: Readers,
    /// For whom something is read, once for each stretch.
    reading: Vec<NodeId>,
    receiving: Receiving,
    news: mpsc::UnboundedSender<News>,
}

impl Snapshots {
    /// Those in `store`, of which `newest` is the one that the node started from.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub fn start(
        store: Store,
        options: SnapshotOptions,
        newest: Option<Known>,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Self, IoError> {
        Ok(Self {
            receiving: Receiving::start(store.clone(), news.clone())?,
            readers: Readers::default(),
            reading: Vec::new(),
            store,
            options,
            making: Making::Nothing,
            asked: false,
            newest,
            log_bytes: 0,
            news,
        })
    }

    /// The newest that is whole on the disk.
    pub fn newest(&self) -> Option<&Known> {
        self.newest.as_ref()
    }

    /// Why the last one could not be made, until the next is tried.
    pub fn failure(&self, now: Instant) -> Option<&str> {
        match &self.making {
            Making::Failed(then, why) if now < *then => Some(why),
            Making::Failed(..) | Making::Nothing | Making::Running => None,
        }
    }

    /// The last entry of the newest.
    fn last(&self) -> LogIndex {
        let newest = self.newest.as_ref();
        newest.map_or(LogIndex::ZERO, |known| known.file.last.index)
    }

    /// Somebody needs a snapshot behind all that there are.
    pub fn ask(&mut self) {
        self.asked = true;
    }

    /// Whether one of the state after `applied` is to be made now, of a log that has so many bytes written since the start.
    pub fn is_due(&self, now: Instant, applied: LogIndex, log_bytes: u64) -> bool {
        match &self.making {
            Making::Running => return false,
            Making::Failed(then, _) if now < *then => return false,
            Making::Failed(..) | Making::Nothing => {}
        }
        let entries = applied.since(self.last());
        let bytes = log_bytes.saturating_sub(self.log_bytes);
        let due = entries >= self.options.entries || bytes >= self.options.bytes;
        entries > 0 && (due || self.asked)
    }

    /// Makes a snapshot in the background.
    pub fn make(&mut self, now: Instant, head: Head, image: Image, log_bytes: u64) {
        let last = head.core.last();
        self.making = Making::Running;
        self.asked = false;
        self.log_bytes = log_bytes;
        let (store, news) = (self.store.clone(), self.news.clone());
        let in_use = self.readers.in_use(now);
        let make = move || {
            let made = store.write(last, |to| write(to, &head, image));
            let made = made.map(|file| Made {
                known: Known {
                    file,
                    core: head.core_bytes(),
                },
                kept: keep(&store, KEPT, in_use),
            });
            // An error means that the node is gone.
            let _ = news.send(News::Made(made));
        };
        let thread = std::thread::Builder::new().name("snapshot".into());
        if let Err(error) = thread.spawn(make) {
            tracing::warn!("no thread for a snapshot could be started: {error}; it is made later");
            self.making = Making::Failed(Instant::ZERO, error.to_string());
        }
    }

    /// A snapshot was made, or not. Through which entry the log may go: two snapshots are kept, and the log from the older
    /// one on.
    pub fn made(&mut self, now: Instant, made: Result<Made, IoError>) -> Option<LogPosition> {
        match made {
            Ok(Made { known, .. }) if known.file.last.index <= self.last() => {
                // Meanwhile one was received that reaches further, and the log begins there.
                self.making = Making::Nothing;
                self.keep_newest();
                None
            }
            Ok(Made { known, kept }) => {
                self.making = Making::Nothing;
                tracing::info!(
                    "a snapshot through entry {} is on the disk: {} bytes",
                    known.file.last,
                    known.file.bytes
                );
                self.newest = Some(known);
                kept.get(KEPT - 1).copied()
            }
            Err(error) => {
                tracing::warn!(
                    "no snapshot was made: {error}. The log is kept, and it is tried again"
                );
                self.making = Making::Failed(now.after(RETRY), error.to_string());
                None
            }
        }
    }

    /// Removes all but the newest: none of the others joins the log any more.
    fn keep_newest(&self) {
        let store = self.store.clone();
        // Removing a large file takes its time.
        tokio::task::spawn_blocking(move || keep(&store, 1, None));
    }

    /// What to offer a peer that needs entries through `upto`, which are gone here.
    pub fn offer(&mut self, upto: LogIndex) -> Option<Said> {
        match &self.newest {
            Some(known) if known.file.last.index >= upto => Some(Said::Offer(known.file.clone())),
            _ => {
                self.ask();
                None
            }
        }
    }

    /// Reads what a peer asked for; it comes as [`News::Read`].
    pub fn read(&mut self, to: NodeId, last: LogPosition, offset: u64, length: u64) {
        if self.reading.iter().filter(|peer| **peer == to).count() >= READS_OF_A_PEER {
            // It asks again for what does not come.
            return;
        }
        self.reading.push(to);
        let (store, news) = (self.store.clone(), self.news.clone());
        let end = offset.saturating_add(length.min(WINDOW_BYTES));
        tokio::task::spawn_blocking(move || {
            let starts = (offset..end).step_by(PIECE_BYTES);
            let read = starts.map(|at| {
                let length = (end - at).min(PIECE_BYTES as u64) as usize;
                Ok((at, store.piece(last, at, length)?))
            });
            let read: Result<Vec<_>, IoError> = read.collect();
            let pieces = read.unwrap_or_else(|error| {
                // It may have gone meanwhile: the peer hears of another.
                tracing::debug!("node {to} is not sent a snapshot: {error}");
                Vec::new()
            });
            let _ = news.send(News::Read { to, last, pieces });
        });
    }

    /// What a peer asked for was read, or not.
    pub fn have_read(&mut self, to: NodeId) {
        if let Some(at) = self.reading.iter().position(|peer| *peer == to) {
            self.reading.swap_remove(at);
        }
    }

    /// Clients that save one.
    pub fn readers(&mut self) -> &mut Readers {
        &mut self.readers
    }

    /// Reads a piece for a client.
    pub fn read_for(&mut self, now: Instant, last: LogPosition, offset: u64, reply: Reply) {
        self.readers.read(now, &self.store, last, offset, reply);
    }

    /// What comes from a leader.
    pub fn receiving(&mut self) -> &mut Receiving {
        &mut self.receiving
    }

    /// A snapshot that was received took the place of log and state.
    pub fn restored(&mut self, known: Known, log_bytes: u64) {
        self.newest = Some(known);
        self.log_bytes = log_bytes;
        self.keep_newest();
    }

    /// The newest, as it is reported.
    pub fn status(&self) -> Option<SnapshotStatus> {
        let SnapshotFile { last, bytes, .. } = self.newest.as_ref()?.file;
        Some(SnapshotStatus { last, bytes })
    }
}

/// Keeps the newest so many; where they end, newest first.
fn keep(store: &Store, count: usize, in_use: Option<LogPosition>) -> Vec<LogPosition> {
    store.keep(count, in_use).unwrap_or_else(|error| {
        tracing::warn!("old snapshots were not removed: {error}");
        Vec::new()
    })
}
