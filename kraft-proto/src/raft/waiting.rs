//! What a node waits for: why nothing moves, if nothing does.

use core::fmt;

use heapless::Vec;
use serde::Serialize;

use super::{Lifecycle, Raft, RoleState};
use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, NodeId};
use crate::limits::UNSETTLED_TERMS_MAX;
use crate::modes::Held;
use crate::progress::PeerState;
use crate::quorum;

/// Reasons at most: one of each kind, and peers that need a snapshot while there is room.
pub const WAITING_MAX: usize = 16;

/// Something a node waits for. Most last microseconds; one that stays is what to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Waiting {
    /// A newer incarnation of its store runs: it does nothing any more.
    Superseded(Incarnation),
    /// It was told to stop.
    Stop,
    /// Its disk has not reported the term, vote or incarnation that its messages speak for.
    HardState,
    /// Its disk has not reported the mark without which relied-on copies are not counted.
    Mark,
    /// Its disk has as many log writes as it is given at once.
    LogWrites,
    /// It hears no leader, and has not campaigned yet.
    Leader,
    /// Too few voters answered a candidate.
    Votes {
        /// Granted so far.
        granted: u8,
    },
    /// Enough voters granted, but too few of them are sure to have forgotten nothing: either more
    /// such votes, or every vote.
    CleanVotes {
        /// Granted so far.
        granted: u8,
        /// Of these, by nodes that are not suspect.
        clean: u8,
    },
    /// It may have forgotten copies in a power cut, and its votes are not clean until it holds the
    /// leader's log through here; `None` until a leader says how far.
    Readmission(Option<LogIndex>),
    /// Leadership is moving to this node; nothing is proposed meanwhile.
    Transfer(NodeId),
    /// Entries wait for the disks of a majority.
    Majority {
        /// Voters whose disk is known to hold the next entry.
        synced: u8,
    },
    /// The configuration whose entry stands here is not committed: entries behind it are not
    /// acknowledged before they are, and the members do not change again.
    Members(LogIndex),
    /// It finds itself left out of the cluster.
    LeftOut,
    /// Acknowledgements wait for commit: those of too many earlier terms are not settled.
    Settlement,
    /// A snapshot took the place of its log, and its disk has not reported it: nothing is applied
    /// before.
    Restoring(LogIndex),
    /// Its host has not said which run holds this entry: a peer is fed from there, or what a leader
    /// sent is compared with it.
    Recall(LogIndex),
    /// This peer needs entries that are gone here, and gets a snapshot.
    Snapshot(NodeId),
    /// The disk of this peer went back to an older copy of itself: it is told to go on as a new incarnation.
    WentBack(NodeId),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded(by) => write!(
                f,
                "start {by} of this very store runs elsewhere; this node does nothing any more"
            ),
            Self::Stop => f.write_str("it is stopping"),
            Self::HardState => {
                f.write_str("it says nothing until its disk reports its term and vote")
            }
            Self::Mark => f.write_str(
                "written copies are not counted until its disk reports that a power cut would take them",
            ),
            Self::LogWrites => {
                f.write_str("its disk has as many writes as it is given at once, and reports none")
            }
            Self::Leader => f.write_str("no leader is heard"),
            Self::Votes { granted } => {
                write!(f, "its candidacy has {granted} votes, and needs a majority")
            }
            Self::CleanVotes { granted, clean } => write!(
                f,
                "its candidacy has {granted} votes, but only {clean} of them by nodes sure to have \
                 forgotten nothing in a power cut: it waits for more such nodes, or for every voter"
            ),
            Self::Readmission(None) => f.write_str(
                "it may have forgotten copies in a power cut; it waits for a leader to re-admit it",
            ),
            Self::Readmission(Some(upto)) => write!(
                f,
                "it may have forgotten copies in a power cut; it is trusted again once its disk \
                 holds the leader's log through {upto}"
            ),
            Self::Transfer(to) => write!(
                f,
                "leadership is being transferred to node {to}; writes are refused until it leads, or an \
                 election timeout has passed"
            ),
            Self::Majority { synced } => write!(
                f,
                "entries wait to be committed: the disks of {synced} voters are known to hold the next one"
            ),
            Self::Members(at) => write!(
                f,
                "the members change: entries behind {at} are acknowledged once that is committed"
            ),
            Self::LeftOut => f.write_str("it is no member of the cluster as far as it knows"),
            Self::Settlement => write!(
                f,
                "acknowledgements wait for commit: those of {UNSETTLED_TERMS_MAX} earlier terms are open"
            ),
            Self::Snapshot(peer) => {
                write!(
                    f,
                    "node {peer} needs entries that are gone here: it waits for a snapshot"
                )
            }
            Self::WentBack(peer) => write!(
                f,
                "the disk of node {peer} went back to an older copy of itself: it is told to start \
                 its count anew, and its votes do not count in full until it is up to date"
            ),
            Self::Restoring(upto) => write!(
                f,
                "a snapshot through {upto} takes the place of its log: it applies nothing before \
                 its disk reports that"
            ),
            Self::Recall(index) => write!(
                f,
                "it waits to be told by its store which term wrote entry {index}"
            ),
        }
    }
}

