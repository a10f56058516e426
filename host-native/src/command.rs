//! Not written yet: command.
