//! The engine: takes what happens one at a time, and does what the core says.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use kraft_proto::{
    Agreed, EntryKind, Frame, Instant, Lag, LogIndex, LogPosition, NodeId, Output, Raft,
    ReadOutcome, ReadTicket, Role, Slot, Standing, Term, Unkept, Waits, Write, WriteKind,
};
use kraft_storage::{DiskHandle, Done, History, Identity, Job};
use kraft_wire::api::{Answer, Response, UnkeptAcks};
use kraft_wire::cert::Credentials;
use tokio::sync::mpsc;

use super::absence::Absence;
use super::at_risk::AtRisk;
use super::clock::Clock;
use super::disk_view::DiskView;
use super::entry_cache::EntryCache;
use super::error::{NodeError, TestSwitchAccess};
use super::own_requests::OwnRequests;
use super::pending::{PendingAwaits, PendingReads, PendingTransfer, PendingWrites, Token};
use super::replica_check::ReplicaCheck;
use super::standby_search::StandbySearch;
use crate::admin::Publisher;
use crate::checksummed;
use crate::config::{Address, Config};
use crate::kv::Kv;
use crate::machine::Replicated;
use crate::metrics::Metrics;
use crate::rpc::{Calls, ClientNews, News, RpcServer, Shares};
use crate::transport::{Event, Events, Fault, Stream, Transport};

/// Inputs taken before outputs are looked at again: what comes together is written together.
const INPUTS_AT_ONCE: usize = 512;

/// Bytes of entries kept in memory once they are written and applied.
const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How often figures are refreshed.
const REFRESH: std::time::Duration = std::time::Duration::from_millis(100);

/// What an engine is made of.
pub(super) struct Parts {
    pub config: Arc<Config>,
    pub node: NodeId,
    pub identity: Identity,
    pub clock: Clock,
    pub raft: Raft,
    pub history: History,
    pub disk: DiskHandle,
    pub transport: Transport,
    pub clients: RpcServer,
    pub metrics: Metrics,
    pub publisher: Publisher,
    pub credentials: Credentials,
    pub test_switch: TestSwitchAccess,
    pub warnings: Vec<String>,
}

/// What happens to an engine.
pub(super) struct Inputs {
    pub events: Events,
    pub calls: Calls,
    pub receipts: mpsc::UnboundedReceiver<Done>,
    /// Nodes that could lead in the place of one whose disk is full.
    pub standbys: mpsc::UnboundedReceiver<NodeId>,
    pub credentials: mpsc::Receiver<Credentials>,
}

/// One of them.
pub(super) enum Input {
    Peer(Event),
    Client(ClientNews),
    Disk(Done),
    Standby(NodeId),
    Credentials(Box<Credentials>),
}

