//! A client's request: what is refused before anything is written, what is proposed, and what waits.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::zones::{Request as ClassRequest, ZoneError};
use kraft_proto::{
    Class, CommitMode, EntryKind, FsyncMode, Instant, LogPosition, ProposeError, Proposed,
    ReadError, ReadTicket,
};
use kraft_wire::api::{Bound, Freshness, Request, RequestRefusal, Response, TestSwitch, Write};
use kraft_wire::command::{AnsweredBy, Command, WriteDigest};

use super::{DIGESTS_AT_ONCE, Engine, TestSwitchAccess};
use crate::checksummed;
use crate::config::AtRiskFull;
use crate::machine::Look;
use crate::node::waiting::{PendingAwait, PendingRead, PendingWrite};
use crate::rpc::{Call, Origin, Reply};
use crate::transport::Hold;

/// A write that may be proposed.
struct Admitted {
    class: Class,
    answered_by: AnsweredBy,
    payload: Bytes,
    digest: WriteDigest,
}

/// Who may answer a read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadFrom {
    /// The leader.
    Leader,
    /// Whoever is asked.
    Anyone,
}

impl Engine {
    pub(super) fn take_call(&mut self, call: Call) {
        let Call {
            body, mut reply, ..
        } = call;
        reply.taken();
        let request = match Request::decode(&body) {
            Ok(request) => request,
            Err(error) => {
                reply.send(Response::Refused(error.into()).encode());
                return;
            }
        };
        if let Request::Fate { position } | Request::Await { position, .. } = &request
            && let Err(refusal) = RequestRefusal::check_position(*position)
        {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        match request {
            Request::Write(write) => self.take_write(&write, reply),
            Request::Query { freshness, .. } | Request::KeepMoment { freshness } => {
                self.take_read(PendingRead { reply, request }, freshness);
            }
            Request::QueryMoment { .. }
            | Request::Fate { .. }
            | Request::Status
            | Request::Members => {
                self.serve_when_read(PendingRead { reply, request });
            }
            Request::Transfer { to } => self.take_transfer(to, reply),
            Request::Await {
                position,
                timeout_ms,
            } => self.take_await(position, Duration::from_millis(timeout_ms.into()), reply),
            Request::Digest => self.take_digest_request(reply),
            Request::EndMoment { moment } => {
                self.moments.end(moment).aside();
                reply.send(Response::MomentEnded.encode());
            }
            Request::Snapshot { through } => {
                reply.send(self.take_snapshot_request(through).encode());
            }
            Request::SnapshotPiece { last, offset } => self.take_piece_request(last, offset, reply),
            Request::ChangeMembers(asked) => self.take_members_change(asked, reply),
            Request::Test(switch) => reply.send(self.switch(switch).encode()),
        }
    }

    fn take_write(&mut self, write: &Write, reply: Reply) {
        let admitted = match self.admit_write(write, &reply.origin()) {
            Ok(admitted) => admitted,
            Err(response) => {
                reply.send(response.encode());
                return;
            }
        };
        let now = self.now();
        let (asked, answered_by) = (admitted.class, admitted.answered_by);
        let (proposed, bytes) = match self.propose(now, write, admitted) {
            Ok(proposed) => proposed,
            Err(error) => {
                reply.send(self.refused(error).encode());
                return;
            }
        };
        if reply.is_for_nobody() {
            // It is gone, and was told of as such: nobody waits for what is carried out all the same.
            return;
        }
        let durability = self.raft.durability();
        let fallback = write.options.fallback.unwrap_or(durability.fallback);
        let pending = PendingWrite {
            reply,
            asked,
            started: now,
            bytes,
            position: proposed.run.last_position(),
            machine: answered_by.into(),
            outcome: None,
            told: None,
        };
        let deadline = now.after(self.time_to_answer(write, asked));
        self.waiting
            .insert_write(pending, &proposed, deadline, fallback);
    }

    /// Everything that can be refused before anything is written.
    fn admit_write(&mut self, write: &Write, who: &Origin) -> Result<Admitted, Response> {
        if !self.office.leads() {
            return Err(self.redirect());
        }
        if self.office.is_unsure() {
            return Err(Response::Refused(RequestRefusal::LeadershipTransfer));
        }
        self.admit_payload(write, who).map_err(Response::Refused)
    }

    fn admit_payload(&mut self, write: &Write, who: &Origin) -> Result<Admitted, RequestRefusal> {
        let (class, answered_by) = self.look_at(write)?;
        self.check_at_risk(class)?;
        self.find_place(who)?;
        let payload = self
            .log
            .fit(Command::encode(&write.request, &write.operation)?)?;
        let command = Command::decode(&payload).map_err(|_| RequestRefusal::NotReady)?;
        let digest = command.write_digest();
        self.applied.admit(write, digest)?;
        self.log.admit(self.clock.now(), 1, payload.len() as u64)?;
        Ok(Admitted {
            class,
            answered_by,
            payload,
            digest,
        })
    }

    /// The class of a write, and who answers it, if the state machine takes it.
    fn look_at(&self, write: &Write) -> Result<(Class, AnsweredBy), RequestRefusal> {
        let mut found = Err(RequestRefusal::NotReady);
        self.applied.look(&write.operation, &mut |look| {
            let answered_by = look.answered_by;
            let class = self.class_of(write, look);
            found = class.map(|class| (class, answered_by));
        })?;
        found
    }

    /// The class of a write, by its own request, its zones and the default.
    fn class_of(&self, write: &Write, look: Look<'_>) -> Result<Class, RequestRefusal> {
        let voters = self.raft.members().voters_min();
        let requested = ClassRequest {
            mode: write.options.mode,
            fsync: write.options.fsync,
        };
        let default = self.raft.durability().default;
        let class = self
            .config
            .zones
            .resolve(requested, look.keys, default, voters)
            .map_err(|error| self.refusal_of(error, requested, default))?;
        Ok(match look.answered_by {
            AnsweredBy::Machine => {
                let least = Class::new(CommitMode::Sync, FsyncMode::Commit);
                class.strongest(least, voters)
            }
            AnsweredBy::Log => class,
        })
    }

    fn refusal_of(
        &self,
        error: ZoneError,
        requested: ClassRequest,
        default: Class,
    ) -> RequestRefusal {
        let voters = self.raft.members().voters_min() as u8;
        let zone = match error {
            ZoneError::AtLeastZero => return RequestRefusal::AtLeastOutOfRange { n: 0, voters },
            ZoneError::AtLeastTooMany { asked, .. } => {
                return RequestRefusal::AtLeastOutOfRange { n: asked, voters };
            }
            ZoneError::ModeBelowFloor { zone, .. } | ZoneError::FsyncBelowFloor { zone, .. } => {
                zone
            }
        };
        let zone = &self.config.zones.zones()[zone];
        let floor = Class::new(
            zone.mode.unwrap_or(default.mode),
            zone.fsync.unwrap_or(default.fsync),
        );
        RequestRefusal::Floor {
            zone: zone.pattern.to_string(),
            floor,
            asked: Class::new(
                requested.mode.unwrap_or(floor.mode),
                requested.fsync.unwrap_or(floor.fsync),
            ),
        }
    }

    /// Whether another write of this class may be acknowledged before it is committed.
    fn check_at_risk(&self, class: Class) -> Result<(), RequestRefusal> {
        let limit = self.config.at_risk_bytes_max;
        let voters = self.raft.members().voters_min();
        let early = class.fsync < FsyncMode::Commit || !class.mode.outlives_leader(voters);
        match early && self.early_acks.at_risk().bytes > limit {
            true => Err(self.at_risk_full(RequestRefusal::Busy {
                bound: Bound::BytesAtRisk,
                limit,
            })),
            false => Ok(()),
        }
    }

    /// Whether clients ask again while as much is at risk as may be, is the cluster's to say.
    fn at_risk_full(&self, refusal: RequestRefusal) -> RequestRefusal {
        match (self.config.at_risk_full, refusal) {
            (
                AtRiskFull::Refuse,
                RequestRefusal::Busy {
                    bound: bound @ (Bound::BytesAtRisk | Bound::EntriesAtRisk),
                    limit,
                },
            ) => RequestRefusal::AtRiskFull { bound, limit },
            (_, refusal) => refusal,
        }
    }

    /// Finds a place for a write, or for somebody who awaits a commit.
    fn find_place(&mut self, who: &Origin) -> Result<(), RequestRefusal> {
        self.waiting.find_place(who, &mut self.raft, &self.log)?;
        self.tell_ended();
        self.waiting.check_room()
    }

    /// Hands a write to the core, and the bytes of its entry to the log; how many they are.
    fn propose(
        &mut self,
        now: Instant,
        write: &Write,
        admitted: Admitted,
    ) -> Result<(Proposed, usize), ProposeError> {
        let (proposed, bytes) = self.propose_payload(now, admitted.class, &admitted.payload)?;
        let index = proposed.run.last();
        self.applied.proposed(index, write, admitted.digest);
        Ok((proposed, bytes))
    }

    /// Hands an entry to the core, and its bytes to the log; how many they are.
    pub(super) fn propose_payload(
        &mut self,
        now: Instant,
        class: Class,
        payload: &[u8],
    ) -> Result<(Proposed, usize), ProposeError> {
        if self.log.next() <= self.raft.last().index {
            // The core made an entry before this one: its bytes come first.
            self.pump();
        }
        let proposed = self.raft.propose(now, class, 1)?;
        let position = proposed.run.last_position();
        let entry = checksummed::add(position, EntryKind::Command, payload);
        let bytes = entry.len();
        self.log.accept(position, entry);
        Ok((proposed, bytes))
    }

    /// How long the write may wait for its answer.
    fn time_to_answer(&self, write: &Write, asked: Class) -> Duration {
        let millis = |ms: u32| Duration::from_millis(ms.into());
        let timeout = match write.options.timeout_ms {
            Some(ms) => Some(millis(ms)),
            None => (asked.mode == CommitMode::All).then(|| self.raft.durability().all_timeout),
        };
        let patience = write.patience_ms.map(millis);
        let longest = self.config.limits.request_timeout;
        let within = timeout.into_iter().chain(patience).min();
        within.map_or(longest, |within| within.min(longest))
    }

    pub(super) fn refused(&self, error: ProposeError) -> Response {
        Response::Refused(match error {
            ProposeError::NotLeader(_) => return self.redirect(),
            ProposeError::Exhausted | ProposeError::Count => RequestRefusal::NotReady,
            ProposeError::Transferring(_) => RequestRefusal::LeadershipTransfer,
            ProposeError::AtLeast { asked, voters } => {
                RequestRefusal::AtLeastOutOfRange { n: asked, voters }
            }
            ProposeError::Busy(busy) | ProposeError::TooMany(busy) => {
                self.at_risk_full(busy.into())
            }
            ProposeError::Stopped => RequestRefusal::Stopping,
        })
    }

    fn take_read(&mut self, read: PendingRead, freshness: Freshness) {
        let (after, whom) = match freshness {
            Freshness::Stale => return self.serve_when_read(read),
            Freshness::Linearizable => (LogPosition::ZERO, ReadFrom::Leader),
            Freshness::LinearizableHere => (LogPosition::ZERO, ReadFrom::Anyone),
            Freshness::After(position) => (position, ReadFrom::Leader),
        };
        if read.reply.is_for_nobody() && self.office.leads() {
            return;
        }
        match self.admit_read(&read.reply.origin(), after, whom) {
            Ok(ticket) => self.waiting.reads().insert(ticket, read),
            Err(response) => read.reply.send(response.encode()),
        }
    }

    /// A place for a read that sees every write acknowledged before, and what confirms it.
    fn admit_read(
        &mut self,
        who: &Origin,
        after: LogPosition,
        from: ReadFrom,
    ) -> Result<ReadTicket, Response> {
        if from == ReadFrom::Leader && !self.office.leads() {
            return Err(self.redirect());
        }
        let place = self.waiting.reads().find_place(who);
        place.map_err(Response::Refused)?;
        let now = self.now();
        self.raft
            .read_after(now, after)
            .map_err(|error| match error {
                ReadError::NoLeader => self.redirect(),
                ReadError::Lost(position) => {
                    Response::Refused(RequestRefusal::WriteLost { position })
                }
                ReadError::NoSuchEntry(position) => {
                    Response::Refused(RequestRefusal::NoSuchEntry { position })
                }
                ReadError::Stopped => Response::Refused(RequestRefusal::Stopping),
            })
    }

    /// Answers once commit says what became of an entry, or after `patience`.
    fn take_await(&mut self, position: LogPosition, patience: Duration, reply: Reply) {
        if reply.is_for_nobody() {
            return;
        }
        if let Err(refusal) = self.find_place(&reply.origin()) {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        let longest = self.config.limits.request_timeout;
        let deadline = self.now().after(patience.min(longest));
        let awaiting = PendingAwait { reply, position };
        self.waiting
            .insert_await(awaiting, deadline, &self.raft, &self.log);
    }

    /// The digest of a state of millions of keys takes seconds: one at a time, beside everything else.
    fn take_digest_request(&self, reply: Reply) {
        let Ok(turn) = self.digests.clone().try_acquire_owned() else {
            let (bound, limit) = (Bound::Reads, DIGESTS_AT_ONCE as u64);
            reply.send(Response::Refused(RequestRefusal::Busy { bound, limit }).encode());
            return;
        };
        let find_out = self.applied.digest(self.node);
        tokio::task::spawn_blocking(move || {
            reply.send(find_out().encode());
            drop(turn);
        });
    }

    fn switch(&self, switch: TestSwitch) -> Response {
        if self.test_switch == TestSwitchAccess::Refused {
            return Response::Refused(RequestRefusal::TestSwitchOff);
        }
        self.peers.hold_appends(match switch {
            TestSwitch::HoldAppends => Hold::On,
            TestSwitch::ReleaseAppends => Hold::Off,
        });
        Response::Switched
    }
}
