//! Leadership handed over on purpose (Raft thesis §3.10), as its caller, its target and the voters
//! see it; what the leader does meanwhile is in `leader/transfer.rs`.
//!
//! ```text
//!  transfer_leadership ─► leader refuses writes, sends all it has ─► target matched its last entry
//!         ─► TimeoutNow ─► target campaigns without asking around ─► TransferVote: voters that hear
//!                          the leader do not ignore it ─► the target leads
//!  an election timeout without that ─► the leader takes writes again
//! ```

use core::fmt;

use super::candidate::Call;
use super::{Raft, RoleState};
use crate::hard_state::Trust;
use crate::ids::NodeId;
use crate::message::Envelope;
use crate::time::Instant;

/// Why leadership stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferError {
    /// This node does not lead; here is who does, if it knows.
    NotLeader(Option<NodeId>),
    /// The target leads already.
    Itself,
    /// The target is no member.
    Unknown(NodeId),
    /// The target does not vote, so it cannot lead.
    Learner(NodeId),
    /// The target may have forgotten copies in a power cut and is not re-admitted yet.
    Suspect(NodeId),
    /// None was named, and no other voter that is not suspect has been heard in this term.
    Nobody,
    /// Leadership is moving to this other node already.
    UnderWay(NodeId),
    /// This node has been stopped, or replaced by a newer incarnation of its store.
    Stopped,
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader(Some(leader)) => {
                write!(
                    f,
                    "not the leader, nothing was handed over: ask node {leader}"
                )
            }
            Self::NotLeader(None) => {
                f.write_str("not the leader, nothing was handed over: no leader is known yet")
            }
            Self::Itself => f.write_str("nothing was handed over: this node leads already"),
            Self::Unknown(id) => write!(f, "nothing was handed over: node {id} is no member"),
            Self::Learner(id) => write!(
                f,
                "nothing was handed over: node {id} is a learner, only a voter can lead"
            ),
            Self::Suspect(id) => write!(
                f,
                "nothing was handed over: node {id} may have forgotten copies in a power cut, \
                 name another or wait until it is re-admitted"
            ),
            Self::Nobody => f.write_str(
                "nothing was handed over: no other voter that could take over has been heard",
            ),
            Self::UnderWay(id) => write!(
                f,
                "nothing was changed: leadership is being transferred to node {id} already, ask again soon"
            ),
            Self::Stopped => {
                f.write_str("this node is stopping, nothing was handed over: ask the new leader")
            }
        }
    }
}

impl core::error::Error for TransferError {}

impl Raft {
    /// Hands leadership to a voter: to `to`, or to the one that holds most of the log. Returns whom.
    ///
    /// Proposals are refused meanwhile, with [`ProposeError::Transferring`](super::ProposeError::Transferring),
    /// and taken again if the target does not lead after the longest election timeout. Asking
    /// again for the same target changes nothing.
    ///
    /// # Errors
    ///
    /// Nothing is handed over, and the error says why.
    ///
    /// ```
    /// # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/host.rs")); }
    /// # use host::*;
    /// let mut nodes = cluster();
    /// nodes[0].transfer_leadership(Instant::ZERO, Some(NodeId(2))).unwrap();
    /// exchange(&mut nodes);
    /// assert_eq!(nodes[1].role(), Role::Leader);
    /// ```
    pub fn transfer_leadership(
        &mut self,
        now: Instant,
        to: Option<NodeId>,
    ) -> Result<NodeId, TransferError> {
        self.begin(now);
        self.leave_office_if_absent();
        let begun = self
            .choose_target(to)
            .inspect(|to| self.begin_transfer(*to));
        self.advance();
        begun
    }

    fn choose_target(&self, to: Option<NodeId>) -> Result<NodeId, TransferError> {
        let leader = match &self.role {
            RoleState::Leader(leader) => leader,
            _ if !self.is_active() => return Err(TransferError::Stopped),
            RoleState::Follower(follower) => {
                return Err(TransferError::NotLeader(follower.leader));
            }
            _ => return Err(TransferError::NotLeader(None)),
        };
        if let Some(moving) = leader.transfer_to() {
            return match to.is_none_or(|to| to == moving) {
                true => Ok(moving),
                false => Err(TransferError::UnderWay(moving)),
            };
        }
        let Some(to) = to else {
            return self.best_target().ok_or(TransferError::Nobody);
        };
        if to == self.config.id {
            return Err(TransferError::Itself);
        }
        if !self.members.is_voter(to) {
            return Err(match self.members.contains(to) {
                true => TransferError::Learner(to),
                false => TransferError::Unknown(to),
            });
        }
        match leader.peer(to) {
            Some(peer) if peer.trust == Trust::Suspect => Err(TransferError::Suspect(to)),
            Some(_) => Ok(to),
            None => Err(TransferError::Unknown(to)),
        }
    }

    /// The leader has had this node catch up and wants it to take over.
    ///
    /// Only its own leader's word of this very term counts: a late one deposes nobody.
    pub(super) fn handle_timeout_now(&mut self, envelope: &Envelope) {
        let followed = match &self.role {
            RoleState::Follower(follower) => follower.leader == Some(envelope.from),
            _ => false,
        };
        if followed && self.may_stand() && self.hard.trust != Trust::Suspect {
            self.start_election(Call::Transfer);
        }
    }
}
