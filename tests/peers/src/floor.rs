//! Not a Raft: what remains when nothing is agreed upon. Three framed copies, each applied.

use crate::contest::{Applied, Contender, NODES, PAYLOAD, RECORD, Store};

/// Three logs and nobody who asks.
pub struct Floor {
    stores: [Store; NODES],
    applied: [Applied; NODES],
}

impl Default for Floor {
    fn default() -> Self {
        Self {
            stores: [0, 1, 2].map(Store::new),
            applied: Default::default(),
        }
    }
}

impl Contender for Floor {
    fn batch(&mut self, payloads: &[[u8; PAYLOAD]]) {
        let (first, others) = self.stores.split_at_mut(1);
        let len = payloads.len() * RECORD;
        let at = first[0].keep_all(payloads);
        first[0].apply(at, payloads.len(), &mut self.applied[0]);
        for (store, applied) in others.iter_mut().zip(&mut self.applied[1..]) {
            let (to, room) = store.reserve(len);
            room.copy_from_slice(first[0].bytes(at, len));
            store.apply(to, payloads.len(), applied);
        }
    }

    fn applied(&self) -> [Applied; NODES] {
        self.applied
    }
}
