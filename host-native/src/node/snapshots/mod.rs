//! Snapshots of a running node: made in the background, sent to a peer whose entries are gone here, received from a leader.
//!
//! ```text
//!  this node   due ─► thread writes ─► saved: the log before the older of two goes
//!  its leader  Output::Snapshot ─► offer ────►┐   ┌─► pieces ──►┐      ┌─► the core's message
//!  a follower                                 └► want ─┘        └► whole, loaded: have ─┘  ─► Restored
//! ```
//!
//! Who receives asks for each stretch, so what is on its way is bounded, and a connection that ends costs no more than that.
//! A leader keeps nothing of a peer that receives: the next one goes on with the same snapshot, if it has that.

mod content;
mod frame;
mod receiving;

use std::time::Duration;

use kraft_proto::{Instant, LogIndex, LogPosition, NodeId};
use kraft_storage::{IoError, SnapshotFile, Snapshots as Store};
use kraft_wire::api::SnapshotStatus;
use tokio::sync::mpsc;

pub(super) use content::{Head, Restored, load_newest};
pub(super) use frame::{Said, is_ours};
pub(super) use receiving::Receiving;

use crate::config::SnapshotOptions;
use crate::machine::Image;

/// Bytes that a peer may have asked for and not received.
const WINDOW_BYTES: u64 = 4 * 1024 * 1024;

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 * 1024;

/// How long a receiver waits for a piece before it asks again.
const STALLED: Duration = Duration::from_secs(1);

/// How many are kept.
const KEPT: usize = 2;

/// What threads report.
pub(super) enum News {
    /// A snapshot was made, or not.
    Made(Result<Known, IoError>),
    /// Pieces that a peer asked for were read.
    Read {
        to: NodeId,
        last: LogPosition,
        pieces: Vec<(u64, Vec<u8>)>,
    },
    /// A peer's snapshot came so far.
    Received(receiving::Progress),
}

/// A snapshot on the disk that can be sent: with the core's part of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub file: SnapshotFile,
    /// The core's part, encoded.
    pub core: Vec<u8>,
}

/// Whether one is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Making {
    Nothing,
    /// Through this entry.
    Through(LogPosition),
    /// The last one could not be made: the next is tried then.
    Failed(Instant),
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
    receiving: Receiving,
    news: mpsc::UnboundedSender<News>,
}

impl Snapshots {
    /// Those in `store`, of which `newest` is the one that the node started from.
    pub fn new(
        store: Store,
        options: SnapshotOptions,
        newest: Option<Known>,
        news: mpsc::UnboundedSender<News>,
    ) -> Self {
        Self {
            receiving: Receiving::new(store.clone(), news.clone()),
            store,
            options,
            making: Making::Nothing,
            asked: false,
            newest,
            log_bytes: 0,
            news,
        }
    }

    /// The newest that is whole on the disk.
    pub fn newest(&self) -> Option<&Known> {
        self.newest.as_ref()
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
        match self.making {
            Making::Through(_) => return false,
            Making::Failed(then) if now < then => return false,
            Making::Failed(_) | Making::Nothing => {}
        }
        let entries = applied.since(self.last());
        let bytes = log_bytes.saturating_sub(self.log_bytes);
        let due = entries >= self.options.entries || bytes >= self.options.bytes;
        entries > 0 && (due || self.asked)
    }

    /// Makes a snapshot in the background.
    pub fn make(&mut self, head: Head, image: Image, log_bytes: u64) {
        let last = head.core.last();
        self.making = Making::Through(last);
        self.asked = false;
        self.log_bytes = log_bytes;
        let (store, news) = (self.store.clone(), self.news.clone());
        let make = move || {
            let made = store.write(last, |to| content::write(to, &head, image));
            let made = made.map(|file| Known {
                file,
                core: head.core_bytes(),
            });
            // An error means that the node is gone.
            let _ = news.send(News::Made(made));
        };
        let thread = std::thread::Builder::new().name("snapshot".into());
        if let Err(error) = thread.spawn(make) {
            tracing::warn!("no thread for a snapshot could be started: {error}; it is made later");
            self.making = Making::Failed(Instant::ZERO);
        }
    }

    /// A snapshot was made, or not. Through which entry the log may go: two snapshots are kept, and the log from the older
    /// one on.
    pub fn made(&mut self, now: Instant, made: Result<Known, IoError>) -> Option<LogPosition> {
        match made {
            Ok(known) => {
                self.making = Making::Nothing;
                tracing::info!(
                    "a snapshot through entry {} is on the disk: {} bytes",
                    known.file.last,
                    known.file.bytes
                );
                self.newest = Some(known);
                self.keep(KEPT).get(KEPT - 1).copied()
            }
            Err(error) => {
                tracing::warn!(
                    "no snapshot was made: {error}. The log is kept, and it is tried again"
                );
                self.making = Making::Failed(now.after(RETRY));
                None
            }
        }
    }

    /// Keeps the newest so many; where they end, newest first.
    fn keep(&self, count: usize) -> Vec<LogPosition> {
        self.store.keep(count).unwrap_or_else(|error| {
            tracing::warn!("old snapshots were not removed: {error}");
            Vec::new()
        })
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
    pub fn read(&self, to: NodeId, last: LogPosition, offset: u64, length: u64) {
        let (store, news) = (self.store.clone(), self.news.clone());
        let end = offset.saturating_add(length.min(WINDOW_BYTES));
        tokio::task::spawn_blocking(move || {
            let starts = (offset..end).step_by(PIECE_BYTES);
            let read = starts.map(|at| {
                let length = (end - at).min(PIECE_BYTES as u64) as usize;
                Ok((at, store.piece(last, at, length)?))
            });
            match read.collect::<Result<Vec<_>, IoError>>() {
                Ok(pieces) => drop(news.send(News::Read { to, last, pieces })),
                // It may have gone meanwhile: the peer hears of another.
                Err(error) => tracing::debug!("node {to} is not sent a snapshot: {error}"),
            }
        });
    }

    /// What comes from a leader.
    pub fn receiving(&mut self) -> &mut Receiving {
        &mut self.receiving
    }

    /// A snapshot that was received took the place of log and state.
    pub fn restored(&mut self, known: Known, log_bytes: u64) {
        self.newest = Some(known);
        self.log_bytes = log_bytes;
        self.making = Making::Nothing;
        // None of the others joins the log any more.
        self.keep(1);
    }

    /// The newest, as it is reported.
    pub fn status(&self) -> Option<SnapshotStatus> {
        let SnapshotFile { last, bytes, .. } = self.newest.as_ref()?.file;
        Some(SnapshotStatus { last, bytes })
    }
}
