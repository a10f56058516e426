//! kraft on real machines: QUIC, mutual TLS, checksummed files.

pub mod admin;
pub mod api;
pub mod cert;
pub mod cli;
pub mod client;
pub mod cluster_id;
pub mod codec;
pub mod command;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod epoch;
pub mod kv;
pub mod load;
pub mod machine;
pub mod metrics;
pub mod node;
pub mod pair;
mod race;
pub mod replicas;
pub mod rpc;
pub mod sealed;
pub mod sessions;
pub mod setup;
pub mod storage;
pub mod transport;
pub mod web;
