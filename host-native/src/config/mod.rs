//! What a node is told: a TOML file, then `KRAFT_*` variables, then flags, the later winning.
//!
//! Every option stands once, in [`settings::SETTINGS`]: its place in the file, its variable, its
//! flag, how it is read and how it is shown. Files are read with their line numbers kept, so that
//! what is wrong can be said where it is.

mod error;
mod file;
mod layers;
mod limits;
mod members;
mod options;
mod origin;
mod ports;
mod render;
pub mod settings;
mod source;
mod values;
mod zones;

#[cfg(test)]
mod tests;

pub use error::ConfigError;
pub use kraft_wire::address::{Address, Host, split};
pub use kraft_wire::rpc::CLIENTS_PORT;
pub use layers::Layers;
pub use limits::Limits;
pub use members::MemberConfig;
pub use options::{AtRiskFull, Config, Listen, SnapshotOptions, Timing, TlsFiles};
pub use origin::Origin;
pub use ports::{ADMIN_PORT, PEERS_PORT};
pub use values::{format_bytes, parse_bytes};
pub use zones::{read_zones, write_zones};
