//! Raft whose durability is chosen per request: a `no_std`, allocation-free, sans-IO state machine.
//!
//! A host hands [`Raft`] what happened (messages, time, completed writes) and does what
//! [`Raft::poll_output`] says. The core knows the log's shape and never its bytes; it reads no
//! clock, opens no file and allocates nothing.
//!
//! ```text
//!  handle_message ─►┐                 ┌─► Send      over any transport, may be lost
//!  handle_stored ──►│                 ├─► Write     to any disk, in order ──► Receipt ─┐
//!  handle_timeout ─►│  Raft  ── poll ─┼─► Ack       how many hold it, how firmly       │
//!  propose, read ──►│                 ├─► Commit    apply                              │
//!  handle_recalled ►┤                 ├─► Recall    which run stands there?            │
//!        ▲          └────────────────┘├─► Snapshot, Restored   where a log is gone     │
//!        │                            └─► Settled, Read, Role, Superseded              │
//!        └─────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! ```
//! use kraft_proto::{
//!     Class, Config, Instant, Members, NodeId, Nonce, Output, Raft, Recovery, StoreId,
//! };
//!
//! let members = Members::new([NodeId(1)], []).unwrap();
//! let config = Config::new(NodeId(1), StoreId(7), 42);
//! let mut node = Raft::new(config, Recovery::bootstrap(members), Nonce(9), Instant::ZERO).unwrap();
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
//! assert_eq!(committed.unwrap().index.0, 2); // after the no-op that opens the term
//! ```
//!
//! # What an acknowledgement means
//!
//! A [`Class`] is chosen per proposal: its [`CommitMode`] says how many nodes hold the entry before
//! the client hears, its [`FsyncMode`] whether written copies count or only synced ones. Commit and
//! application rest on synced copies always, in every class, so no choice of class can break Raft's
//! safety; what a class chooses is when the client hears, and what a failure can still take from it.
//!
//! ```text
//!               accepted           written              synced
//! one node      Async              LeaderOnly·None      LeaderOnly·Commit
//! n nodes                          AtLeast(n)·None      AtLeast(n)·Commit
//! a majority                       Sync·None            Sync·Commit  ── commit ──► apply
//! everybody                        All·None             All·Commit
//! ```
//!
//! # The incarnation of an entry
//!
//! ```text
//!  leader    propose ─► accepted ─► Write ─► written ───────► synced ─┐
//!                          │        (host)      │  (host fsyncs)      │
//!                          ├─► Ack ASYNC        ├─► Ack LEADER_ONLY   ├─► Ack LEADER_ONLY, synced
//!                          ▼                    │                     ▼
//!  peers     Send append ─► written ──► synced ─┼─► replies count: Ack SYNC, ALL, AT_LEAST_n
//!                                               ▼                     │
//!                                  written copies of a majority       ▼
//!                                  acknowledge, and never commit   a majority synced: Commit ─► apply
//! ```
//!
//! An entry that was acknowledged before its commit is *early*. Each early acknowledgement ends in
//! exactly one of committed, lost or unknown: [`Raft::fate`] tells anybody who has its position, and
//! [`Output::Settled`] tells the leader that gave it.
//!
//! # What a host owes
//!
//! 1. Writes in the order they come. A [`Receipt`] says no more than what happened; a disk that fails
//!    ends the node: drop it and recover.
//! 2. The bytes of every position it was handed, by [`Raft::propose`] or in a [`Taken`], until they
//!    are written; and bytes by term *and* index, never by index alone. Those of entries that the core
//!    makes itself ([`Output::OwnEntry`]): a host stores and sends them like any others, and gives the
//!    bytes of configurations back to [`Recovery::config`]. An entry may be cut off before its write: a
//!    write that names another term at its index, or at a lower one, says so, and nothing asks for its
//!    bytes again.
//! 3. At the start everything on its disk, forced, by way of [`Recovery`], and whether the operating
//!    system is still the one that took it ([`Recovery::same_boot`]). What a power cut may have taken
//!    makes a node [suspect](Trust): it takes part, and its votes count in full only once a leader
//!    has seen it whole.
//! 4. Of a log that it drops, a snapshot: the state after some applied entry, with the core's part of
//!    it beside ([`Raft::snapshot_at`]), synced before the entries go ([`Raft::compacted`]). It sends
//!    one where it is asked to ([`Output::Snapshot`]), keeps one that it took until it is asked to
//!    write it, puts it in place of its state when told ([`Output::Restored`]), and starts from the
//!    newest ([`Recovery::snapshot`]). How its bytes travel, in which pieces and with which checks, is
//!    its own business: the core's message comes last.
//! 5. Which run stands at an index of its log, where the core asks ([`Output::Recall`]): the core keeps the
//!    newest terms, the host has all. And, as far as it kept that, how far commit was told
//!    ([`Recovery::committed`]).
//! 6. Everything else may be late, doubled or lost: messages, time, and polling itself.
//!
//! # Reading order
//!
//! 1. [`modes`] and [`durability`]: the choices; [`zones`] and [`presets`]: choosing by key and name;
//!    [`bounds`]: what a node takes on only so much of.
//! 2. [`output`]: what the core asks for, and how a [`Write`] becomes a [`Receipt`].
//! 3. [`Raft`]: the inputs, in the order of Raft's figure 2; then `raft/follower.rs`,
//!    `raft/candidate.rs`, `raft/leader.rs`, and `raft/poll.rs`, where outputs are derived.
//! 4. [`Trust`] and `raft/trust.rs`: what a power cut may take, and how a node is trusted again.
//! 5. [`Members`] and `raft/membership.rs`: who is in the cluster, and how that changes.
//! 6. `log.rs`, `recall.rs` and `raft/history.rs`: a window on the log, and what the host is asked for.
//!    [`History`]: what a host answers from. [`Snapshot`] and `raft/snapshots.rs`: what stands for a
//!    log that is gone.
//! 7. [`Waits`]: matching clients to watermarks.
//! 8. [`Frame`] and `WIRE.md`: the bytes between nodes. [`Status`]: what a node waits for; [`health`]:
//!    when to alarm an operator.
//!
//! `examples/hello_cluster.rs` is a cluster in one file, `examples/custom_runtime.rs` one with
//! threads and channels.
//!
//! # Which enums may grow
//!
//! An enum is exhaustive where a new variant is a new duty of the host, so that the compiler names every
//! place that lacks it: [`Output`], [`WriteKind`], [`EntryKind`], what a class is made of, what a client
//! is told ([`Fate`], [`Grade`], [`ReadOutcome`]), the refusals that a host translates for its clients
//! ([`ProposeError`], [`ReadError`], [`MembersProposeError`], [`TransferError`], [`ChangeError`]), and
//! [`Waiting`] and [`Bound`], which it gives a word each. [`Message`] is exhaustive because another kind
//! is another version of the wire.
//!
//! An enum is `#[non_exhaustive]` where a host hands the text on and decides nothing by the variant:
//! [`ConfigError`], [`WireError`], [`FrameError`], [`SnapshotError`], [`CompactError`], [`MembersError`],
//! the errors of settings, [`PeerState`], the presets and the alerts.
//!
//! # Glossary
//!
//! One word has one meaning here, the field's where the field has one.
//!
//! | word | meaning |
//! | --- | --- |
//! | term, index, position | a leader's number; a place in the log; both together, which name one entry for ever |
//! | entry, run | what one place in the log holds; neighbours of one term and kind |
//! | no-op | the first entry of a term: committing it commits everything before it |
//! | configuration | who votes and who learns, as an entry of the log; *pending* until it is committed |
//! | voter, learner, outgoing | a member that votes; one that only receives the log; a voter until a joint change is done |
//! | host | the program around the core: it has the bytes, the disk, the network and the clock |
//! | written, synced | the operating system has a copy; the disk has it |
//! | write, force | what the core asks of a disk: to take entries; to have them synced |
//! | watermarks | how far a node's log is written, and how far it is synced |
//! | class | a commit mode and an fsync mode: how many nodes, and how firmly |
//! | ack | what a client or its leader hears: so many hold the entry so firmly |
//! | early | of an ack: given before the entry was committed |
//! | committed | Raft's word: a majority's disks have the entry, and every later leader |
//! | fate | what became of an entry: committed, pending, lost or unknown |
//! | settled | of early acks: their fate is decided; *unkept* are those that commit did not carry |
//! | applied | executed by the host's state machine |
//! | store | one disk of one member, by its number; a blank disk is another store |
//! | incarnation | one start of a node on its store: a number that rises, and a nonce that tells two apart |
//! | clean, dirty, suspect | whether a power cut would take, or may have taken, a copy that somebody relied on |
//! | re-admission | a suspect, or a disk that went back, is brought up to date and trusted again |
//! | superseded | a newer incarnation of the same store answers the leader: the older one ends |
//! | lease | for how long a leader that a majority heard cannot have been replaced |
//! | transfer | leadership goes to another node by the leader's own will |
//! | snapshot, compacted | the state after an entry; the log before that entry is gone |
//! | recall | the core asks its host which run stands below the window of the log that it keeps |
//! | receipt | the only proof to the core that a write is held |

