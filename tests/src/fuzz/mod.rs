//! Fuzz bodies: each takes any bytes, and panics where something is wrong.
//!
//! The tests run them on stable, over a small corpus and 10,000 inputs made from it by a seed (of
//! [`clusters`], 300);
//! `cargo +nightly fuzz run BODY` in `tests/fuzz` runs them by hand for as long as one likes.
//!
//! | body | takes | holds |
//! | --- | --- | --- |
//! | [`frames`] | the bytes of a frame | decoding is total and canonical; no node panics on what it decodes to |
//! | [`hostile`] | what a member sends that no honest node would, and what happens meanwhile | a living node is started again from its own disk after each, and nothing committed is replaced |
//! | [`members`] | the bytes of a configuration, and changes | likewise; what changes lead to is in order |
//! | [`zones`] | patterns, keys, requests | the zone the plainest matcher finds; classes as asked, no floor undercut |
//! | [`recovery`] | a hard state and runs | a node starts or says why not, and works |
//! | [`operations`] | moves of three nodes | every invariant of [`explore`](crate::explore) |
//! | [`clusters`] | operations on a cluster of [`sim`](crate::sim) | every oracle of it |
//! | [`runs`] | a file of such a run | read or refused; the same run ends the same |
//! | [`driver`] | lines to the driver | one reply a line, in JSON |
//! | [`store`] | writes to a store, and damage of log and `meta` | it opens with what was written and a prefix of it, or refuses |
//! | [`clients`] | requests, answers, commands, checksummed entries | each has one encoding; a command is applied once, alike everywhere |
//! | [`hello`] | the first words of a peer | read back or refused |
//! | [`configuration`] | a node's TOML | read or refused; what it is written as again means the same |

#[cfg(not(target_family = "wasm"))]
pub mod clients;
pub mod clusters;
#[cfg(not(target_family = "wasm"))]
pub mod configuration;
pub mod driver;
pub mod frames;
#[cfg(not(target_family = "wasm"))]
pub mod hello;
pub mod hostile;
pub mod inputs;
pub mod members;
pub mod operations;
pub mod recovery;
pub mod runs;
#[cfg(not(target_family = "wasm"))]
pub mod store;
pub mod zones;

/// How far an input came. A corpus of which nothing is taken shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// It was turned away where it is read.
    Refused,
    /// What it holds was tried.
    Taken,
}

/// A body.
pub type Body = fn(&[u8]) -> Depth;

/// Every body and its name.
pub const BODIES: &[(&str, Body)] = &[
    ("frames", frames::body),
    ("hostile", hostile::body),
    ("members", members::body),
    ("zones", zones::body),
    ("recovery", recovery::body),
    ("operations", operations::body),
    ("clusters", clusters::body),
    ("runs", runs::body),
    ("driver", driver::body),
    #[cfg(not(target_family = "wasm"))]
    ("store", store::body),
    #[cfg(not(target_family = "wasm"))]
    ("clients", clients::body),
    #[cfg(not(target_family = "wasm"))]
    ("hello", hello::body),
    #[cfg(not(target_family = "wasm"))]
    ("configuration", configuration::body),
];
