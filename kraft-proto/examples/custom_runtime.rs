//! A runtime of one's own: a thread a node, channels for a network, a thread a disk, no tokio.
//!
//! Node 1 proposes ten greetings at three classes and waits for each acknowledgement with
//! [`Waits`]. Run it with `cargo run -p kraft-proto --example custom_runtime`.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant as Clock};

use kraft_proto::durability::Fallback;
use kraft_proto::{
    Class, CommitMode, Config, Frame, FsyncMode, Grade, Instant, LogPosition, Members, NodeId,
    Nonce, Output, Raft, Receipt, Recovery, Role, Slot, StoreId, Waits, Write,
};

/// What wakes a node.
enum Event {
    Frame(Vec<u8>),
    Stored(Receipt),
    Stop,
}

const WRITES: usize = 30;
const CLASSES: [Class; 3] = [
    Class::new(CommitMode::LeaderOnly, FsyncMode::None),
    Class::new(CommitMode::Sync, FsyncMode::Commit),
    Class::new(CommitMode::All, FsyncMode::Batch),
];

/// A disk on its own thread: writes take as long as they take, and the node goes on meanwhile.
fn disk(done: Sender<Event>) -> Sender<Write> {
    let (submit, writes) = channel::<Write>();
    thread::spawn(move || {
        for write in writes {
            // A real one would write and fsync here.
            if done.send(Event::Stored(write.synced())).is_err() {
                return;
            }
        }
    });
    submit
}

struct Host {
    raft: Raft,
    waits: Waits<usize, Vec<Slot<usize>>>,
    payloads: BTreeMap<LogPosition, Vec<u8>>,
    peers: BTreeMap<NodeId, Sender<Event>>,
    disk: Sender<Write>,
    started: Clock,
    proposed: usize,
    answered: usize,
}

impl Host {
    fn now(&self) -> Instant {
        Instant::from_micros(self.started.elapsed().as_micros() as u64)
    }

    fn pump(&mut self) {
        while let Some(output) = self.raft.poll_output() {
            self.waits.handle_output(&output, &self.raft, |_| None);
            match output {
                Output::OwnEntry { at, bytes, .. } => {
                    self.payloads.insert(at, bytes.to_vec());
                }
                Output::Send { envelope, .. } => {
                    let mut frame = Vec::new();
                    let whole = envelope.frame(&mut frame, |at| self.payloads.get(&at));
                    if let (Ok(()), Some(peer)) = (whole, self.peers.get(&envelope.to)) {
                        // A peer that is gone loses messages, as on any network.
                        let _ = peer.send(Event::Frame(frame));
                    }
                }
                Output::Write(write) => {
                    let _ = self.disk.send(write);
                }
                Output::Role {
                    role: Role::Leader,
                    term,
                    ..
                } => println!("leading term {term}"),
                _ => {}
            }
        }
    }

    fn propose(&mut self) {
        let class = CLASSES[self.proposed % CLASSES.len()];
        let now = self.now();
        if let Ok(proposed) = self.raft.propose(now, class, 1) {
            let position = proposed.run.last_position();
            let greeting = format!("greeting {}", self.proposed);
            self.payloads.insert(position, greeting.into_bytes());
            let deadline = Some(now.after(Duration::from_secs(5)));
            self.waits
                .insert(
                    self.proposed,
                    position,
                    &proposed,
                    class,
                    deadline,
                    Fallback::Refuse,
                )
                .expect("room for all");
            self.proposed += 1;
        }
    }

    fn answers(&mut self) {
        while let Some(answer) = self.waits.poll_answer() {
            assert_eq!(
                answer.grade,
                Grade::AsAsked,
                "nothing fails in this example"
            );
            println!(
                "greeting {} acked: {} {:?}",
                answer.token, answer.mode, answer.held
            );
            self.answered += 1;
        }
    }

    /// Returns once it is told to stop, or all its writes are acknowledged.
    fn run(&mut self, events: &Receiver<Event>, first: bool) {
        loop {
            self.pump();
            if first && self.proposed < WRITES {
                self.propose();
                self.pump();
            }
            self.answers();
            if first && self.answered == WRITES {
                return;
            }
            let due = self.raft.poll_timeout().min(self.waits.poll_timeout());
            match events.recv_timeout(due.since(self.now()).min(Duration::from_millis(50))) {
                Ok(Event::Frame(bytes)) => {
                    let frame = Frame::decode(&bytes).expect("peers speak the same version");
                    let now = self.now();
                    for (position, payload) in self.raft.handle_message(now, &frame).entries() {
                        self.payloads.insert(position, payload.to_vec());
                    }
                }
                Ok(Event::Stored(receipt)) => self.raft.handle_stored(self.now(), receipt),
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.now();
            self.raft.handle_timeout(now);
            self.waits.handle_timeout(now, &mut self.raft, |_| None);
        }
    }
}

fn main() {
    let ids = [NodeId(1), NodeId(2), NodeId(3)];
    let started = Clock::now();
    let mut doors = BTreeMap::new();
    let mut rooms = BTreeMap::new();
    for id in ids {
        let (door, room) = channel();
        doors.insert(id, door);
        rooms.insert(id, room);
    }
    let mut threads = Vec::new();
    for (id, room) in rooms {
        let peers = doors.clone();
        let done = doors[&id].clone();
        threads.push(thread::spawn(move || {
            let members = Members::new(ids, []).expect("three voters");
            let config = Config::new(id, StoreId(id.0), id.0);
            let raft = Raft::new(
                config,
                Recovery::bootstrap(members),
                Nonce(1),
                Instant::ZERO,
            );
            let mut host = Host {
                raft: raft.expect("the defaults work"),
                waits: Waits::new(vec![Slot::default(); WRITES]),
                payloads: BTreeMap::new(),
                peers,
                disk: disk(done),
                started,
                proposed: 0,
                answered: 0,
            };
            let first = id == ids[0];
            if first {
                host.raft.campaign(host.now());
            }
            host.run(&room, first);
            if first {
                for peer in host.peers.values() {
                    let _ = peer.send(Event::Stop);
                }
            }
        }));
    }
    for thread in threads {
        thread.join().expect("no node panics");
    }
    println!("{WRITES} greetings acknowledged in {:?}", started.elapsed());
}
