//! Not written yet: config.
