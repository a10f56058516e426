//! A node as a value: it can be copied, compared, and written down in one way only.

mod cluster;

use cluster::{Cluster, id};
use kraft_proto::limits::WRITES_IN_FLIGHT_MAX;
use kraft_proto::{Class, CommitMode, FsyncMode, Raft};

fn bytes(raft: &Raft) -> Vec<u8> {
    let mut buffer = vec![0; 64 * 1024];
    postcard::to_slice(raft, &mut buffer).unwrap().to_vec()
}

#[test]
fn equal_nodes_have_equal_bytes_and_different_ones_have_not() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    let mut seen: Vec<Raft> = Vec::new();
    // Rings that were turned around hold the same in other places: the bytes must not tell.
    for turn in 0..3 * WRITES_IN_FLIGHT_MAX {
        let fsync = [FsyncMode::None, FsyncMode::Commit][turn % 2];
        cluster.propose(1, Class::new(CommitMode::Sync, fsync));
        cluster.run_until_idle();
        for node in cluster.nodes.values() {
            seen.push(node.raft.clone());
        }
    }
    let mut compared = 0;
    for one in &seen {
        for other in seen.iter().step_by(7) {
            assert_eq!(one == other, bytes(one) == bytes(other));
            compared += 1;
        }
    }
    println!(
        "{} states of {} bytes in memory, {compared} pairs compared",
        seen.len(),
        size_of::<Raft>()
    );
    assert!(cluster.nodes[&id(1)].raft.status().commit.index.0 > 10);
}
