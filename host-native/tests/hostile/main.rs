//! What anybody with a socket or a certificate can do to a node. One file a subject:
//!
//! | file | what it shows |
//! | --- | --- |
//! | `clients` | the hostile table: what each attack did to a node's memory, and to an honest client |
//! | `admin` | the port for operators, over TCP |
//! | `decoders` | every decoder of clients' bytes takes any bytes |

mod admin;
mod clients;
mod decoders;
mod raw;

#[path = "../kit/e2e/mod.rs"]
mod e2e;
