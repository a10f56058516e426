//! The engine: takes what happens one at a time, and does what the core says. Here the nouns of a node
//! meet: each owns its state, and none knows another but as an argument.
//!
//! | module | what it does with them |
//! |---|---|
//! | [`inputs`] | what happens: from peers, clients, the disk |
//! | [`frames`] | a peer's frame, on its way into the core |
//! | [`requests`] | a client's request: refused, proposed, or waiting to be served |
//! | [`serving`] | a client's answer |
//! | [`transfers`] | leadership goes to another node |
//! | [`members`] | who is in the cluster and where: changed, and followed |
//! | [`replicas`] | digests of replicas, told and compared |
//! | [`report`] | what the node says of itself |
//! | [`snapshots`] | snapshots made, sent and taken |
//! | [`stopping`] | the end, in order |

mod frames;
mod inputs;
mod members;
mod replicas;
mod report;
mod requests;
mod serving;
mod snapshots;
mod stopping;
mod transfers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kraft_proto::cluster::Epoch;
use kraft_proto::{Instant, LogIndex, NodeId, Output, Raft, ReadOutcome, ReadTicket, Role, Term};
use kraft_storage::Identity;
use kraft_wire::cert::Credentials;
use tokio::sync::Semaphore;

pub(super) use inputs::Inputs;

use super::applied::Applied;
use super::clock::Clock;
use super::early_acks::EarlyAcks;
use super::error::NodeError;
use super::log::Log;
use super::membership::Membership;
use super::moments::Moments;
use super::office::Office;
use super::peers::Peers;
use super::snapshots::Snapshots;
use super::waiting::Waiting;
use crate::admin::Publisher;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::rpc::RpcServer;

/// Inputs taken before outputs are looked at again: what comes together is written together.
const INPUTS_AT_ONCE: usize = 512;

/// Digests of the state that are found out at once.
pub(super) const DIGESTS_AT_ONCE: usize = 1;

/// How often figures are refreshed.
const REFRESH: Duration = Duration::from_millis(100);

/// Whether clients may ask the node to misbehave for a demonstration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestSwitchAccess {
    /// They are refused.
    #[default]
    Refused,
    /// They may.
    Granted,
}

/// What an engine is made of.
pub(super) struct Parts {
    pub config: Arc<Config>,
    pub node: NodeId,
    pub identity: Identity,
    pub epoch: Epoch,
    pub clock: Clock,
    pub raft: Raft,
    pub log: Log,
    pub peers: Peers,
    pub waiting: Waiting,
    pub applied: Applied,
    pub office: Office,
    pub membership: Membership,
    pub snapshots: Snapshots,
    pub clients: RpcServer,
    pub metrics: Metrics,
    pub publisher: Publisher,
    pub credentials: Credentials,
    /// Through here the state is restored: the core goes on telling what is committed behind it.
    pub commit: LogIndex,
    /// What an operator should know of how it was opened.
    pub warnings: Vec<String>,
}

/// The one owner of the core.
pub(super) struct Engine {
    config: Arc<Config>,
    node: NodeId,
    identity: Identity,
    epoch: Epoch,
    clock: Clock,
    raft: Raft,
    log: Log,
    peers: Peers,
    waiting: Waiting,
    applied: Applied,
    office: Office,
    membership: Membership,
    snapshots: Snapshots,
    early_acks: EarlyAcks,
    moments: Moments,
    /// Who finds out a digest of the state.
    digests: Arc<Semaphore>,
    clients: RpcServer,
    metrics: Metrics,
    publisher: Publisher,
    credentials: Credentials,
    test_switch: TestSwitchAccess,
    warnings: Vec<String>,
    /// Through here the core said that the log is committed.
    commit: LogIndex,
    refresh_at: Instant,
    failed: Option<NodeError>,
}

impl Engine {
    pub fn new(parts: Parts) -> Self {
        Self {
            config: parts.config,
            node: parts.node,
            identity: parts.identity,
            epoch: parts.epoch,
            clock: parts.clock,
            raft: parts.raft,
            log: parts.log,
            peers: parts.peers,
            waiting: parts.waiting,
            applied: parts.applied,
            office: parts.office,
            membership: parts.membership,
            snapshots: parts.snapshots,
            early_acks: EarlyAcks::default(),
            moments: Moments::new(),
            digests: Arc::new(Semaphore::new(DIGESTS_AT_ONCE)),
            clients: parts.clients,
            metrics: parts.metrics,
            publisher: parts.publisher,
            credentials: parts.credentials,
            test_switch: TestSwitchAccess::Refused,
            warnings: parts.warnings,
            commit: parts.commit,
            refresh_at: Instant::ZERO,
            failed: None,
        }
    }

    /// Whether clients may hold entries back from the peers.
    pub fn set_test_switch(&mut self, access: TestSwitchAccess) {
        self.test_switch = access;
    }

