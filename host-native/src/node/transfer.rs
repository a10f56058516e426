//! Transfers of leadership: because somebody asked for it, or because this node is about to stop.

use kraft_proto::{NodeId, Role, TransferError};
use kraft_wire::api::{LeadsReport, RequestRefusal, Response};

use super::engine::{Engine, Input, Inputs};
use super::error::NodeError;
use super::pending::PendingTransfer;
use crate::rpc::Reply;

impl Engine {
    pub(super) fn take_transfer(&mut self, to: Option<NodeId>, reply: Reply) {
        let now = self.now();
        let refusal = match self.parts.raft.transfer_leadership(now, to) {
            Ok(to) => {
                tracing::info!("leadership is transferred to node {to}");
                self.transfers.push(PendingTransfer { to, reply });
                return;
            }
            // So it is done already, perhaps by an earlier copy of this very request.
            Err(TransferError::Itself) => {
                reply.send(self.leads(self.parts.node).encode());
                return;
            }
            Err(TransferError::NotLeader(_)) => {
                reply.send(self.redirect().encode());
                return;
            }
            Err(TransferError::UnderWay(_)) => RequestRefusal::LeadershipTransfer,
            Err(TransferError::Stopped) => RequestRefusal::Stopping,
            Err(error) => RequestRefusal::NoTransfer {
                why: error.to_string(),
            },
        };
        reply.send(Response::Refused(refusal).encode());
    }

    fn leads(&self, leader: NodeId) -> Response {
        Response::Leads(LeadsReport {
            leader,
            term: self.term,
        })
    }

    /// Tells those who asked for a transfer how it ended, once it has.
    pub(super) fn answer_transfers(&mut self) {
        if self.transfers.is_empty() {
            return;
        }
        let leads = self.role == Role::Leader;
        let moving = self.parts.raft.status().transfer_to.is_some();
        let ended = match self.leader {
            Some(leader) if !leads => Some(leader),
            _ if leads && !moving => None,
            _ => return,
        };
        for PendingTransfer { to, reply } in std::mem::take(&mut self.transfers) {
            let response = match ended {
                Some(leader) => self.leads(leader),
                None => Response::Refused(RequestRefusal::NotTakenOver { node: to }),
            };
            reply.send(response.encode());
        }
    }

    /// Has another node lead before this one stops, so that nobody has to notice that it is gone
    /// first. Where none takes over in time, the others elect one as after a crash.
    pub(super) async fn leave_office(&mut self, inputs: &mut Inputs) -> Result<(), NodeError> {
        let now = self.now();
        let Ok(to) = self.parts.raft.transfer_leadership(now, None) else {
            return Ok(());
        };
        tracing::info!("stopping: leadership is transferred to node {to} first");
        // The core gives up after one; a second is for the election to be heard of.
        let patience = self.parts.config.timing.election_timeout_max * 2;
        let mut patience = std::pin::pin!(tokio::time::sleep(patience));
        loop {
            self.pump();
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let leads = self.role == Role::Leader;
            let moving = self.parts.raft.status().transfer_to.is_some();
            if (leads && !moving) || (!leads && self.leader.is_some()) {
                return Ok(());
            }
            let due = self.parts.clock.deadline(self.next_deadline());
            tokio::select! {
                biased;
                () = &mut patience => return Ok(()),
                Some(report) = inputs.receipts.recv() => self.take(Input::Disk(report)),
                Some(event) = inputs.events.recv() => self.take(Input::Peer(event)),
                Some(news) = inputs.calls.news() => self.take(Input::Client(news)),
                () = tokio::time::sleep_until(due) => {}
            }
            self.pass_time();
        }
    }
}
