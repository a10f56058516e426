//! Which class the newest entries were proposed or received with.

use heapless::Vec;
use serde::Serialize;

use crate::ids::LogIndex;
use crate::limits::CLASS_RUNS_MAX;
use crate::modes::{Class, CommitMode, FsyncMode, Held};

/// Entries of one class: from its first to where the next stretch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct ClassRun {
    first: Halves,
    class: Class,
    copies: Copies,
}

/// An index in two halves, so that what stands beside it in a table takes no more room than it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(from = "LogIndex", into = "LogIndex")]
struct Halves([u32; 2]);

impl From<LogIndex> for Halves {
    fn from(index: LogIndex) -> Self {
        Self([(index.0 >> 32) as u32, index.0 as u32])
    }
}

impl From<Halves> for LogIndex {
    fn from(Halves([upper, lower]): Halves) -> Self {
        Self(u64::from(upper) << 32 | u64::from(lower))
    }
}

impl ClassRun {
    fn first(&self) -> LogIndex {
        self.first.into()
    }
}

const _: () = assert!(size_of::<ClassRun>() == 12);

/// When the copies that followers hold of a stretch count for some client, from the least that is
/// asked of a follower to the most.
///
/// Told apart from the class, as a stretch that shares its neighbour's stronger fsync mode still has
/// the entries whose clients hear on written copies:
///
/// 1. the table is full, and an `All`·`None` entry shares a stretch with an `Async`·`Commit` one;
/// 2. its copies are written everywhere, and its client hears, as asked: written by every voter;
/// 3. by the joint class nobody relies on written copies, so no node marked itself dirty;
/// 4. the power fails at a follower, which votes as if it had forgotten nothing: the entry is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
enum Copies {
    /// When synced, or not at all.
    Synced,
    /// When written.
    Written,
    /// When written, and they promise the entry to later leaders.
    ReliedOn,
}

impl Copies {
    fn of(class: Class, voters: usize) -> Self {
        let asks_followers = class.mode.voters_asked(voters) > 1;
        match class.fsync.held() {
            _ if class.is_relied_on(voters) => Self::ReliedOn,
            Held::Written if asks_followers => Self::Written,
            _ => Self::Synced,
        }
    }
}

/// The classes of the newest entries.
///
/// What lies before the first stretch is inherited and counts as `Sync`·`Commit`: the no-op of
/// the term forces it. When the table is full, neighbours share the stronger class of both, which
/// forces more than was asked and never less.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Classes {
    runs: Vec<ClassRun, CLASS_RUNS_MAX>,
}

/// What the classes of a span of entries ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demands {
    /// The strongest of each part.
    pub class: Class,
    /// The last entry whose copies count only when synced; 0 if none.
    pub force_upto: LogIndex,
    /// The last entry whose copies on followers count while merely written; 0 if none.
    pub written_upto: LogIndex,
    /// The last entry whose copies are relied on while merely written; 0 if none.
    pub relied_upto: LogIndex,
}

const INHERITED: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);

impl Classes {
    pub fn new() -> Self {
        Self { runs: Vec::new() }
    }

    pub fn clear(&mut self) {
        self.runs.clear();
    }

    /// Entries from `first` on are of `class`. `done` is how far nobody needs to know any more.
    pub fn push(&mut self, first: LogIndex, class: Class, done: LogIndex, voters: usize) {
        let copies = Copies::of(class, voters);
        let continues = |run: &ClassRun| run.class == class && run.copies == copies;
        if self.runs.last().is_some_and(continues) {
            return;
        }
        if self.runs.is_full() {
            self.drop_through(done);
        }
        if self.runs.is_full() {
            self.merge_cheapest(first, voters);
        }
        // A slot is free: it was, or the lines above made one.
        let _ = self.runs.push(ClassRun {
            first: first.into(),
            class,
            copies,
        });
    }

    /// Joins the two neighbours whose sharing costs the least.
    ///
    /// The story against joining the oldest: 1. many relaxed entries flow between few `Always` ones,
    /// each a stretch of its own; 2. the oldest stretches join and become `Always`, thousands of
    /// entries wide; 3. every node forces its disk thousands of times for entries that asked for
    /// nothing, and the `Always` entries wait behind them.
    fn merge_cheapest(&mut self, end: LogIndex, voters: usize) {
        let ends = self.runs.iter().skip(2).map(|run| run.first());
        let ends = ends.chain(core::iter::once(end));
        let costs = self.runs.windows(2).zip(ends).map(|(pair, end)| {
            let sizes = (
                pair[1].first().since(pair[0].first()),
                end.since(pair[1].first()),
            );
            cost(pair[0].class.fsync, pair[1].class.fsync, sizes)
        });
        let Some((place, _)) = costs.enumerate().min_by_key(|(_, cost)| *cost) else {
            return;
        };
        let joined = self.runs.remove(place);
        let next = &mut self.runs[place];
        next.first = joined.first;
        next.class = next.class.strongest(joined.class, voters);
        next.copies = next.copies.max(joined.copies);
    }

