//! Not written yet: cert.
