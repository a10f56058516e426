//! Changes of the members (Raft §6). A configuration is an entry like any other, and counts from
//! when it is appended:
//!
//! ```text
//!              one change ──► the new configuration ──────────────────────► committed: done
//!  propose ─┤
//!              more ────────► both: each majority decides ──► committed ──► the new one, proposed by
//!                                                                           whoever leads then
//! ```
//!
//! The rules, each with the story that breaks its looser form:
//!
//! 1. **A leader proposes none before its no-op is committed.** Otherwise two leaders change the
//!    same configuration by one server each, the second not knowing of the first, and the two
//!    outcomes have majorities that do not meet.
//! 2. **One at a time:** the next waits until this one is committed. So a log that is cut loses one
//!    at most, and the one before is at hand; and whoever has the next knows that this one is committed.
//! 3. **A leader that is not in the new configuration leads on, without counting itself, until that
//!    is committed.** Left earlier, nobody might be able to commit it. Its last word has the fittest of
//!    those who stay take over.
//! 4. **Above an uncommitted configuration nothing is acknowledged early, and below it only what
//!    has the copies it needs in the configuration before as well:** the entry may be cut off, and
//!    then those of the configuration before elect the next leader among themselves.
//! 5. **A node that finds itself left out campaigns as long as that is not committed:** its vote and
//!    its log may be needed until then (thesis §4.2.2).
//!    Once it is, whoever hears the node ask for votes tells it so: `left_out.rs`.
//! 6. **Who runs on another store than the configuration names is no voter of it:** 1. node 3 is the
//!    only voter; others join, and it leaves; 2. its disk is lost, and it joins again on an empty one;
//!    3. the log it is sent makes it, for a moment, the only voter again, and it elects itself.
//! 7. **Who is no member, or runs on another store than the member, is not believed where that costs
//!    nothing:** its answers count for nothing, and as a candidate behind this log it does not even
//!    spread its term. One whose log is no shorter may be a member that this node has not heard of,
//!    and gets its vote; and a leader is heard. Otherwise a node that was cut off while a member left,
//!    lost its disk and joined again would know of the old store for ever.

use core::fmt;

use super::dropped::Drop;
use super::{Proposed, Raft, RoleState};
use crate::bounds::{Bound, Busy};
use crate::entry::{EntryKind, Run};
use crate::ids::{LogIndex, LogPosition, NodeId, StoreId};
use crate::limits::INDEX_MAX;
use crate::log::TermAt;
use crate::members::{Change, ChangeError, ConfigurationBytes, Members};
use crate::message::Message;
use crate::modes::{Class, CommitMode, FsyncMode, Held};
use crate::progress::{Heard, Progress};
use crate::quorum;
use crate::time::Instant;
use crate::wire::Frame;

/// Why the members stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembersProposeError {
    /// This node does not lead; here is who does, if it knows.
    NotLeader(Option<NodeId>),
    /// This leader has not committed an entry of its term yet. Ask again soon.
    NotReady,
    /// An earlier change, whose entry stands here, is not through. Ask again when it is.
    UnderWay(LogIndex),
    /// Leadership is moving to this node. Ask again soon, there.
    Transferring(NodeId),
    /// The changes make no configuration.
    Change(ChangeError),
    /// This node has as much to do as it takes on.
    Busy(Busy),
    /// The log has reached the end of the protocol's range.
    Exhausted,
    /// This node has been stopped, or replaced by a newer incarnation of its store.
    Stopped,
}

impl fmt::Display for MembersProposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => {
                write!(f, "not the leader, the members stay as they are: ask node {leader}")
            }
            Self::NotLeader(None) => f.write_str(
                "not the leader, the members stay as they are: no leader is known yet, ask again soon",
            ),
            Self::NotReady => f.write_str(
                "the leader has committed nothing in its term yet, the members stay as they are: \
                 ask again soon",
            ),
            Self::UnderWay(at) => write!(
                f,
                "the change at {at} is not through, the members stay as it has them: ask again \
                 when it is"
            ),
            Self::Transferring(to) => write!(
                f,
                "leadership is being transferred to node {to}, the members stay as they are: ask there soon"
            ),
            Self::Change(error) => write!(f, "the members stay as they are: {error}"),
            Self::Busy(busy) => write!(f, "the members stay as they are: {busy}"),
            Self::Exhausted => {
                f.write_str("the members stay as they are: the log is at its end")
            }
            Self::Stopped => {
                f.write_str("this node is stopping, the members stay as they are: ask another")
            }
        }
    }
}

