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
//! Storage and transport meet only here. [`Node::start`] opens the store and the listeners; [`Node::run`]
//! takes what happens, hands it to the core, and does what the core says.
//!
//! | module | the noun it owns |
//! |---|---|
//! | `log` | the log: entries in memory, on their way to the disk, and on it; whether there is room |
//! | `peers` | the other nodes: what is sent to them, how far they lag |
//! | `waiting` | clients that wait for an answer, and who of them has a place |
//! | `applied` | the state machine, and whether the peers' replicas are the same |
//! | `moments` | the state machine as it was, kept for clients that read it page by page |
//! | `office` | who leads, and what a leader looks after |
//! | `membership` | changes of the members that clients wait for, and where members may be found |
//! | `snapshots` | snapshots made in the background, sent and received |
//! | `early_acks` | what was acknowledged before it was committed |
//! | `engine` | where they meet: the loop, and what a request or a frame sets in motion |

mod advertised;
mod applied;
pub mod backup;
mod certificate;
mod clock;
mod early_acks;
mod engine;
mod error;
mod log;
mod members;
mod membership;
mod moments;
mod office;
mod open;
mod peers;
mod snapshots;
pub mod survivor;
mod waiting;

pub use certificate::Reload;
pub use engine::TestSwitchAccess;
pub use error::NodeError;
pub use members::MembersRefused;
pub(crate) use members::founding_of;
pub(crate) use open::expected;
pub use open::{Addresses, Node};
