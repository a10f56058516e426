//! Clocks that jump: the wall clock, which the protocol never reads, and the core's own, which steps
//! far ahead when a process was stopped or a machine slept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kraft_proto::limits::FRAME_HEADER_MAX;
use kraft_proto::{
    Class, CommitMode, Config, Envelope, Frame, FsyncMode, Instant, LogPosition, Members, NodeId,
    Nonce, Output, ProposeError, Raft, Recovery, Role, StoreId, Term, entry_prefix,
};

const FIRM: Class = Class::new(CommitMode::Sync, FsyncMode::Commit);
const TICK: Duration = Duration::from_millis(5);

/// Whether a node runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    Yes,
    StandsStill,
}

/// Three nodes whose disks are instant, each with a clock of its own.
struct Cluster {
    nodes: Vec<Raft>,
    clocks: [Instant; 3],
    runs: [Runs; 3],
    /// What was sent to nodes that stand still, the newest of it: sockets hold so much.
    waiting: [Vec<Vec<u8>>; 3],
    leaders: BTreeMap<Term, NodeId>,
    acked: Vec<LogPosition>,
    committed: [LogPosition; 3],
}

/// A message as it goes over the wire; entries have no payload here.
fn wire(envelope: &Envelope) -> Vec<u8> {
    let mut header = [0; FRAME_HEADER_MAX];
    let mut bytes = envelope.encode(&mut header).unwrap().to_vec();
    for _ in 0..envelope.entries() {
        bytes.extend(entry_prefix(0));
    }
    bytes
}

impl Cluster {
    fn new(seed: u64) -> Self {
        let ids = [1, 2, 3].map(NodeId);
        let node = |id: NodeId| {
            let config = Config::new(id, StoreId(id.0), seed + id.0);
            let members = Members::new(ids, []).unwrap();
            Raft::new(
                config,
                Recovery::bootstrap(members),
                Nonce(1),
                Instant::ZERO,
            )
            .unwrap()
        };
        Self {
            nodes: ids.map(node).into(),
            clocks: [Instant::ZERO; 3],
            runs: [Runs::Yes; 3],
            waiting: Default::default(),
            leaders: BTreeMap::new(),
            acked: Vec::new(),
            committed: [LogPosition::ZERO; 3],
        }
    }

    /// Does what the nodes say until they say nothing.
    fn pump(&mut self) {
        loop {
            let mut sent = Vec::new();
            for at in 0..3 {
                if self.runs[at] == Runs::Yes {
                    for frame in std::mem::take(&mut self.waiting[at]) {
                        self.receive(at, &frame);
                    }
                    self.poll(at, &mut sent);
                }
            }
            if sent.is_empty() {
                return;
            }
            for (to, frame) in sent {
                self.waiting[to].push(frame);
                if self.waiting[to].len() > 64 {
                    self.waiting[to].remove(0);
                }
            }
        }
    }

    fn receive(&mut self, at: usize, frame: &[u8]) {
        let frame = Frame::decode(frame).unwrap();
        let _ = self.nodes[at].handle_message(self.clocks[at], &frame);
    }

    fn poll(&mut self, at: usize, sent: &mut Vec<(usize, Vec<u8>)>) {
        let (now, node) = (self.clocks[at], &mut self.nodes[at]);
        while let Some(output) = node.poll_output() {
            match output {
                Output::Write(write) => node.handle_stored(now, write.synced()),
                Output::Send { envelope, .. } => {
                    sent.push((envelope.to.0 as usize - 1, wire(&envelope)));
                }
                Output::Role {
                    role: Role::Leader,
                    term,
                    ..
                } => {
                    let id = NodeId(at as u64 + 1);
                    let first = *self.leaders.entry(term).or_insert(id);
                    assert_eq!(first, id, "two leaders of term {term}");
                }
                Output::Ack {
                    mode: CommitMode::Sync,
                    upto,
                    ..
                } => self.acked.push(upto),
                Output::Commit { upto } => self.committed[at] = upto,
                _ => {}
            }
        }
    }

    /// Lets all clocks go on by a tick.
    fn tick(&mut self) {
        for at in 0..3 {
            if self.runs[at] == Runs::Yes {
                self.step(at, TICK);
            }
        }
        self.pump();
    }

    /// Steps one clock, and tells the node what time it is.
    fn step(&mut self, at: usize, by: Duration) {
        self.clocks[at] = self.clocks[at].after(by);
        if self.nodes[at].poll_timeout() <= self.clocks[at] {
            self.nodes[at].handle_timeout(self.clocks[at]);
        }
    }

    fn role(&self, at: usize) -> Role {
        self.nodes[at].status().role
    }

    /// Ticks until one of those that run leads and has committed an entry of now.
    fn works(&mut self) -> usize {
        let before = self.acked.len();
        for _ in 0..4000 {
            self.tick();
            let mut at = (0..3).filter(|at| self.runs[*at] == Runs::Yes);
            let leader = at.find(|at| self.role(*at) == Role::Leader);
            let Some(leader) = leader else { continue };
            let _ = self.nodes[leader].propose(self.clocks[leader], FIRM, 1);
            self.pump();
            if self.acked.len() > before && self.role(leader) == Role::Leader {
                return leader;
            }
        }
        panic!("nothing is acknowledged in 20 s of the nodes' time");
    }

