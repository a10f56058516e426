//! Not written yet: cli/mod.
