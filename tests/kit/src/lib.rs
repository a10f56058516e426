//! Hosts in memory: what every suite of bare nodes needs of a host, each in one place.
//!
//! | noun | what it is |
//! | --- | --- |
//! | [`Entry`], [`Log`] | entries as a host keeps them: found by position, replaced, told as runs, recovered |
//! | [`Kept`] | a snapshot as a host keeps it: the core's bytes, and where it ends |
//! | [`Writes`] | writes on their way to a disk: taken, written, synced, and what a crash leaves of them |
//! | [`Medium`] | what one medium would give back: hard state, snapshot and log |
//! | [`framed`] | a message as bytes |
//!
//! What a suite lets happen is its own: when a disk works, which messages arrive, what a crash keeps.
//! So are its oracles. This crate has no clock, no chance and no network.

mod log;
mod medium;
mod snapshot;
mod writes;

use kraft_proto::{Envelope, FrameError, LogPosition};

pub use log::{Entry, Log};
pub use medium::Medium;
pub use snapshot::{Kept, history_bytes};
pub use writes::{Queued, Writes};

/// A message as bytes; `held` gives those of the entry at a position, or of a snapshot through it.
pub fn framed<B: AsRef<[u8]>>(
    envelope: &Envelope,
    held: impl FnMut(LogPosition) -> Option<B>,
) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::new();
    envelope.frame(&mut bytes, held)?;
    Ok(bytes)
}
