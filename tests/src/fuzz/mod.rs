//! Fuzz bodies: each takes any bytes, and panics where something is wrong.
//!
//! The tests run them on stable, over a small corpus and 10,000 inputs made from it by a seed;
//! `cargo +nightly fuzz run BODY` in `tests/fuzz` runs them by hand for as long as one likes.
//!
//! | body | takes | holds |
//! | --- | --- | --- |
//! | [`frames`] | the bytes of a frame | decoding is total and canonical; no node panics on what it decodes to |
//! | [`recovery`] | a hard state and runs | a node starts or says why not, and works |
//! | [`operations`] | moves of three nodes | every invariant of [`explore`](crate::explore) |
//! | [`store`] | writes to a store, and damage | it opens with what was written and a prefix of it, or refuses |

pub mod frames;
pub mod inputs;
pub mod operations;
pub mod recovery;
#[cfg(not(target_family = "wasm"))]
pub mod store;

/// A body.
pub type Body = fn(&[u8]);

/// Every body and its name.
pub const BODIES: &[(&str, Body)] = &[
    ("frames", frames::body),
    ("recovery", recovery::body),
    ("operations", operations::body),
    #[cfg(not(target_family = "wasm"))]
    ("store", store::body),
];