    /// What was acknowledged is committed everywhere.
    fn settle(&mut self) {
        let last = *self.acked.iter().max().unwrap();
        for _ in 0..4000 {
            self.tick();
            if self.committed.iter().all(|upto| *upto >= last) {
                return;
            }
        }
        panic!("{last} is not committed everywhere: {:?}", self.committed);
    }
}

/// From a short pause to as far as a clock is believed.
const JUMPS: [Duration; 5] = [
    Duration::from_millis(400),
    Duration::from_secs(10),
    Duration::from_secs(3600),
    Duration::from_secs(400 * 24 * 3600),
    Duration::from_secs(90 * 365 * 24 * 3600),
];

#[test]
fn a_leader_whose_clock_jumps_while_others_elect_acknowledges_nothing_and_follows() {
    let (mut jumps, mut unsure) = (0, 0);
    for seed in 0..20 {
        for jump in JUMPS {
            let mut cluster = Cluster::new(seed);
            let old = cluster.works();
            cluster.runs[old] = Runs::StandsStill;
            let new = cluster.works();
            assert_ne!(new, old);
            // It wakes: first it looks at its clock, then a client asks it, then it hears the others.
            let acked = cluster.acked.len();
            cluster.step(old, jump);
            unsure += usize::from(cluster.role(old) == Role::Leader);
            let proposed = cluster.nodes[old].propose(cluster.clocks[old], FIRM, 1);
            let mut unheard = Vec::new();
            cluster.poll(old, &mut unheard);
            assert_eq!(
                cluster.acked.len(),
                acked,
                "no majority was asked: {proposed:?}"
            );
            // Nobody answers it for two checks: it knows by itself that it may not lead.
            let check = Config::new(NodeId(1), StoreId(1), 0).election_timeout_min;
            cluster.step(old, check);
            cluster.step(old, check);
            assert_ne!(cluster.role(old), Role::Leader);
            let refused = cluster.nodes[old].propose(cluster.clocks[old], FIRM, 1);
            assert!(matches!(refused, Err(ProposeError::NotLeader(_))));
            cluster.runs[old] = Runs::Yes;
            cluster.pump();
            cluster.works();
            cluster.settle();
            jumps += 1;
        }
    }
    println!(
        "{jumps} jumps of a deposed leader, {unsure} of which it took itself for one for a check"
    );
}

#[test]
fn a_follower_whose_clock_jumps_disturbs_no_leader() {
    let mut jumps = 0;
    for seed in 0..20 {
        for jump in JUMPS {
            let mut cluster = Cluster::new(seed);
            let leader = cluster.works();
            let term = cluster.nodes[leader].status().term;
            let follower = (leader + 1) % 3;
            cluster.step(follower, jump);
            cluster.pump();
            assert_eq!(cluster.works(), leader);
            cluster.settle();
            assert_eq!(cluster.nodes[leader].status().term, term, "no election");
            jumps += 1;
        }
    }
    println!("{jumps} jumps of a follower");
}

#[test]
fn when_all_clocks_jump_at_once_the_cluster_recovers_and_keeps_what_it_acknowledged() {
    let mut jumps = 0;
    for seed in 0..20 {
        for jump in JUMPS {
            let mut cluster = Cluster::new(seed);
            cluster.works();
            for at in 0..3 {
                cluster.step(at, jump);
            }
            cluster.works();
            cluster.settle();
            jumps += 1;
        }
    }
    println!("{jumps} jumps of all three");
}

#[test]
fn a_clock_that_steps_back_stands_still() {
    let mut cluster = Cluster::new(1);
    let leader = cluster.works();
    let now = cluster.clocks[leader];
    cluster.nodes[leader].handle_timeout(Instant::ZERO);
    cluster.pump();
    assert!(
        cluster.nodes[leader].poll_timeout() >= now,
        "nothing is due again"
    );
    assert_eq!(cluster.works(), leader);
    cluster.settle();
}

/// The wall clock says whether a certificate is valid, and nothing else: a node whose wall clock
/// jumps goes on. While certificates look expired new connections may be refused, and a leader hands
/// over if it can.
#[test]
fn only_certificates_look_at_the_wall_clock() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut found) = (0, Vec::new());
    let crates = [
        "src",
        "client/src",
        "storage/src",
        "wire/src",
        "../kraft-proto/src",
    ];
    let mut dirs: Vec<PathBuf> = crates.iter().map(|one| here.join(one)).collect();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).unwrap();
            let wall = ["SystemTime", "UnixTime", "UNIX_EPOCH", "OffsetDateTime"];
            if wall.iter().any(|name| text.contains(name)) {
                found.push(path.strip_prefix(here).unwrap().to_owned());
            }
        }
    }
    found.sort();
    let allowed = [
        "src/cli/cert.rs",
        "src/transport/mod.rs",
        "wire/src/cert/authority.rs",
        "wire/src/cert/credentials.rs",
        "wire/src/cert/error.rs",
        "wire/src/cert/info.rs",
        "wire/src/quic/hello.rs",
    ]
    .map(PathBuf::from);
    assert_eq!(found, allowed, "of {files} files");
    println!("{files} files; the wall clock is read in {found:?}");
}
