//! Not written yet: admin.
