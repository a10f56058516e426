//! This node's disk as the core knows it: what was asked of it, and what it reported.
//!
//! Two streams complete on their own: hard state, and the log. Within the log a receipt covers every
//! earlier write, so two marks say it all. A truncation lowers them, and lowers what receipts of
//! writes made before it can still raise them to:
//!
//! ```text
//! 1. write A holds 1..=10            2. a new leader truncates to 5, write B holds 6'..=7'
//! 3. A's receipt arrives: it proves 1..=5, and nothing of 6' and 7'
//! ```

use heapless::Vec;
use serde::Serialize;

use crate::ids::LogIndex;
use crate::limits::{TRUNCATIONS_MAX, WRITES_IN_FLIGHT_MAX};
use crate::modes::Held;
use crate::output::{Force, Maker, Receipt, Stamp, Stream};

/// Held through `index`, by the receipt of write `seq`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
struct Mark {
    seq: u64,
    index: LogIndex,
}

impl Mark {
    fn raise(&mut self, seq: u64, index: LogIndex) {
        if seq > self.seq {
            self.seq = seq;
            self.index = self.index.max(index);
        }
    }
}

/// A write that is not held as firmly as was asked: its number, and in the lowest bit whether it is to
/// be forced. In one number, as there are many writes and a number leaves room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct InFlight(u64);

impl InFlight {
    const fn new(seq: u64, force: Force) -> Self {
        Self(seq << 1 | matches!(force, Force::Now) as u64)
    }

    const fn seq(self) -> u64 {
        self.0 >> 1
    }

    const fn force(self) -> Force {
        match self.0 & 1 {
            0 => Force::Later,
            _ => Force::Now,
        }
    }
}

/// Writes with a number below `before` prove nothing after `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct Truncation {
    before: u64,
    index: LogIndex,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Writes {
    /// The node whose writes these are: its incarnation as it was called at its start, whatever number it has
    /// taken since.
    maker: Maker,
    /// Log writes made so far.
    seq: u64,
    /// Entries through here were handed to the host.
    emitted: LogIndex,
    written: Mark,
    synced: Mark,
    /// The oldest first.
    in_flight: Vec<InFlight, WRITES_IN_FLIGHT_MAX>,
    truncations: Vec<Truncation, TRUNCATIONS_MAX>,
    /// The log must be forced through here.
    force_upto: LogIndex,
    /// It was asked to be, through here.
    asked_upto: LogIndex,
    /// An `Always` write nothing later may be written before.
    always: Option<u64>,
    /// `Batch` entries since the last force.
    batched: u32,
    /// Log writes handed out at once.
    in_flight_max: u8,
    /// Hard states: how many there were, the newest handed to the host, the newest synced.
    hard_changed: u64,
    hard_emitted: u64,
    hard_synced: u64,
    /// The one that last changed what messages speak for, and the one that last changed the trust.
    vote_state_changed: u64,
    trust_changed: u64,
}

impl Writes {
    /// A log that was recovered through `last`, all of it synced. `in_flight_max`: log writes handed
    /// out at once.
    pub fn recovered(maker: Maker, last: LogIndex, in_flight_max: u8) -> Self {
        let mark = Mark {
            seq: 0,
            index: last,
        };
        Self {
            maker,
            seq: 0,
            emitted: last,
            written: mark,
            synced: mark,
            in_flight: Vec::new(),
            truncations: Vec::new(),
            force_upto: last,
            asked_upto: last,
            always: None,
            batched: 0,
            in_flight_max,
            hard_changed: 0,
            hard_emitted: 0,
            hard_synced: 0,
            vote_state_changed: 0,
            trust_changed: 0,
        }
    }

    pub fn written(&self) -> LogIndex {
        self.written.index
    }

    pub fn synced(&self) -> LogIndex {
        self.synced.index
    }

    pub fn emitted(&self) -> LogIndex {
        self.emitted
    }

    /// The log is to be forced through `index`.
    pub fn force(&mut self, index: LogIndex) {
        self.force_upto = self.force_upto.max(index);
    }

    /// Whether anything through `last` is neither forced nor about to be.
    pub fn leaves_unforced(&self, last: LogIndex) -> bool {
        last > self.force_upto.max(self.asked_upto)
    }

    /// Counts `count` more `Batch` entries; true when they are enough to force the disk.
    pub fn count_batch(&mut self, count: u32, enough: u32) -> bool {
        self.batched = self.batched.saturating_add(count);
        self.batched >= enough
    }

