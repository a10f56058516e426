//! Frames: decoding is total, what decodes has that one encoding, and no node panics on it.

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Class, Config, Frame, Instant, Members, NodeId, Nonce, Output, Raft, Recovery, StoreId,
    entry_prefix,
};

use super::Depth;

/// Takes a frame.
pub fn body(bytes: &[u8]) -> Depth {
    let Ok(frame) = Frame::decode(bytes) else {
        return Depth::Refused;
    };
    let mut header = [0; FRAME_HEADER_MAX];
    let encoded = frame
        .envelope()
        .encode(&mut header)
        .expect("a header has room");
    let mut again = encoded.to_vec();
    for entry in frame.entries() {
        again.extend(entry_prefix(entry.len() as u32));
        again.extend(entry);
    }
    assert_eq!(again, bytes, "another encoding of {:?}", frame.envelope());
    let id = NodeId(frame.envelope().to.0.clamp(1, 3));
    for mut node in [follower(id), candidate(id), leader(id)] {
        // And once more when its timers are due.
        for now in [Instant::ZERO, Instant::from_millis(400)] {
            let taken = node.handle_message(now, &frame);
            let run = taken.run().map_or(0, |run| run.count as usize);
            assert_eq!(taken.entries().count(), run);
            run_until_idle(&mut node, now);
            node.handle_timeout(now);
            run_until_idle(&mut node, now);
            let status = node.status();
            assert!(status.commit.index <= status.last.index);
            assert!(status.watermarks.synced <= status.watermarks.written);
        }
    }
    Depth::Taken
}

fn started(id: NodeId, voters: &[NodeId]) -> Raft {
    let everybody = [NodeId(1), NodeId(2), NodeId(3)];
    let learners = everybody.into_iter().filter(|id| !voters.contains(id));
    let members = Members::new(voters.iter().copied(), learners).expect("members");
    let config = Config::new(id, StoreId(id.0), 7);
    let mut node = Raft::new(
        config,
        Recovery::bootstrap(members),
        Nonce(1),
        Instant::ZERO,
    )
    .expect("starts");
    run_until_idle(&mut node, Instant::ZERO);
    node
}

fn follower(id: NodeId) -> Raft {
    started(id, &[NodeId(1), NodeId(2)])
}

fn candidate(id: NodeId) -> Raft {
    let mut node = follower(id);
    node.campaign(Instant::ZERO);
    run_until_idle(&mut node, Instant::ZERO);
    node
}

fn leader(id: NodeId) -> Raft {
    let mut node = started(id, &[id]);
    node.campaign(Instant::ZERO);
    run_until_idle(&mut node, Instant::ZERO);
    let proposed = node.propose(Instant::ZERO, Class::default(), 3);
    proposed.expect("it leads");
    run_until_idle(&mut node, Instant::ZERO);
    node
}

/// Takes whatever it puts out, and syncs whatever it writes.
pub(super) fn run_until_idle(node: &mut Raft, now: Instant) {
    let mut outputs = 0;
    while let Some(output) = node.poll_output() {
        if let Output::Write(write) = output {
            node.handle_stored(now, write.synced());
        }
        outputs += 1;
        assert!(outputs < 10_000, "it never falls silent");
    }
}
