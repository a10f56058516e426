//! The stories behind writes and receipts: what a disk's word proves.

use kraft_proto::limits::WRITES_IN_FLIGHT_MAX;
use kraft_proto::{
    Ballot, Class, Config, Frame, HardState, Instant, Members, Message, Output, Raft, Recovery,
    StoreId, Term, Write, WriteKind,
};

use crate::bare;
use crate::cluster::messages::{Packet, append, envelope, watermarks};
use crate::cluster::store::payload;
use crate::cluster::{Cluster, Disk, at, id, run};

/// A voter by itself, of this id, on this store, that leads and has proposed one entry; the writes of
/// its log that it has asked for since.
fn lone(n: u64, store: u64) -> (Raft, Vec<Write>) {
    let members = Members::new([id(n)], []).unwrap();
    let config = Config::new(id(n), StoreId(store), 1);
    let mut raft = Raft::new(
        config,
        Recovery::bootstrap(members),
        kraft_proto::Nonce(1),
        Instant::ZERO,
    )
    .unwrap();
    raft.campaign(Instant::ZERO);
    let mut log = Vec::new();
    for proposes in [false, true] {
        if proposes {
            let class = Class::default();
            raft.propose(Instant::ZERO, class, 1).unwrap();
        }
        while let Some(output) = raft.poll_output() {
            match output {
                Output::Write(write) if matches!(write.kind(), WriteKind::HardState(_)) => {
                    raft.handle_stored(Instant::ZERO, write.synced());
                }
                Output::Write(write) => log.push(write),
                _ => {}
            }
        }
    }
    (raft, log)
}

/// The story: 1. one process runs nodes of several clusters, or several groups, and one disk for all;
/// 2. the completion of a write of one is handed to another, whose own write has the same number;
/// 3. that one counts a copy that no disk holds, and commits.
#[test]
fn a_receipt_of_another_node_proves_nothing() {
    for (n, store) in [(2, 1), (1, 2), (2, 2)] {
        let (mut raft, own) = lone(1, 1);
        let (_, foreign) = lone(n, store);
        assert_eq!(own.len(), foreign.len(), "the same from outside");
        for write in foreign {
            let (written, unsynced) = write.written();
            raft.handle_stored(Instant::ZERO, written);
            raft.handle_stored(Instant::ZERO, unsynced.synced());
        }
        let status = raft.status();
        assert_eq!(status.commit, at(0, 0), "node {n} on store {store}");
        assert_eq!(status.watermarks.written.0, 0);
        for write in own {
            raft.handle_stored(Instant::ZERO, write.synced());
        }
        assert_eq!(raft.status().commit, at(1, 2));
    }
}

/// A node by itself, whose writes the test keeps.
struct Isolated {
    raft: Raft,
    now: Instant,
    writes: Vec<Write>,
}

impl Isolated {
    fn incarnation(incarnations: u64) -> Self {
        let members = Members::new((1..=3).map(id), []).unwrap();
        let hard = HardState {
            incarnation: kraft_proto::Incarnation::new(
                incarnations,
                kraft_proto::Nonce(incarnations),
            ),
            ..HardState::default()
        };
        let config = Config::new(id(1), StoreId(1), 1);
        let recovery = Recovery::resume(hard, members);
        let raft = Raft::new(config, recovery, kraft_proto::Nonce(1), Instant::ZERO).unwrap();
        let mut node = Self {
            raft,
            now: Instant::ZERO,
            writes: Vec::new(),
        };
        node.poll();
        node
    }

    /// Forces hard state, and keeps log writes.
    fn poll(&mut self) {
        while let Some(output) = self.raft.poll_output() {
            if let Output::Write(write) = output {
                match write.kind() {
                    WriteKind::HardState(_) => self.raft.handle_stored(self.now, write.synced()),
                    _ => self.writes.push(write),
                }
            }
        }
    }

    /// Takes an append of node 2 in `term`; returns what is to be kept.
    fn append(
        &mut self,
        term: u64,
        prev: kraft_proto::LogPosition,
        run: kraft_proto::Run,
    ) -> Vec<(kraft_proto::LogPosition, Vec<u8>)> {
        let message = Message::Append(append(prev, run, 0));
        let packet = Packet::made_up(envelope(2, 1, term, message));
        let frame = Frame::decode(&packet.frame).unwrap();
        let taken = self.raft.handle_message(self.now, &frame);
        let kept = taken.entries().map(|(at, bytes)| (at, bytes.to_vec()));
        let kept = kept.collect();
        self.poll();
        kept
    }

