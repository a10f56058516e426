//! Not written yet: api.
