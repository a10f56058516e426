//! The bytes of configurations and no-ops, which the core makes by itself.

use kraft_proto::{Class, EntryKind, LogPosition, Message, Output};

use crate::cluster::messages::{append, envelope};
use crate::cluster::{Cluster, at, id, ms, run};

use super::*;

/// The entries of its own that node `n` handed the bytes of.
fn own_entries(cluster: &Cluster, n: u64) -> Vec<(LogPosition, EntryKind, Vec<u8>)> {
    let outputs = cluster.nodes[&id(n)].outputs.iter();
    let own = outputs.filter_map(|output| match output {
        Output::OwnEntry { at, kind, bytes } => Some((*at, *kind, bytes.to_vec())),
        _ => None,
    });
    own.collect()
}

/// A host keeps them as it keeps those of a proposal; a write or a message that names an entry without
/// bytes would end the test.
#[test]
fn the_bytes_of_own_entries_are_handed_over_once_before_anything_names_them() {
    let mut cluster = with_joiners(&[4, 5]);
    let first = cluster.change(1, &[voter(4)]).unwrap();
    cluster.propose(1, Class::default());
    cluster.run_until_idle();
    let four = cluster.status(1).members.to_bytes().to_vec();
    let second = cluster.change(1, &[voter(5)]).unwrap();
    cluster.run_until_idle();
    cluster.pass(ms(1000));
    let five = cluster.status(1).members.to_bytes().to_vec();
    let own = [
        (at(1, 1), EntryKind::NoOp, Vec::new()),
        (first.run.last_position(), EntryKind::Configuration, four),
        (second.run.last_position(), EntryKind::Configuration, five),
    ];
    assert_eq!(own_entries(&cluster, 1), own);
    assert_eq!(own_entries(&cluster, 2), [], "they came to it in frames");
}

/// The story: 1. node 1 proposes a configuration, and before its host polls it follows another leader,
/// which goes on from that entry's place in the log; 2. its disk must still be told what it holds.
#[test]
fn the_bytes_of_an_own_entry_outlive_the_term_and_go_with_the_entry() {
    for cut_off in [false, true] {
        let mut cluster = with_joiners(&[4]);
        cluster.run_until_idle();
        let now = cluster.now;
        let change = cluster.raft(1).propose_members(now, &[voter(4)]).unwrap();
        let at_change = change.run.last_position();
        let prev = match cut_off {
            true => at(1, 1),
            false => at_change,
        };
        let next = run(2, prev.index.0 + 1, 1);
        cluster.inject(envelope(2, 1, 2, Message::Append(append(prev, next, 0))));
        let handed = own_entries(&cluster, 1)
            .iter()
            .any(|(at, ..)| *at == at_change);
        assert_eq!(handed, !cut_off);
        assert_eq!(cluster.status(1).last, next.last_position());
    }
}

/// A follower takes no bytes for a configuration that are none.
#[test]
fn a_configuration_that_does_not_decode_is_dropped() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let run = kraft_proto::Run {
        kind: EntryKind::Configuration,
        ..run(1, 2, 1)
    };
    cluster.append(1, 2, 1, at(1, 1), run, 0);
    assert_eq!(cluster.status(2).last.index.0, 1);
    assert_eq!(cluster.status(2).dropped.malformed, 1);
}
