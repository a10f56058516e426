//! A minority loses power. Cells marked ¹ in the design rest on re-admission (§4.5).

use super::story::{Failure, Return, Strike, VOTERS, each_candidate, sets_of};
use super::*;

/// Any `count` machines, back before the next election or after it.
fn power_cuts_of(count: u32) -> Vec<Failure> {
    let both = |victims: Vec<u64>| {
        let strike = Strike::CutPower(victims);
        [Return::Before, Return::After].map(move |back| each_candidate(&strike, &back))
    };
    sets_of(count)
        .into_iter()
        .flat_map(both)
        .flatten()
        .collect()
}

fn every_way() -> Vec<Failure> {
    [1, 2].into_iter().flat_map(power_cuts_of).collect()
}

#[test]
fn async_acks_may_be_lost_with_a_minoritys_power() {
    may_lose(ASYNC, every_way());
}

#[test]
fn few_written_copies_may_be_lost_with_a_minoritys_power() {
    may_lose(FEW_WRITTEN, every_way());
}

#[test]
fn few_synced_copies_may_be_lost_with_a_minoritys_power() {
    may_lose(FEW_SYNCED, every_way());
}

/// Those that lost power may have forgotten the entry, and do not help elect a leader without it.
#[test]
fn a_majority_of_written_copies_survives_a_minoritys_power() {
    survives(MAJORITY_WRITTEN, every_way());
}

#[test]
fn a_majority_of_synced_copies_survives_a_minoritys_power() {
    survives(MAJORITY_SYNCED, every_way());
}

/// One copy is left in the end, and no leader is elected without it.
#[test]
fn everybodys_written_copies_survive_the_power_of_all_but_one() {
    let nearly_all = (1..VOTERS as u32).flat_map(power_cuts_of);
    survives(ALL_WRITTEN, nearly_all.collect());
}

#[test]
fn everybodys_synced_copies_survive_a_minoritys_power() {
    survives(ALL_SYNCED, every_way());
}
