//! How often a cluster was founded anew.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 0 for a cluster as it was made, and one more each time it is founded anew from what is left of it.
///
/// Stores hold it and nodes say it when they meet: nodes of two epochs are two clusters.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
