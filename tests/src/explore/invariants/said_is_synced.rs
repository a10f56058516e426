//! Nothing is said that the disk does not know: the term of a message, and the vote behind a yes.

use kraft_proto::{Ballot, Message};

use super::super::node::Deed;
use super::{Step, Verdict};

pub fn check(step: &Step) -> Verdict {
    let disk = step.after.hard;
    for deed in step.deeds {
        let Deed::Sent(letter) = deed else {
            continue;
        };
        let envelope = &letter.envelope;
        let voted_for = match envelope.message {
            Message::Vote { .. } | Message::TransferVote { .. } => Some(envelope.from),
            Message::VoteReply { ballot } if ballot != Ballot::Refused => Some(envelope.to),
            _ => None,
        };
        let known = disk.term >= envelope.term
            && (voted_for.is_none() || (disk.term, disk.vote) == (envelope.term, voted_for));
        if !known {
            return Err(format!("{envelope:?} while the disk has {disk:?}"));
        }
    }
    Ok(())
}
