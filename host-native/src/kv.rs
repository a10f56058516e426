//! Not written yet: kv.
