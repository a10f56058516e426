//! Suites and tools that hold kraft to its word.
