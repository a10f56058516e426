//! Bounded memory: what a node keeps beside its log has a limit, and stays within it.

use kraft_proto::limits::{UNSETTLED_TERMS_MAX, WRITES_IN_FLIGHT_MAX};

use super::Verdict;
use crate::sim::event::Event;
use crate::sim::node::WAITS_MAX;

/// Writes a disk is handed at most: those of the log, and hard states, of which a node that
/// campaigns again and again on a stuck disk may ask for one a term.
const DISK_QUEUE_MAX: usize = WRITES_IN_FLIGHT_MAX + 256;

/// A core is a value of fixed size; encoded it is no larger.
const CORE_BYTES_MAX: usize = 8 * 1024;

pub(crate) fn see(event: &Event<'_>) -> Verdict {
    let Event::Memory { node, held } = *event else {
        return Ok(());
    };
    let bounds = [
        (
            "writes its disk was handed",
            held.disk_queued,
            DISK_QUEUE_MAX,
        ),
        ("clients that wait", held.waits, WAITS_MAX),
        (
            "terms with open acknowledgements",
            held.early_terms,
            UNSETTLED_TERMS_MAX,
        ),
        ("bytes of its core", held.core_bytes, CORE_BYTES_MAX),
    ];
    for (what, size, bound) in bounds {
        if size > bound {
            return Err(format!("node {}: {size} {what}, at most {bound}", node + 1));
        }
    }
    Ok(())
}
