//! kraft on real machines: QUIC, mutual TLS, checksummed files.

pub mod admin;
pub mod api;
pub mod cert;
pub mod client;
pub mod command;
pub mod config;
pub mod kv;
pub mod machine;
pub mod metrics;
pub mod node;
pub mod rpc;
pub mod sessions;
pub mod storage;
pub mod transport;
