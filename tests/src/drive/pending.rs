//! Writes that are not said to be synced yet, by their number.

use std::collections::BTreeMap;

use kraft_proto::{Receipt, Unsynced};

use super::fields::Refusal;

/// Which writes complete together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Each by itself.
    HardState,
    /// Each with every earlier one.
    Log,
}

/// The writes of one incarnation of a node.
#[derive(Debug)]
pub struct Pending {
    /// The number of the last write of earlier incarnations.
    before: u64,
    last: u64,
    unsynced: BTreeMap<u64, (Stream, Option<Unsynced>)>,
}

impl Pending {
    /// No writes yet; the first has the number after `before`.
    pub fn after(before: u64) -> Self {
        Self {
            before,
            last: before,
            unsynced: BTreeMap::new(),
        }
    }

    /// The newest number.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Numbers a write. One that the core did not ask for has nothing for it.
    pub fn add(&mut self, stream: Stream, unsynced: Option<Unsynced>) -> u64 {
        self.last += 1;
        self.unsynced.insert(self.last, (stream, unsynced));
        self.last
    }

    /// A write is synced: the receipt for it, unless that was said before.
    pub fn synced(&mut self, id: u64) -> Result<Option<Receipt>, Refusal> {
        if id <= self.before || id > self.last {
            return Err(Refusal(format!(
                "id: this incarnation of the node has no write {id}"
            )));
        }
        let Some((stream, mut unsynced)) = self.unsynced.remove(&id) else {
            return Ok(None);
        };
        if stream == Stream::Log {
            let earlier: Vec<u64> = self.unsynced.range(..id).map(|(id, _)| *id).collect();
            for other in earlier.into_iter().rev() {
                if self.unsynced[&other].0 == Stream::Log
                    && let Some((_, along)) = self.unsynced.remove(&other)
                {
                    unsynced = unsynced.or(along);
                }
            }
        }
        Ok(unsynced.map(Unsynced::synced))
    }
}
