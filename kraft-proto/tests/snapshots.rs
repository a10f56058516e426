//! Snapshots told as stories: what one may replace, what it must not, and what is true while it is
//! on its way to the disk. The paper's own promises are in `paper/snapshots.rs`.

mod cluster;

#[path = "snapshots/bytes.rs"]
mod bytes;
#[path = "snapshots/follower.rs"]
mod follower;
#[path = "snapshots/leader.rs"]
mod leader;
#[path = "snapshots/writes.rs"]
mod writes;

use cluster::Cluster;
use cluster::messages::{Packet, history, snapshot};
use cluster::{at, id};
use kraft_proto::{CheckQuorum, Config, LogPosition, Output, PreVote};

/// The bare algorithm of the paper's figures.
fn bare(config: Config) -> Config {
    Config {
        pre_vote: PreVote::Off,
        check_quorum: CheckQuorum::Off,
        ..config
    }
}

/// Node 1 of term `term` sends node 3 a snapshot of this history.
fn brought(cluster: &Cluster, term: u64, terms: &[(u64, u64)], last: LogPosition) -> Packet {
    let core = history(terms, last.index.0, &cluster.members);
    snapshot(1, 3, term, last, &core)
}

/// The indexes node 3 was told to restore at.
fn restored(cluster: &Cluster) -> Vec<u64> {
    let outputs = cluster.nodes[&id(3)].outputs.iter();
    let upto = outputs.filter_map(|output| match output {
        Output::Restored { upto } => Some(upto.index.0),
        _ => None,
    });
    upto.collect()
}

/// Hands a packet over, with the outputs that follow.
fn deliver(cluster: &mut Cluster, packet: &Packet) {
    cluster.deliver(packet);
    cluster.poll();
}

/// Node 3 holds terms 1 (entries 1 to 3) and 2 (entries 4 to 6), and knows of no commit.
fn with_log() -> Cluster {
    let mut cluster = Cluster::with(3, bare);
    cluster.start_on(3, 2, [cluster::run(1, 1, 3), cluster::run(2, 4, 3)]);
    assert_eq!(cluster.status(3).last, at(2, 6));
    cluster
}
