//! The live page over HTTP, for a browser on this machine: `kraft demo --web`.
//!
//! | file | holds |
//! |---|---|
//! | `listing` | the files of a built page; shared with the build script |
//! | `page` | where the page comes from, and all of it in memory |
//! | `server` | what a request is answered: types, policy, caching |
//!
//! It listens on loopback alone. The page needs databases and locks that browsers give to nothing
//! but `https` and the machine itself, so that an open port would show a page that cannot start.

mod listing;
mod page;
mod server;

pub use page::{Origin, Page, PageError};
pub use server::serve;

/// The port unless told otherwise. A fixed one, because a browser keeps a page's databases by
/// address and port: on another one the cluster would begin anew.
pub const WEB_PORT: u16 = 7080;
