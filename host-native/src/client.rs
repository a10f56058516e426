//! Not written yet: client.
