//! The state machine as it was at one moment, kept by a node for a client that reads it in several requests.

use serde::{Deserialize, Serialize};

/// Moments a node keeps at once. Each costs as much memory as has changed since.
pub const MOMENTS_MAX: u64 = 16;

/// Seconds after which a moment that nobody reads is let go.
pub const MOMENT_UNREAD_S_MAX: u64 = 30;

/// Seconds after which any moment is let go.
pub const MOMENT_AGE_S_MAX: u64 = 600;

const _: () = assert!(MOMENT_UNREAD_S_MAX < MOMENT_AGE_S_MAX);

/// One moment that a node keeps. Its number is random: a node that started anew takes it for none of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MomentId(pub u64);

impl MomentId {
    /// A new one.
    pub fn random() -> Self {
        let id = ring::rand::generate::<[u8; 8]>(&ring::rand::SystemRandom::new())
            .expect("the operating system gives random numbers")
            .expose();
        Self(u64::from_le_bytes(id))
    }
}
