//! kraft on real machines.
