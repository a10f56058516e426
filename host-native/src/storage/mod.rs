//! Not written yet: storage/mod.
