//! Clients that save a snapshot to a file of theirs.

use std::sync::Arc;
use std::time::Duration;

use kraft_proto::{Instant, LogPosition};
use kraft_storage::Snapshots as Store;
use kraft_wire::api::{Bound, PIECE_MAX, RequestRefusal, Response};
use tokio::sync::Semaphore;

use crate::rpc::Reply;

/// Pieces that are read at once.
const PIECES_AT_ONCE: usize = 4;

/// For how long a snapshot is kept for whoever read a piece of it last.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Clients that save a snapshot.
pub(in crate::node) struct Readers {
    /// The one that is read, and until when it is kept.
    in_use: Option<(LogPosition, Instant)>,
    pieces: Arc<Semaphore>,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            in_use: None,
            pieces: Arc::new(Semaphore::new(PIECES_AT_ONCE)),
        }
    }
}

impl Readers {
    /// A client is going to read this one.
    pub fn take_up(&mut self, now: Instant, last: LogPosition) {
        self.in_use = Some((last, now.after(KEPT_FOR)));
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
            let (bound, limit) = (Bound::Reads, PIECES_AT_ONCE as u64);
            reply.send(Response::Refused(RequestRefusal::Busy { bound, limit }).encode());
            return;
        };
        if self.in_use.is_some_and(|(used, _)| used == last) {
            self.take_up(now, last);
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