impl core::error::Error for MembersProposeError {}

impl Raft {
    /// Proposes other members, on this leader: one change by itself, or several together, which then
    /// need both majorities until whoever leads has proposed to leave the old ones behind.
    ///
    /// The new configuration counts at once, and [`Raft::members`] shows it. The entry's bytes come with
    /// [`Output::OwnEntry`](crate::Output::OwnEntry).
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut node = leader();
    /// let learner = Change::Learner(Member { id: NodeId(2), store: StoreId(2) });
    /// node.propose_members(Instant::ZERO, &[learner]).unwrap();
    /// assert!(node.members().contains(NodeId(2)));
    /// ```
    pub fn propose_members(
        &mut self,
        now: Instant,
        changes: &[Change],
    ) -> Result<Proposed, MembersProposeError> {
        self.begin(now);
        self.leave_office_if_absent();
        let proposed = self.propose_changes(changes);
        self.advance();
        proposed
    }

    /// Who is in the cluster, as the newest configuration in this log has it.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let node = started(1, 3);
    /// assert!(node.members().is_voter(NodeId(3)));
    /// ```
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The bytes of a configuration's entry: those of the newest two are known.
    pub(super) fn configuration_bytes(&self, of: LogPosition) -> Option<ConfigurationBytes> {
        let configurations = &self.configurations;
        if of.index == LogIndex::ZERO || self.log.term_at(of.index) != TermAt::Known(of.term) {
            return None;
        }
        match of.index {
            at if at == configurations.at() => Some(self.members.to_bytes()),
            at if at == configurations.before_at() => Some(configurations.before().to_bytes()),
            _ => None,
        }
    }

    fn propose_changes(&mut self, changes: &[Change]) -> Result<Proposed, MembersProposeError> {
        match &self.role {
            RoleState::Leader(leader) => {
                // What the target is to have matched must not grow.
                if let Some(to) = leader.transfer_to() {
                    return Err(MembersProposeError::Transferring(to));
                }
            }
            _ if !self.is_active() => return Err(MembersProposeError::Stopped),
            RoleState::Follower(follower) => {
                return Err(MembersProposeError::NotLeader(follower.leader));
            }
            _ => return Err(MembersProposeError::NotLeader(None)),
        }
        if self.commit.term != self.hard.term {
            return Err(MembersProposeError::NotReady);
        }
        if self.awaits_configuration() || self.members.is_joint() {
            return Err(MembersProposeError::UnderWay(self.configurations.at()));
        }
        let next = self.members.changed(changes);
        let next = next.map_err(MembersProposeError::Change)?;
        if self.log.last().next().0 > INDEX_MAX {
            return Err(MembersProposeError::Exhausted);
        }
        self.check_room_for_configuration()
            .map_err(MembersProposeError::Busy)?;
        let run = self.append_configuration(next);
        if let RoleState::Leader(leader) = &mut self.role {
            leader.acks.want(CommitMode::Sync, Held::Synced, run);
        }
        Ok(Proposed {
            run,
            mode: CommitMode::Sync,
            held: Held::Synced,
            voters: self.members.voters_min() as u8,
        })
    }

    /// Whether the newest configuration is not known to be committed.
    pub(super) fn awaits_configuration(&self) -> bool {
        self.configurations.at() > self.commit.index
    }

    /// Whether the disk keeps up: the entry of the last configuration was handed to it, so that no
    /// more than two are ever asked for.
    fn check_room_for_configuration(&self) -> Result<(), Busy> {
        let busy = |bound, limit| Err(Busy { bound, limit });
        if self.writes.emitted() < self.configurations.at() {
            return busy(Bound::UnwrittenMembers, 1);
        }
        self.check_unwritten(self.log.last().next())?;
        match self.has_term_run_for(self.hard.term, EntryKind::Configuration) {
            true => Ok(()),
            false => busy(Bound::UnwrittenTerms, self.log.window().into()),
        }
    }

    /// Appends a configuration to the log of this leader.
    fn append_configuration(&mut self, next: Members) -> Run {
        let run = Run {
            term: self.hard.term,
            kind: EntryKind::Configuration,
            first: self.log.last().next(),
            count: 1,
        };
        self.extend_log(run);
        self.told.own_entry(run.first);
        self.enter_configuration(run.first, next);
        self.note_class(run, Class::new(CommitMode::Sync, FsyncMode::Commit));
        self.writes.force(run.first);
        self.schedule_sending(CommitMode::Sync, run);
        run
    }

