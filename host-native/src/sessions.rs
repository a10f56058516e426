//! Not written yet: sessions.
