//! Tools that hold kraft to its word, and the suites that use them (in `tests/tests`).
//!
//! - [`drive`]: scripting bare nodes over JSON lines, the program `drive`.

pub mod drive;
