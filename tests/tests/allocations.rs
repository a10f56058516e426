//! The core allocates nothing: not when it starts, not while it works.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Class, CommitMode, Config, Frame, FsyncMode, Instant, Members, Message, NodeId, Output, Raft,
    Recovery, StoreId, entry_prefix,
};

struct Counting;

thread_local! {
    /// Of this thread: the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const NODES: usize = 3;
const QUEUED: usize = 64;

/// Frames on their way, in place.
struct Network {
    frames: [(usize, [u8; 512]); QUEUED],
    to: [usize; QUEUED],
    first: usize,
    count: usize,
}

impl Network {
    fn push(&mut self, to: usize, header: &[u8], entries: u32) {
        assert!(self.count < QUEUED, "the test's network is too small");
        let place = (self.first + self.count) % QUEUED;
        let (len, bytes) = &mut self.frames[place];
        bytes[..header.len()].copy_from_slice(header);
        *len = header.len();
        for _ in 0..entries {
            bytes[*len..*len + 4].copy_from_slice(&entry_prefix(0));
            *len += 4;
        }
        self.to[place] = to;
        self.count += 1;
    }
}

/// Lets the cluster come to rest; returns how much it committed on node 0.
fn settle(nodes: &mut [Raft], network: &mut Network, now: Instant) -> u64 {
    let mut committed = 0;
    loop {
        for (place, node) in nodes.iter_mut().enumerate() {
            while let Some(output) = node.poll_output() {
                match output {
                    Output::Send { envelope, .. } => {
                        let mut header = [0; FRAME_HEADER_MAX];
                        let header = envelope.encode(&mut header).unwrap();
                        let entries = match envelope.message {
                            Message::Append(append) => append.count,
                            _ => 0,
                        };
                        network.push(envelope.to.0 as usize - 1, header, entries);
                    }
                    Output::Write(write) => {
                        let (receipt, unsynced) = write.written();
                        node.handle_stored(now, receipt);
                        node.handle_stored(now, unsynced.synced());
                    }
                    Output::Commit { upto } if place == 0 => committed = upto.index.0,
                    _ => {}
                }
            }
        }
        if network.count == 0 {
            return committed;
        }
        let place = network.first;
        network.first = (network.first + 1) % QUEUED;
        network.count -= 1;
        let (len, bytes) = network.frames[place];
        let frame = Frame::decode(&bytes[..len]).unwrap();
        let taken = nodes[network.to[place]].handle_message(now, &frame);
        assert!(taken.entries().all(|(_, payload)| payload.is_empty()));
    }
}

#[test]
fn no_call_allocates() {
    let before = ALLOCATIONS.get();
    let mut nodes = [1, 2, 3].map(|id| {
        let members = Members::new((1..=NODES as u64).map(NodeId), []).unwrap();
        let config = Config::new(NodeId(id), StoreId(id), id);
        Raft::new(config, Recovery::bootstrap(members), Instant::ZERO).unwrap()
    });
    let mut network = Network {
        frames: [(0, [0; 512]); QUEUED],
        to: [0; QUEUED],
        first: 0,
        count: 0,
    };
    let mut now = Instant::ZERO;
    nodes[0].campaign(now);
    settle(&mut nodes, &mut network, now);

    let modes = [
        CommitMode::Async,
        CommitMode::LeaderOnly,
        CommitMode::AtLeast(2),
        CommitMode::Sync,
        CommitMode::All,
    ];
    let fsyncs = [
        FsyncMode::None,
        FsyncMode::Batch,
        FsyncMode::Commit,
        FsyncMode::Always,
    ];
    let mut committed = 0;
    for round in 0..200_u64 {
        for (place, mode) in modes.into_iter().enumerate() {
            let class = Class::new(mode, fsyncs[(place + round as usize) % fsyncs.len()]);
            nodes[0].propose(now, class, 3).unwrap();
        }
        nodes[0].read(now).unwrap();
        committed = settle(&mut nodes, &mut network, now);
        now = Instant::from_millis(round * 20);
        for node in &mut nodes {
            node.handle_timeout(now);
        }
        settle(&mut nodes, &mut network, now);
    }
    assert!(committed > 2_900, "committed only {committed}");
    let allocated = ALLOCATIONS.get() - before;
    println!("{allocated} allocations for {committed} committed entries on {NODES} nodes");
    assert_eq!(allocated, 0);
}
