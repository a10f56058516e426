//! Sockets of this machine: peers, clients, and what is said when a connection breaks. One file a
//! subject:
//!
//! | file | what it shows |
//! | --- | --- |
//! | `transport` | nodes to nodes: what gets through, what is refused, what is noticed |
//! | `rpc` | clients to nodes: answers, refusals, and broken connections |
//! | `client` | whom the client asks, what it sends again, what its caller is told |
//! | `rounds` | how long rounds take, for a person to read; by hand |

mod client;
mod rounds;
mod rpc;
mod transport;

#[path = "../kit/common.rs"]
mod common;
#[path = "../kit/fake.rs"]
mod fake;
