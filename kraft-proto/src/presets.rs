//! Placeholder of presets.