/// The one owner of the core.
pub(super) struct Engine {
    pub(super) parts: Parts,
    pub(super) waits: Waits<Token, Vec<Slot<Token>>>,
    pub(super) writes: PendingWrites,
    pub(super) awaits: PendingAwaits,
    pub(super) reads: PendingReads,
    /// Who has how many of the places of writes and awaits.
    pub(super) waiting: Shares,
    /// Since when some are kept from their answers by what others do not read.
    pub(super) crowded_since: Option<Instant>,
    pub(super) standby: StandbySearch,
    pub(super) transfers: Vec<PendingTransfer>,
    pub(super) own_requests: OwnRequests,
    /// The end of the log when this node began to lead: through here it may hold requests of earlier leaders.
    pub(super) led_from: LogIndex,
    pub(super) cache: EntryCache,
    pub(super) replica: Replicated<Kv>,
    /// Whether the peers' replicas are the same.
    pub(super) replicas: ReplicaCheck,
    pub(super) at_risk: AtRisk,
    /// What became of acknowledgements since the start that commit did not keep.
    pub(super) unkept: UnkeptAcks,
    pub(super) lags: Vec<(NodeId, Lag)>,
    /// Settings that ought to be equal and are not.
    pub(super) differing: BTreeSet<(NodeId, &'static str)>,
    /// Peers that only a snapshot could help.
    pub(super) stranded: BTreeSet<NodeId>,
    /// Nodes whose disk was said to have gone back, and how often.
    pub(super) set_back: BTreeMap<NodeId, u32>,
    /// Snapshots that peers sent, which this host does not take.
    snapshots_refused: u64,
    pub(super) role: Role,
    pub(super) term: Term,
    pub(super) leader: Option<NodeId>,
    pub(super) commit: LogIndex,
    pub(super) disk: DiskView,
    refresh_at: Instant,
    /// Whether it stood still, and may lead by mistake.
    pub(super) absence: Absence,
    /// When a leader with an expired certificate tries to transfer leadership next.
    pub(super) expired_retry_at: Instant,
    /// Since when no leader is known.
    pub(super) without_leader_since: Instant,
    pub(super) failed: Option<NodeError>,
}

impl Engine {
    pub fn new(parts: Parts, standby: StandbySearch) -> Self {
        let status = parts.raft.status();
        let waiting = parts.config.limits.waiting_writes as usize;
        let lags = status.members.iter().filter(|m| m.id != parts.node);
        Self {
            waits: Waits::new(vec![Slot::default(); waiting]),
            writes: PendingWrites::default(),
            awaits: PendingAwaits::default(),
            reads: PendingReads::new(parts.config.limits.waiting_reads),
            waiting: Shares::of(waiting as u64),
            crowded_since: None,
            standby,
            transfers: Vec::new(),
            own_requests: OwnRequests::default(),
            led_from: status.last.index,
            cache: EntryCache::after(status.last.index),
            replica: Replicated::new(Kv::default()),
            replicas: ReplicaCheck::new(),
            at_risk: AtRisk::default(),
            unkept: UnkeptAcks::default(),
            lags: lags.map(|m| (m.id, Lag::new(Instant::ZERO))).collect(),
            differing: BTreeSet::new(),
            stranded: BTreeSet::new(),
            set_back: BTreeMap::new(),
            snapshots_refused: 0,
            role: status.role,
            term: status.term,
            leader: status.leader,
            commit: LogIndex::ZERO,
            disk: DiskView::new(status.last.index),
            refresh_at: Instant::ZERO,
            absence: Absence::none(parts.clock.now()),
            expired_retry_at: Instant::ZERO,
            without_leader_since: Instant::ZERO,
            failed: None,
            parts,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.parts.clock.now()
    }

    pub async fn run(
        mut self,
        mut inputs: Inputs,
        stop: impl Future<Output = ()>,
    ) -> Result<(), NodeError> {
        let mut stop = std::pin::pin!(stop);
        loop {
            self.pump();
            if let Some(error) = self.failed.take() {
                return self.close(Err(error)).await;
            }
            let due = self.parts.clock.deadline(self.next_deadline());
            let busy = self.has_entries_to_apply();
            let input = tokio::select! {
                biased;
                () = &mut stop => {
                    let stopped = self.wind_down(&mut inputs).await;
                    return self.close(stopped).await;
                }
                Some(report) = inputs.receipts.recv() => Some(Input::Disk(report)),
                Some(event) = inputs.events.recv() => Some(Input::Peer(event)),
                Some(news) = inputs.calls.news() => Some(Input::Client(news)),
                Some(standby) = inputs.standbys.recv() => Some(Input::Standby(standby)),
                Some(credentials) = inputs.credentials.recv() => {
                    Some(Input::Credentials(Box::new(credentials)))
                }
                () = tokio::task::yield_now(), if busy => None,
                () = tokio::time::sleep_until(due) => None,
            };
            self.notice_absence();
            if let Some(input) = input {
                self.take(input);
            }
            for _ in 0..INPUTS_AT_ONCE {
                match inputs.next_ready() {
                    Some(input) => self.take(input),
                    None => break,
                }
            }
            self.pass_time();
        }
    }

    /// Whether this node is a member is for its operator to know.
    fn notice_members(&self, at: LogIndex, agreed: Agreed, own: Standing) {
        if (agreed, own) == (Agreed::Committed, Standing::LeftOut) {
            tracing::warn!(
                "the configuration at {at} is committed and leaves this node out: it asks for no votes \
                 any more and hears of nothing written since. Stop it, or add it again"
            );
        }
    }

    pub(super) fn next_deadline(&self) -> Instant {
        let core = self.parts.raft.poll_timeout();
        core.min(self.waits.poll_timeout()).min(self.refresh_at)
    }

    pub(super) fn pass_time(&mut self) {
        let now = self.now();
        if now >= self.parts.raft.poll_timeout() {
            self.parts.raft.handle_timeout(now);
        }
        if now >= self.waits.poll_timeout() {
            let history = |index| self.parts.history.run_at(index);
            self.waits
                .handle_timeout(now, &mut self.parts.raft, history);
        }
        if now >= self.refresh_at {
            self.refresh_at = now.after(REFRESH);
            self.refresh();
        }
    }

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
            Input::Client(ClientNews::Gone(origin)) => self.let_go(&origin),
            Input::Client(ClientNews::Room) => self.serve_parked(),
            Input::Standby(standby) => self.transfer_to(standby),
            Input::Disk(Done::Receipt(receipt)) => {
                let now = self.now();
                self.parts.raft.handle_stored(now, receipt);
            }
            Input::Credentials(credentials) => self.take_credentials(&credentials),
            Input::Disk(Done::Failed(error)) => self.failed = Some(NodeError::Disk(error)),
        }
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Frame {
                from,
                stream,
                bytes,
            } => {
                if stream != Stream::Control || !self.take_digest(from, &bytes) {
                    self.take_frame(from, &bytes);
                }
            }
            Event::Up { peer, clients, .. } => {
                let is_address = clients.parse::<Address>().is_ok();
                if is_address
                    && self.parts.clients.directory().note(peer, &clients) == News::Changed
                {
                    tracing::info!("clients reach node {peer} at {clients}");
                }
                self.differing.retain(|(other, _)| *other != peer);
                tracing::info!("node {peer} can be reached");
                self.renew_replica(peer);
            }
            Event::Down { peer, reason } => {
                tracing::info!("node {peer} cannot be reached: {reason}");
            }
            Event::Differs { peer, setting } => {
                self.differing.insert((peer, setting.label()));
                tracing::warn!(
                    "node {peer} has another setting of {}: the leader's decides; make them equal",
                    setting.label()
                );
            }
            // The transport counts it and says it, once.
            Event::Refused(_) => {}
        }
    }

    /// Hands a frame to the core, if its bytes are what they claim to be.
    fn take_frame(&mut self, from: NodeId, bytes: &Bytes) {
        let frame = match Frame::decode(bytes) {
            Ok(frame) if frame.from() == from => frame,
            Ok(frame) => {
                tracing::warn!(
                    "node {from} sent a message as node {}: dropped",
                    frame.from()
                );
                self.parts.transport.disconnect(from, Fault::Garbage);
                return;
            }
            Err(error) => {
                tracing::warn!("a frame of node {from} was dropped: {error}");
                self.parts.transport.disconnect(from, Fault::Garbage);
                return;
            }
        };
        if let kraft_proto::Message::Append(append) = &frame.envelope().message {
            let run = append.run();
            if run.count > 0 && self.admit_append(run, bytes.len() as u64).is_err() {
                // As if the network had lost it: the leader sends it again, and by then there may
                // be room.
                return;
            }
            // Whether a configuration is one, the core sees for itself.
            let entries = frame
                .entries()
                .filter(|_| run.kind != EntryKind::Configuration);
            for (position, entry) in run.positions().zip(entries) {
                if let Err(error) = checksummed::verify(position, run.kind, entry) {
                    tracing::warn!("an append of node {from} was dropped: {error}");
                    self.parts.transport.disconnect(from, Fault::Garbage);
                    return;
                }
            }
        }
        if let kraft_proto::Message::Snapshot { last } = frame.envelope().message {
            // This host writes none; taken by the core alone it would have to be.
            self.snapshots_refused += 1;
            tracing::warn!(
                "node {from} sent a snapshot through {last}, which this host does not take: dropped \
                 ({} so far)",
                self.snapshots_refused
            );
            return;
        }
        let now = self.now();
        let taken = self.parts.raft.handle_message(now, &frame);
        for (position, entry) in taken.entries() {
            self.disk.accepted(position.index);
            self.cache.put(position, bytes.slice_ref(entry));
        }
    }

    /// Does everything the core says by now.
    pub(super) fn pump(&mut self) {
        while let Some(output) = self.parts.raft.poll_output() {
            let history = |index| self.parts.history.run_at(index);
            self.waits.handle_output(&output, &self.parts.raft, history);
            match output {
                Output::OwnEntry { at, kind, bytes } => {
                    let bytes = match kind {
                        // Its bytes are the core's, which reads them again.
                        EntryKind::Configuration => Bytes::copy_from_slice(&bytes),
                        EntryKind::Command | EntryKind::NoOp => checksummed::add(at, kind, &bytes),
                    };
                    self.cache.put(at, bytes);
                }
                Output::Send { mode, envelope } => self.send(mode, envelope),
                Output::Write(write) => self.write(write),
                Output::Commit { upto } => {
                    self.commit = upto.index;
                    self.parts.disk.committed().tell(upto);
                    self.at_risk.commit(upto);
                    self.parts.metrics.committed(upto.index);
                }
                Output::Settled {
                    term,
                    committed_upto,
                    unkept,
                } => self.settle(term, committed_upto, unkept),
                Output::Read { ticket, outcome } => self.end_reads(ticket, outcome),
                Output::Role { role, term, leader } => self.change_role(role, term, leader),
                Output::Members { at, agreed, own } => self.notice_members(at, agreed, own),
                Output::Superseded { by } => self.failed = Some(NodeError::Superseded(by)),
                Output::Recall { question, index } => {
                    if let Some(run) = self.parts.history.run_at(index) {
                        let now = self.now();
                        self.parts.raft.handle_recalled(now, question, run);
                    }
                }
                // Which peers lack one, and why, is logged and shown with their status.
                Output::Snapshot { .. } | Output::Ack { .. } => {}
                Output::Restored { upto } => self.failed = Some(NodeError::Damaged(upto)),
            }
        }
        if let Err(error) = self.apply_some() {
            self.failed = Some(error);
        }
        for read in self.reads.ready(self.replica.applied().index) {
            self.serve_ready(read);
        }
        while let Some(answer) = self.waits.poll_answer() {
            self.answer(answer);
        }
        self.answer_transfers();
        if self.cache.bytes() > CACHE_BYTES_MAX {
            let written = self.parts.raft.status().watermarks.written;
            let done = written.min(self.replica.applied().index);
            self.cache.shrink(done, CACHE_BYTES_MAX);
        }
    }

    fn write(&mut self, write: Write) {
        self.parts.history.take(write.kind());
        let payloads = match write.kind() {
            WriteKind::Entries(run) => {
                let Some(payloads) = self.cache.run(run) else {
                    self.failed = Some(NodeError::Damaged(LogPosition::new(run.term, run.first)));
                    return;
                };
                payloads
            }
            WriteKind::Snapshot(last) => {
                // None is taken, see `take_frame`.
                self.failed = Some(NodeError::Damaged(last));
                return;
            }
            WriteKind::HardState(_) | WriteKind::Force => Vec::new(),
        };
        if let WriteKind::Entries(run) = write.kind() {
            self.disk.submitted(run.last());
        }
        self.parts.disk.submit(Job { write, payloads });
    }

    fn end_reads(&mut self, ticket: ReadTicket, outcome: ReadOutcome) {
        self.absence.hear(ticket, outcome);
        match outcome {
            ReadOutcome::Ready(index) => self.reads.confirm(ticket, index),
            ReadOutcome::Failed => {
                for read in self.reads.fail(ticket) {
                    read.reply.send(self.redirect().encode());
                }
            }
        }
    }

    fn change_role(&mut self, role: Role, term: Term, leader: Option<NodeId>) {
        if role == Role::Leader {
            tracing::info!("leading term {term}");
            self.led_from = self.parts.raft.status().last.index;
            let now = self.now();
            for (_, lag) in &mut self.lags {
                *lag = Lag::new(now);
            }
        } else if self.leader != leader || self.role == Role::Leader {
            match leader {
                Some(leader) => tracing::info!("following node {leader} in term {term}"),
                None => tracing::info!("no leader in term {term}"),
            }
        }
        if self.leader.is_some() {
            self.without_leader_since = self.now();
        }
        self.absence.forget();
        (self.role, self.term, self.leader) = (role, term, leader);
        self.parts.metrics.role(role, term);
        self.refresh_at = Instant::ZERO;
    }

    fn settle(&mut self, term: Term, committed_upto: LogIndex, unkept: Unkept) {
        let modes = self.at_risk.settle(term, committed_upto);
        if !modes.is_empty() {
            tracing::warn!(
                "{} acknowledged writes of term {term} after index {committed_upto} are {}",
                modes.len(),
                match unkept {
                    Unkept::Lost => "lost",
                    Unkept::Unknown => "beyond what this node can tell",
                }
            );
        }
        for mode in modes {
            match unkept {
                Unkept::Lost => {
                    self.unkept.lost += 1;
                    self.parts.metrics.acks_lost(mode, 1);
                }
                Unkept::Unknown => {
                    self.unkept.unknown += 1;
                    self.parts.metrics.acks_unknown(mode, 1);
                }
            }
        }
    }

    /// Tells a client, unless the state machine's part of the answer is still missing.
    pub(super) fn answer(&mut self, answer: kraft_proto::Answer<Token>) {
        let token = match answer.token {
            Token::Write(token) => token,
            Token::Await(number) => return self.answer_await(number),
        };
        let Some(write) = self.writes.get_mut(token) else {
            return;
        };
        let by_machine = matches!(write.answered_by, kraft_wire::command::AnsweredBy::Machine);
        let committed = matches!(
            answer.grade,
            kraft_proto::Grade::AsAsked | kraft_proto::Grade::Fallback
        );
        if by_machine && committed && write.effect.is_none() {
            write.acked = Some(answer);
            return;
        }
        self.respond(answer);
    }

    pub(super) fn respond(&mut self, answer: kraft_proto::Answer<Token>) {
        let Token::Write(token) = answer.token else {
            return;
        };
        let Some(write) = self.writes.remove(token) else {
            return;
        };
        self.waiting.give_back(&write.reply.origin(), 1);
        if let Some(held) = answer.held {
            let latency = self.now().since(write.started);
            self.parts.metrics.acked(write.asked, held, latency);
            if answer.position.index > self.commit {
                self.at_risk
                    .acknowledge(answer.position, write.bytes, write.asked.mode);
            }
        }
        let told = Answer::by_log(&answer);
        let told = match write.effect {
            Some(effect) => told.with_effect(effect),
            None => told,
        };
        write.reply.send(Response::Answered(told).encode());
    }
}

impl Inputs {
    /// An input that is already there.
    fn next_ready(&mut self) -> Option<Input> {
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
