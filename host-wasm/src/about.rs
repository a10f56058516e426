//! What a message is about, for whoever carries it or shows it: no part of it decides anything.

use kraft_proto::Message;
use wasm_bindgen::prelude::*;

/// What is said in a message.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Would you vote for me?
    PreVote,
    /// The answer.
    PreVoteReply,
    /// RequestVote.
    Vote,
    /// The answer.
    VoteReply,
    /// AppendEntries: entries, or the question whether the logs match.
    Append,
    /// What is held.
    Matched,
    /// The logs do not match there.
    Rejected,
    /// The leader lives.
    Heartbeat,
    /// The answer.
    HeartbeatReply,
    /// Campaign at once.
    TimeoutNow,
    /// RequestVote of a candidate whom the leader told to campaign.
    TransferVote,
    /// From where on does a read see everything?
    ReadIndex,
    /// The answer.
    ReadIndexReply,
    /// InstallSnapshot.
    Snapshot,
    /// A candidate is no member any more.
    LeftOut,
}

impl From<&Message> for MessageKind {
    fn from(message: &Message) -> Self {
        match message {
            Message::PreVote { .. } => Self::PreVote,
            Message::PreVoteReply { .. } => Self::PreVoteReply,
            Message::Vote { .. } => Self::Vote,
            Message::VoteReply { .. } => Self::VoteReply,
            Message::Append(_) => Self::Append,
            Message::Matched(_) => Self::Matched,
            Message::Rejected { .. } => Self::Rejected,
            Message::Heartbeat(_) => Self::Heartbeat,
            Message::HeartbeatReply(_) => Self::HeartbeatReply,
            Message::TimeoutNow => Self::TimeoutNow,
            Message::TransferVote { .. } => Self::TransferVote,
            Message::ReadIndex { .. } => Self::ReadIndex,
            Message::ReadIndexReply { .. } => Self::ReadIndexReply,
            Message::Snapshot { .. } => Self::Snapshot,
            Message::LeftOut { .. } => Self::LeftOut,
        }
    }
}
