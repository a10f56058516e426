//! How far all is committed, as the node was told: a hint that spares its next start an election.

use std::sync::{Arc, Mutex, PoisonError};

use kraft_proto::ids::LogPosition;

/// The last position told as committed. Clones share it.
///
/// It is kept with whatever is written to `meta` next, so it costs no fsync, and a crash leaves an older
/// one. It is kept as it was told: whether the log has that entry only the core may judge
/// (`Recovery::committed` tells why).
#[derive(Clone, Debug, Default)]
pub struct Committed(Arc<Mutex<LogPosition>>);

impl Committed {
    /// Begins with what was kept.
    pub(super) fn kept(position: LogPosition) -> Self {
        Self(Arc::new(Mutex::new(position)))
    }

    /// This was told as committed.
    pub fn tell(&self, position: LogPosition) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = position;
    }

    /// What was told last, in this incarnation or an earlier one; [`LogPosition::ZERO`] if nothing was.
    pub fn last(&self) -> LogPosition {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
