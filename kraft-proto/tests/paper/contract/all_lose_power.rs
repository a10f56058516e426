//! All nodes lose power.

use super::story::{End, Failure, Return, Strike, VOTERS, each_candidate, sets_of, tell};
use super::*;

/// Everybody is back at once, or any majority before the others.
fn every_way() -> Vec<Failure> {
    let strike = Strike::CutPower((1..=VOTERS).collect());
    let majorities = sets_of(3).into_iter().map(Return::Only);
    std::iter::once(Return::Before)
        .chain(majorities)
        .flat_map(|back| each_candidate(&strike, &back))
        .collect()
}

#[test]
fn async_acks_may_be_lost_with_all_power() {
    may_lose(ASYNC, every_way());
}

#[test]
fn few_written_copies_may_be_lost_with_all_power() {
    may_lose(FEW_WRITTEN, every_way());
}

#[test]
fn few_synced_copies_may_be_lost_with_all_power() {
    may_lose(FEW_SYNCED, every_way());
}

#[test]
fn few_synced_copies_are_kept_if_a_holder_wins() {
    let holder_wins = Failure {
        strike: Strike::CutPower((1..=VOTERS).collect()),
        back: Return::Before,
        candidate: 1,
    };
    for row in FEW_SYNCED {
        assert_eq!(tell(row, &holder_wins), End::Committed, "{row:?}");
    }
}

#[test]
fn a_majority_of_written_copies_may_be_lost_with_all_power() {
    may_lose(MAJORITY_WRITTEN, every_way());
}

#[test]
fn a_majority_of_synced_copies_survives_all_power() {
    survives(MAJORITY_SYNCED, every_way());
}

#[test]
fn everybodys_written_copies_may_be_lost_with_all_power() {
    may_lose(ALL_WRITTEN, every_way());
}

#[test]
fn everybodys_synced_copies_survive_all_power() {
    survives(ALL_SYNCED, every_way());
}
