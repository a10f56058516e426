//! Raft whose durability is chosen per request.
#![no_std]

pub mod durability;
pub mod entry;
pub mod hard_state;
pub mod health;
pub mod ids;
pub mod limits;
pub mod members;
pub mod message;
pub mod modes;
pub mod output;
pub mod presets;
pub mod time;
pub mod zones;
