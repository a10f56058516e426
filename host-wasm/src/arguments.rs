//! What JavaScript gives as numbers, as the core has it.

use kraft_proto::{Member, NodeId, StoreId};
use wasm_bindgen::prelude::*;

use crate::codes;

/// A node's number, as JavaScript has it.
pub fn node(id: f64) -> NodeId {
    NodeId(id as u64)
}

/// A class, or what is wrong with it.
pub fn class(mode: u32, fsync: u8) -> Result<kraft_proto::Class, JsError> {
    let class = codes::class(mode, fsync);
    class.ok_or_else(|| JsError::new(&format!("no class has the numbers {mode} and {fsync}")))
}

/// A member on this store; 0: whichever it has.
pub fn member(id: f64, store: u64) -> Member {
    Member {
        id: node(id),
        store: StoreId(store),
    }
}
