//! What is applied: the state machine behind its sessions, a little at a time, so that a node that
//! catches up stays reachable; and whether the peers' replicas are the same.

mod own_requests;
mod replica_check;

use kraft_proto::{EntryKind, LogIndex, LogPosition, NodeId, Raft, Run};
use kraft_wire::api::{Attempt, DataStatus, DigestReport, RequestRefusal, Response, Write};
use kraft_wire::command::WriteDigest;
use kraft_wire::payload::Payload;

use own_requests::{OnItsWay, OwnRequests};
pub(super) use replica_check::ReplicaCheck;

use super::error::NodeError;
use super::log::Log;
use crate::address_book::AddressBook;
use crate::checksummed;
use crate::machine::{Image, Loader, Look, Moment, Replica, Replicated, StateMachine, digest_of};
use crate::replicas::Digest;
use crate::sessions::SessionError;

/// Entries applied before inputs are looked at again.
const ENTRIES_AT_ONCE: u32 = 2048;

/// Bytes read back from the disk at once.
const BYTES_AT_ONCE: usize = 1024 * 1024;

/// What is applied.
pub(super) struct Applied {
    replica: Box<dyn Replica>,
    own_requests: OwnRequests,
    /// The end of the log when this node began to lead: through here it may hold requests of earlier
    /// leaders.
    led_from: LogIndex,
    check: ReplicaCheck,
}

/// What the state machine said of an entry that somebody waits for, where it was applied to it.
pub(super) type Said = (LogPosition, Option<Payload>);

impl Applied {
    /// Nothing is applied to this machine yet of a log that ends with `last`.
    pub fn nothing_of(last: LogIndex, machine: impl StateMachine) -> Self {
        Self {
            replica: Box::new(Replicated::new(machine)),
            own_requests: OwnRequests::default(),
            led_from: last,
            check: ReplicaCheck::new(),
        }
    }

    /// The state is another, of a snapshot; the one before is given back.
    pub fn restore(&mut self, replica: Box<dyn Replica>, digest: Digest) -> Box<dyn Replica> {
        self.own_requests.applied(replica.applied().index);
        self.check.restore(digest);
        std::mem::replace(&mut self.replica, replica)
    }

    /// The state at this moment, to be written while others are applied.
    pub fn image(&self) -> Image {
        self.replica.image()
    }

    /// What reads such an image back.
    pub fn loader(&self) -> Loader {
        self.replica.loader()
    }

    /// The index of the last entry applied.
    pub fn upto(&self) -> LogIndex {
        self.position().index
    }

    /// The last entry applied.
    pub fn position(&self) -> LogPosition {
        self.replica.applied()
    }

    /// Reads an operation and shows it to `at`, if it may enter the log.
    ///
    /// # Errors
    ///
    /// Why it may not; then `at` is not called.
    pub fn look(
        &self,
        operation: &Payload,
        at: &mut dyn FnMut(Look<'_>),
    ) -> Result<(), RequestRefusal> {
        self.replica.look(operation, at)
    }

    /// Asks the state machine.
    pub fn query(&self, query: &Payload) -> Response {
        match self.replica.query(query) {
            Ok(view) => Response::View {
                view,
                read_at: self.upto(),
            },
            Err(refusal) => Response::Refused(refusal),
        }
    }

    /// Bytes that the view of a query has at most by now.
    pub fn view_bytes_max(&self, query: &Payload) -> usize {
        self.replica.view_bytes_max(query)
    }

    /// The state machine at this moment, to be asked while others are applied.
    pub fn moment(&self) -> Box<dyn Moment> {
        self.replica.moment()
    }

    /// Where members are, as the log has it.
    pub fn book(&self) -> &AddressBook {
        self.replica.book()
    }

    /// Whether the peers' replicas are the same.
    pub fn check(&mut self) -> &mut ReplicaCheck {
        &mut self.check
    }

    /// The same, to look at.
    pub fn checked(&self) -> &ReplicaCheck {
        &self.check
    }

    /// Applies some of what is committed. What the state machine said of those entries for which
    /// `awaited` is true.
    ///
    /// # Errors
    ///
    /// When entries cannot be read back, or their bytes were damaged.
    pub fn apply_some(
        &mut self,
        commit: LogIndex,
        raft: &Raft,
        log: &Log,
        awaited: impl Fn(LogPosition) -> bool,
    ) -> Result<Vec<Said>, NodeError> {
        let mut said = Vec::new();
        let mut left = ENTRIES_AT_ONCE;
        while left > 0 && self.upto() < commit {
            let Some(run) = run_to_apply(self.upto().next(), commit, left, raft, log) else {
                return Ok(said);
            };
            let entries = log.read(run, BYTES_AT_ONCE);
            let entries = entries.map_err(NodeError::Unreadable)?;
            left -= (entries.len() as u32).clamp(1, left);
            for (position, entry) in run.positions().zip(&entries) {
                self.check.applied(position, run.kind, entry);
                if run.kind != EntryKind::Command {
                    self.replica.pass(position);
                    continue;
                }
                // Checked when it came in and when it was read: what does not open now was damaged
                // since.
                let payload = checksummed::verify(position, run.kind, entry)
                    .map_err(|_| NodeError::Damaged(position))?;
                let applied = self.replica.apply(position, payload);
                self.own_requests.applied(position.index);
                if awaited(position) {
                    said.push((position, applied.outcome().cloned()));
                }
            }
        }
        Ok(said)
    }

    /// This node leads as of now, and its log ends with `last`.
    pub fn begin_term(&mut self, last: LogIndex) {
        self.led_from = last;
    }

    /// Whether the request's number is this write's, as far as session and log can tell.
    ///
    /// # Errors
    ///
    /// When it is not, or when that cannot be told yet, or any more.
    pub fn admit(&self, write: &Write, digest: WriteDigest) -> Result<(), RequestRefusal> {
        // What earlier leaders left is known once it is applied, and a number never used is not in it.
        if write.attempt == Attempt::Again && self.upto() < self.led_from {
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
                open_at: self.upto(),
            },
        })
    }

    /// The entry at `index` carries this write.
    pub fn proposed(&mut self, index: LogIndex, write: &Write, digest: WriteDigest) {
        self.own_requests.propose(index, write.request, digest);
    }

    /// Figures of the state.
    pub fn data(&self) -> DataStatus {
        let size = self.replica.size();
        DataStatus {
            entries: size.entries,
            bytes: size.bytes,
            sessions: self.replica.sessions(),
        }
    }

    /// What finds out the digest of the state as it is now: that takes its time, on a thread of its own.
    pub fn digest(&self, node: NodeId) -> impl FnOnce() -> Response + Send + use<> {
        let (applied, entries) = (self.position(), self.replica.size().entries);
        let image = self.replica.image();
        move || match digest_of(image) {
            Ok(digest) => Response::Digest(DigestReport {
                node,
                applied,
                sha256: hex(digest.as_ref()),
                entries,
            }),
            Err(error) => Response::Refused(RequestRefusal::Malformed {
                why: format!("the state machine cannot save its state: {error}"),
            }),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Entries of one term and one kind from `first` on, at most `count` of them, all committed.
fn run_to_apply(
    first: LogIndex,
    commit: LogIndex,
    count: u32,
    raft: &Raft,
    log: &Log,
) -> Option<Run> {
    let run = match raft.run_from(first, count) {
        Some(run) => run,
        None => log.run_at(first)?,
    };
    let left = run.last().min(commit).since(first.prev());
    Some(Run {
        first,
        count: left.min(count.into()) as u32,
        ..run
    })
}
