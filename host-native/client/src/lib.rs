//! A client of a kraft cluster: finds the leader, follows it, and asks again where that is safe.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kraft_client::{Client, ClientConfig};
//! use kraft_client::modes::{CommitMode, FsyncMode};
//!
//! let config = ClientConfig::load("kraft/client.toml".as_ref())?;
//! let client = Client::from_config(&config).await?;
//! let answer = client
//!     .put("account:1", "100")
//!     .mode(CommitMode::All)
//!     .fsync(FsyncMode::Always)
//!     .send()
//!     .await?;
//! println!("{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! A client is cheap to clone, and all clones share one connection to each node. A write keeps its
//! session and number through every retry, so it is applied at most once.
//!
//! [`ClientConfig`] is what a client is told. [`Client`] and [`WriteRequest`] are what a program
//! holds; what goes wrong is a [`ClientError`]. A [`Moment`] is read in several requests. Beneath, `session_pool` gives out request numbers,
//! `routes` knows the nodes, and [`RpcClient`] is a connection to one of them, for programs that
//! speak to a node by themselves.

mod call_error;
mod client;
mod config;
mod connection;
mod delivery;
mod error;
mod moment;
mod read;
mod retries;
mod routes;
mod session_pool;
mod waiting;
mod write;

pub use call_error::{CallError, ConnectError};
pub use client::{Client, Settings};
pub use config::{ClientConfig, ClientConfigError};
pub use connection::{Answers, ClientLimits, RpcClient};
pub use error::{Asked, ClientError, ClientOpenError};
pub use moment::Moment;
pub use session_pool::WRITES_IN_FLIGHT_MAX;
pub use write::WriteRequest;

/// How a write is kept, as its request says.
pub use kraft_proto::{durability, modes};
/// Requests, answers, keys and certificates, as they travel.
pub use kraft_wire::{api, cert, command, key_value, payload, rows, txn};
