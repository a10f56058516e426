//! Every bound of the core, stated once.
//!
//! Constants rather than parameters: one shape of memory, known at compile time, and one wire
//! format that every build understands. What a host may set lower is a field of
//! [`Config`](crate::Config); [`bounds`](crate::bounds) lists both.

/// Members of a cluster, voters and learners together, counted over the union while joint.
pub const MEMBERS_MAX: usize = 15;

/// Bytes of an entry that holds a configuration of [`MEMBERS_MAX`] members.
pub const CONFIGURATION_BYTES_MAX: usize = 1 + MEMBERS_MAX * 21;

/// Changes of term, and of members within one, that the core keeps of the log's end. Older ones it asks
/// its host for.
pub const TERM_RUNS_MAX: usize = 64;

/// The fewest it can be told to keep: the newest, and the one before.
pub const TERM_RUNS_MIN: usize = 2;

/// Bytes of a number no greater than [`INDEX_MAX`] or [`TERM_MAX`].
const NUMBER_BYTES_MAX: usize = 9;

/// Bytes of what the core keeps of a snapshot: its history, of [`TERM_RUNS_MAX`] term runs, and its
/// configuration.
pub const SNAPSHOT_BYTES_MAX: usize =
    4 * NUMBER_BYTES_MAX + 1 + TERM_RUNS_MAX * (2 * NUMBER_BYTES_MAX + 1) + CONFIGURATION_BYTES_MAX;

/// Log writes handed to the host and not yet held. One more slot is kept for hard state.
pub const WRITES_IN_FLIGHT_MAX: usize = 16;

/// Appends sent to one peer and not yet answered.
pub const APPENDS_IN_FLIGHT_MAX: usize = 16;

/// Entries one append or one write carries.
pub const RUN_ENTRIES_MAX: u32 = 4096;

/// Entries accepted into memory and not yet handed to the host as a write.
pub const UNWRITTEN_ENTRIES_MAX: u32 = 65_536;

/// Stretches of differing class remembered; beyond that neighbours share their stronger class.
pub const CLASS_RUNS_MAX: usize = 48;

/// Terms led whose early acknowledgements are not settled yet; beyond that acks wait for commit.
pub const UNSETTLED_TERMS_MAX: usize = 4;

/// Batches of linearizable reads confirmed at the same time.
pub const READ_BATCHES_MAX: usize = 6;

/// Followers' questions for a read index on their way; one more is asked again with the next heartbeat.
pub const REMOTE_READS_MAX: usize = 4;

/// Replies owed to peers at any moment; one more is dropped as the network would.
pub const REPLIES_MAX: usize = 12;

/// Truncations told apart while writes are in flight.
pub const TRUNCATIONS_MAX: usize = 4;

/// The last index and term a peer may claim. A number beyond them is refused before any sum.
pub const INDEX_MAX: u64 = u64::MAX / 4;

/// The last term a peer may claim: honest elections cannot get there, and a hostile peer must not
/// burn the terms that are left.
pub const TERM_MAX: u64 = u64::MAX / 4;

/// How far beyond a node's own term a peer's may lie. Honest nodes part by one term an election, and
/// so many take decades; a number picked to burn the terms that are left does not get there in one
/// message, nor in a million.
pub const TERM_JUMP_MAX: u64 = 1 << 32;

/// How far beyond the end of a node's own log a snapshot may reach: further than any log has grown,
/// and far from using up the indexes in a few messages.
pub const INDEX_JUMP_MAX: u64 = 1 << 44;

/// The last incarnation a store may claim.
pub const INCARNATION_MAX: u64 = u64::MAX / 4;

/// How far beyond the incarnation that is known of a store a peer may claim another: as with terms, a number
/// picked to burn those that are left does not get there.
pub const INCARNATION_JUMP_MAX: u64 = 1 << 32;

/// Zones of a table.
pub const ZONES_MAX: usize = 32;

/// Bytes of one zone's key pattern.
pub const ZONE_PATTERN_MAX: usize = 64;

/// Bytes of a frame before its entries.
pub const FRAME_HEADER_MAX: usize = 192;

const _: () = assert!(TERM_RUNS_MIN > 1 && TERM_RUNS_MIN < TERM_RUNS_MAX);
const _: () = assert!(APPENDS_IN_FLIGHT_MAX > 1 && READ_BATCHES_MAX > 1);
const _: () = assert!(UNWRITTEN_ENTRIES_MAX >= RUN_ENTRIES_MAX);
const _: () = assert!(APPENDS_IN_FLIGHT_MAX <= u8::MAX as usize);
const _: () = assert!(WRITES_IN_FLIGHT_MAX <= u8::MAX as usize);
const _: () = assert!(MEMBERS_MAX < u8::MAX as usize);
const _: () = assert!(INDEX_MAX < 1 << (7 * NUMBER_BYTES_MAX) && TERM_MAX <= INDEX_MAX);
const _: () = assert!(TERM_RUNS_MAX < 1 << 7);
const _: () = assert!(TERM_JUMP_MAX < TERM_MAX / (1 << 20));
const _: () = assert!(INDEX_JUMP_MAX < INDEX_MAX / (1 << 16));
const _: () = assert!(INCARNATION_JUMP_MAX < INCARNATION_MAX / (1 << 20));
