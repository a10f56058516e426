//! kraft on real machines: QUIC, mutual TLS, checksummed files.

mod address_book;
pub mod admin;
pub mod checksummed;
pub mod cli;
pub mod config;
pub mod demo;
pub mod descriptors;
pub mod entries;
pub mod exit;
pub mod export;
pub mod glyph;
pub mod kv;
mod listener;
pub mod load;
pub mod machine;
pub mod metrics;
pub mod node;
pub mod replicas;
pub mod rpc;
mod saved;
pub mod sessions;
pub mod setup;
pub mod transport;
pub mod web;
