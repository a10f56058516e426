//! Not written yet: transport/mod.