#![no_std]
#![forbid(unsafe_code)]

mod acks;
mod classes;
mod configurations;
mod in_flight;
mod incarnations;
mod lag;
mod log;
mod progress;
mod quorum;
mod raft;
mod reads;
mod recall;
mod recovery;
mod rng;
mod timers;
mod waits;
mod wire;
mod writes;

pub mod bounds;
pub mod cluster;
pub mod config;
pub mod durability;
pub mod entry;
pub mod hard_state;
pub mod health;
pub mod history;
pub mod ids;
pub mod limits;
pub mod members;
pub mod message;
pub mod modes;
pub mod output;
pub mod presets;
pub mod snapshot;
pub mod time;
pub mod zones;

pub use bounds::{Bound, Busy};
pub use cluster::{ClusterId, Epoch, NotAClusterId};
pub use config::{CheckQuorum, Config, ConfigError, Lease, PreVote};
pub use durability::Durability;
pub use entry::{EntryKind, Run};
pub use hard_state::{HardState, Trust};
pub use history::History;
pub use ids::{Incarnation, LogIndex, LogPosition, NodeId, Nonce, StoreId, Term};
pub use lag::Lag;
pub use members::{Change, ChangeError, ConfigurationBytes, Member, Members, MembersError};
pub use message::{
    Append, Ballot, Envelope, Finding, Heartbeat, HeartbeatReply, Message, Notice, Readmission,
    Watermarks,
};
pub use modes::{Class, CommitMode, FsyncMode, Held};
pub use output::{
    Agreed, Fate, Force, Output, Question, ReadOutcome, ReadTicket, Receipt, Role, Standing,
    Unkept, Unsynced, Verdict, Write, WriteKind,
};
pub use progress::PeerState;
pub use raft::{
    CompactError, Dropped, MembersProposeError, PeerStatus, ProposeError, Proposed, Raft,
    ReadError, SnapshotError, Status, TransferError, WAITING_MAX, Waiting,
};
pub use recovery::Recovery;
pub use snapshot::{Snapshot, SnapshotBytesError};
pub use time::Instant;
pub use waits::{Answer, Grade, Slot, Waits};
pub use wire::{
    ENTRY_PREFIX, Entries, Frame, FrameError, Taken, WIRE_VERSION, WireError, entry_prefix,
};
