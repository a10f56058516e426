//! Model checking of the code that ships: every state of a small world of real [`Raft`] values.
//!
//! A [`World`] is three voters, each with its disk, and every message ever sent. [`search()`] visits
//! all worlds within a [`Bound`] and holds each against the [`invariants`]: breadth first, and then
//! the first violation comes with a shortest way there, or the largest networks first, and then it
//! is through several times sooner.
//!
//! ```text
//!   World ──moves──► Move ──step──► World'         a Move concerns one node:
//!     │                 (memoized per node)          deliver a message, sync, campaign,
//!     ├──► fingerprint: seen before?                 propose, deadlines due, kill, power cut
//!     └──► invariants
//! ```
//!
//! # What a world may do
//!
//! - **Messages** are never taken off the network: each may arrive at any time, never, or again, in
//!   any order. That is loss, delay, duplication and reorder at once. What can never again do
//!   anything is dropped, and what a [`Bound`] says is lost.
//! - **Disks** take log writes at once and sync when they are told to; hard states are in flight
//!   until then. A power cut leaves what was synced, so it undoes an unsynced truncation too; the
//!   kill of a process leaves everything written. Both start the next incarnation at once: a node that is
//!   down is one that is not moved.
//! - **Outputs** are taken as soon as there are some. A host that takes them late is the business of
//!   the random suites.
//! - **Members** change where a leader is asked to, to any voters that the bound names. Entries and
//!   messages bring configurations as bytes that hosts keep and hand on.
//!
//! Left out of every bound: snapshots, learners, pre-vote and check-quorum (see below), leases, full
//! disks, more than three nodes, and a handover that is given up.
//!
//! # What a search need not visit
//!
//! 1. Worlds that differ in the names of nodes alone: see [`symmetry`].
//! 2. Worlds that differ in their networks alone, where one has all messages of the other: see
//!    [`covered`]. Of 332,600 worlds within `replication`, 21,511 differ in more than that.
//! 3. Worlds that differ in what no rule reads, or in how many writes a node made so far: see
//!    [`renaming`].
//!
//! Fingerprints have 128 bits: see [`fingerprint`].
//!
//! # Why time may stand still
//!
//! Every call is handed the same moment, so that no clock makes equal worlds different. A deadline
//! is due or not due, and either is a move of its own:
//!
//! 1. *No leader was heard* is [`Raft::campaign`], possible at every moment. Pre-vote and
//!    check-quorum are off: they only ever suppress a campaign or a vote, and a suppressed vote is a
//!    lost message, so every election they allow happens here too. A leader that leaves office
//!    because it hears nobody does nothing afterwards that a restarted one could not.
//! 2. *The leader's heartbeat* and *everything relied on was synced for a while* have delays of one
//!    nanosecond, which is no microsecond of the core's clock: they are due as soon as they are set,
//!    and come when [`Raft::handle_timeout`] is called, or never. A bound counts them apart.
//! 3. *The background force* asks for what a host may do at any time anyway: syncing is a move.
//!
//! No rule of the core compares two moments otherwise while check-quorum is off, so every order of
//! deadlines and messages that real clocks can bring about is an order of moves here. With the
//! election timeouts equal, no chance is left.
//!
//! # Why nodes may be renamed
//!
//! A node uses ids only to compare them, and goes through its peers in the order of their ids only
//! to send, to a network that has no order. Two worlds that differ in the names of nodes alone have
//! the same futures up to those names, so one of them is visited: see [`symmetry`]. Where a bound
//! names nodes, as those that may vote after a change, only renamings that leave it as it is count.
//!
//! # Rules broken on purpose
//!
//! A [`Rule`] is a wrong host or a network that lies. Each is found out by a test, and the shortest
//! way there is kept in `testdata/explore`: an explorer that finds nothing proves nothing.
//!
//! [`Raft`]: kraft_proto::Raft
//! [`Raft::campaign`]: kraft_proto::Raft::campaign
//! [`Raft::handle_timeout`]: kraft_proto::Raft::handle_timeout

pub mod arena;
pub mod bound;
pub mod configuration;
pub mod covered;
pub mod disk;
pub mod fingerprint;
pub mod frontier;
pub mod history;
pub mod invariants;
pub mod node;
pub mod renaming;
pub mod rule;
pub mod search;
pub mod shorten;
pub mod show;
pub mod symmetry;
pub mod walk;
pub mod world;

pub use arena::Arena;
pub use bound::Bound;
pub use frontier::Order;
pub use rule::Rule;
pub use search::{Figures, Outcome, search};
pub use symmetry::Symmetry;
pub use world::{Move, World};
