//! What entries of configurations hold: a number for each, so that an entry stays small.

use std::cell::RefCell;

use kraft_proto::members::NodeSet;
use kraft_proto::{CommitMode, EntryKind, Members, NodeId};

use crate::disk::Entry;

thread_local! {
    static KNOWN: RefCell<Vec<Members>> = const { RefCell::new(Vec::new()) };
}

/// The number of the configuration with these bytes.
pub fn number_of(bytes: &[u8]) -> u64 {
    let members = Members::from_bytes(bytes).expect("a configuration decodes");
    KNOWN.with_borrow_mut(|known| {
        let place = known.iter().position(|m| *m == members);
        place.unwrap_or_else(|| {
            known.push(members);
            known.len() - 1
        }) as u64
    })
}

/// The configuration with this number.
pub fn numbered(number: u64) -> Members {
    KNOWN.with_borrow(|known| known[number as usize].clone())
}

/// The configurations in a log, with their indexes, from the newest on.
pub fn of(log: &[Entry]) -> impl Iterator<Item = (u64, Members)> {
    let entries = (1..=log.len() as u64)
        .rev()
        .map(|index| (&log[index as usize - 1], index));
    let configurations = entries.filter(|(entry, _)| entry.kind == EntryKind::Configuration);
    configurations.map(|(entry, index)| (index, numbered(entry.data)))
}

/// The sets of voters whose word counts.
pub fn voter_sets(members: &Members) -> impl Iterator<Item = NodeSet<'_>> {
    [members.voters(), members.voters_outgoing()]
        .into_iter()
        .filter(|set| !set.is_empty())
}

/// Whether those of whom `holds` is true are as many as `mode` asks, in every set of voters.
pub fn enough(members: &Members, mode: CommitMode, holds: impl Fn(NodeId) -> bool) -> bool {
    voter_sets(members).all(|voters| {
        let asked = mode.voters_asked(voters.len()).min(voters.len());
        voters.iter().filter(|id| holds(*id)).count() >= asked
    })
}