    /// The log is truncated to `index`.
    pub fn truncate(&mut self, index: LogIndex) {
        if index >= self.emitted {
            self.force_upto = self.force_upto.min(index);
            return;
        }
        let cut = |at: &mut LogIndex| *at = (*at).min(index);
        cut(&mut self.emitted);
        cut(&mut self.written.index);
        cut(&mut self.synced.index);
        cut(&mut self.force_upto);
        cut(&mut self.asked_upto);
        let before = self.seq + 1;
        while self.truncations.last().is_some_and(|t| t.index >= index) {
            self.truncations.pop();
        }
        if self.truncations.is_full() {
            // Together they prove what the older one did: less, and still true.
            self.truncations[1].index = self.truncations[0].index;
            self.truncations.remove(0);
        }
        // A slot is free: the lines above made one.
        let _ = self.truncations.push(Truncation { before, index });
    }

    /// Whether another log write may be handed to the host.
    pub fn has_room(&self) -> bool {
        self.in_flight.len() < usize::from(self.in_flight_max) && self.always.is_none()
    }

    /// What the disk owes longest, of the log and of hard states: the same until it is reported, and
    /// zeros if it owes nothing.
    pub fn owed(&self) -> (u64, u64) {
        let log = self.in_flight.first().map_or(0, |write| write.seq());
        let hard = match self.hard_synced < self.hard_emitted {
            true => self.hard_synced + 1,
            false => 0,
        };
        (log, hard)
    }

    /// Whether a log write through `upto` must be forced at once.
    pub fn must_force(&self, upto: LogIndex) -> bool {
        self.force_upto > self.asked_upto && upto > self.asked_upto
    }

    /// Whether a write through `upto` reaches as far as must be forced.
    pub fn forces_through(&self, upto: LogIndex) -> bool {
        upto >= self.force_upto
    }

    /// Whether what is already handed out must be forced, with nothing new to write.
    pub fn must_force_emitted(&self) -> bool {
        self.force_upto.min(self.emitted) > self.asked_upto
    }

    /// Hands a log write out. `alone`: nothing later may be written before it is synced.
    pub fn emit(&mut self, upto: LogIndex, force: Force, alone: Isolated) -> Stamp {
        self.seq += 1;
        self.emitted = self.emitted.max(upto);
        if force == Force::Now {
            self.asked_upto = self.asked_upto.max(upto);
            self.batched = 0;
        }
        if alone == Isolated::Yes {
            self.always = Some(self.seq);
        }
        // The caller asked `has_room`.
        let _ = self.in_flight.push(InFlight::new(self.seq, force));
        Stamp {
            maker: self.maker,
            stream: Stream::Log,
            seq: self.seq,
            upto,
        }
    }

    /// The term, the vote or the incarnation changed.
    pub fn change_vote_state(&mut self) {
        self.hard_changed += 1;
        self.vote_state_changed = self.hard_changed;
    }

    /// The trust changed.
    pub fn change_trust(&mut self) {
        self.hard_changed += 1;
        self.trust_changed = self.hard_changed;
    }

    /// Whether the term, the vote and the incarnation are synced: every message speaks for them.
    pub fn vote_state_is_synced(&self) -> bool {
        self.hard_synced >= self.vote_state_changed
    }

    /// Whether the trust is synced: only copies that are relied on wait for that.
    pub fn trust_is_synced(&self) -> bool {
        self.hard_synced >= self.trust_changed
    }

    /// Whether the disk knows the newest hard state.
    pub fn hard_state_is_synced(&self) -> bool {
        self.hard_synced == self.hard_changed
    }

    /// Hands the newest hard state out, if it was not yet.
    pub fn emit_hard_state(&mut self) -> Option<Stamp> {
        if self.hard_emitted == self.hard_changed {
            return None;
        }
        self.hard_emitted = self.hard_changed;
        Some(Stamp {
            maker: self.maker,
            stream: Stream::HardState,
            seq: self.hard_changed,
            upto: LogIndex::ZERO,
        })
    }

    /// Takes the host's word that a write is held. One of another node or incarnation says nothing.
    ///
    /// 1. a process runs nodes of two clusters, and reports a write of one to the other;
    /// 2. that one counts a copy that no disk has, and commits an entry by it.
    pub fn handle(&mut self, receipt: &Receipt) {
        let Stamp {
            maker,
            stream,
            seq,
            upto,
        } = receipt.stamp;
        if maker != self.maker {
            return;
        }
        match (stream, receipt.held) {
            (Stream::HardState, Held::Synced) => self.hard_synced = self.hard_synced.max(seq),
            (Stream::HardState, _) => {}
            (Stream::Log, held) => {
                let upto = self.proved(seq, upto);
                self.written.raise(seq, upto);
                if held == Held::Synced {
                    self.synced.raise(seq, upto);
                    self.asked_upto = self.asked_upto.max(self.synced.index);
                }
                self.retire();
            }
        }
    }

