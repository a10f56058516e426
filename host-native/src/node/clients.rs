//! What clients ask for.

use std::time::Duration;

use bytes::Bytes;
use kraft_proto::zones::{Request as ClassRequest, ZoneError};
use kraft_proto::{
    Class, CommitMode, EntryKind, FsyncMode, LogPosition, ProposeError, ReadError, Role,
};
use kraft_wire::api::{
    Attempt, Bound, DigestReport, FateReport, Freshness, Leader, Request, RequestRefusal, Response,
    TestSwitch, Write,
};
use kraft_wire::command::{AnsweredBy, Command, WriteDigest};
use kraft_wire::key_value::{Measure, Unfit};

use super::engine::Engine;
use super::error::TestSwitchAccess;
use super::own_requests::OnItsWay;
use super::pending::{PendingAwait, PendingRead, PendingWrite, Token, is_linearizable};
use crate::checksummed::{self, CHECKSUM_LEN};
use crate::rpc::{Call, Origin, Reply};
use crate::sessions::SessionError;
use crate::transport::Hold;

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
            Request::Write(write) => self.take_write(write, reply),
            Request::Get { freshness, .. } | Request::Scan { freshness, .. } => {
                self.take_read(request, freshness, reply);
            }
            Request::Fate { .. } | Request::Status | Request::Digest => {
                self.serve_when_read(PendingRead { reply, request });
            }
            Request::Transfer { to } => self.take_transfer(to, reply),
            Request::Await {
                position,
                timeout_ms,
            } => self.take_await(position, Duration::from_millis(timeout_ms.into()), reply),
            Request::Test(switch) => reply.send(self.switch(switch).encode()),
        }
    }

    /// Where to go instead.
    pub(super) fn redirect(&self) -> Response {
        let leader = self.leader.filter(|leader| *leader != self.parts.node);
        let leader = leader.and_then(|leader| {
            let address = self.parts.clients.directory().of(leader)?;
            Some(Leader {
                node: leader,
                address,
            })
        });
        Response::Redirect { leader }
    }

    /// The class of a write, by its own request, its zones and the default.
    fn class_of(&self, write: &Write) -> Result<Class, RequestRefusal> {
        let voters = self.parts.raft.members().voters_min();
        let requested = ClassRequest {
            mode: write.options.mode,
            fsync: write.options.fsync,
        };
        let default = self.parts.raft.durability().default;
        let zones = &self.parts.config.zones;
        let keys = write.operation.keys().map(|key| key.as_bytes());
        let class = zones
            .resolve(requested, keys, default, voters)
            .map_err(|error| self.refusal_of(error, requested, default))?;
        Ok(match write.operation.answered_by() {
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
        let voters = self.parts.raft.members().voters_min() as u8;
        let zone = match error {
            ZoneError::AtLeastZero => return RequestRefusal::AtLeastOutOfRange { n: 0, voters },
            ZoneError::AtLeastTooMany { asked, .. } => {
                return RequestRefusal::AtLeastOutOfRange { n: asked, voters };
            }
            ZoneError::ModeBelowFloor { zone, .. } | ZoneError::FsyncBelowFloor { zone, .. } => {
                zone
            }
        };
        let zone = &self.parts.config.zones.zones()[zone];
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

    fn take_write(&mut self, write: Write, reply: Reply) {
        if self.role != Role::Leader {
            reply.send(self.redirect().encode());
            return;
        }
        if self.is_unsure() {
            reply.send(Response::Refused(RequestRefusal::LeadershipTransfer).encode());
            return;
        }
        let asked = match self.admit(&write, &reply.origin()) {
            Ok(asked) => asked,
            Err(refusal) => {
                reply.send(Response::Refused(refusal).encode());
                return;
            }
        };
        let encoded = Command::encode(&write.request, &write.operation);
        let payload = match encoded.and_then(|payload| self.fit(payload)) {
            Ok(payload) => payload,
            Err(unfit) => {
                reply.send(Response::Refused(unfit.into()).encode());
                return;
            }
        };
        let digest = Command::decode(&payload).map(|command| command.write_digest());
        let digest = match digest.map_err(|_| RequestRefusal::NotReady) {
            Ok(digest) => digest,
            Err(refusal) => return reply.send(Response::Refused(refusal).encode()),
        };
        if let Err(refusal) = self.admit_request(&write, digest) {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        if let Err(refusal) = self.admit_entries(1, payload.len() as u64) {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        if self.cache.next() <= self.parts.raft.last().index {
            // The core made an entry before this one: its bytes come first.
            self.pump();
        }
        let now = self.now();
        let proposed = match self.parts.raft.propose(now, asked, 1) {
            Ok(proposed) => proposed,
            Err(error) => {
                let response = self.refused(error);
                reply.send(response.encode());
                return;
            }
        };
        let position = proposed.run.last_position();
        self.own_requests
            .propose(position.index, write.request, digest);
        let entry = checksummed::add(position, EntryKind::Command, &payload);
        let bytes = entry.len();
        self.cache.put(position, entry);
        let durability = self.parts.raft.durability();
        let timeout = match write.options.timeout_ms {
            Some(ms) => Some(Duration::from_millis(ms.into())),
            None if asked.mode == CommitMode::All => Some(durability.all_timeout),
            None => None,
        };
        let longest = self.parts.config.limits.request_timeout;
        if reply.is_for_nobody() {
            // It is gone, and was told of as such: nobody waits for what is carried out all the same.
            return;
        }
        self.waiting.take(reply.origin(), 1);
        let fallback = write.options.fallback.unwrap_or(durability.fallback);
        let token = self.writes.insert(PendingWrite {
            reply,
            asked,
            started: now,
            bytes,
            position,
            answered_by: write.operation.answered_by(),
            effect: None,
            acked: None,
        });
        let patience = write.patience_ms.map(|ms| Duration::from_millis(ms.into()));
        let within = timeout.into_iter().chain(patience).min();
        let deadline = Some(now.after(within.map_or(longest, |within| within.min(longest))));
        let waiting = self.waits.insert(
            Token::Write(token),
            position,
            &proposed,
            asked,
            deadline,
            fallback,
        );
        // `admit` made sure of it.
        debug_assert_eq!(waiting, Ok(()));
    }

    /// Everything that can be refused before anything is written.
    fn admit(&mut self, write: &Write, who: &Origin) -> Result<Class, RequestRefusal> {
        write.operation.check()?;
        let class = self.class_of(write)?;
        let limit = self.parts.config.at_risk_bytes_max;
        let voters = self.parts.raft.members().voters_min();
        let early = class.fsync < FsyncMode::Commit || !class.mode.outlives_leader(voters);
        if early && self.at_risk.bytes() as u64 > limit {
            return Err(RequestRefusal::Busy {
                bound: Bound::BytesAtRisk,
                limit,
            });
        }
        self.place_to_wait(who)?;
        Ok(class)
    }

    /// Whether the request's number is this write's, as far as session and log can tell.
    fn admit_request(&self, write: &Write, digest: WriteDigest) -> Result<(), RequestRefusal> {
        // What earlier leaders left is known once it is applied, and a number never used is not in it.
        if write.attempt == Attempt::Again && self.replica.applied().index < self.led_from {
            return Err(RequestRefusal::NotReady);
        }
        if self.own_requests.look(&write.request, digest) == OnItsWay::Another {
            return Err(RequestRefusal::RequestWasAnotherWrite);
        }
        let admitted = self.replica.admit(&write.request, digest);
        admitted.map_err(|error| match error {
            SessionError::TooOld { lowest } => RequestRefusal::RequestTooOld { lowest },
            SessionError::AnotherWrite => RequestRefusal::RequestWasAnotherWrite,
            SessionError::Expired => RequestRefusal::SessionExpired {
                open_at: self.replica.applied().index,
            },
        })
    }

    /// The payload of a command, if this node's log can hold its entry: one that it cannot would end
    /// the node once it was in the log.
    fn fit(&self, payload: Bytes) -> Result<Bytes, Unfit> {
        let entry_bytes_max = self.parts.disk.payload_bytes_max();
        let limit = usize::try_from(entry_bytes_max).unwrap_or(usize::MAX);
        Measure::Command.check(payload.len(), limit.saturating_sub(CHECKSUM_LEN))?;
        Ok(payload)
    }

    fn refused(&self, error: ProposeError) -> Response {
        Response::Refused(match error {
            ProposeError::NotLeader(_) => return self.redirect(),
            ProposeError::Exhausted | ProposeError::Count => RequestRefusal::NotReady,
            ProposeError::Transferring(_) => RequestRefusal::LeadershipTransfer,
            ProposeError::AtLeast { asked, voters } => {
                RequestRefusal::AtLeastOutOfRange { n: asked, voters }
            }
            ProposeError::Busy(busy) | ProposeError::TooMany(busy) => busy.into(),
            ProposeError::Stopped => RequestRefusal::Stopping,
        })
    }

    fn take_read(&mut self, request: Request, freshness: Freshness, reply: Reply) {
        if let Request::Scan { scan, .. } = &request
            && let Err(unfit) = scan.check()
        {
            reply.send(Response::Refused(unfit.into()).encode());
            return;
        }
        if !is_linearizable(freshness) {
            self.serve_when_read(PendingRead { reply, request });
            return;
        }
        if self.role != Role::Leader {
            reply.send(self.redirect().encode());
            return;
        }
        if reply.is_for_nobody() {
            return;
        }
        if let Err(refusal) = self.place_to_read(&reply.origin()) {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        let now = self.now();
        match self.parts.raft.read(now) {
            Ok(ticket) => self.reads.insert(ticket, PendingRead { reply, request }),
            Err(ReadError::NoLeader | ReadError::Lost(_) | ReadError::NoSuchEntry(_)) => {
                reply.send(self.redirect().encode());
            }
            Err(ReadError::Stopped) => {
                reply.send(Response::Refused(RequestRefusal::Stopping).encode());
            }
        }
    }

    /// Answers once commit says what became of an entry, or after `patience`.
    fn take_await(&mut self, position: LogPosition, patience: Duration, reply: Reply) {
        if reply.is_for_nobody() {
            return;
        }
        if let Err(refusal) = self.place_to_wait(&reply.origin()) {
            reply.send(Response::Refused(refusal).encode());
            return;
        }
        self.waiting.take(reply.origin(), 1);
        let longest = self.parts.config.limits.request_timeout;
        let deadline = self.now().after(patience.min(longest));
        let token = self.awaits.insert(PendingAwait { reply, position });
        let (asked, raft) = (Class::default(), &self.parts.raft);
        let history = |index| self.parts.history.run_at(index);
        // There is room, as was asked above.
        let _ = self
            .waits
            .await_commit(token, position, asked, Some(deadline), raft, history);
    }

    /// Tells somebody who awaited a commit what is known by now.
    pub(super) fn answer_await(&mut self, number: u32) {
        if let Some(PendingAwait { reply, position }) = self.awaits.remove(number) {
            self.waiting.give_back(&reply.origin(), 1);
            reply.send(self.serve(&Request::Fate { position }).encode());
        }
    }

    /// Answers what needs no more waiting.
    pub(super) fn serve(&self, request: &Request) -> Response {
        let read_at = self.replica.applied().index;
        match request {
            Request::Get { key, .. } => Response::Value {
                value: self.replica.machine().get(key.as_bytes()).cloned(),
                read_at,
            },
            Request::Scan { scan, .. } => Response::Rows {
                page: self.replica.machine().scan(scan),
                read_at,
            },
            Request::Fate { position } => Response::Fate(FateReport {
                position: *position,
                fate: self
                    .parts
                    .raft
                    .fate_with(*position, |index| self.parts.history.run_at(index)),
                node: self.parts.node,
                commit: self.commit,
            }),
            Request::Status => Response::Status(Box::new(self.report())),
            Request::Digest => {
                let digest = self.replica.digest();
                let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
                Response::Digest(DigestReport {
                    node: self.parts.node,
                    applied: self.replica.applied(),
                    sha256: hex.collect(),
                    entries: self.replica.machine().entries(),
                })
            }
            Request::Write(_)
            | Request::Test(_)
            | Request::Transfer { .. }
            | Request::Await { .. } => Response::Refused(RequestRefusal::NotReady),
        }
    }

    fn switch(&self, switch: TestSwitch) -> Response {
        if self.parts.test_switch == TestSwitchAccess::Refused {
            return Response::Refused(RequestRefusal::TestSwitchOff);
        }
        self.parts.transport.hold_appends(match switch {
            TestSwitch::HoldAppends => Hold::On,
            TestSwitch::ReleaseAppends => Hold::Off,
        });
        Response::Switched
    }
}
