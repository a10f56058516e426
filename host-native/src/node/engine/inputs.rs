//! What happens to a node, one at a time.

use kraft_proto::NodeId;
use kraft_storage::Done;
use kraft_wire::cert::Credentials;
use tokio::sync::mpsc;

use super::Engine;
use crate::config::Address;
use crate::node::error::NodeError;
use crate::node::snapshots::{News as SnapshotNews, is_ours};
use crate::rpc::{Calls, ClientNews, News};
use crate::transport::{Event, Events, Route, Stream};

/// What happens to an engine.
pub(in crate::node) struct Inputs {
    pub events: Events,
    pub calls: Calls,
    pub receipts: mpsc::UnboundedReceiver<Done>,
    /// Nodes that could lead in the place of one whose disk is full.
    pub standbys: mpsc::UnboundedReceiver<NodeId>,
    pub credentials: mpsc::Receiver<Credentials>,
    /// What threads say that write and read snapshots.
    pub snapshots: mpsc::UnboundedReceiver<SnapshotNews>,
}

/// One of them.
pub(super) enum Input {
    Peer(Event),
    Client(ClientNews),
    Disk(Done),
    Standby(NodeId),
    Credentials(Box<Credentials>),
    Snapshot(SnapshotNews),
}

impl Inputs {
    /// The next; `None`: nothing can happen any more. What the disk did comes first.
    pub(super) async fn next(&mut self) -> Option<Input> {
        tokio::select! {
            biased;
            Some(report) = self.receipts.recv() => Some(Input::Disk(report)),
            Some(event) = self.events.recv() => Some(Input::Peer(event)),
            Some(news) = self.calls.news() => Some(Input::Client(news)),
            Some(standby) = self.standbys.recv() => Some(Input::Standby(standby)),
            Some(credentials) = self.credentials.recv() => {
                Some(Input::Credentials(Box::new(credentials)))
            }
            Some(news) = self.snapshots.recv() => Some(Input::Snapshot(news)),
            else => None,
        }
    }

    /// An input that is already there.
    pub(super) fn next_ready(&mut self) -> Option<Input> {
        if let Ok(report) = self.receipts.try_recv() {
            return Some(Input::Disk(report));
        }
        if let Some(event) = self.events.try_recv() {
            return Some(Input::Peer(event));
        }
        let call = self.calls.try_recv().map(ClientNews::Call);
        call.map(Input::Client)
    }
}

impl Engine {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::Peer(event) => self.take_event(event),
            Input::Client(ClientNews::Call(call)) => {
                // Of what came while this process did not run, the news of the peers was taken
                // first; next comes what is overdue, so that a client finds no role of the past.
                self.notice_absence();
                self.pass_time();
                self.take_call(call);
            }
            Input::Client(ClientNews::Gone(origin)) => {
                self.waiting.let_go(&origin, &mut self.raft, &self.log);
                self.moments.gone(&origin).aside();
                self.tell_ended();
            }
            Input::Client(ClientNews::Room) => self.serve_parked(),
            Input::Standby(standby) => self.transfer_to_standby(standby),
            Input::Disk(Done::Receipt(receipt)) => {
                self.raft.handle_stored(self.clock.now(), receipt);
            }
            Input::Disk(Done::Failed(error)) => self.failed = Some(NodeError::Disk(error)),
            Input::Credentials(credentials) => self.take_credentials(&credentials),
            Input::Snapshot(news) => self.take_snapshot_news(news),
        }
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Frame {
                from,
                stream,
                bytes,
            } => {
                if is_ours(&bytes) {
                    self.take_said(from, &bytes);
                } else if stream != Stream::Control || !self.take_digest(from, &bytes) {
                    self.take_frame(from, &bytes);
                }
            }
            Event::Up { peer, clients, .. } => {
                let is_address = clients.parse::<Address>().is_ok();
                if is_address && self.clients.directory().note(peer, &clients) == News::Changed {
                    tracing::info!("clients reach node {peer} at {clients}");
                }
                self.peers.note_up(peer);
                let digest = self.applied.check().renew(peer);
                self.peers
                    .send_own(peer, Route::Control, digest.encode().to_vec());
            }
            Event::Down { peer, reason } => {
                tracing::info!("node {peer} cannot be reached: {reason}");
            }
            Event::Differs { peer, setting } => self.peers.note_differing(peer, setting),
            // The transport counts it and says it, once.
            Event::Refused(_) => {}
        }
    }

    /// Shows this certificate from now on to whoever connects. Connections that there are go on.
    fn take_credentials(&mut self, credentials: &Credentials) {
        if credentials.identity() != self.credentials.identity() {
            tracing::warn!(
                "the certificate was read again, and is for {} instead of {}: the node goes on with the one it has",
                credentials.identity(),
                self.credentials.identity()
            );
            return;
        }
        let taken = self
            .peers
            .set_credentials(credentials)
            .and_then(|()| self.clients.set_credentials(credentials));
        match taken {
            Ok(()) => {
                tracing::info!(
                    "the certificate was read again: it holds until {}",
                    humantime::format_rfc3339_seconds(credentials.until())
                );
                self.credentials = credentials.clone();
            }
            Err(error) => tracing::warn!(
                "the certificate was read again and cannot be used: {error}. The node goes on with the one it has"
            ),
        }
    }
}
