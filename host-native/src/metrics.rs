//! Not written yet: metrics.
