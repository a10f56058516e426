//! What every contender does: carry batches of payloads into three logs and apply them there.

/// Nodes of each cluster.
pub const NODES: usize = 3;

/// Bytes of every payload.
pub const PAYLOAD: usize = 256;

/// Bytes before each payload in a log: its length.
pub const PREFIX: usize = 4;

/// One entry of a log.
pub const RECORD: usize = PREFIX + PAYLOAD;

/// A cluster of three nodes on one thread, its leader elected.
pub trait Contender {
    /// Replicates a batch and applies it on every node. All of them are up to date when it returns.
    fn batch(&mut self, payloads: &[[u8; PAYLOAD]]);

    /// What each node applied.
    fn applied(&self) -> [Applied; NODES];
}

/// The state machine: it looks at both ends of every payload, and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Entries.
    pub count: u64,
    /// What they added up to.
    pub sum: u64,
}

impl Applied {
    /// Applies one entry.
    pub fn apply(&mut self, payload: &[u8]) {
        let first = payload.first_chunk().copied().unwrap_or_default();
        let last = payload.last_chunk().copied().unwrap_or_default();
        let sum = u64::from_le_bytes(first).wrapping_mul(31) ^ u64::from_le_bytes(last);
        self.sum = self.sum.wrapping_add(sum);
        self.count += 1;
    }
}

/// A node's log: framed entries one after another in memory that is used again, the oldest first.
pub struct Store {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
}

/// The most a batch takes, and room for what stands before it.
const STORE: usize = 1024 * 1024;

/// Stores begin this far apart within a page: a copy between places that are equal modulo the size
/// of a page is slow on many processors, and none of the contenders is to have that luck.
const SKEW: usize = 1344;

impl Store {
    /// The log of the node at this place.
    pub fn new(place: usize) -> Self {
        Self {
            // Touched now, so that no page is counted later.
            bytes: vec![1; STORE],
            begin: place * SKEW,
            end: place * SKEW,
        }
    }

    /// Room for `len` bytes in one piece, and where it begins.
    pub fn reserve(&mut self, len: usize) -> (usize, &mut [u8]) {
        if self.end + len > self.bytes.len() {
            self.end = self.begin;
        }
        let at = self.end;
        self.end += len;
        (at, &mut self.bytes[at..at + len])
    }

    /// Keeps copies of payloads in one piece; returns where it begins.
    pub fn keep_all(&mut self, payloads: &[[u8; PAYLOAD]]) -> usize {
        let (at, room) = self.reserve(payloads.len() * RECORD);
        for (record, payload) in room.chunks_exact_mut(RECORD).zip(payloads) {
            record[..PREFIX].copy_from_slice(&(PAYLOAD as u32).to_le_bytes());
            record[PREFIX..].copy_from_slice(payload);
        }
        at
    }

    /// Keeps a copy of one payload; returns where its record begins.
    pub fn keep(&mut self, payload: &[u8]) -> usize {
        let (at, room) = self.reserve(PREFIX + payload.len());
        room[..PREFIX].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        room[PREFIX..].copy_from_slice(payload);
        at
    }

    /// What was kept there.
    pub fn bytes(&self, at: usize, len: usize) -> &[u8] {
        &self.bytes[at..at + len]
    }

    /// Applies records that lie one after another.
    pub fn apply(&self, at: usize, count: usize, applied: &mut Applied) {
        let mut rest = &self.bytes[at..];
        for _ in 0..count {
            let (length, behind) = rest.split_first_chunk::<PREFIX>().expect("a whole record");
            let (payload, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
            applied.apply(payload);
            rest = behind;
        }
    }
}
