//! Not written yet: machine.