    fn synced(&self) -> u64 {
        self.raft.status().watermarks.synced.0
    }
}

/// The story: 1. entry 2.5 arrives, and its write waits for the disk. 2. A new leader replaces it by
/// 3.5. 3. A host that keeps bytes by index alone writes the new bytes under the old entry's name,
/// or sends them so. Both what is taken and what is to be written name term and index.
#[test]
fn what_is_taken_and_what_is_written_name_term_and_index() {
    let mut node = Isolated::incarnation(0);
    node.append(1, at(0, 0), run(1, 1, 4));
    let old = node.append(2, at(1, 4), run(2, 5, 1));
    let new = node.append(3, at(1, 4), run(3, 5, 1));
    assert_eq!(old, [(at(2, 5), payload(at(2, 5)))]);
    assert_eq!(new, [(at(3, 5), payload(at(3, 5)))]);
    let runs: Vec<_> = node.writes.iter().map(Write::kind).collect();
    let entries = [run(1, 1, 4), run(2, 5, 1), run(3, 5, 1)].map(WriteKind::Entries);
    assert_eq!(runs, entries, "the old write still names the old entry");
}

/// The part of an append that is held already is not taken again, and what is taken is the slice
/// that belongs to it.
#[test]
fn what_overlaps_is_trimmed_and_the_bytes_stay_with_their_positions() {
    let mut node = Isolated::incarnation(0);
    node.append(1, at(0, 0), run(1, 1, 3));
    let taken = node.append(1, at(0, 0), run(1, 1, 5));
    assert_eq!(taken, [at(1, 4), at(1, 5)].map(|at| (at, payload(at))));
}

/// The story: 1. a write of entries 1 to 9 is handed out; the process dies and starts again with an empty
/// log. 2. The disk's word of the old write comes through. 3. A node that believes it reports nine
/// synced entries it does not have.
#[test]
fn a_receipt_of_an_earlier_life_proves_nothing() {
    let mut first = Isolated::incarnation(0);
    first.append(1, at(0, 0), run(1, 1, 9));
    let old = first.writes.pop().expect("a write");
    let mut second = Isolated::incarnation(1);
    second.append(1, at(0, 0), run(1, 1, 9));
    second.raft.handle_stored(second.now, old.synced());
    assert_eq!(second.raft.status().watermarks, watermarks(0, 0));
    let own = second.writes.pop().expect("a write");
    second.raft.handle_stored(second.now, own.synced());
    assert_eq!(second.synced(), 9);
}

/// A receipt is made from a write and from nothing else, and a write can be cloned: a doubled one
/// says nothing new, not even after the log has changed under it.
#[test]
fn a_doubled_receipt_proves_nothing_of_what_came_since() {
    let mut node = Isolated::incarnation(0);
    node.append(1, at(0, 0), run(1, 1, 9));
    let long = node.writes.pop().expect("a write");
    node.raft.handle_stored(node.now, long.clone().synced());
    node.raft.handle_stored(node.now, long.clone().synced());
    assert_eq!(node.synced(), 9);
    node.append(2, at(1, 3), run(2, 4, 6));
    assert_eq!(node.synced(), 3);
    node.raft.handle_stored(node.now, long.synced());
    assert_eq!(node.synced(), 3, "4 to 9 are others now");
}

/// The story: 1. a write of entries 1 to 9 is on its way to the disk. 2. A new leader replaces 4 to 9. 3. The
/// disk's word of the first write arrives: it proves 1 to 3, and nothing of what stands there now.
#[test]
fn a_receipt_from_before_a_truncation_proves_only_what_was_kept() {
    let mut node = Isolated::incarnation(0);
    node.append(1, at(0, 0), run(1, 1, 9));
    let old = node.writes.pop().expect("a write");
    node.append(2, at(1, 3), run(2, 4, 6));
    let new = node.writes.pop().expect("a write");
    node.raft.handle_stored(node.now, old.synced());
    assert_eq!(node.raft.status().watermarks, watermarks(3, 3));
    node.raft.handle_stored(node.now, new.synced());
    assert_eq!(node.synced(), 9);
}

