//! What was dropped, and why: a hostile or broken peer gets silence, and an operator a number.

use serde::Serialize;

use super::Raft;

/// Why a message, or the host's word, was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drop {
    Misaddressed,
    ForeignStore,
    SecondLeader,
    Malformed,
    Busy,
    Replies,
    Ignored,
    Stranger,
    Recall,
    Hint,
    Clock,
}

/// Messages and words of the host dropped since the node started, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Meant for another node, or sent by this one.
    pub misaddressed: u64,
    /// From a store other than the member's.
    pub foreign_store: u64,
    /// From a second leader of one term: a broken or hostile peer.
    pub second_leader: u64,
    /// Contradicting itself.
    pub malformed: u64,
    /// Entries that did not fit before the disk caught up.
    pub busy: u64,
    /// Answers that did not fit.
    pub replies: u64,
    /// Candidates ignored because a leader is heard.
    pub candidates: u64,
    /// Answers of nodes that are no members, and candidates that are none and could not win.
    pub strangers: u64,
    /// Answers of the host to an [`Output::Recall`](crate::Output::Recall) that contradict what is
    /// known: a broken disk, or a host that mixes up its log.
    pub recalls: u64,
    /// What the host kept as committed and the recovered log does not hold: 1 if it was dropped at the
    /// start.
    pub hints: u64,
    /// Not messages: values for `now` that no clock gets to.
    pub clocks: u64,
}

impl Raft {
    pub(super) fn count(&mut self, reason: Drop) {
        let dropped = &mut self.dropped;
        let counter = match reason {
            Drop::Misaddressed => &mut dropped.misaddressed,
            Drop::ForeignStore => &mut dropped.foreign_store,
            Drop::SecondLeader => &mut dropped.second_leader,
            Drop::Malformed => &mut dropped.malformed,
            Drop::Busy => &mut dropped.busy,
            Drop::Replies => &mut dropped.replies,
            Drop::Ignored => &mut dropped.candidates,
            Drop::Stranger => &mut dropped.strangers,
            Drop::Recall => &mut dropped.recalls,
            Drop::Hint => &mut dropped.hints,
            Drop::Clock => &mut dropped.clocks,
        };
        *counter = counter.saturating_add(1);
    }
}
