//! One cluster among all clusters.
//!
//! The core reads neither: hosts compare them when nodes meet (`WIRE.md`), and keep them on their disks.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 random bits, drawn when a cluster is founded. Its certificates carry them, its stores hold
/// them, its nodes say them when they meet.
///
/// Shown and parsed as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u128);

/// The text names no cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAClusterId;

impl fmt::Display for NotAClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a cluster id: write it as 32 lower-case hexadecimal digits, as `kraft init` does",
        )
    }
}

impl core::error::Error for NotAClusterId {}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ClusterId {
    type Err = NotAClusterId;

    fn from_str(text: &str) -> Result<Self, NotAClusterId> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return Err(NotAClusterId);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAClusterId)
    }
}

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
