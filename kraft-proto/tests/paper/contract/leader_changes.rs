//! The leader changes, and nobody crashes.

use super::story::{Failure, Return, Strike, each_candidate};
use super::*;

fn every_way() -> Vec<Failure> {
    each_candidate(&Strike::CutOffLeader, &Return::Before)
}

#[test]
fn async_acks_may_be_lost_at_a_leader_change() {
    may_lose(ASYNC, every_way());
}

#[test]
fn few_written_copies_may_be_lost_at_a_leader_change() {
    may_lose(FEW_WRITTEN, every_way());
}

#[test]
fn few_synced_copies_may_be_lost_at_a_leader_change() {
    may_lose(FEW_SYNCED, every_way());
}

/// Because votes compare whole logs as held, written entries included: by their synced parts the
/// holders' logs are no longer than anybody else's.
#[test]
fn a_majority_of_written_copies_survives_a_leader_change() {
    survives(MAJORITY_WRITTEN, every_way());
}

#[test]
fn a_majority_of_synced_copies_survives_a_leader_change() {
    survives(MAJORITY_SYNCED, every_way());
}

#[test]
fn everybodys_written_copies_survive_a_leader_change() {
    survives(ALL_WRITTEN, every_way());
}

#[test]
fn everybodys_synced_copies_survive_a_leader_change() {
    survives(ALL_SYNCED, every_way());
}
