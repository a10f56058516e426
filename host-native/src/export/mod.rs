//! An export: the keys and values of a store as JSON lines, which give the same bytes back.
//!
//! ```text
//! {"kraft-export":1,"prefix":null}            the first line: the format's version, and which keys
//! {"key":"user:7","value":"Ann"}              a row a line, in the order of the keys
//! {"key":"user:8","value":{"hex":"ff00"}}     bytes that are no UTF-8 are written in hex
//! {"rows":2}                                  the last line: a file without it was cut off
//! ```
//!
//! A key or value that is UTF-8 is a JSON string, any other an object with its bytes in hex. A string and an object are
//! never the same bytes, so nothing has to be escaped.

mod file;
mod lines;
mod reading;

pub use file::{ExportError, ExportFile, ExportWriter};
pub use reading::ExportedRows;