    fn drop_through(&mut self, done: LogIndex) {
        let over = self
            .runs
            .windows(2)
            .take_while(|pair| pair[1].first() <= done.next())
            .count();
        self.runs.drain(..over);
    }

    /// Forgets what was said of entries after `index`.
    pub fn truncate(&mut self, index: LogIndex) {
        while self.runs.last().is_some_and(|run| run.first() > index) {
            self.runs.pop();
        }
    }

    pub fn class_at(&self, index: LogIndex) -> Class {
        self.stretch_at(index).map_or(INHERITED, |run| run.class)
    }

    fn stretch_at(&self, index: LogIndex) -> Option<&ClassRun> {
        self.runs.iter().rev().find(|run| run.first() <= index)
    }

    /// The last index of the stretch that holds `index`, at most `limit`.
    fn end_of_stretch(&self, index: LogIndex, limit: LogIndex) -> LogIndex {
        let next = self.runs.iter().find(|run| run.first() > index);
        next.map_or(limit, |run| run.first().prev().min(limit))
    }

    /// The class of everything from `index` on, and how its copies count, where that is one
    /// stretch: nearly always.
    fn only_class_from(&self, index: LogIndex) -> Option<(Class, Copies)> {
        match self.runs.last() {
            Some(newest) => (newest.first() <= index).then_some((newest.class, newest.copies)),
            None => Some((INHERITED, Copies::Synced)),
        }
    }

    /// How far a write or an append from `first` may reach: an `Always` entry goes by itself.
    pub fn cut(&self, first: LogIndex, last: LogIndex) -> LogIndex {
        if let Some((class, _)) = self.only_class_from(first) {
            return match class.fsync {
                FsyncMode::Always => first,
                _ => last,
            };
        }
        if self.class_at(first).fsync == FsyncMode::Always {
            return first;
        }
        self.runs
            .iter()
            .find(|run| run.first() > first && run.class.fsync == FsyncMode::Always)
            .map_or(last, |run| run.first().prev().min(last))
    }

    /// What the entries in `first..=last` ask for.
    pub fn demands(&self, first: LogIndex, last: LogIndex, voters: usize) -> Demands {
        if let Some((class, copies)) = self.only_class_from(first) {
            let through_last = |asked| if asked { last } else { LogIndex::ZERO };
            let some = first <= last;
            return Demands {
                class,
                force_upto: through_last(some && class.fsync >= FsyncMode::Commit),
                written_upto: through_last(some && copies >= Copies::Written),
                relied_upto: through_last(some && copies == Copies::ReliedOn),
            };
        }
        let mut demands = Demands {
            class: self.class_at(first),
            force_upto: LogIndex::ZERO,
            written_upto: LogIndex::ZERO,
            relied_upto: LogIndex::ZERO,
        };
        let mut at = first;
        while at <= last {
            let class = self.class_at(at);
            let end = self.end_of_stretch(at, last);
            demands.class = demands.class.strongest(class, voters);
            if class.fsync >= FsyncMode::Commit {
                demands.force_upto = end;
            }
            let copies = self.stretch_at(at).map_or(Copies::Synced, |run| run.copies);
            if copies >= Copies::Written {
                demands.written_upto = end;
            }
            if copies == Copies::ReliedOn {
                demands.relied_upto = end;
            }
            at = end.next();
        }
        demands
    }
}

