//! Leadership goes to another node: because somebody asked for it, because this node is about to stop,
//! because its disk is full, or because its certificate has expired.

use kraft_proto::{NodeId, TransferError};
use kraft_wire::api::{DiskRoom, LeadsReport, RequestRefusal, Response};

use super::Engine;
use super::inputs::Inputs;
use crate::node::error::NodeError;
use crate::node::office::Candidate;
use crate::node::waiting::PendingTransfer;
use crate::rpc::Reply;

impl Engine {
    pub(super) fn take_transfer(&mut self, to: Option<NodeId>, reply: Reply) {
        let now = self.now();
        let refusal = match self.raft.transfer_leadership(now, to) {
            Ok(to) => {
                tracing::info!("leadership is transferred to node {to}");
                self.waiting.await_transfer(to, reply);
                return;
            }
            // So it is done already, perhaps by an earlier copy of this very request.
            Err(TransferError::Itself) => {
                reply.send(self.leads(self.node).encode());
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
            term: self.office.term(),
        })
    }

    fn is_transferring(&self) -> bool {
        self.raft.status().transfer_to.is_some()
    }

    /// Tells those who asked for a transfer how it ended, once it has.
    pub(super) fn answer_transfers(&mut self) {
        if !self.waiting.has_transfers() {
            return;
        }
        let leads = self.office.leads();
        let ended = match self.office.leader() {
            Some(leader) if !leads => Some(leader),
            _ if leads && !self.is_transferring() => None,
            _ => return,
        };
        for PendingTransfer { to, reply } in self.waiting.take_transfers() {
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
        let Ok(to) = self.raft.transfer_leadership(now, None) else {
            return Ok(());
        };
        tracing::info!("stopping: leadership is transferred to node {to} first");
        // The core gives up after one; a second is for the election to be heard of.
        let patience = self.config.timing.election_timeout_max * 2;
        let mut patience = std::pin::pin!(tokio::time::sleep(patience));
        loop {
            self.pump();
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            let leads = self.office.leads();
            let over = match leads {
                true => !self.is_transferring(),
                false => self.office.leader().is_some(),
            };
            if over {
                return Ok(());
            }
            let due = self.clock.deadline(self.next_deadline());
            tokio::select! {
                biased;
                () = &mut patience => return Ok(()),
                Some(input) = inputs.next() => self.take(input),
                () = tokio::time::sleep_until(due) => {}
            }
            self.pass_time();
        }
    }

    /// A leader whose disk is full looks for a node whose disk has room: it would refuse every write.
    pub(super) fn look_for_standby(&mut self) {
        let now = self.now();
        if !self.office.wants_standby(now, self.log.full_for(now)) {
            return;
        }
        let members = self.raft.members();
        let reached = members.iter().filter(|member| {
            member.id != self.node && members.is_voter(member.id) && self.peers.is_up(member.id)
        });
        let directory = self.clients.directory();
        let others = reached.filter_map(|member| Some((member.id, directory.of(member.id)?)));
        let others: Vec<Candidate> = others.collect();
        let credentials = self.credentials.clone();
        self.office.look_for_standby(now, others, credentials);
    }

    /// This node has room and could lead instead.
    pub(super) fn transfer_to_standby(&mut self, standby: NodeId) {
        let now = self.now();
        if !self.office.leads() || self.log.room() == DiskRoom::Enough {
            return;
        }
        match self.raft.transfer_leadership(now, Some(standby)) {
            Ok(to) => tracing::warn!(
                "the disk is full: leadership is transferred to node {to}, whose disk has room"
            ),
            Err(error) => tracing::warn!("the disk is full, and this node leads on: {error}"),
        }
    }

    /// Has another node lead while nobody can connect to this one: one whose own certificate holds. The
    /// connections it has stay, so its peers follow it until then.
    pub(super) fn leave_office_expired(&mut self) {
        let now = self.now();
        if !self.office.retries_when_expired(now) {
            return;
        }
        let Some(to) = self.peers.fittest_by_certificate(&self.raft.status()) else {
            tracing::warn!(
                "the certificate of this leader has expired, and no other node with a valid one can be reached: it \
                 leads on, and no client can connect to it. Renew it with `kraft cert renew`"
            );
            return;
        };
        match self.raft.transfer_leadership(now, Some(to)) {
            Ok(to) => tracing::warn!(
                "the certificate of this leader has expired: leadership is transferred to node {to}. Renew it with `kraft \
                 cert renew`"
            ),
            Err(error) => tracing::warn!(
                "the certificate of this leader has expired, and leadership cannot be transferred to node {to}: {error}"
            ),
        }
    }
}
