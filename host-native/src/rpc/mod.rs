//! The clients' listener: many calls at a time over one QUIC connection, mutual TLS always.
//!
//! ```text
//! RpcClient::call ─► frames {id, body} ─────────► RpcServer ─► Calls ─► the node
//!        ◄────────── frames {id, status, body} ◄── Reply::send ◄──────────┘
//! ```
//!
//! Answers come in any order. What one connection may have unanswered is bounded in calls and in
//! bytes; beyond that its client is slowed down. Answers that a client does not read are bounded too,
//! by connection and in all: the node asks for room before it makes a large one. Nodes may call each
//! other the same way.

mod connections;
mod directory;
mod limits;
mod origin;
mod pool;
mod server;
mod session;
mod shares;

pub use directory::{Directory, News};
pub use limits::ServerLimits;
pub use origin::Origin;
pub use server::{Calls, ClientNews, RpcServer, RpcStats};
pub use session::{Call, Part, Reply, Room};
pub use shares::{Shares, Verdict};