/// What it costs that two stretches of these sizes share the stronger fsync mode: an entry that is
/// forced by itself for nothing weighs more than any number that are forced together.
fn cost(one: FsyncMode, other: FsyncMode, sizes: (u64, u64)) -> (u64, u64) {
    let weaker = match one.cmp(&other) {
        core::cmp::Ordering::Less => sizes.0,
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Greater => sizes.1,
    };
    match one.max(other) {
        FsyncMode::Always => (weaker, 0),
        _ => (0, weaker),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRIC: Class = Class::new(CommitMode::Async, FsyncMode::None);
    const USER: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
    const LEDGER: Class = Class::new(CommitMode::All, FsyncMode::Always);
    const RELAXED: Class = Class::new(CommitMode::Sync, FsyncMode::Batch);

    fn classes(of: &[(u64, Class)]) -> Classes {
        let mut classes = Classes::new();
        for (first, class) in of {
            classes.push(LogIndex(*first), *class, LogIndex::ZERO, 3);
        }
        classes
    }

    #[test]
    fn a_weak_entry_after_a_strong_one_is_not_forced() {
        let classes = classes(&[(1, USER), (4, METRIC)]);
        let demands = classes.demands(LogIndex(1), LogIndex(9), 3);
        assert_eq!(demands.force_upto, LogIndex(3));
        assert_eq!(demands.class, USER);
    }

    #[test]
    fn stretches_are_told_apart_wherever_in_a_log_they_stand() {
        let far = 5 << 32;
        let classes = classes(&[(3, USER), (far, METRIC), (far + 4, USER)]);
        assert_eq!(classes.class_at(LogIndex(far - 1)), USER);
        assert_eq!(classes.class_at(LogIndex(far + 3)), METRIC);
        assert_eq!(classes.class_at(LogIndex(far + 4)), USER);
        let demands = classes.demands(LogIndex(far), LogIndex(far + 3), 3);
        assert_eq!(demands.force_upto, LogIndex::ZERO);
    }

    #[test]
    fn an_always_entry_goes_by_itself() {
        let classes = classes(&[(1, USER), (4, LEDGER), (6, METRIC)]);
        let cut = |first| classes.cut(LogIndex(first), LogIndex(20));
        assert_eq!(cut(1), LogIndex(3));
        assert_eq!(cut(4), LogIndex(4));
        assert_eq!(cut(5), LogIndex(5));
        assert_eq!(cut(6), LogIndex(20));
    }

    #[test]
    fn relied_copies_are_named() {
        let classes = classes(&[(1, RELAXED), (3, METRIC)]);
        let demands = classes.demands(LogIndex(1), LogIndex(9), 3);
        assert_eq!(demands.relied_upto, LogIndex(2));
        assert_eq!(demands.force_upto, LogIndex::ZERO);
    }

    #[test]
    fn a_small_at_least_counts_written_copies_and_relies_on_none() {
        let small = Class::new(CommitMode::AtLeast(2), FsyncMode::None);
        let mut classes = Classes::new();
        classes.push(LogIndex(1), small, LogIndex::ZERO, 5);
        classes.push(LogIndex(2), USER, LogIndex::ZERO, 5);
        let demands = classes.demands(LogIndex(1), LogIndex(2), 5);
        let marks = (
            demands.written_upto,
            demands.relied_upto,
            demands.force_upto,
        );
        assert_eq!(marks, (LogIndex(1), LogIndex::ZERO, LogIndex(2)));
    }

    #[test]
    fn a_flood_between_few_always_entries_is_not_forced_one_by_one() {
        let mut classes = Classes::new();
        let mut index = 1;
        let mut always = 0;
        let mut relaxed = 0;
        for round in 0..1000_u64 {
            let class = match round % 100 {
                0 => LEDGER,
                n if n % 2 == 0 => USER,
                _ => METRIC,
            };
            classes.push(LogIndex(index), class, LogIndex::ZERO, 3);
            index += 7;
        }
        for round in 0..1000_u64 {
            let at = LogIndex(1 + 7 * round);
            match (round % 100, classes.class_at(at).fsync) {
                (0, FsyncMode::Always) => always += 1,
                (0, weaker) => panic!("an Always entry became {weaker}"),
                (_, FsyncMode::Always) => panic!("entry {at} is forced by itself for nothing"),
                _ => relaxed += 1,
            }
        }
        assert_eq!((always, relaxed), (10, 990));
    }

    #[test]
    fn a_full_table_still_names_the_copies_that_are_relied_on() {
        let all = Class::new(CommitMode::All, FsyncMode::None);
        let forced = Class::new(CommitMode::Async, FsyncMode::Commit);
        let mut classes = Classes::new();
        for index in 1..=4 * CLASS_RUNS_MAX as u64 {
            let class = if index % 2 == 0 { forced } else { all };
            classes.push(LogIndex(index), class, LogIndex::ZERO, 3);
            // Whichever neighbours were joined last: each relied-on entry is still named.
            for index in (1..=index).step_by(2).map(LogIndex) {
                let demands = classes.demands(index, index, 3);
                assert!(demands.relied_upto >= index, "entry {index} is relied on");
            }
        }
    }

    #[test]
    fn a_full_table_shares_the_stronger_class_and_never_weakens_one() {
        let mut classes = Classes::new();
        for index in 1..=4 * CLASS_RUNS_MAX as u64 {
            let class = if index % 2 == 0 { USER } else { METRIC };
            classes.push(LogIndex(index), class, LogIndex::ZERO, 3);
        }
        for index in (2..=4 * CLASS_RUNS_MAX as u64).step_by(2) {
            assert!(classes.class_at(LogIndex(index)).fsync >= FsyncMode::Commit);
        }
    }
}
