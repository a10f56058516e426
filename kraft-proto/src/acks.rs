//! Acknowledgements as watermarks: one position per way of asking, whatever the number of writes.

use heapless::Vec;
use serde::Serialize;

use crate::entry::Run;
use crate::ids::{LogIndex, LogPosition, Term};
use crate::limits::{MEMBERS_MAX, UNSETTLED_TERMS_MAX};
use crate::log::Log;
use crate::modes::{CommitMode, Held};

/// Ways of asking: `Async`, two of `LeaderOnly`, `Sync` and `All`, two of each `AtLeast(n)`.
pub(crate) const ACK_CLASSES: usize = 7 + 2 * MEMBERS_MAX;

const _: () = assert!(ACK_CLASSES <= u64::BITS as usize);

/// The number of a way of asking, below [`ACK_CLASSES`]. `AtLeast` lies in `1..=MEMBERS_MAX`.
pub(crate) fn ack_class(mode: CommitMode, held: Held) -> usize {
    let synced = usize::from(held == Held::Synced);
    match mode {
        CommitMode::Async => 0,
        CommitMode::LeaderOnly => 1 + synced,
        CommitMode::Sync => 3 + synced,
        CommitMode::All => 5 + synced,
        CommitMode::AtLeast(n) => 7 + 2 * (usize::from(n).clamp(1, MEMBERS_MAX) - 1) + synced,
    }
}

/// The way of asking with this number.
fn asked(ack_class: usize) -> (CommitMode, Held) {
    let held = if ack_class.is_multiple_of(2) {
        Held::Synced
    } else {
        Held::Written
    };
    match ack_class {
        0 => (CommitMode::Async, Held::Accepted),
        1 | 2 => (CommitMode::LeaderOnly, held),
        3 | 4 => (CommitMode::Sync, held),
        5 | 6 => (CommitMode::All, held),
        n => (CommitMode::AtLeast(((n - 7) / 2 + 1) as u8), held),
    }
}

/// For each way of asking the last entry that asked and how far behind it the last that was
/// acknowledged is, within one term of one leader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Acks {
    wanted: Vec<LogIndex, ACK_CLASSES>,
    /// At most so many as a number of this size counts: of entries that wait behind more, the watermark
    /// that reaches the first that is counted tells.
    behind: Vec<u32, ACK_CLASSES>,
    /// One bit for each way with some behind.
    open: u64,
}

impl Acks {
    pub fn new() -> Self {
        Self {
            wanted: Vec::from_array([LogIndex::ZERO; ACK_CLASSES]),
            behind: Vec::from_array([0; ACK_CLASSES]),
            open: 0,
        }
    }

    /// The last entry that was acknowledged this way, or before the first that asked.
    fn acked(&self, ack_class: usize) -> LogIndex {
        LogIndex(self.wanted[ack_class].since(LogIndex(self.behind[ack_class].into())))
    }

    /// Entries of a run ask to be acknowledged this way. Nobody asked for what lies before them since
    /// the last that did, so no watermark stops there.
    pub fn want(&mut self, mode: CommitMode, held: Held, run: Run) {
        let ack_class = ack_class(mode, held);
        let acked = match self.open & 1 << ack_class {
            0 => run.first.prev(),
            _ => self.acked(ack_class),
        };
        self.wanted[ack_class] = run.last();
        self.behind[ack_class] = u32::try_from(run.last().since(acked)).unwrap_or(u32::MAX);
        self.open |= 1 << ack_class;
    }

    /// The next watermark that rose, given how far each way of asking is fulfilled.
    pub fn poll(
        &mut self,
        level: impl Fn(CommitMode, Held) -> LogIndex,
    ) -> Option<(CommitMode, Held, LogIndex)> {
        let mut open = self.open;
        while open != 0 {
            let ack_class = open.trailing_zeros() as usize;
            open &= open - 1;
            let (mode, held) = asked(ack_class);
            let reached = level(mode, held).min(self.wanted[ack_class]);
            if reached > self.acked(ack_class) {
                // Fewer than there were.
                self.behind[ack_class] = self.wanted[ack_class].since(reached) as u32;
                if self.behind[ack_class] == 0 {
                    self.open &= !(1 << ack_class);
                }
                return Some((mode, held, reached));
            }
        }
        None
    }
}

/// A term this node led, the last entry it acknowledged there before commit, and where its log's
/// entries of that term end by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Early {
    pub term: Term,
    pub acked: LogIndex,
    end: End,
}

/// Where the log's entries of a term end. In one number: [`End::UNTOLD`] is no index.
///
/// Kept here, as the log's window may be past it when commit decides, and that waits for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct End(LogIndex);

impl End {
    /// A snapshot took the place of the log, and its history does not tell.
    const UNTOLD: Self = Self(LogIndex(u64::MAX));

    fn of(end: Option<LogIndex>) -> Self {
        end.map_or(Self::UNTOLD, Self)
    }

    fn told(self) -> Option<LogIndex> {
        (self != Self::UNTOLD).then_some(self.0)
    }
}

