//! Placeholder of zones.
