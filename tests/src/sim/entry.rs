//! Entries as the simulated hosts keep them.

use kraft_proto::{EntryKind, LogPosition};

use super::sessions::Request;

/// An entry: it holds the number of its proposal; 0 in a no-op, the number of a configuration (see
/// `members`).
pub type Entry = kit::Entry<u64>;

/// The log of a host, of which all is kept, whatever a snapshot covers.
pub(crate) type Log = kit::Log<u64>;

/// The request of a session that an entry holds, if it holds one.
pub(crate) fn request(entry: &Entry) -> Option<Request> {
    match entry.kind {
        EntryKind::Command => Request::unpacked(entry.data),
        EntryKind::NoOp | EntryKind::Configuration => None,
    }
}

/// The configurations of a log, each by its index and number.
pub(crate) fn configurations(log: &[Entry]) -> impl Iterator<Item = (usize, u64)> {
    let entries = log.iter().zip(1..);
    let configurations = entries.filter(|(entry, _)| entry.kind == EntryKind::Configuration);
    configurations.map(|(entry, at)| (at, entry.data))
}

/// The last index of each term of a log.
pub fn term_ends(log: &[Entry]) -> Vec<(u64, u64)> {
    let mut ends: Vec<(u64, u64)> = Vec::new();
    for (entry, index) in log.iter().zip(1..) {
        match ends.last_mut() {
            Some((term, end)) if *term == entry.term.0 => *end = index,
            _ => ends.push((entry.term.0, index)),
        }
    }
    ends
}

/// Whether a log has the entry at a position.
pub fn has(log: &[Entry], position: LogPosition) -> bool {
    let place = (position.index.0 as usize).wrapping_sub(1);
    log.get(place)
        .is_some_and(|entry| entry.term == position.term)
}
