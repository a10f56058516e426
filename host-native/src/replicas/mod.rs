//! Whether the replicas of a cluster are the same.
//!
//! Each keeps a [`RunningDigest`] over position and payload checksum of the entries it applies, and
//! tells it to the others from time to time; each holds against its own what it hears. Replicas that
//! differ are named with the first range in which they do, which is narrowed down by telling the
//! digest at the mark in its middle.

mod compare;
mod digest;
mod frame;
#[cfg(test)]
mod tests;

pub use compare::{Comparison, Difference, Finding};
pub use digest::{Digest, MARK_EVERY, RunningDigest};
pub use frame::{FRAME_BYTES, NotADigest};

/// What to tell the peer whose digest led to this finding, if anything. Each answer follows a range
/// that became smaller, so the answers end.
pub fn answers(own: &RunningDigest, finding: Finding) -> impl Iterator<Item = Digest> + use<> {
    let (there, range) = match finding {
        // It may not know yet.
        Finding::Differs(range) => (own.at(range.through), Some(range)),
        Finding::Narrowed(range) => (None, Some(range)),
        _ => (None, None),
    };
    let middle = range.and_then(|range| own.middle_mark(range.after, range.through));
    there.into_iter().chain(middle)
}
