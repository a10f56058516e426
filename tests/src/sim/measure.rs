//! How much nodes hold, for the oracle that bounds it.

use super::event::{Event, Memory};
use super::hash;
use super::world::World;

impl World {
    pub(super) fn measure(&mut self, place: usize) {
        let node = &self.nodes[place];
        if let Some(live) = &node.live {
            let held = Memory {
                disk_queued: node.disk.queued() + node.kept_writes,
                waits: live.waits.len(),
                early_terms: live.early_terms(),
                core_bytes: hash::encode(&live.raft).len(),
            };
            let node = place;
            self.witness.see(Event::Memory { node, held });
        }
    }
}