    /// Runs until `stop` is ready, or the node cannot go on.
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
            let due = self.clock.deadline(self.next_deadline());
            let busy = self.has_entries_to_apply();
            let input = tokio::select! {
                biased;
                () = &mut stop => {
                    let stopped = self.wind_down(&mut inputs).await;
                    return self.close(stopped).await;
                }
                Some(input) = inputs.next() => Some(input),
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

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn next_deadline(&self) -> Instant {
        let core = self.raft.poll_timeout();
        core.min(self.waiting.poll_timeout()).min(self.refresh_at)
    }

    fn has_entries_to_apply(&self) -> bool {
        self.applied.upto() < self.commit
    }

    /// Does what is due by now.
    fn pass_time(&mut self) {
        let now = self.now();
        if now >= self.raft.poll_timeout() {
            self.raft.handle_timeout(now);
        }
        self.waiting.handle_timeout(now, &mut self.raft, &self.log);
        if now >= self.refresh_at {
            self.refresh_at = now.after(REFRESH);
            self.moments.handle_timeout(now).aside();
            self.refresh();
        }
    }

    /// Notices that this process did not run for a while.
    fn notice_absence(&mut self) {
        let (now, timing) = (self.now(), &self.config.timing);
        self.office.notice_absence(now, timing, &mut self.raft);
    }

    /// Does everything the core says by now.
    fn pump(&mut self) {
        while let Some(output) = self.raft.poll_output() {
            self.waiting.handle_output(&output, &self.raft, &self.log);
            self.obey(output);
        }
        self.apply_some();
        self.serve_applied();
        self.tell_ended();
        self.answer_transfers();
        self.follow_address_book();
        self.answer_members();
        let (raft, applied) = (&self.raft, self.applied.upto());
        let done = || raft.status().watermarks.written.min(applied);
        self.log.shrink(done);
    }

    /// Does one thing that the core says.
    fn obey(&mut self, output: Output) {
        match output {
            Output::OwnEntry { at, kind, bytes } => self.log.accept_own(at, kind, &bytes),
            Output::Send { mode, envelope } => self.peers.send(mode, envelope, &self.log),
            Output::Write(write) => {
                if let Err(missing) = self.log.write(write) {
                    self.failed = Some(NodeError::Damaged(missing));
                }
            }
            Output::Commit { upto } => {
                self.commit = upto.index;
                self.log.committed(upto);
                self.early_acks.commit(upto);
                self.metrics.committed(upto.index);
            }
            Output::Settled {
                term,
                committed_upto,
                unkept,
            } => {
                let metrics = &self.metrics;
                self.early_acks
                    .settle(term, committed_upto, unkept, metrics);
            }
            Output::Read { ticket, outcome } => self.end_reads(ticket, outcome),
            Output::Role { role, term, leader } => self.change_role(role, term, leader),
            Output::Members { at, agreed, own } => self.notice_members(at, agreed, own),
            Output::Superseded { by } => self.failed = Some(NodeError::Superseded(by)),
            Output::Recall { question, index } => {
                if let Some(run) = self.log.run_at(index) {
                    self.raft.handle_recalled(self.clock.now(), question, run);
                }
            }
            Output::Snapshot { to, upto } => self.offer_snapshot(to, upto),
            Output::Restored { upto } => self.restore(upto),
            // Whose wait it ends, `waiting` has heard.
            Output::Ack { .. } => {}
        }
    }

    fn change_role(&mut self, role: Role, term: Term, leader: Option<NodeId>) {
        let now = self.now();
        if role == Role::Leader {
            self.applied.begin_term(self.raft.last().index);
            self.peers.begin_term(now);
        }
        self.office.change(now, role, term, leader);
        self.metrics.role(role, term);
        self.refresh_at = Instant::ZERO;
    }

    fn end_reads(&mut self, ticket: ReadTicket, outcome: ReadOutcome) {
        self.office.hear(ticket, outcome);
        match outcome {
            ReadOutcome::Ready(index) => self.waiting.reads().confirm(ticket, index),
            ReadOutcome::Failed => {
                for read in self.waiting.reads().fail(ticket) {
                    read.reply.send(self.redirect().encode());
                }
            }
        }
    }

    /// Applies some of what is committed, and tells those who waited for it.
    fn apply_some(&mut self) {
        let awaited = |position| self.waiting.awaits_machine(position);
        let (raft, log) = (&self.raft, &self.log);
        match self.applied.apply_some(self.commit, raft, log, awaited) {
            Ok(said) => {
                for (position, outcome) in said {
                    if let Some(ended) = self.waiting.applied(position, outcome) {
                        self.tell(ended);
                    }
                }
            }
            Err(error) => self.failed = Some(error),
        }
    }
}
