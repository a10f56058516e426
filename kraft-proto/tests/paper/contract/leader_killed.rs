//! The leader's process is killed.

use super::story::{Failure, Return, Strike, each_candidate};
use super::*;

/// It stays away until others have elected somebody, or is back before that.
fn every_way() -> Vec<Failure> {
    [Return::After, Return::Before]
        .iter()
        .flat_map(|back| each_candidate(&Strike::KillLeader, back))
        .collect()
}

#[test]
fn async_acks_may_be_lost_with_the_leaders_process() {
    may_lose(ASYNC, every_way());
}

#[test]
fn few_written_copies_may_be_lost_to_a_leader_without_them() {
    may_lose(FEW_WRITTEN, every_way());
}

#[test]
fn few_synced_copies_may_be_lost_to_a_leader_without_them() {
    may_lose(FEW_SYNCED, every_way());
}

#[test]
fn a_majority_of_written_copies_survives_the_leaders_process() {
    survives(MAJORITY_WRITTEN, every_way());
}

#[test]
fn a_majority_of_synced_copies_survives_the_leaders_process() {
    survives(MAJORITY_SYNCED, every_way());
}

#[test]
fn everybodys_written_copies_survive_the_leaders_process() {
    survives(ALL_WRITTEN, every_way());
}

#[test]
fn everybodys_synced_copies_survive_the_leaders_process() {
    survives(ALL_SYNCED, every_way());
}
