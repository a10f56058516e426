//! Not written yet: node/mod.
