//! How many files this process may have open: each segment of the log takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a node opens beside its log: sockets, the admin port's connections, the disk's reserve, and
/// what the runtime and the certificates take, with room.
const BESIDE_THE_LOG: u64 = 192;

/// As many as anybody needs: a kernel's own limit may be lower.
const ENOUGH: u64 = 1 << 20;

/// Raises the limit as far as this user may, and returns it.
pub fn raise() -> u64 {
    let now = getrlimit(Resource::Nofile);
    let current = now.current.unwrap_or(u64::MAX);
    let wanted = now.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if current >= wanted {
        return current;
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..now
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => wanted,
        Err(error) => {
            tracing::warn!("the limit of open files stays at {current}: {error}");
            current
        }
    }
}

/// The limit as it is now.
pub fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many a node with so many segments needs.
pub fn needed(segments: usize) -> u64 {
    BESIDE_THE_LOG + segments as u64
}
