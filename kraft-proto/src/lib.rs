//! Raft whose durability is chosen per request: a `no_std`, allocation-free, sans-IO state machine.
//!
//! A host hands [`Raft`] what happened (messages, time, completed writes) and does what
//! [`Raft::poll_output`] says. The core knows the log's shape and never its bytes.
//!
//! ```
//! use kraft_proto::{Class, Config, Instant, Members, NodeId, Output, Raft, Recovery, StoreId};
//!
//! let members = Members::new([NodeId(1)], []).unwrap();
//! let config = Config::new(NodeId(1), StoreId(7), 42);
//! let mut node = Raft::new(config, Recovery::bootstrap(members), Instant::ZERO).unwrap();
//!
//! node.campaign(Instant::ZERO);
//! let mut committed = None;
//! let mut proposed = false;
//! while committed.is_none() {
//!     match node.poll_output() {
//!         Some(Output::Write(write)) => node.handle_stored(Instant::ZERO, write.synced()),
//!         Some(Output::Commit { upto }) if proposed => committed = Some(upto),
//!         Some(_) => {}
//!         None => {
//!             node.propose(Instant::ZERO, Class::default(), 1).unwrap();
//!             proposed = true;
//!         }
//!     }
//! }
//! assert_eq!(committed.unwrap().index.0, 2); // after the barrier that opens the term
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod acks;
mod classes;
mod log;
mod progress;
mod quorum;
mod raft;
mod reads;
mod recovery;
mod rng;
mod timers;
mod waits;
mod wire;
mod writes;

pub mod config;
pub mod durability;
pub mod entry;
pub mod hard_state;
pub mod health;
pub mod ids;
pub mod limits;
pub mod members;
pub mod message;
pub mod modes;
pub mod output;
pub mod presets;
pub mod time;
pub mod zones;

pub use config::{CheckQuorum, Config, ConfigError, PreVote};
pub use durability::Durability;
pub use entry::{EntryKind, Run};
pub use hard_state::{HardState, Trust};
pub use ids::{Incarnation, LogIndex, LogPosition, NodeId, StoreId, Term};
pub use members::{Member, Members, MembersError};
pub use message::{Append, Ballot, Envelope, Holding, Message};
pub use modes::{Class, CommitMode, FsyncMode, Held};
pub use output::{
    Fate, Force, Output, ReadOutcome, ReadTicket, Receipt, Rest, Role, Unsynced, Write, WriteKind,
};
pub use progress::PeerState;
pub use raft::{Dropped, PeerStatus, ProposeError, Proposed, Raft, ReadError, Status};
pub use recovery::Recovery;
pub use time::Instant;
pub use waits::{Answer, Grade, Slot, Waits};
pub use wire::{ENTRY_PREFIX, Entries, Frame, Taken, WIRE_VERSION, WireError, entry_prefix};
#[cfg(test)]
mod size {
    extern crate std;
    #[test]
    fn print() {
        std::println!(
            "Raft {} progress {} ",
            size_of::<crate::Raft>(),
            size_of::<crate::progress::Progress>()
        );
    }
}
