//! No message is caused by a message without end: what nodes say to each other comes to rest until a
//! clock, a disk or a client says something.
//!
//! A message belongs to the chain of the one whose arrival had it sent. Chains are as long as a
//! search for where two logs agree, which steps back once for each term at most; a question for a read
//! index begins one, as it is asked anew only after the time of a heartbeat.

use super::Verdict;
use crate::sim::event::Event;

/// Twice what the longest search takes, with the terms that a run sees.
const CHAIN_MAX: u32 = 256;

pub(crate) fn see(event: &Event<'_>) -> Verdict {
    let Event::Sent {
        envelope, chain, ..
    } = *event
    else {
        return Ok(());
    };
    if chain > CHAIN_MAX {
        return Err(format!(
            "{chain} messages caused each other, and none of them a disk, a clock or a client: the \
             last from node {} to node {} is {:?}",
            envelope.from, envelope.to, envelope.message
        ));
    }
    Ok(())
}
