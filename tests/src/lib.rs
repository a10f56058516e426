//! Tools that hold kraft to its word, and the suites that use them (in `tests/tests`).
//!
//! - [`conformance`]: what kraft asks of a disk, for any host to run on its own storage.
//! - [`drive`]: scripting bare nodes over JSON lines, the program `drive`.
//! - [`script`]: scenarios in a short notation over the driver, with their expected output.
//! - [`sim`]: clusters of real cores in virtual time, with an oracle for every promise.

pub mod conformance;
pub mod drive;
pub mod script;
pub mod sim;
