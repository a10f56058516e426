//! The golden vectors: bytes that the specification gives.

use kraft_proto::limits::SNAPSHOT_BYTES_MAX;
use kraft_proto::{LogIndex, Members, Snapshot};

use crate::examples::*;

const SPEC: &str = include_str!("../../WIRE.md");

/// The golden vectors of the specification: lines of `name: hex`.
fn golden() -> Vec<(String, String)> {
    let block = SPEC.split("```golden\n").nth(1).expect("golden vectors");
    let block = block.split("```").next().unwrap_or_default();
    block
        .lines()
        .map(|line| line.split_once(": ").expect("name: hex"))
        .map(|(name, hex)| (name.to_owned(), hex.replace(' ', "")))
        .collect()
}

#[test]
fn every_kind_of_message_has_the_bytes_of_the_specification() {
    let expected: Vec<(String, String)> = examples()
        .iter()
        .map(|(name, envelope, entries)| ((*name).to_owned(), hex(&encode(envelope, entries))))
        .collect();
    assert_eq!(golden(), expected);
}

#[test]
fn a_configuration_has_the_bytes_of_the_specification() {
    let joint = examples().into_iter().find_map(|(name, _, entries)| {
        (name == "append, configuration").then(|| Members::from_bytes(entries[0]).unwrap())
    });
    let joint = joint.unwrap();
    let ids =
        |set: kraft_proto::members::NodeSet<'_>| set.iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(ids(joint.voters()), [1, 3]);
    assert_eq!(ids(joint.voters_outgoing()), [1, 2]);
    let stores: Vec<u64> = joint.iter().map(|member| member.store.0).collect();
    assert_eq!(stores, [300, 301, 0]);
}

#[test]
fn a_history_has_the_bytes_of_the_specification() {
    let entries = examples().pop().unwrap().2;
    let history = Snapshot::decode(entries[0]).unwrap();
    assert_eq!(history.last(), position(6, 200));
    assert_eq!(history.members_at(), LogIndex(180));
    assert_eq!(history.members().voters().len(), 2);
    let mut again = [0; SNAPSHOT_BYTES_MAX];
    assert_eq!(history.encode(&mut again), Ok(entries[0]));
    assert!(SPEC.contains(&format!("{SNAPSHOT_BYTES_MAX} bytes")));
}
