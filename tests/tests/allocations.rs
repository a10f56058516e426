//! The core allocates nothing: not when it starts, not while it works. And what a call costs does
//! not depend on how many entries it covers.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use kraft_proto::durability::Fallback;
use kraft_proto::limits::{FRAME_HEADER_MAX, RUN_ENTRIES_MAX};
use kraft_proto::{
    Class, CommitMode, Config, Frame, FsyncMode, Grade, Instant, Members, NodeId, Nonce, Output,
    Raft, Recovery, Role, Slot, StoreId, Waits, WriteKind, entry_prefix,
};

struct Counting;

thread_local! {
    /// Of this thread: the test harness has threads of its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged; what is left out is made of
// these two.
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
/// Frames on their way at most.
const QUEUED: usize = 64;
/// A header, and the prefixes of as many entries as one append carries.
const FRAME: usize = FRAME_HEADER_MAX + 4 * RUN_ENTRIES_MAX as usize;
/// Clients that wait at most.
const WAITING: usize = 64;

/// Frames on their way, in memory that is there from the start.
struct Network {
    frames: Vec<(usize, usize, [u8; FRAME])>,
    first: usize,
    count: usize,
}

impl Network {
    fn new() -> Self {
        Self {
            frames: vec![(0, 0, [0; FRAME]); QUEUED],
            first: 0,
            count: 0,
        }
    }

    fn push(&mut self, to: usize, header: &[u8], entries: u32) {
        assert!(self.count < QUEUED, "the test's network is too small");
        let (receiver, len, bytes) = &mut self.frames[(self.first + self.count) % QUEUED];
        bytes[..header.len()].copy_from_slice(header);
        *len = header.len();
        for _ in 0..entries {
            bytes[*len..*len + 4].copy_from_slice(&entry_prefix(0));
            *len += 4;
        }
        *receiver = to;
        self.count += 1;
    }
}

/// What the nodes asked for, all three together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    sends: u64,
    writes: u64,
    acks: u64,
    commits: u64,
    others: u64,
}

/// Three nodes, the network between them, and clients of the first.
struct Cluster {
    nodes: [Raft; NODES],
    network: Network,
    waits: Waits<u64, Vec<Slot<u64>>>,
    now: Instant,
    asked: Asked,
    /// The last index each node was told to apply.
    applied: [u64; NODES],
    answered: u64,
}

impl Cluster {
    fn new() -> Self {
        let nodes = [1, 2, 3].map(|id| {
            let members = Members::new((1..=NODES as u64).map(NodeId), []).unwrap();
            let config = Config::new(NodeId(id), StoreId(id), id);
            Raft::new(
                config,
                Recovery::bootstrap(members),
                Nonce(1),
                Instant::ZERO,
            )
            .unwrap()
        });
        Self {
            nodes,
            network: Network::new(),
            waits: Waits::new(vec![Slot::default(); WAITING]),
            now: Instant::ZERO,
            asked: Asked::default(),
            applied: [0; NODES],
            answered: 0,
        }
    }

    fn led() -> Self {
        let mut cluster = Self::new();
        cluster.nodes[0].campaign(cluster.now);
        cluster.run_until_idle();
        assert_eq!(cluster.nodes[0].status().role, Role::Leader);
        cluster
    }

    /// Lets the cluster come to rest.
    fn run_until_idle(&mut self) {
        loop {
            for place in 0..NODES {
                while let Some(output) = self.nodes[place].poll_output() {
                    self.answer(place, output);
                }
            }
            while let Some(answer) = self.waits.poll_answer() {
                assert_eq!(answer.grade, Grade::AsAsked);
                self.answered += 1;
            }
            if self.network.count == 0 {
                return;
            }
            let (to, len, bytes) = &self.network.frames[self.network.first];
            let frame = Frame::decode(&bytes[..*len]).unwrap();
            let taken = self.nodes[*to].handle_message(self.now, &frame);
            assert!(taken.entries().all(|(_, payload)| payload.is_empty()));
            self.network.first = (self.network.first + 1) % QUEUED;
            self.network.count -= 1;
        }
    }

