//! Clients that save a snapshot to a file of theirs.

use std::sync::Arc;
use std::time::Duration;

use kraft_proto::{Instant, LogIndex, LogPosition};
use kraft_storage::Snapshots as Store;
use kraft_wire::api::{Bound, PIECE_MAX, RequestRefusal, Response};
use tokio::sync::Semaphore;

use crate::rpc::Reply;

/// Clients that wait for a snapshot at once, at most.
const WAITING_MAX: usize = 64;

/// Pieces that are read at once.
const PIECES_AT_ONCE: usize = 4;

/// For how long a snapshot is kept for whoever read a piece of it last.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Clients that save a snapshot.
pub(in crate::node) struct Readers {
    /// Those that wait for one of a state that is no older.
    waiting: Vec<(LogIndex, Reply)>,
    /// The one that is read, and until when it is kept.
    in_use: Option<(LogPosition, Instant)>,
    pieces: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            in_use: None,
            pieces: Arc::new(Semaphore::new(PIECES_AT_ONCE)),
        }
    }
}

impl Readers {
    /// A client waits for a snapshot of the state after `applied`, or of a later one.
    pub fn wait(&mut self, applied: LogIndex, reply: Reply) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push((applied, reply));
        } else {
            reply.send(busy(Bound::Waits, WAITING_MAX).encode());
        }
    }

    /// Those whom a snapshot through `last` serves, which is read from now on.
    pub fn served_by(&mut self, now: Instant, last: LogPosition) -> Vec<Reply> {
        let served = self
            .waiting
            .extract_if(.., |(since, _)| *since <= last.index);
        let served: Vec<Reply> = served.map(|(_, reply)| reply).collect();
        if !served.is_empty() {
            self.in_use = Some((last, now.after(KEPT_FOR)));
        }
        served
    }

    /// All who wait: there is none to be had.
    pub fn take_waiting(&mut self) -> Vec<Reply> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|(_, reply)| reply).collect()
    }

    /// The one that somebody read a little while ago.
    pub fn in_use(&self, now: Instant) -> Option<LogPosition> {
        let (last, until) = self.in_use?;
        (now < until).then_some(last)
    }

    /// Reads a piece, and answers with it.
    pub(super) fn read(
        &mut self,
        now: Instant,
        store: &Store,
        last: LogPosition,
        offset: u64,
        reply: Reply,
    ) {
        let Ok(turn) = self.pieces.clone().try_acquire_owned() else {
            reply.send(busy(Bound::Reads, PIECES_AT_ONCE).encode());
            return;
        };
        if self.in_use.is_some_and(|(used, _)| used == last) {
            self.in_use = Some((last, now.after(KEPT_FOR)));
        }
        let store = store.clone();
        tokio::task::spawn_blocking(move || {
            let response = match store.piece(last, offset, PIECE_MAX) {
                Ok(bytes) => Response::SnapshotPiece(bytes),
                Err(error) => Response::Refused(RequestRefusal::NoSnapshot {
                    why: format!("{error}; begin anew"),
                }),
            };
            reply.send(response.encode());
            drop(turn);
        });
    }
}

fn busy(bound: Bound, limit: usize) -> Response {
    Response::Refused(RequestRefusal::Busy {
        bound,
        limit: limit as u64,
    })
}
