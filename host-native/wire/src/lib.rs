//! What clients and nodes of kraft say to each other, and the QUIC they say it over.
//!
//! Neither side owns it: [`kraft-client`](https://docs.rs/kraft-client) speaks it, and so does the
//! node in [`host-native`](https://docs.rs/host-native).
//!
//! ```
//! use kraft_wire::api::{Freshness, Request};
//! use kraft_wire::key_value::Key;
//! use kraft_wire::payload::Payload;
//! use kraft_wire::rows::Query;
//!
//! let request = Request::Query {
//!     query: Payload::of(&Query::Get(Key::try_from("account:alice")?)),
//!     freshness: Freshness::Linearizable,
//! };
//! assert_eq!(Request::decode(&request.encode())?, request);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is said: [`api`] has the requests and answers, [`command`] the writes as they stand in the
//! log. What they carry is the state machine's own: a [`payload`]. The bundled store has its words in
//! [`key_value`], keys and values, [`txn`], transactions, and [`rows`], what it is asked and answers. [`codec`] makes bytes of
//! them.
//!
//! How it travels: [`cert`] says who is who, [`address`] where somebody is reached, [`quic`] opens
//! endpoints, says hello and cuts frames, [`rpc`] numbers the calls of one connection.

mod sync;

pub mod address;
pub mod api;
pub mod cert;
pub mod codec;
pub mod command;
pub mod key_value;
pub mod payload;
pub mod quic;
pub mod rows;
pub mod rpc;
pub mod txn;

pub use sync::lock;
