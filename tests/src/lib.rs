//! Tools that hold kraft to its word, and the suites that use them (in `tests/tests`).
//!
//! - [`conformance`]: what kraft asks of a disk, for any host to run on its own storage.
//! - [`drive`]: scripting bare nodes over JSON lines, the program `drive`.
//! - [`explore`]: every state of a small world of real nodes, and random walks through larger ones.
//! - [`fuzz`]: what takes any bytes and must not panic.
//! - [`script`]: scenarios in a short notation over the driver, with their expected output.
//! - [`sim`]: clusters of real cores in virtual time, with an oracle for every promise.

pub mod conformance;
pub mod drive;
pub mod explore;
pub mod fuzz;
pub mod script;
pub mod sim;
