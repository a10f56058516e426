use std::collections::VecDeque;

use kraft_proto::ids::{LogIndex, LogPosition, NodeId, Term};

use super::*;

const ONE: NodeId = NodeId(1);
const TWO: NodeId = NodeId(2);

/// A replica, and what it has heard.
struct Replica {
    digest: RunningDigest,
    comparison: Comparison,
}

impl Replica {
    /// One that has applied so many entries, one of them another than everybody else's.
    fn new(entries: u64, other: Option<u64>) -> Self {
        let mut replica = Self {
            digest: RunningDigest::after(LogIndex::ZERO),
            comparison: Comparison::default(),
        };
        replica.apply(entries, other);
        replica
    }

    fn apply(&mut self, entries: u64, other: Option<u64>) {
        for _ in 0..entries {
            let index = self.digest.now().at.next();
            let checksum = match Some(index.0) == other {
                true => u32::MAX,
                false => index.0 as u32,
            };
            self.digest.add(LogPosition::new(Term(1), index), checksum);
        }
    }

    fn difference(&self) -> Option<Difference> {
        self.comparison.differing().next().map(|(_, range)| range)
    }
}

/// Tells `first` from one to the other, and all that follows from it. Returns how much that was.
fn tell(one: &mut Replica, two: &mut Replica, first: Digest) -> usize {
    let mut on_its_way = VecDeque::from([(TWO, first)]);
    let mut told = 0;
    while let Some((to, said)) = on_its_way.pop_front() {
        told += 1;
        assert!(told < 100, "they go on and on");
        let (hears, from) = match to {
            ONE => (&mut *one, TWO),
            _ => (&mut *two, ONE),
        };
        let finding = hears.comparison.hear(&hears.digest, from, said);
        on_its_way.extend(answers(&hears.digest, finding).map(|said| (from, said)));
    }
    told
}

fn range(after: u64, through: u64) -> Option<Difference> {
    Some(Difference {
        after: LogIndex(after),
        through: LogIndex(through),
    })
}

#[test]
fn both_find_the_first_stretch_that_differs_and_then_fall_silent() {
    for other in [1, 9_999, 10_000, 10_001, 123_456, 399_999, 400_007] {
        let (mut one, mut two) = (
            Replica::new(400_010, None),
            Replica::new(400_010, Some(other)),
        );
        let said = one.digest.now();
        let told = tell(&mut one, &mut two, said);
        let after = (other - 1) / MARK_EVERY * MARK_EVERY;
        let through = (after + MARK_EVERY).min(400_010);
        assert_eq!(one.difference(), range(after, through), "{other}");
        assert_eq!(two.difference(), range(after, through), "{other}");
        assert!(told < 30, "{told} for {other}");
        assert_eq!(
            tell(&mut one, &mut two, said),
            1,
            "said again it is old news"
        );
    }
}

#[test]
fn what_was_the_same_before_narrows_it_without_a_mark() {
    let (mut one, mut two) = (Replica::new(50, None), Replica::new(50, None));
    let said = one.digest.now();
    tell(&mut one, &mut two, said);
    let said = two.digest.now();
    tell(&mut two, &mut one, said);
    one.apply(20, None);
    two.apply(20, Some(60));
    let said = one.digest.now();
    tell(&mut one, &mut two, said);
    assert_eq!(two.difference(), range(50, 70));
}

#[test]
fn who_is_behind_compares_when_it_gets_there() {
    let (mut one, mut two) = (Replica::new(300, None), Replica::new(100, None));
    let late = one.digest.now();
    one.apply(5_000, None);
    // The nearest counts, whatever comes before and after it.
    let far = one.digest.now();
    for said in [far, late, far] {
        let finding = two.comparison.hear(&two.digest, ONE, said);
        assert_eq!(finding, Finding::Awaited);
    }
    two.apply(199, None);
    assert_eq!(two.comparison.catch_up(&two.digest), []);
    two.apply(50, None);
    let found = two.comparison.catch_up(&two.digest);
    assert_eq!(found, [(ONE, Finding::Same(LogIndex(300)))]);
    assert_eq!(two.comparison.catch_up(&two.digest), []);
}

#[test]
fn another_disk_with_the_right_entries_ends_it() {
    let (mut one, mut two) = (Replica::new(80, None), Replica::new(80, Some(3)));
    let said = one.digest.now();
    tell(&mut one, &mut two, said);
    assert_eq!(one.difference(), range(0, 80));
    two = Replica::new(70, None);
    one.comparison.renew(TWO);
    let said = two.digest.now();
    let finding = one.comparison.hear(&one.digest, TWO, said);
    assert_eq!(finding, Finding::Narrowed(range(70, 80).unwrap()));
    two.apply(10, None);
    let finding = one.comparison.hear(&one.digest, TWO, two.digest.now());
    assert_eq!(finding, Finding::SameAgain(LogIndex(80)));
    assert_eq!(one.difference(), None);
}

#[test]
fn other_ranges_and_old_entries_are_not_compared() {
    let mut one = Replica::new(9_000, None);
    let mut later = RunningDigest::after(LogIndex(8_999));
    later.add(LogPosition::new(Term(1), LogIndex(9_000)), 9_000);
    let said = [later.now(), Replica::new(17, Some(3)).digest.now()];
    for said in said {
        let finding = one.comparison.hear(&one.digest, TWO, said);
        assert_eq!(finding, Finding::Incomparable);
    }
    assert_eq!(one.difference(), None);
}

#[test]
fn whatever_a_peer_says_takes_little_room_and_is_answered_seldom() {
    let mut one = Replica::new(40_000, None);
    let mut answered = 0;
    for round in 0..10_000_u64 {
        let said = Digest {
            start: LogIndex(round % 3),
            at: LogIndex([u64::MAX, 0, 20_000, 40_000, 39_990, round][round as usize % 6]),
            value: round,
        };
        let peer = NodeId(round % 1_000);
        let finding = one.comparison.hear(&one.digest, peer, said);
        answered += answers(&one.digest, finding).count();
    }
    assert!(answered < 64 * 10, "{answered} answers");
    assert!(one.comparison.differing().count() <= 64);
}
