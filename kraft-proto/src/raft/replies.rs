//! Answers owed to nodes that this one does not follow. They wait for the hard state they speak for.

use serde::Serialize;

use super::Raft;
use super::dropped::Drop;
use crate::hard_state::Trust;
use crate::ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
use crate::message::{Ballot, Envelope, Message};

/// An answer that waits for the hard state it depends on. All but one are given in the term of this
/// node: where that changes, what was to be answered before is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Reply {
    pub to: NodeId,
    pub answer: Answer,
}

/// What is answered to a node that this one does not follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Answer {
    /// In the term that was asked about, if it is granted.
    PreVote(Term, Ballot),
    Vote(Ballot),
    Rejected {
        rejected: LogIndex,
        hint: LogPosition,
    },
    ReadIndex {
        incarnation: Incarnation,
        ticket: u64,
        index: LogIndex,
    },
    /// The last word of a leader that left.
    TimeoutNow,
    LeftOut {
        store: StoreId,
        at: LogIndex,
    },
}

impl Answer {
    /// The term it is given in, by a node in `current`.
    pub fn term(&self, current: Term) -> Term {
        match *self {
            Self::PreVote(term, _) => term,
            _ => current,
        }
    }

    /// The answer in words. `trust`: of who answers.
    pub fn message(&self, trust: Trust) -> Message {
        match *self {
            Self::PreVote(_, ballot) => Message::PreVoteReply { ballot },
            Self::Vote(ballot) => Message::VoteReply { ballot },
            Self::Rejected { rejected, hint } => Message::Rejected {
                rejected,
                hint,
                trust,
            },
            Self::ReadIndex {
                incarnation,
                ticket,
                index,
            } => Message::ReadIndexReply {
                incarnation,
                ticket,
                index,
            },
            Self::TimeoutNow => Message::TimeoutNow,
            Self::LeftOut { store, at } => Message::LeftOut { store, at },
        }
    }
}

impl Raft {
    /// Owes an answer. Beyond the limit it is lost, as on a network.
    pub(super) fn reply(&mut self, reply: Reply) {
        if self.replies.push(reply).is_err() {
            self.count(Drop::Replies);
        }
    }

    /// Tells a node of an earlier term about this one (Raft §5.1), and of no entry: it may lead this term
    /// too, and would take an answer to its append of before for one to an append of now.
    pub(super) fn answer_stale(&mut self, envelope: &Envelope) {
        let answer = match envelope.message {
            Message::Vote { .. } | Message::TransferVote { .. } => Answer::Vote(Ballot::Refused),
            Message::Append(_) | Message::Heartbeat(_) | Message::Snapshot { .. } => {
                Answer::Rejected {
                    rejected: LogIndex::ZERO,
                    hint: self.commit,
                }
            }
            _ => return,
        };
        self.reply(Reply {
            to: envelope.from,
            answer,
        });
    }
}
