// What the examples in this crate's documentation share: hosts whose disks write at once, and a
// network that delivers at once. Entries hold nothing here.

pub use kraft_proto::*;

/// Does what a node asks for, and returns what is left of that.
pub fn drain(node: &mut Raft) -> Vec<Output> {
    let mut left = Vec::new();
    while let Some(output) = node.poll_output() {
        match output {
            Output::Write(write) => node.handle_stored(Instant::ZERO, write.synced()),
            other => left.push(other),
        }
    }
    left
}

/// Node `id` of these voters, started for the first time.
pub fn started(id: u64, voters: u64) -> Raft {
    let members = Members::new((1..=voters).map(NodeId), []).unwrap();
    let config = Config::new(NodeId(id), StoreId(id), id);
    let mut node = Raft::new(
        config,
        Recovery::bootstrap(members),
        Nonce(id),
        Instant::ZERO,
    )
    .unwrap();
    drain(&mut node);
    node
}

/// A node that leads alone.
pub fn leader() -> Raft {
    let mut node = started(1, 1);
    node.campaign(Instant::ZERO);
    drain(&mut node);
    node
}

/// Three nodes, of which the first leads.
pub fn cluster() -> [Raft; 3] {
    let mut nodes = [1, 2, 3].map(|id| started(id, 3));
    nodes[0].campaign(Instant::ZERO);
    exchange(&mut nodes);
    nodes
}

/// Delivers everything until nothing is on its way.
pub fn exchange(nodes: &mut [Raft; 3]) {
    loop {
        let outputs: Vec<Output> = nodes.iter_mut().flat_map(drain).collect();
        let sent = outputs.into_iter().filter_map(|output| match output {
            Output::Send { envelope, .. } => Some(envelope),
            _ => None,
        });
        let sent: Vec<Envelope> = sent.collect();
        if sent.is_empty() {
            return;
        }
        for envelope in sent {
            let mut bytes = Vec::new();
            envelope.frame(&mut bytes, |_| Some([])).unwrap();
            let frame = Frame::decode(&bytes).unwrap();
            nodes[envelope.to.0 as usize - 1].handle_message(Instant::ZERO, &frame);
        }
    }
}
