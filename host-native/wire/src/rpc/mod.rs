//! Calls over one QUIC connection: what client and node say to each other around each of them.
//!
//! ```text
//! client ─► frames {id, body} ─────────► node
//!        ◄─ frames {id, status, body} ◄──
//! ```
//!
//! The client's half of it is in `kraft-client`, the node's in `host-native`.

mod frames;
mod greeting;

pub use frames::{
    ANSWER_HEADER_BYTES, REQUEST_HEADER_BYTES, Status, answer, put_answer, put_request, request,
};
pub use greeting::{
    ADDRESS_BYTES_MAX, CLIENT_ALPN, CLIENT_VERSION, CLIENTS_PORT, ClientHello, ServerHello,
    Whereabouts,
};

/// Bytes written to a stream at a time.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Bytes of one request or answer, its header included, unless both sides are told otherwise.
pub const CALL_BYTES_MAX: u32 = 4 * 1024 * 1024;
