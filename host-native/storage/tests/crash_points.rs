//! Every crash point of every operation of the store, one fsync mode each.

use kraft_proto::modes::FsyncMode;
use kraft_storage::testing::every_crash_point;

#[test]
fn every_crash_point_of_a_log_that_is_forced_in_the_background() {
    every_crash_point(FsyncMode::None);
}

#[test]
fn every_crash_point_of_a_log_that_is_forced_in_batches() {
    every_crash_point(FsyncMode::Batch);
}

#[test]
fn every_crash_point_of_a_log_that_is_forced_before_it_is_acknowledged() {
    every_crash_point(FsyncMode::Commit);
}

#[test]
fn every_crash_point_of_a_log_that_is_forced_entry_by_entry() {
    every_crash_point(FsyncMode::Always);
}