    fn answer(&mut self, place: usize, output: Output) {
        if place == 0 {
            self.waits.handle_output(&output, &self.nodes[0], |_| None);
        }
        match output {
            Output::Send { envelope, .. } => {
                self.asked.sends += 1;
                let mut header = [0; FRAME_HEADER_MAX];
                let header = envelope.encode(&mut header).unwrap();
                let to = envelope.to.0 as usize - 1;
                self.network.push(to, header, envelope.entries());
            }
            Output::Write(write) => {
                self.asked.writes += u64::from(write.kind() != WriteKind::Force);
                let (receipt, unsynced) = write.written();
                self.nodes[place].handle_stored(self.now, receipt);
                self.nodes[place].handle_stored(self.now, unsynced.synced());
            }
            Output::Commit { upto } => {
                self.asked.commits += 1;
                self.applied[place] = upto.index.0;
            }
            Output::Ack { .. } => self.asked.acks += 1,
            Output::OwnEntry { .. }
            | Output::Settled { .. }
            | Output::Read { .. }
            | Output::Role { .. }
            | Output::Snapshot { .. }
            | Output::Recall { .. }
            | Output::Restored { .. }
            | Output::Members { .. }
            | Output::Superseded { .. } => self.asked.others += 1,
        }
    }

    /// Proposes for a client who waits for the last entry.
    fn propose(&mut self, class: Class, count: u32) {
        let proposed = self.nodes[0].propose(self.now, class, count).unwrap();
        let position = proposed.run.last_position();
        let deadline = self.now.after(Duration::from_secs(60));
        let (token, fallback) = (position.index.0, Fallback::ToMajority);
        self.waits
            .insert(token, position, &proposed, class, Some(deadline), fallback)
            .unwrap();
    }

    /// Lets time pass until nothing of a moment ago is waited for.
    fn pass(&mut self, time: Duration) {
        self.now = self.now.after(time);
        for place in 0..NODES {
            self.nodes[place].handle_timeout(self.now);
        }
        self.waits
            .handle_timeout(self.now, &mut self.nodes[0], |_| None);
        self.run_until_idle();
    }

    /// Everybody applied everything there is.
    fn catch_up(&mut self) {
        let last = self.nodes[0].status().last.index.0;
        for _ in 0..200 {
            if self.applied == [last; NODES] {
                return;
            }
            self.pass(Duration::from_millis(20));
        }
        panic!("{:?} of {last} applied after four seconds", self.applied);
    }
}

#[test]
fn what_is_allocated_is_counted() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![0_u8; 1]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