    /// What write `seq`, which reached `upto`, still proves.
    fn proved(&self, seq: u64, upto: LogIndex) -> LogIndex {
        self.truncations
            .iter()
            .find(|truncation| seq < truncation.before)
            .map_or(upto, |truncation| upto.min(truncation.index))
    }

    /// Frees the slots of writes that are held as firmly as was asked.
    fn retire(&mut self) {
        let (written, synced) = (self.written.seq, self.synced.seq);
        self.in_flight.retain(|write| {
            write.seq()
                > match write.force() {
                    Force::Later => written,
                    Force::Now => synced,
                }
        });
        if self.always.is_some_and(|seq| seq <= synced) {
            self.always = None;
        }
        let done = self.synced.seq;
        self.truncations.retain(|t| t.before > done + 1);
    }
}

/// Whether a write stands alone until it is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolated {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Incarnation, NodeId, Nonce, StoreId};

    const MAKER: Maker = Maker {
        id: NodeId(1),
        store: StoreId(1),
        incarnation: Incarnation::new(1, Nonce(1)),
    };

    fn receipt(stamp: Stamp, held: Held) -> Receipt {
        Receipt { stamp, held }
    }

    fn writes() -> Writes {
        Writes::recovered(MAKER, LogIndex::ZERO, WRITES_IN_FLIGHT_MAX as u8)
    }

    #[test]
    fn a_receipt_covers_every_earlier_write() {
        let mut writes = writes();
        let _first = writes.emit(LogIndex(3), Force::Now, Isolated::No);
        let second = writes.emit(LogIndex(5), Force::Now, Isolated::No);
        writes.handle(&receipt(second, Held::Synced));
        assert_eq!(
            (writes.written(), writes.synced()),
            (LogIndex(5), LogIndex(5))
        );
    }

    #[test]
    fn a_write_from_before_a_truncation_proves_nothing_of_what_replaced_it() {
        let mut writes = writes();
        let old = writes.emit(LogIndex(10), Force::Now, Isolated::No);
        writes.truncate(LogIndex(5));
        let new = writes.emit(LogIndex(12), Force::Now, Isolated::No);
        writes.handle(&receipt(old, Held::Synced));
        assert_eq!(writes.synced(), LogIndex(5));
        writes.handle(&receipt(new, Held::Synced));
        assert_eq!(writes.synced(), LogIndex(12));
        writes.handle(&receipt(old, Held::Synced));
        assert_eq!(writes.synced(), LogIndex(12));
    }

    #[test]
    fn a_doubled_receipt_of_a_shorter_log_does_not_reach_into_a_longer_one() {
        let mut writes = writes();
        let old = writes.emit(LogIndex(10), Force::Now, Isolated::No);
        writes.truncate(LogIndex(5));
        let middle = writes.emit(LogIndex(7), Force::Now, Isolated::No);
        writes.handle(&receipt(middle, Held::Synced));
        let _open = writes.emit(LogIndex(12), Force::Now, Isolated::No);
        writes.handle(&receipt(old, Held::Synced));
        assert_eq!(writes.synced(), LogIndex(7));
    }

    #[test]
    fn a_later_truncation_is_remembered_although_the_table_is_full() {
        let mut writes = writes();
        let old = writes.emit(LogIndex(100), Force::Later, Isolated::No);
        for cut in (10..90).step_by(10) {
            writes.truncate(LogIndex(cut));
            let _ = writes.emit(LogIndex(100), Force::Later, Isolated::No);
        }
        writes.handle(&receipt(old, Held::Written));
        assert!(writes.written() <= LogIndex(10));
    }

    #[test]
    fn a_receipt_of_another_node_store_or_life_is_ignored() {
        let strangers = [
            Maker {
                incarnation: Incarnation::new(1, Nonce(2)),
                ..MAKER
            },
            Maker {
                id: NodeId(2),
                ..MAKER
            },
            Maker {
                store: StoreId(2),
                ..MAKER
            },
        ];
        for maker in strangers {
            let mut writes = writes();
            let stamp = writes.emit(LogIndex(3), Force::Now, Isolated::No);
            writes.handle(&receipt(Stamp { maker, ..stamp }, Held::Synced));
            assert_eq!(writes.written(), LogIndex::ZERO);
            writes.handle(&receipt(stamp, Held::Synced));
            assert_eq!(writes.synced(), LogIndex(3));
        }
    }

    #[test]
    fn hard_state_does_not_wait_behind_the_log() {
        let mut writes = writes();
        while writes.has_room() {
            let _ = writes.emit(writes.emitted().next(), Force::Now, Isolated::No);
        }
        writes.change_vote_state();
        let stamp = writes.emit_hard_state().unwrap();
        assert!(!writes.vote_state_is_synced());
        writes.handle(&receipt(stamp, Held::Synced));
        assert!(writes.vote_state_is_synced());
    }
}
