//! Sends the rows of files for `kraft load` and `kraft import`, and reads those of the first: CSV with a header line, or one JSON object a line.
//!
//! One row becomes one pair: its key is the value of one column behind a prefix, its value the
//! whole row as a JSON object. Rows are read one at a time, and none may be longer than a value,
//! so memory is bounded whatever the file holds.

mod error;
mod format;
mod progress;
mod pump;
mod rows;

pub use error::{LoadError, RowError};
pub use format::{Format, Keying};
pub use progress::{Fingerprint, Progress, ProgressError, ProgressFile};
pub use pump::{End, Tally, pump};
pub use rows::{Meter, Row, Rows};
