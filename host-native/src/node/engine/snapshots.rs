//! Snapshots: when one is made, what a peer is sent, and what takes the place of log and state here.

use bytes::Bytes;
use kraft_proto::{Frame, LogIndex, LogPosition, NodeId};
use kraft_wire::api::{RequestRefusal, Response, SnapshotOffer};

use super::Engine;
use crate::node::error::NodeError;
use crate::node::snapshots::{Head, News, Said};
use crate::rpc::Reply;
use crate::transport::Route;

impl Engine {
    /// Makes a snapshot in the background if it is time for one. It never runs ahead of the synced log.
    pub(super) fn make_snapshot_if_due(&mut self) {
        let (now, applied) = (self.now(), self.applied.position());
        let log_bytes = self.log.bytes_written();
        let synced = self.raft.status().watermarks.synced;
        if synced < applied.index || !self.snapshots.is_due(now, applied.index, log_bytes) {
            return;
        }
        // There is none of what the core does not know to be committed yet, or the log does not reach.
        let Ok(core) = self.raft.snapshot_at(applied) else {
            return;
        };
        let head = Head {
            core,
            history: self.log.history_through(applied.index),
            digest: self.applied.checked().now(),
        };
        self.snapshots
            .make(now, head, self.applied.image(), log_bytes);
    }

    pub(super) fn take_snapshot_news(&mut self, news: News) {
        match news {
            News::Made(made) => {
                let now = self.now();
                if let Some(upto) = self.snapshots.made(now, made) {
                    self.compact(upto);
                }
            }
            News::Read { to, last, pieces } => {
                self.snapshots.have_read(to);
                for (offset, bytes) in pieces {
                    let piece = Said::Piece {
                        last,
                        offset,
                        bytes,
                    };
                    self.peers.send_own(to, Route::Snapshot, piece.encode());
                }
            }
            News::Received(progress) => {
                let now = self.now();
                if let Some((to, said)) = self.snapshots.receiving().progress(now, progress) {
                    self.say(to, said);
                }
            }
        }
    }

    /// A client wants a snapshot that covers an entry, or everything that is applied.
    pub(super) fn take_snapshot_request(&mut self, through: Option<LogIndex>) -> Response {
        let (now, applied) = (self.now(), self.applied.upto());
        let through = through.unwrap_or(applied);
        if applied == LogIndex::ZERO {
            let why = "nothing was applied yet".into();
            return Response::Refused(RequestRefusal::NoSnapshot { why });
        }
        let newest = self.snapshots.newest();
        match newest.filter(|known| known.file.last.index >= through) {
            Some(known) => {
                let (last, bytes) = (known.file.last, known.file.bytes);
                self.snapshots.readers().take_up(now, last);
                let node = self.node;
                Response::Snapshot(SnapshotOffer { node, last, bytes })
            }
            None => match self.snapshots.failure(now) {
                Some(why) => Response::Refused(RequestRefusal::NoSnapshot { why: why.into() }),
                None => {
                    self.snapshots.ask();
                    Response::SnapshotPending { through }
                }
            },
        }
    }

    /// Bytes of a snapshot for a client.
    pub(super) fn take_piece_request(&mut self, last: LogPosition, offset: u64, reply: Reply) {
        let now = self.now();
        self.snapshots.read_for(now, last, offset, reply);
    }

    /// Lets the log through `upto` go, which the older of two snapshots covers.
    fn compact(&mut self, upto: LogPosition) {
        match self.raft.compacted(upto) {
            Ok(()) => self.log.compact(upto),
            // The next snapshot takes it along.
            Err(error) => tracing::debug!("{error}"),
        }
    }

    fn say(&self, to: NodeId, said: Said) {
        self.peers.send_own(to, Route::Control, said.encode());
    }

    /// This peer needs entries through `upto`, which are gone here.
    pub(super) fn offer_snapshot(&mut self, to: NodeId, upto: LogIndex) {
        if let Some(offer) = self.snapshots.offer(upto) {
            self.say(to, offer);
        }
    }

    /// A peer says something about snapshots.
    pub(super) fn take_said(&mut self, from: NodeId, frame: &Bytes) {
        let said = match Said::decode(frame) {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!("a frame of node {from} was dropped: {error}");
                self.peers.disconnect(from);
                return;
            }
        };
        let now = self.now();
        match said {
            Said::Offer(offered) => {
                let wanted = offered.last.index > self.applied.upto();
                if self.office.leader() != Some(from) || !wanted {
                    return;
                }
                let loader = self.applied.loader();
                let receiving = self.snapshots.receiving();
                if let Some(said) = receiving.offered(now, from, offered, loader) {
                    self.say(from, said);
                }
            }
            Said::Want {
                last,
                offset,
                length,
            } => self.snapshots.read(from, last, offset, length),
            Said::Piece {
                last,
                offset,
                bytes,
            } => self.snapshots.receiving().piece(from, last, offset, bytes),
            Said::Have { last } => self.send_snapshot_message(from, last),
        }
    }

    /// A peer has all of a snapshot of this node: now its core may hear of it.
    fn send_snapshot_message(&mut self, to: NodeId, last: LogPosition) {
        let known = self.snapshots.newest();
        let Some(known) = known.filter(|known| known.file.last == last) else {
            // There is a newer one by now, which it is offered next.
            return;
        };
        if let Some(envelope) = self.raft.snapshot_message(to, last) {
            self.peers.send_snapshot(&envelope, &known.core);
        }
    }

    /// Asks again for a snapshot of which nothing came for a while, and forgets one that is not needed any more.
    pub(super) fn remind_of_snapshot(&mut self) {
        let (now, applied) = (self.now(), self.applied.upto());
        let receiving = self.snapshots.receiving();
        receiving.forget_passed(applied);
        if let Some((to, said)) = receiving.remind(now) {
            self.say(to, said);
        }
    }

    /// The core hears of a snapshot once all of it is here. Where it cannot take it now, as it has to look at its log
    /// first, it hears of it again.
    pub(super) fn take_snapshot(&mut self, frame: &Frame<'_>, last: LogPosition) {
        let now = self.now();
        let Some(restored) = self.snapshots.receiving().loaded(last) else {
            return;
        };
        if !frame.entries().eq([restored.known.core.as_slice()]) {
            tracing::warn!(
                "a message of node {} was dropped: it is not of the snapshot through {last} that came",
                frame.from()
            );
            return;
        }
        if self.raft.handle_message(now, frame).snapshot() != Some(last) {
            return;
        }
        if let Some(restored) = self.snapshots.receiving().taken() {
            self.log.replace(last, &restored.head.history);
        }
    }

    /// The disk has put a snapshot in place of the log: the state follows.
    pub(super) fn restore(&mut self, upto: LogPosition) {
        let Some(restored) = self.snapshots.receiving().in_place(upto) else {
            self.failed = Some(NodeError::Damaged(upto));
            return;
        };
        tracing::info!("the state is that of the snapshot through entry {upto}");
        let before = (self.applied).restore(restored.replica, restored.head.digest);
        // A state of millions of keys is not let go in an instant.
        tokio::task::spawn_blocking(move || drop(before));
        let log_bytes = self.log.bytes_written();
        self.snapshots.restored(restored.known, log_bytes);
        self.commit = self.commit.max(upto.index);
        self.early_acks.commit(upto);
        for ended in self.waiting.passed(upto) {
            self.tell(ended);
        }
    }
}
