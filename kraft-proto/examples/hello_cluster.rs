//! Three nodes in one file: messages by function call, disks that hold everything at once.
//!
//! Run it with `cargo run -p kraft-proto --example hello_cluster`.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;

use kraft_proto::{
    Class, Config, Frame, FsyncMode, Instant, LogPosition, Members, NodeId, Nonce, Output, Raft,
    Recovery, StoreId, entry_prefix, limits::FRAME_HEADER_MAX,
};

/// A node and what the core leaves to its host: the bytes of the entries.
struct Node {
    raft: Raft,
    payloads: BTreeMap<LogPosition, Vec<u8>>,
}

/// An envelope and its entries, as they travel.
fn frame(envelope: &kraft_proto::Envelope, payloads: &BTreeMap<LogPosition, Vec<u8>>) -> Vec<u8> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut bytes = envelope
        .encode(&mut header)
        .expect("the header fits")
        .to_vec();
    if let kraft_proto::Message::Append(append) = envelope.message {
        for position in append.run().positions() {
            let payload = payloads.get(&position).map_or(&[][..], Vec::as_slice);
            bytes.extend(entry_prefix(payload.len() as u32));
            bytes.extend(payload);
        }
    }
    bytes
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
                    Output::Send { envelope, .. } => {
                        network.push_back((envelope.to, frame(&envelope, &node.payloads)));
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
