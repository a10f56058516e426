//! What kraft asks of a disk, as a suite that any host runs on its own storage.
//!
//! ```text
//!            suite: scripts × crash points × crashes
//!                       │
//!        ┌──── Raft ────┤ real writes, so real receipts
//!        ▼              ▼
//!     submit ──► your Adapter ──► receipts ──► history: what may be found
//!                 (your disk)                      │
//!     crash ──►  open ──► Found ──────────────► judge ──► Violation, or it goes on
//! ```
//!
//! In between it is asked which run stands where, as the core asks of what it does not remember.
//!
//! Implement [`Adapter`] over your storage and call [`check`]. The outcome is what was
//! [`Exercised`], or the first [`Violation`] with the [`Rule`] it broke. `CONFORMANCE.md` has the
//! rules and a complete example.

mod adapter;
mod chance;
mod disk;
mod exercised;
mod history;
mod judge;
mod node;
mod payload;
mod recall;
mod rule;
mod script;
mod suite;
mod trial;
mod violation;

pub use adapter::{Adapter, Crash, Found, Midway, OpenError, PowerCuts, Step, Unsynced};
pub use disk::{Disk, SECTOR_BYTES, Stopped};
pub use exercised::Exercised;
pub use rule::{Rule, WithoutPowerCuts};
pub use suite::{Effort, Fixed, check};
pub use violation::{Story, Violation};
