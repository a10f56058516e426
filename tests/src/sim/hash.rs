//! The one canonical encoding of a world, and its hash.
//!
//! The bytes are postcard's: the same on every machine, with no pointer, no address order and no
//! word size in them. The hash is SipHash-1-3 with 128 bits of result over these bytes.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::world::World;

/// Collects what postcard writes.
struct Bytes(Vec<u8>);

impl Flavor for Bytes {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// The canonical bytes of a value.
pub(crate) fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::serialize_with_flavor(value, Bytes(Vec::new())).expect("memory takes everything")
}

/// 128 bits of some bytes.
pub fn hash_of(bytes: &[u8]) -> u128 {
    use std::hash::Hasher;
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(bytes);
    let hash = hasher.finish128();
    (u128::from(hash.h1) << 64) | u128::from(hash.h2)
}

impl World {
    /// The state as canonical bytes: cores, logs, disks, clocks, messages in flight, clients.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = encode(&(self.seed, self.now_us, &self.setup, self.attended));
        for node in &self.nodes {
            bytes.extend(encode(&(&node.clock, node.disk.canonical())));
            bytes.extend(encode(&(node.wake_us, node.poll_us, &node.recalls)));
            if let Some(live) = &node.live {
                bytes.extend(encode(&(&live.raft, &live.log, live.commit)));
                bytes.extend(encode(&(&live.early, &live.reads, live.waits.len())));
                bytes.extend(encode(&(&live.asked, &live.machine, &live.taken)));
            }
        }
        bytes.extend(encode(&self.links.packets()));
        bytes.extend(encode(&self.links.canonical()));
        bytes.extend(encode(&self.clients));
        bytes
    }

    /// 128 bits that name the state.
    pub fn hash(&self) -> u128 {
        hash_of(&self.canonical())
    }

    /// The same in hexadecimal.
    pub fn hash_text(&self) -> String {
        format!("{:032x}", self.hash())
    }
}
