//! What is acknowledged: the copies there are by now, counted in each configuration that counts.
//!
//! An acknowledgement names what somebody asked: a watermark rises only through what was proposed in
//! its mode, and a majority's copies of an `All` entry are counted when a client accepts them instead.

use crate::acks::Acks;
use crate::ids::{LogIndex, LogPosition, NodeId};
use crate::members::Members;
use crate::modes::{CommitMode, Held};
use crate::progress::Progress;
use crate::quorum;
use crate::raft::{Raft, RoleState};
use crate::writes::Writes;

use super::held_by;

/// The copies of this leader's log that are known by now.
struct Evidence<'a> {
    own: NodeId,
    peers: &'a [Progress],
    writes: &'a Writes,
    /// How far this node's own relaxed copies count where later leaders rely on them.
    own_counted: LogIndex,
    members: &'a Members,
    /// While a configuration is not committed: the one before, and where it ends.
    unsure: Option<(&'a Members, LogIndex)>,
    /// The smallest number of voters that counts.
    voters: usize,
    no_op: LogIndex,
    last: LogIndex,
    /// How far entries of this term are committed.
    commit: LogIndex,
    may_be_early: bool,
}

impl Evidence<'_> {
    /// How far entries of this term have what `mode` and `held` ask for.
    fn reached(&self, mode: CommitMode, held: Held) -> LogIndex {
        let relied_on = mode.outlives_leader(self.voters);
        let by = |id| match held {
            // This node's own relaxed copy counts once its disk says that it exists.
            Held::Written if id == self.own && relied_on => self.own_counted,
            _ => held_by(self.peers, (self.own, self.writes), id, held),
        };
        let within = |members| match mode {
            CommitMode::Async => self.last,
            CommitMode::LeaderOnly => by(self.own),
            CommitMode::AtLeast(n) => {
                quorum::held_by_at_least(members, usize::from(n), self.own, by)
            }
            CommitMode::Sync if held == Held::Synced => self.commit,
            CommitMode::Sync => quorum::held_by_majority(members, by),
            CommitMode::All => quorum::held_by_all(members, by),
        };
        let reached = match self.unsure {
            None => within(self.members),
            Some((before, at)) => within(self.members).min(within(before)).min(at.prev()),
        };
        match reached {
            inherited if inherited < self.no_op => LogIndex::ZERO,
            early if !self.may_be_early => early.min(self.commit),
            reached => reached,
        }
    }
}

impl Raft {
    /// The copies there are, and the watermarks that rest on them.
    fn evidence(&mut self) -> Option<(Evidence<'_>, &mut Acks)> {
        let term = self.hard.term;
        let own_counted = self.counted_written();
        let voters = self.voters_acking();
        let unsure = self.awaits_configuration();
        let RoleState::Leader(leader) = &mut self.role else {
            return None;
        };
        let evidence = Evidence {
            own: self.config.id,
            peers: &leader.peers,
            writes: &self.writes,
            own_counted,
            members: &self.members,
            unsure: unsure.then(|| (self.configurations.before(), self.configurations.at())),
            voters,
            no_op: leader.no_op,
            last: self.log.last(),
            commit: match self.commit.term == term {
                true => self.commit.index,
                false => LogIndex::ZERO,
            },
            may_be_early: self.unsettled.has_room(term),
        };
        Some((evidence, &mut leader.acks))
    }

    /// The next watermark of acknowledgements that rose.
    pub(in crate::raft) fn poll_ack(&mut self) -> Option<(CommitMode, Held, LogPosition)> {
        let (evidence, acks) = self.evidence()?;
        let (mode, held, upto) = acks.poll(|mode, held| evidence.reached(mode, held))?;
        self.note_ack(mode, upto);
        Some((mode, held, LogPosition::new(self.hard.term, upto)))
    }

    /// Entries through `upto` are acknowledged: their fate is told, and reads see those that are
    /// promised to later leaders.
    fn note_ack(&mut self, mode: CommitMode, upto: LogIndex) {
        let term = self.hard.term;
        if LogPosition::new(term, upto) > self.commit {
            self.unsettled.note(term, upto, self.log.last());
        }
        if mode.outlives_leader(self.voters_acking())
            && let RoleState::Leader(leader) = &mut self.role
        {
            leader.promised = leader.promised.max(upto);
        }
    }

    /// For a client that asked for every voter and accepts a majority: how firmly one holds the
    /// entry at `of` by now, at least as firmly as `held` says. `None`: it does not, or this node
    /// does not lead in the term of the entry.
    ///
    /// What it returns is an acknowledgement: its fate is told, and reads wait for it. Ask when the
    /// client is answered with it, no sooner; [`Waits`](crate::Waits) does at the deadline.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut nodes = cluster();
    /// let all = Class::new(CommitMode::All, FsyncMode::Commit);
    /// let position = nodes[0].propose(Instant::ZERO, all, 1).unwrap().run.last_position();
    /// assert_eq!(nodes[0].accept_majority(position, Held::Synced), None);
    /// exchange(&mut nodes);
    /// assert_eq!(nodes[0].accept_majority(position, Held::Synced), Some(Held::Synced));
    /// ```
    pub fn accept_majority(&mut self, of: LogPosition, held: Held) -> Option<Held> {
        if of.term != self.hard.term || of.index > self.log.last() {
            return None;
        }
        let (evidence, _) = self.evidence()?;
        let holds = |held| evidence.reached(CommitMode::Sync, held) >= of.index;
        let reached = match held {
            _ if holds(Held::Synced) => Held::Synced,
            Held::Synced => return None,
            Held::Accepted | Held::Written if holds(Held::Written) => Held::Written,
            Held::Accepted | Held::Written => return None,
        };
        self.note_ack(CommitMode::Sync, of.index);
        Some(reached)
    }
}