#[test]
fn a_start_and_an_election_allocate_nothing() {
    let mut cluster = Cluster::new();
    let before = ALLOCATIONS.get();
    let members = Members::new((1..=NODES as u64).map(NodeId), []).unwrap();
    let config = Config::new(NodeId(1), StoreId(1), 1);
    let fresh = Raft::new(
        config,
        Recovery::bootstrap(members),
        Nonce(1),
        Instant::ZERO,
    )
    .unwrap();
    cluster.nodes[0] = fresh;
    cluster.nodes[0].campaign(cluster.now);
    cluster.run_until_idle();
    assert_eq!(cluster.applied, [1; NODES], "the no-op is applied");
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

/// Propose, write, append, receipt, acknowledge, commit, apply; clients, heartbeats and reads too.
#[test]
fn no_class_allocates_in_steady_state() {
    const ROUNDS: u64 = 40;
    let mut cluster = Cluster::led();
    for mode in CommitMode::each(2) {
        for fsync in FsyncMode::ALL {
            let class = Class::new(mode, fsync);
            let (first, answered, asked) = (cluster.applied, cluster.answered, cluster.asked);
            let before = ALLOCATIONS.get();
            for _ in 0..ROUNDS {
                cluster.propose(class, 1);
                cluster.propose(class, 7);
                cluster.nodes[0].read(cluster.now).unwrap();
                cluster.run_until_idle();
                cluster.pass(Duration::from_millis(20));
            }
            cluster.catch_up();
            let allocated = ALLOCATIONS.get() - before;
            let entries = cluster.applied[0] - first[0];
            println!("{mode}·{fsync}: {entries} entries on {NODES} nodes, {allocated} allocations");
            assert_eq!(entries, 8 * ROUNDS, "entries exercised");
            assert_eq!(cluster.answered - answered, 2 * ROUNDS, "clients answered");
            assert!(cluster.asked.acks > asked.acks && cluster.asked.writes > asked.writes);
            assert_eq!(allocated, 0, "{mode}·{fsync}");
        }
    }
}

/// Classes follow each other entry by entry, the worst that the table of classes can meet.
#[test]
fn mixed_classes_allocate_nothing() {
    let mut cluster = Cluster::led();
    let before = ALLOCATIONS.get();
    for round in 0..50 {
        for turn in 0..CommitMode::each(2).len() * FsyncMode::ALL.len() {
            let mode = CommitMode::each(2)[turn % CommitMode::each(2).len()];
            let fsync = FsyncMode::ALL[(turn + round) % FsyncMode::ALL.len()];
            cluster.propose(Class::new(mode, fsync), 1);
        }
        cluster.run_until_idle();
        cluster.pass(Duration::from_millis(20));
    }
    cluster.catch_up();
    let entries = cluster.applied[0];
    let allocated = ALLOCATIONS.get() - before;
    println!("mixed: {entries} entries on {NODES} nodes, {allocated} allocations");
    assert_eq!((entries, allocated), (1 + 50 * 20, 0));
}

/// Leadership that moves, and reads on every node.
#[test]
fn transfers_and_reads_of_followers_allocate_nothing() {
    let mut cluster = Cluster::led();
    let before = ALLOCATIONS.get();
    let mut served = cluster.asked.others;
    for to in [2, 3, 1, 2, 3, 1] {
        for node in &mut cluster.nodes {
            node.read(cluster.now).unwrap();
        }
        let leader = cluster.nodes[0].status().leader.unwrap().0 as usize - 1;
        let begun = cluster.nodes[leader].transfer_leadership(cluster.now, Some(NodeId(to)));
        begun.unwrap();
        cluster.run_until_idle();
        assert_eq!(cluster.nodes[0].status().leader, Some(NodeId(to)));
        cluster.pass(Duration::from_millis(60));
        served = cluster.asked.others - served;
    }
    assert!(served > 0);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

/// 1,024 entries ask for as many outputs as one does. `Always` is left out: it asks for a write of
/// each entry by itself.
#[test]
fn a_call_costs_the_same_however_many_entries_it_covers() {
    for mode in CommitMode::each(2) {
        for fsync in [FsyncMode::None, FsyncMode::Commit] {
            let class = Class::new(mode, fsync);
            let asked = [1, 1024].map(|count| {
                let mut cluster = Cluster::led();
                for _ in 0..3 {
                    cluster.propose(class, count);
                    cluster.run_until_idle();
                    // What waits for company or for a lazy flush has had its time.
                    // In small steps: a leader that was away for long leaves office.
                    for _ in 0..101 {
                        cluster.pass(Duration::from_millis(10));
                    }
                }
                cluster.catch_up();
                cluster.asked
            });
            println!("{mode}·{fsync}: {:?} for 1 and 1,024 entries", asked[0]);
            assert_eq!(asked[0], asked[1], "{mode}·{fsync}: 1 and 1,024 entries");
            assert!(asked[0].sends > 0 && asked[0].writes > 0 && asked[0].commits > 0);
        }
    }
}
