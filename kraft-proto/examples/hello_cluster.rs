//! Three nodes in one file: messages by function call, disks that hold everything at once.
//!
//! Run it with `cargo run -p kraft-proto --example hello_cluster`.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;

use kraft_proto::{
    Class, Config, Frame, FsyncMode, Instant, LogPosition, Members, NodeId, Nonce, Output, Raft,
    Recovery, StoreId,
};

/// A node and what the core leaves to its host: the bytes of the entries.
struct Node {
    raft: Raft,
    payloads: BTreeMap<LogPosition, Vec<u8>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = Instant::ZERO;
    let ids = [NodeId(1), NodeId(2), NodeId(3)];
    let mut nodes = BTreeMap::new();
    for id in ids {
        let config = Config::new(id, StoreId(id.0), id.0);
        let raft = Raft::new(
            config,
            Recovery::bootstrap(Members::new(ids, [])?),
            Nonce(1),
            now,
        )?;
        let payloads = BTreeMap::new();
        nodes.insert(id, Node { raft, payloads });
    }
    nodes.get_mut(&ids[0]).expect("node 1").raft.campaign(now);

    let mut network = VecDeque::new();
    let mut proposed = false;
    loop {
        for node in nodes.values_mut() {
            while let Some(output) = node.raft.poll_output() {
                match output {
                    Output::OwnEntry { at, bytes, .. } => {
                        node.payloads.insert(at, bytes.to_vec());
                    }
                    Output::Send { envelope, .. } => {
                        let mut frame = Vec::new();
                        envelope.frame(&mut frame, |at| node.payloads.get(&at))?;
                        network.push_back((envelope.to, frame));
                    }
                    Output::Write(write) => node.raft.handle_stored(now, write.synced()),
                    Output::Ack { mode, held, upto } => println!("{upto} acked: {mode}, {held}"),
                    Output::Commit { upto } => println!("committed through {upto}"),
                    Output::Role { role, term, .. } => println!("{role:?} in term {term}"),
                    Output::Superseded { by } => return Err(format!("replaced by {by}").into()),
                    Output::Read { .. } | Output::Settled { .. } | Output::Members { .. } => {}
                    // A host with a store looks up which run stands there, and answers with
                    // `handle_recalled`; the log here has few enough runs that nobody asks.
                    Output::Recall { .. } => {}
                    // Nobody here drops its log, so nobody needs a snapshot.
                    Output::Snapshot { .. } | Output::Restored { .. } => {}
                }
            }
        }
        if let Some((to, bytes)) = network.pop_front() {
            let node = nodes.get_mut(&to).expect("a member");
            let taken = node.raft.handle_message(now, &Frame::decode(&bytes)?);
            for (position, payload) in taken.entries() {
                node.payloads.insert(position, payload.to_vec());
            }
        } else if !proposed {
            let leader = nodes.get_mut(&ids[0]).expect("node 1");
            for fsync in [FsyncMode::None, FsyncMode::Commit] {
                let class = Class {
                    fsync,
                    ..Class::default()
                };
                let entry = leader.raft.propose(now, class, 1)?.run.last_position();
                leader
                    .payloads
                    .insert(entry, format!("hello at {fsync}").into_bytes());
            }
            proposed = true;
        } else {
            return Ok(());
        }
    }
}