    /// The entry at `at` was appended: its configuration counts from now on.
    pub(super) fn enter_configuration(&mut self, at: LogIndex, next: Members) {
        self.configurations.enter(&mut self.members, next, at);
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        leader.void_lease();
        let (members, own) = (&self.members, self.config.id);
        leader.peers.retain(|peer| members.contains(peer.id));
        for member in members.iter().filter(|member| member.id != own) {
            if leader.peer(member.id).is_none() {
                let mut fresh = Progress::new(member.id, member.store, at);
                // A newcomer gets its time to answer before the quorum is checked.
                fresh.heard = Heard::Yes;
                // As many slots as there are others, unless a hostile leader made up the members.
                let _ = leader.peers.push(fresh);
            }
        }
    }

    /// The log was cut behind `keep`.
    pub(super) fn fall_back(&mut self, keep: LogIndex) {
        self.configurations.fall_back(&mut self.members, keep);
    }

    /// What of a leader's append is a configuration; refused are bytes that hold none, and entries
    /// in place of one that must be committed.
    pub(super) fn configuration_in(
        &self,
        frame: &Frame<'_>,
        fresh: Run,
    ) -> Result<Option<Members>, Drop> {
        if fresh.first <= self.configurations.before_at() {
            return Err(Drop::Malformed);
        }
        if fresh.kind != EntryKind::Configuration {
            return Ok(None);
        }
        let members = frame.entries().next().and_then(Members::from_bytes);
        members.map(Some).ok_or(Drop::Malformed)
    }

    /// Moves on once a configuration is committed: leaves the old voters behind, or leaves office.
    pub(super) fn advance_members(&mut self) {
        let leads = match &self.role {
            RoleState::Leader(leader) => leader.transfer_to().is_none(),
            _ => false,
        };
        if !leads || self.commit.term != self.hard.term || self.awaits_configuration() {
            return;
        }
        if self.members.is_joint() {
            let room = self.check_room_for_configuration().is_ok();
            if room && self.log.last().0 < INDEX_MAX {
                self.append_configuration(self.members.left());
            }
        } else if !self.members.is_voter(self.config.id) {
            self.leave_for_good();
        }
    }

    /// Whether this node may stand for election: rules 5 and 6.
    pub(super) fn may_campaign(&self) -> bool {
        let votes_in = |members: &Members| {
            let bound = members.iter().find(|member| member.id == self.config.id);
            let own = |store| store == StoreId::ANY || store == self.config.store;
            bound.is_some_and(|member| own(member.store)) && members.is_voter(self.config.id)
        };
        let votes = votes_in(&self.members)
            || (self.awaits_configuration() && votes_in(self.configurations.before()));
        votes && !self.is_left_out()
    }

    /// The smallest number of voters in a configuration that early acknowledgements are counted in.
    pub(super) fn voters_acking(&self) -> usize {
        let voters = self.members.voters_min();
        match self.awaits_configuration() {
            true => voters.min(self.configurations.before().voters_min()),
            false => voters,
        }
    }

    /// Whether commit is all that `mode` asks for: in no configuration that counts does it ask more
    /// voters than a majority.
    pub(crate) fn commit_fulfils(&self, mode: CommitMode) -> bool {
        let within = |members: &Members| {
            let sets = [members.voters(), members.voters_outgoing()];
            sets.into_iter()
                .map(|set| set.len())
                .all(|voters| mode.voters_asked(voters).min(voters) <= quorum::majority(voters))
        };
        within(&self.members)
            && (!self.awaits_configuration() || within(self.configurations.before()))
    }

    /// Whether a message is believed although its sender may be no member, as far as this node knows,
    /// or run on another store: rule 7.
    pub(super) fn believes_anyone(&self, message: &Message) -> bool {
        match message {
            Message::Vote { last } | Message::TransferVote { last } => {
                *last >= self.log.last_position()
            }
            Message::PreVoteReply { .. }
            | Message::VoteReply { .. }
            | Message::LeftOut { .. }
            | Message::Matched(_)
            | Message::Rejected { .. }
            | Message::HeartbeatReply(_)
            | Message::ReadIndex { .. } => false,
            Message::PreVote { .. }
            | Message::Append(_)
            | Message::Heartbeat(_)
            | Message::Snapshot { .. }
            | Message::TimeoutNow
            | Message::ReadIndexReply { .. } => true,
        }
    }
}
