//! Election Safety (Raft §5.2): at most one leader a term, one vote a term across restarts, and
//! nothing is said that the speaker's disk does not know.

use kraft_proto::{Ballot, Envelope, HardState, Message, NodeId, Role, StoreId};

use super::Verdict;
use crate::sim::event::Event;
use crate::sim::table::Table;

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    leaders: Table<u64, usize>,
    /// A node on another store is another voter.
    votes: Table<(NodeId, StoreId, u64), NodeId>,
}

impl Oracle {
    pub fn see(&mut self, event: &Event<'_>) -> Verdict {
        match *event {
            Event::Role {
                node,
                role: Role::Leader,
                term,
                ..
            } => {
                let known = *self.leaders.or_insert(term, node);
                if known != node {
                    return Err(format!(
                        "nodes {} and {} both lead term {term}",
                        known + 1,
                        node + 1
                    ));
                }
                Ok(())
            }
            Event::Sent {
                envelope, saved, ..
            } => self.sent(envelope, saved),
            _ => Ok(()),
        }
    }

    fn sent(&mut self, envelope: &Envelope, disk: HardState) -> Verdict {
        let voted = match envelope.message {
            Message::PreVote { .. } | Message::PreVoteReply { .. } => return Ok(()),
            Message::Vote { .. } | Message::TransferVote { .. } => Some(envelope.from),
            Message::VoteReply { ballot } if ballot != Ballot::Refused => Some(envelope.to),
            _ if disk.term < envelope.term => {
                return Err(format!("{envelope:?} before its disk knows the term"));
            }
            _ => return Ok(()),
        };
        if (disk.term, disk.vote) != (envelope.term, voted) {
            return Err(format!("{envelope:?} while its disk says {disk:?}"));
        }
        if let Some(voted) = voted {
            let key = (envelope.from, envelope.store, envelope.term.0);
            let known = *self.votes.or_insert(key, voted);
            if known != voted {
                return Err(format!(
                    "node {} votes for {known} and for {voted} in term {}",
                    envelope.from, envelope.term
                ));
            }
        }
        Ok(())
    }
}
