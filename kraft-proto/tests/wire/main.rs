//! The wire format, as `WIRE.md` has it.
//!
//! | file | what it has |
//! | --- | --- |
//! | `examples` | One message of each kind, with the name it has in the specification. |
//! | `golden` | The golden vectors: bytes that the specification gives. |
//! | `decoder` | A decoder that takes any bytes: what it refuses, and that it never panics. |

mod decoder;
mod examples;
mod golden;
