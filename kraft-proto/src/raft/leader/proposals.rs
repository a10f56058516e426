//! Proposals: which are taken, how durable each becomes, and when they are sent.

use crate::bounds::{Bound, Busy};
use crate::durability::{LeaderFsync, LeaderOnlyReplication};
use crate::entry::{EntryKind, Run};
use crate::ids::LogIndex;
use crate::limits::{INDEX_MAX, RUN_ENTRIES_MAX};
use crate::modes::{Class, CommitMode, FsyncMode, Held};
use crate::raft::{ProposeError, Proposed, Raft, RoleState};
use crate::timers::Timer;

impl Raft {
    /// Where a class must be held before it is acknowledged, on this leader.
    fn held_by_class(&self, class: Class) -> Held {
        let required = self.config.durability.leader_fsync == LeaderFsync::Required;
        match class.mode {
            CommitMode::Async => Held::Accepted,
            CommitMode::LeaderOnly if required => Held::Synced,
            _ => class.fsync.held(),
        }
    }

    pub(in crate::raft) fn propose_run(
        &mut self,
        asked: Class,
        count: u32,
    ) -> Result<Proposed, ProposeError> {
        let term = self.hard.term;
        let voters = self.members.voters_min();
        let leader = match &self.role {
            RoleState::Leader(leader) => leader,
            _ if !self.is_active() => return Err(ProposeError::Stopped),
            RoleState::Follower(follower) => {
                return Err(ProposeError::NotLeader(follower.leader));
            }
            _ => return Err(ProposeError::NotLeader(None)),
        };
        if let Some(to) = leader.transfer_to() {
            return Err(ProposeError::Transferring(to));
        }
        if count == 0 || count > RUN_ENTRIES_MAX {
            return Err(ProposeError::Count);
        }
        if let CommitMode::AtLeast(n) = asked.mode
            && (n == 0 || usize::from(n) > voters)
        {
            return Err(ProposeError::AtLeast {
                asked: n,
                voters: voters as u8,
            });
        }
        let class = Class::new(
            asked.mode,
            asked.fsync.max(self.config.durability.fsync_floor),
        );
        let held = self.held_by_class(class);
        let last = self.log.last().plus(u64::from(count));
        if last.0 > INDEX_MAX {
            return Err(ProposeError::Exhausted);
        }
        let early = held != Held::Synced || !class.mode.outlives_leader(voters);
        if early {
            self.check_fits(count)?;
        }
        self.check_unwritten(last).map_err(ProposeError::Busy)?;
        if early {
            self.check_at_risk(last).map_err(ProposeError::Busy)?;
        }
        let run = Run {
            term,
            kind: EntryKind::Command,
            first: self.log.last().next(),
            count,
        };
        self.extend_log(run);
        self.note_class(run, class);
        if held == Held::Synced || class.fsync >= FsyncMode::Commit {
            self.writes.force(run.last());
        }
        if class.is_relied_on(voters) {
            self.rely_on(run.last());
        }
        self.schedule_sending(class.mode, run);
        if early {
            self.relieve(last);
        }
        let RoleState::Leader(leader) = &mut self.role else {
            return Err(ProposeError::NotLeader(None));
        };
        leader.acks.want(class.mode, held, run);
        Ok(Proposed {
            run,
            mode: class.mode,
            held,
            voters: voters as u8,
        })
    }

    /// Whether so many early entries can ever be taken on at once: waiting would not help otherwise.
    fn check_fits(&self, count: u32) -> Result<(), ProposeError> {
        let limit = self.config.durability.at_risk_entries_max;
        let bound = Bound::EntriesAtRisk;
        match u64::from(count) > limit {
            true => Err(ProposeError::TooMany(Busy { bound, limit })),
            false => Ok(()),
        }
    }

    /// Half of what may be at risk asks for the force that empties it, on every node, unless one is
    /// under way: the background force alone may come later than the other half fills.
    fn relieve(&mut self, last: LogIndex) {
        let half = self.config.durability.at_risk_entries_max / 2;
        let commit = self.commit.index;
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        if last.since(commit) > half && leader.force_upto <= commit {
            leader.force_upto = last;
            leader.release(last);
            self.timers.stop(Timer::AsyncBatch);
            self.writes.force(last);
        }
    }

    /// Whether entries through `last` may be acknowledged before they are committed.
    fn check_at_risk(&self, last: LogIndex) -> Result<(), Busy> {
        let limit = self.config.durability.at_risk_entries_max;
        let bound = Bound::EntriesAtRisk;
        match last.since(self.commit.index) > limit {
            true => Err(Busy { bound, limit }),
            false => Ok(()),
        }
    }

    /// Whether the disk keeps up with a log that ends at `last`.
    pub(in crate::raft) fn check_unwritten(&self, last: LogIndex) -> Result<(), Busy> {
        let limit = u64::from(self.config.unwritten_entries_max);
        let bound = Bound::UnwrittenEntries;
        match self.unwritten_through(last) > limit {
            true => Err(Busy { bound, limit }),
            false => Ok(()),
        }
    }

    /// Decides when entries just proposed are sent.
    pub(in crate::raft) fn schedule_sending(&mut self, mode: CommitMode, run: Run) {
        let durability = &self.config.durability;
        let RoleState::Leader(leader) = &mut self.role else {
            return;
        };
        match mode {
            CommitMode::Async => {
                leader.waiting = leader.waiting.saturating_add(run.count);
                if leader.waiting >= durability.batch_size {
                    leader.release(run.last());
                    self.timers.stop(Timer::AsyncBatch);
                } else {
                    let deadline = self.now.after(durability.batch_timeout);
                    self.timers.start(Timer::AsyncBatch, deadline);
                }
            }
            CommitMode::LeaderOnly
                if durability.leader_only_replication == LeaderOnlyReplication::WithHeartbeat => {}
            _ => {
                leader.release(run.last());
                self.timers.stop(Timer::AsyncBatch);
            }
        }
    }

    /// `Async` entries waited long enough.
    pub(in crate::raft) fn handle_async_batch(&mut self) {
        if let RoleState::Leader(leader) = &mut self.role {
            leader.release(self.log.last());
        }
    }
}
