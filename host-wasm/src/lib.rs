//! A node of kraft for JavaScript: bytes and numbers in, outputs out.
//!
//! The bindgen surface under the TypeScript in `js/`, which most should use instead. [`Start`] is
//! told what a store holds and becomes a [`Node`]; a node takes messages, time and finished writes,
//! and `poll` says what is to be done, one output at a time:
//!
//! ```text
//!  handleMessage ─►┐               ┌─► Send    bytes for a channel
//!  written, synced ►│  Node ─ poll ─┼─► Write   a record or hard state for a store ─► written, synced
//!  handleTimeout ──►│               ├─► Commit  apply the entries
//!  propose, read ──►┘               └─► Read, Role, Settled, Superseded;  pollAnswer ─► clients
//! ```
//!
//! Indexes, terms and microseconds are JavaScript's numbers, exact up to 2⁵³; store ids are bigints.

#![forbid(unsafe_code)]

mod about;
mod arguments;
mod at_risk;
mod bodies;
mod bytes;
mod codes;
mod node;
mod options;
mod start;
mod zones;

pub use about::MessageKind;
pub use bytes::record_entries;
pub use codes::{Fate, Grade, Heard, Held, OutputKind, Refusal, Role, Trust, WriteKind};
pub use node::Node;
pub use options::preset_options;
pub use start::Start;
pub use zones::Zones;
