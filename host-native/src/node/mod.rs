//! A running node: one task that owns the core, and nothing else does.
//!
//! ```text
//!  peers ──frames──►┐                    ┌──► transport (sends)
//!  clients ─calls──►│ Engine: the core,  ├──► disk thread (writes) ──receipts──┐
//!  clock ──────────►│ its entries' bytes,├──► state machine (commits)          │
//!  disk ──receipts─►┘ who waits          └──► clients (answers)                │
//!        ▲                                                                     │
//!        └─────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Storage and transport meet only here. [`start`] opens the store and the listeners; [`Node::run`]
//! takes what happens, hands it to the core, and does what the core says.

mod absence;
mod advertised;
mod at_risk;
mod certificate;
mod clients;
mod clock;
mod disk;
mod disk_view;
mod engine;
mod entry_cache;
mod error;
mod members;
mod open;
mod own_requests;
mod pending;
mod places;
mod replay;
mod replica_check;
mod replicas;
mod report;
mod sending;
mod standby;
mod standby_search;
mod stopping;
mod transfer;

pub use certificate::Reload;
pub use error::{NodeError, TestSwitchAccess};
pub use members::MembersRefused;
pub(crate) use members::founding_of;
pub(crate) use open::expected;
pub use open::{Addresses, Node, start, start_on};