/// One receipt covers every earlier log write.
#[test]
fn one_receipt_covers_every_earlier_write_of_the_log() {
    let mut node = Isolated::incarnation(0);
    node.append(1, at(0, 0), run(1, 1, 2));
    node.append(1, at(1, 2), run(1, 3, 2));
    let last = node.writes.pop().expect("a write");
    node.raft.handle_stored(node.now, last.synced());
    assert_eq!(node.synced(), 4);
}

/// The story: 1. a node's disk is far behind with relaxed entries, every slot taken. 2. Its leader dies, a
/// candidate asks for its vote. 3. A vote that waits its turn behind the backlog leaves the cluster
/// without a leader for as long. Hard state completes by itself.
#[test]
fn a_vote_does_not_wait_behind_a_backlog() {
    let mut cluster = Cluster::with(3, bare);
    cluster.run_until_idle();
    cluster.node(1).disk = Disk::Busy;
    for index in 1..=3 * WRITES_IN_FLIGHT_MAX as u64 {
        cluster.append(
            2,
            1,
            1,
            at(u64::from(index > 1), index - 1),
            run(1, index, 1),
            0,
        );
    }
    assert_eq!(cluster.node(1).queued.len(), WRITES_IN_FLIGHT_MAX);
    cluster.intercept(|_| true);
    let last = cluster.status(1).last;
    cluster.inject(envelope(3, 1, 2, Message::Vote { last }));
    let said = cluster.intercept(|e| e.to == id(3));
    let ballots: Vec<_> = said
        .iter()
        .filter_map(|packet| match packet.envelope.message {
            Message::VoteReply { ballot } => Some((packet.envelope.term, ballot)),
            _ => None,
        })
        .collect();
    assert_eq!(ballots, [(Term(2), Ballot::Granted)]);
    assert_eq!(
        cluster.node(1).queued.len(),
        WRITES_IN_FLIGHT_MAX,
        "still behind"
    );
}

/// And nothing is said before the hard state it speaks for is synced: no answer to an append, no
/// report, no heartbeat of a new leader.
#[test]
fn nothing_is_said_in_a_term_that_is_not_synced() {
    let mut cluster = Cluster::with(3, bare);
    cluster.run_until_idle();
    cluster.disks(Disk::Held);
    cluster.append(2, 1, 5, at(0, 0), run(5, 1, 1), 0);
    cluster.inject(envelope(2, 1, 5, crate::cluster::messages::heartbeat(0, 1)));
    assert_eq!(cluster.term(1), 5);
    assert_eq!(cluster.network.len(), 0);
    cluster.lossy = |_| true;
    cluster.sync(1);
    cluster.append(2, 1, 5, at(0, 0), run(5, 1, 1), 0);
    assert!(!cluster.network.is_empty());
}

/// Leader and follower keep their own bytes: the harness checks at every write that a node writes
/// the bytes that were proposed at that position, here while leaders overwrite each other.
#[test]
fn bytes_go_with_their_entries_while_leaders_overwrite_each_other() {
    let mut cluster = Cluster::with(3, bare);
    cluster.disks(Disk::Busy);
    for round in 0..60 {
        let n = round % 3 + 1;
        cluster.isolate(round / 3 % 3 + 1);
        cluster.campaign(n);
        let _ = cluster.try_propose(n, Class::default());
        cluster.poll();
        let late = cluster.intercept(Cluster::is_append);
        cluster.run_until_idle();
        if round % 2 == 0 {
            cluster.sync(round % 3 + 1);
        }
        cluster.heal();
        for packet in late {
            cluster.deliver(&packet);
        }
        cluster.run_until_idle();
    }
    for n in 1..=3 {
        cluster.node(n).disk = Disk::Prompt;
    }
    cluster.pass(crate::cluster::ms(3000));
    let leader = cluster.leader().expect("a leader");
    let position = cluster
        .propose(leader, Class::default())
        .run
        .last_position();
    cluster.run_until_idle();
    for n in 1..=3 {
        assert_eq!(cluster.commit(n), position, "node {n}");
    }
}
