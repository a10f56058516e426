//! A client's answer: when whoever asked can take it, and what it says.

use kraft_proto::NodeId;
use kraft_wire::api::{Answer, FateReport, Leader, Request, RequestRefusal, Response};

use super::Engine;
use crate::node::applied::Applied;
use crate::node::moments::Moments;
use crate::node::waiting::{Ended, PendingAwait, PendingRead, PendingWrite, Told, Turn};
use crate::rpc::Origin;

/// Bytes of an answer beside the view it carries.
const AROUND: usize = 1024;

/// Bytes of a status report, with room.
const STATUS_BYTES: usize = 32 * 1024;

/// Bytes that the answer to a request has at most.
fn answer_bytes_max(applied: &Applied, moments: &Moments, request: &Request) -> usize {
    AROUND
        + match request {
            Request::Query { query, .. } => applied.view_bytes_max(query),
            Request::QueryMoment { query, moment } => moments.view_bytes_max(*moment, query),
            Request::Status => STATUS_BYTES,
            _ => 0,
        }
}

impl Engine {
    /// Tells those whose wait is over.
    pub(super) fn tell_ended(&mut self) {
        while let Some(ended) = self.waiting.poll_ended() {
            self.tell(ended);
        }
    }

    pub(super) fn tell(&mut self, ended: Ended) {
        match ended {
            Ended::Write(write, told) => self.tell_write(write, &told),
            Ended::Await(PendingAwait { reply, position }) => {
                reply.send(self.serve(&Request::Fate { position }).encode());
            }
        }
    }

    fn tell_write(&mut self, write: PendingWrite, told: &Told) {
        if let Some(held) = told.held {
            let latency = self.now().since(write.started);
            self.metrics.acked(write.asked, held, latency);
            if told.position.index > self.commit {
                self.early_acks
                    .note(told.position, write.bytes, write.asked.mode);
            }
        }
        let answer = Answer::by_log(told, self.voters()).with_outcome(write.outcome);
        write.reply.send(Response::Answered(answer).encode());
    }

    /// Answers a read that has no place yet: at once, or as soon as its client has read enough of what
    /// it was answered before.
    pub(super) fn serve_when_read(&mut self, read: PendingRead) {
        let size = |request: &Request| answer_bytes_max(&self.applied, &self.moments, request);
        let reads = self.waiting.reads();
        if reads.may_serve_now(&read, &size) {
            return self.reply_to(read);
        }
        match reads.find_place(&read.reply.origin()) {
            Ok(()) => reads.park_new(read),
            Err(refusal) => read.reply.send(Response::Refused(refusal).encode()),
        }
    }

    /// Answers the reads that waited for what is applied by now.
    pub(super) fn serve_applied(&mut self) {
        for read in self.waiting.reads().ready(self.applied.upto()) {
            let size = |request: &Request| answer_bytes_max(&self.applied, &self.moments, request);
            if let Some(read) = self.waiting.reads().serve_or_park(read, &size) {
                self.reply_to(read);
            }
        }
    }

    /// Answers what was parked, as far as there is room.
    pub(super) fn serve_parked(&mut self) {
        if self.waiting.reads().parked() == 0 {
            return;
        }
        // First: what is read meanwhile is told.
        self.clients.want_room();
        let mut turn = Turn::default();
        loop {
            let size = |request: &Request| answer_bytes_max(&self.applied, &self.moments, request);
            match self.waiting.reads().next_with_room(&mut turn, &size) {
                Some(read) => self.reply_to(read),
                None => break,
            }
        }
        let now = self.now();
        let size = |request: &Request| answer_bytes_max(&self.applied, &self.moments, request);
        self.waiting.reads().end_turn(turn, now, &size);
    }

    fn reply_to(&mut self, read: PendingRead) {
        let response = match &read.request {
            // Its connection is gone already, and would not end it.
            Request::KeepMoment { .. } if read.reply.is_for_nobody() => return,
            Request::KeepMoment { .. } => self.keep_moment(read.reply.origin()),
            Request::QueryMoment { query, moment } => {
                self.moments.query(self.clock.now(), *moment, query)
            }
            request => self.serve(request),
        };
        read.reply.send(response.encode());
    }

    /// Keeps the state machine as it is now, for whoever is there to read it.
    fn keep_moment(&mut self, whose: Origin) -> Response {
        match self.moments.find_place(&whose) {
            Ok(gone) => gone.aside(),
            Err(refusal) => return Response::Refused(refusal),
        }
        let (now, read_at) = (self.now(), self.applied.upto());
        let moment = self
            .moments
            .keep(now, whose, read_at, self.applied.moment());
        Response::MomentKept { moment, read_at }
    }

    /// Answers what needs no more waiting.
    fn serve(&self, request: &Request) -> Response {
        match request {
            Request::Query { query, .. } => self.applied.query(query),
            Request::Fate { position } => Response::Fate(FateReport {
                position: *position,
                fate: self
                    .raft
                    .fate_with(*position, |index| self.log.run_at(index)),
                node: self.node,
                commit: self.commit,
                voters: self.voters(),
            }),
            Request::Status => Response::Status(Box::new(self.report())),
            // The leader knows most of them; where there is none, any node says what it knows.
            Request::Members => match self.redirect() {
                redirect @ Response::Redirect { leader: Some(_) } => redirect,
                _ => Response::Members(Box::new(self.members_report())),
            },
            Request::Write(_)
            | Request::Test(_)
            | Request::Digest
            | Request::Transfer { .. }
            | Request::ChangeMembers(_)
            | Request::Snapshot { .. }
            | Request::SnapshotPiece { .. }
            | Request::KeepMoment { .. }
            | Request::QueryMoment { .. }
            | Request::EndMoment { .. }
            | Request::Await { .. } => Response::Refused(RequestRefusal::NotReady),
        }
    }

    /// How many vote: in a change of members as many as the smaller configuration has.
    fn voters(&self) -> u8 {
        self.raft.members().voters_min() as u8
    }

    /// Where to go instead.
    pub(super) fn redirect(&self) -> Response {
        let elsewhere = |leader: &NodeId| *leader != self.node;
        let leader = self.office.leader().filter(elsewhere).and_then(|node| {
            let address = self.clients.directory().of(node)?;
            Some(Leader { node, address })
        });
        Response::Redirect { leader }
    }
}
