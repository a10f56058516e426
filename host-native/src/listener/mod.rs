//! What both listeners share, the peers' and the clients': who waits for a hello, and what is told once.

mod desk;
mod network;
mod repeats;

pub(crate) use desk::{Desk, Seated};
pub(crate) use network::network;
pub(crate) use repeats::Repeats;