/// Collects reasons; those that do not fit are left out.
#[derive(Default)]
struct Reasons(Vec<Waiting, WAITING_MAX>);

impl Reasons {
    fn add(&mut self, reason: Waiting) {
        let _ = self.0.push(reason);
    }
}

impl Raft {
    /// What the node waits for at this moment, the most fundamental first.
    pub(super) fn waiting(&self) -> Vec<Waiting, WAITING_MAX> {
        let mut reasons = Reasons::default();
        match (self.lifecycle, self.hard.superseded) {
            (Lifecycle::Superseded, Some(by)) => reasons.add(Waiting::Superseded(by)),
            (Lifecycle::Stopping, _) => reasons.add(Waiting::Stop),
            (Lifecycle::Active | Lifecycle::Superseded, _) => {}
        }
        self.wait_for_disk(&mut reasons);
        if !self.members.contains(self.config.id) || self.is_left_out() {
            reasons.add(Waiting::LeftOut);
        }
        if self.hard.trust == Trust::Suspect {
            let upto = match &self.role {
                RoleState::Follower(follower) => follower.readmit_upto,
                RoleState::Leader(leader) => Some(leader.no_op),
                RoleState::PreCandidate(_) | RoleState::Candidate(_) => None,
            };
            reasons.add(Waiting::Readmission(upto));
        }
        match &self.role {
            RoleState::Follower(follower) if follower.leader.is_none() => {
                reasons.add(Waiting::Leader);
            }
            RoleState::Follower(follower) => {
                if let Some(index) = follower.comparison.asking.pending() {
                    reasons.add(Waiting::Recall(index));
                }
            }
            RoleState::PreCandidate(candidate) | RoleState::Candidate(candidate) => {
                let voters = self.members.voters();
                let granted = voters.iter().filter(|id| candidate.granted(*id)).count();
                let clean = voters.iter().filter(|id| candidate.clean(*id)).count() as u8;
                reasons.add(match granted >= quorum::majority(voters.len()) {
                    true => Waiting::CleanVotes {
                        granted: granted as u8,
                        clean,
                    },
                    false => Waiting::Votes {
                        granted: granted as u8,
                    },
                });
            }
            RoleState::Leader(_) => self.wait_for_peers(&mut reasons),
        }
        reasons.0
    }

    fn wait_for_disk(&self, reasons: &mut Reasons) {
        if !self.writes.vote_state_is_synced() {
            reasons.add(Waiting::HardState);
        }
        if !self.writes.trust_is_synced() && self.hard.trust == Trust::Dirty {
            reasons.add(Waiting::Mark);
        }
        if self.awaits_restoring() {
            reasons.add(Waiting::Restoring(self.compacted.index));
        }
        if !self.writes.has_room() && self.log.last() > self.writes.emitted() {
            reasons.add(Waiting::LogWrites);
        }
    }

    fn wait_for_peers(&self, reasons: &mut Reasons) {
        let RoleState::Leader(leader) = &self.role else {
            return;
        };
        if let Some(to) = leader.transfer_to() {
            reasons.add(Waiting::Transfer(to));
        }
        if self.log.last() > self.commit.index {
            let next = self.commit.index.next();
            let holds = |id: &NodeId| self.held_by_member(*id, Held::Synced) >= next;
            let synced = self.members.voters().iter().filter(holds).count() as u8;
            reasons.add(Waiting::Majority { synced });
        }
        if self.awaits_configuration() {
            reasons.add(Waiting::Members(self.configurations.at()));
        }
        if !self.unsettled.has_room(self.hard.term) {
            reasons.add(Waiting::Settlement);
        }
        if let Some(index) = leader.peers.iter().find_map(|peer| peer.asking.pending()) {
            reasons.add(Waiting::Recall(index));
        }
        let lacking = leader.peers.iter();
        for peer in lacking.filter(|peer| peer.state() == PeerState::Snapshot) {
            reasons.add(Waiting::Snapshot(peer.id));
        }
        for peer in &leader.peers {
            if peer.incarnations.went_back().is_some() {
                reasons.add(Waiting::WentBack(peer.id));
            }
        }
    }
}
