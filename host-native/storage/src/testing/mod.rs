//! How the store is tested, for whoever builds on it: a disk that loses power, and every crash point.
//!
//! [`FaultFs`] is a disk in memory that fails on command, and [`bench`](mod@bench) a store on one.
//! [`every_crash_point`] stops a store in each of its operations and opens every disk that may come of
//! it.

pub(crate) mod ask;
pub mod bench;
mod crash_points;
mod fault;

pub use crash_points::every_crash_point;
pub use fault::{Change, Crash, Fate, Fault, FaultFs, Operation, Pending, Tear};
