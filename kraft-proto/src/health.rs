//! Placeholder of health.
