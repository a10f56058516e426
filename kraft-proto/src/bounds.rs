//! What a node takes on only so much of, and the one way in which it says that it is full.
//!
//! | bound | set by | what a full one does |
//! | --- | --- | --- |
//! | entries at risk | `Durability::at_risk_entries_max` | half full asks for the force that empties it; full refuses early writes: [`Busy`] |
//! | entries waiting for the disk | `Config::unwritten_entries_max` | refuses writes: [`Busy`]; a leader's are dropped, counted, and sent again |
//! | changes of term waiting for the disk | `Config::term_runs_max` | no election is stood for, members do not change: [`Busy`]; a leader's are dropped, counted, and sent again |
//! | clients waiting | the storage given to [`Waits`](crate::Waits) | refuses: [`Busy`] |
//! | writes on their way to the disk | `Config::writes_in_flight_max` | later entries wait and are joined |
//! | appends on their way to a peer | `Config::appends_in_flight_max` | later entries wait and are joined |
//! | entries of one append | `Config::append_entries_max` | the rest goes in the next |
//! | batches of reads | [`READ_BATCHES_MAX`](crate::limits::READ_BATCHES_MAX) | later reads share the next batch |
//! | followers' questions for a read index | [`REMOTE_READS_MAX`](crate::limits::REMOTE_READS_MAX) | dropped, counted, asked again |
//! | terms with open acknowledgements | [`UNSETTLED_TERMS_MAX`](crate::limits::UNSETTLED_TERMS_MAX) | acknowledgements wait for commit |
//! | members | [`MEMBERS_MAX`](crate::limits::MEMBERS_MAX) | [`ChangeError`](crate::ChangeError): waiting would not help |
//!
//! What is set lies within what this build has memory for ([`limits`](crate::limits));
//! [`Config::check`](crate::Config::check) sees to it.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Of what there is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Bound {
    /// Entries acknowledged early and not committed.
    EntriesAtRisk,
    /// Entries accepted and not yet handed to the disk.
    UnwrittenEntries,
    /// Configurations accepted and not yet handed to the disk.
    UnwrittenMembers,
    /// Changes of term that the disk was not handed yet.
    UnwrittenTerms,
    /// Clients that wait for an answer.
    Waits,
}

/// A bound is full: nothing was taken on. There is room again once what is there has moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Busy {
    /// Which.
    pub bound: Bound,
    /// How much it holds.
    pub limit: u64,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.bound {
            Bound::EntriesAtRisk => write!(
                f,
                "{limit} acknowledged entries may wait to be committed and no more, ask again \
                 later or for SYNC at fsync COMMIT"
            ),
            Bound::UnwrittenEntries => write!(
                f,
                "{limit} entries may wait for the disk and no more, ask again later"
            ),
            Bound::UnwrittenMembers => {
                f.write_str("the last change of members waits for the disk, ask again later")
            }
            Bound::UnwrittenTerms => write!(
                f,
                "{limit} changes of term wait for the disk, ask again later"
            ),
            Bound::Waits => write!(
                f,
                "{limit} clients may wait for an answer and no more, ask again later"
            ),
        }
    }
}

impl core::error::Error for Busy {}
