//! A minority loses power. Cells marked ¹ in the design rest on re-admission (§4.5).

use super::story::{Failure, Return, Strike, VOTERS, each_candidate, sets_of};
use super::*;

use kraft_proto::Fate;

use crate::bare;
use crate::cluster::{Cluster, Disk, id, ms};

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

/// The story: 1. node 2 writes an entry, and loses power while its report of that is on the wire; 2. the
/// report arrives, and the leader acknowledges for a majority of three; 3. one more cut, the first after
/// the answer, and the copies of a majority are gone. Since the write it was the second. With that one
/// cut alone nobody leads without the entry.
#[test]
fn power_cuts_count_since_the_write_not_since_the_answer() {
    for (cuts_after, fate) in [(0, Fate::Committed), (1, Fate::Lost)] {
        let mut cluster = Cluster::with(3, bare);
        cluster.elect(1);
        cluster.isolate(3);
        cluster.disks(Disk::LogHeld);
        let proposed = cluster.propose(1, Class::new(CommitMode::Sync, FsyncMode::None));
        let position = proposed.run.last_position();
        cluster.poll();
        for packet in cluster.intercept(|e| e.to == id(2)) {
            cluster.deliver(&packet);
        }
        cluster.poll();
        let reports = cluster.intercept(|e| e.to == id(1));
        cluster.cut_power(2);
        assert!(!cluster.acked(1, &proposed), "nobody heard yet");
        for packet in reports {
            cluster.deliver(&packet);
        }
        cluster.poll();
        assert!(
            cluster.acked(1, &proposed),
            "the report is true when it was sent"
        );
        match cuts_after {
            0 => cluster.kill(1),
            _ => cluster.cut_power(1),
        }
        // What was on its way to node 3 does not get there.
        let _ = cluster.intercept(|_| true);
        cluster.restart(2);
        cluster.heal();
        cluster.disks(Disk::Prompt);
        cluster.pass(ms(3_000));
        assert_eq!(cluster.leader(), None, "the only copy may be node 1's");
        cluster.restart(1);
        cluster.pass(ms(3_000));
        for n in 1..=3 {
            assert_eq!(
                cluster.fate(n, position),
                fate,
                "{cuts_after} cuts after the answer"
            );
        }
    }
}
