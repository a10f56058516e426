//! One cluster among all clusters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 random bits, drawn when a cluster is founded. Its certificates carry them, its stores hold
/// them, its nodes say them when they meet.
///
/// Shown and parsed as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u128);

/// The text names no cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no cluster id: write it as 32 lower-case hexadecimal digits, as `kraft init` does"
)]
pub struct NotAClusterId(pub String);

impl ClusterId {
    /// Draws a new one.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn random() -> Result<Self, ring::error::Unspecified> {
        let drawn = ring::rand::generate::<[u8; 16]>(&ring::rand::SystemRandom::new())?;
        Ok(Self(u128::from_be_bytes(drawn.expose())))
    }

    /// The DNS name that every node's certificate of this cluster holds, and TLS checks.
    pub(crate) fn server_name(self) -> String {
        format!("node.{self}.kraft")
    }
}

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
            return Err(NotAClusterId(text.to_owned()));
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| NotAClusterId(text.to_owned()))
    }
}