impl Early {
    /// Where the log's entries of this term end: 0 if it holds none; `None` where a snapshot took its
    /// place and its history does not tell.
    pub fn end(&self) -> Option<LogIndex> {
        self.end.told()
    }
}

/// The terms whose early acknowledgements are not settled.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Unsettled {
    terms: Vec<Early, UNSETTLED_TERMS_MAX>,
}

impl Unsettled {
    pub fn new() -> Self {
        Self { terms: Vec::new() }
    }

    /// Whether nothing waits for commit's word.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether early acknowledgements of `term` can be kept track of.
    pub fn has_room(&self, term: Term) -> bool {
        !self.terms.is_full() || self.terms.iter().any(|early| early.term == term)
    }

    /// An entry of `term` was acknowledged before commit, in a log whose entries of that term reach
    /// `end`. The caller asked [`Self::has_room`].
    pub fn note(&mut self, term: Term, acked: LogIndex, end: LogIndex) {
        match self.terms.iter_mut().find(|early| early.term == term) {
            Some(early) => early.acked = early.acked.max(acked),
            None => {
                let end = End(end);
                let _ = self.terms.push(Early { term, acked, end });
            }
        }
    }

    /// The log grew by a run.
    pub fn extended(&mut self, run: Run) {
        let led = self.terms.iter_mut().find(|early| early.term == run.term);
        if let Some(early) = led {
            early.end = End(run.last());
        }
    }

    /// The log was cut behind `keep`. Terms do not go back along a log.
    pub fn cut(&mut self, keep: LogPosition) {
        for early in &mut self.terms {
            if early.end().is_some_and(|end| end > keep.index) {
                early.end = End(match early.term == keep.term {
                    true => keep.index,
                    false => LogIndex::ZERO,
                });
            }
        }
    }

    /// Another log took the place of this one.
    pub fn replaced(&mut self, log: &Log) {
        for early in &mut self.terms {
            early.end = End::of(log.end_of_term(early.term));
        }
    }

    /// Takes the next term that `settled` can tell about.
    pub fn take<S>(&mut self, settled: impl Fn(&Early) -> Option<S>) -> Option<(Early, S)> {
        let place = self.terms.iter().position(|e| settled(e).is_some())?;
        let early = self.terms.remove(place);
        settled(&early).map(|outcome| (early, outcome))
    }

    /// The last entry acknowledged early in `term`.
    pub fn acked(&self, term: Term) -> Option<LogIndex> {
        let early = self.terms.iter().find(|early| early.term == term);
        early.map(|early| early.acked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::EntryKind;

    #[test]
    fn every_way_of_asking_has_its_own_number() {
        for number in 0..ACK_CLASSES {
            let (mode, held) = asked(number);
            assert_eq!(ack_class(mode, held), number);
        }
    }

    fn run(first: u64, count: u32) -> Run {
        Run {
            term: Term(1),
            kind: EntryKind::Command,
            first: LogIndex(first),
            count,
        }
    }

    #[test]
    fn a_watermark_stops_nowhere_before_the_first_that_asked() {
        let mut acks = Acks::new();
        acks.want(CommitMode::All, Held::Written, run(4, 2));
        let mut poll = |level| acks.poll(|_, _| LogIndex(level)).map(|(_, _, upto)| upto);
        assert_eq!(poll(3), None);
        assert_eq!(poll(4), Some(LogIndex(4)));
        assert_eq!(poll(9), Some(LogIndex(5)));
        acks.want(CommitMode::All, Held::Written, run(9, 1));
        assert_eq!(acks.poll(|_, _| LogIndex(8)), None);
    }

    #[test]
    fn who_waits_behind_more_than_can_be_counted_hears_with_those_that_are() {
        let mut acks = Acks::new();
        let far = 1 << 33;
        acks.want(CommitMode::Sync, Held::Synced, run(1, 1));
        acks.want(CommitMode::Sync, Held::Synced, run(far, 1));
        let mut poll = |level| acks.poll(|_, _| LogIndex(level)).map(|(_, _, upto)| upto);
        assert_eq!(poll(1), None);
        let counted = far - u64::from(u32::MAX);
        assert_eq!(poll(counted), None);
        assert_eq!(poll(counted + 1), Some(LogIndex(counted + 1)));
        assert_eq!(poll(far + 9), Some(LogIndex(far)));
        assert_eq!(poll(far + 9), None);
    }

    #[test]
    fn a_watermark_never_passes_what_was_asked_and_never_falls() {
        let mut acks = Acks::new();
        acks.want(CommitMode::Sync, Held::Synced, run(1, 5));
        let mut poll = |level| acks.poll(|_, _| LogIndex(level)).map(|(_, _, upto)| upto);
        assert_eq!(poll(3), Some(LogIndex(3)));
        assert_eq!(poll(2), None);
        assert_eq!(poll(9), Some(LogIndex(5)));
        assert_eq!(poll(9), None);
    }
}
