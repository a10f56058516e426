//! What goes on in a cluster: outputs, packets, disks and time.

use std::time::Duration;

use kraft_proto::{EntryKind, Envelope, Frame, NodeId, Output, Role, WriteKind};

use super::messages::Packet;
use super::oracles::{apply, check_completeness, restore};
use super::store::Synced;
use super::{Answering, Cluster, Disk, Serving};

impl Cluster {
    /// Takes every node's outputs once.
    pub fn poll(&mut self) {
        let now = self.now;
        for (id, node) in &mut self.nodes {
            let store = self.stores.get_mut(id).unwrap();
            if node.disk != Disk::Busy {
                // It is not busy any more.
                for write in std::mem::take(&mut node.queued) {
                    node.take(write, store, now);
                }
            }
            while let Some(output) = node.raft.poll_output() {
                match output {
                    Output::OwnEntry {
                        at,
                        kind,
                        ref bytes,
                    } => {
                        assert_ne!(kind, EntryKind::Command, "{at}");
                        node.bytes.insert(at, bytes.to_vec());
                        node.outputs.push(output);
                    }
                    Output::Send { envelope, .. } => {
                        let bytes = |at| {
                            let known = node.bytes.get(&at);
                            known.unwrap_or_else(|| panic!("no bytes of {at}")).clone()
                        };
                        self.network.push_back(Packet::new(envelope, bytes));
                    }
                    Output::Write(write) => {
                        node.writes.push((write.kind(), write.force()));
                        node.history.take(write.kind());
                        match write.kind() {
                            WriteKind::HardState(_) => node.take(write, store, now),
                            _ if node.disk == Disk::Busy => node.queued.push_back(write),
                            _ => node.take(write, store, now),
                        }
                    }
                    Output::Recall { question, index } => {
                        node.asked.push(question);
                        if node.answering == Answering::AtOnce
                            && let Some(run) = node.history.run_at(index)
                        {
                            node.raft.handle_recalled(now, question, run);
                        }
                        node.outputs.push(output);
                    }
                    Output::Snapshot { to, upto } => {
                        assert!(upto <= node.applied, "a snapshot of what is not committed");
                        if node.serving == Serving::AtOnce {
                            let newest = node.snapshots.keys().copied().max();
                            let newest = newest.filter(|last| last.index >= upto);
                            let last = newest.unwrap_or_else(|| node.snapshot(node.applied));
                            self.network.extend(node.snapshot_packet(to, last));
                        }
                        node.outputs.push(output);
                    }
                    Output::Restored { upto } => {
                        restore(&self.committed, node, upto);
                        node.outputs.push(output);
                    }
                    Output::Commit { upto } => {
                        apply(&mut self.committed, node, upto);
                        node.outputs.push(output);
                    }
                    Output::Role {
                        role: Role::Leader,
                        term,
                        ..
                    } => {
                        let leads = *self.leaders.entry(term).or_insert(*id);
                        assert_eq!(leads, *id, "two leaders in term {term}");
                        check_completeness(&self.committed, node, term);
                        node.outputs.push(output);
                    }
                    other => node.outputs.push(other),
                }
            }
        }
    }

    /// The operating system of a busy node takes what waits for it.
    pub fn write(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        for write in std::mem::take(&mut node.queued) {
            node.take(write, store, now);
        }
        self.run_until_idle();
    }

    /// The oldest write that waits for a busy node's disk is written and synced.
    pub fn write_one(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        if let Some(write) = node.queued.pop_front() {
            node.take(write, store, now);
            node.force(store, now, |_| true);
        }
    }

    /// What a node was asked to write so far is written and synced.
    pub fn sync(&mut self, n: u64) {
        self.write(n);
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        node.force(self.stores.get_mut(&NodeId(n)).unwrap(), now, |_| true);
        self.run_until_idle();
    }

    /// The hard state that a node was asked to save is synced; its log is not.
    pub fn sync_hard_state(&mut self, n: u64) {
        let now = self.now;
        let node = self.nodes.get_mut(&NodeId(n)).unwrap();
        let store = self.stores.get_mut(&NodeId(n)).unwrap();
        node.force(store, now, |synced| matches!(synced, Synced::Hard(_)));
        self.run_until_idle();
    }

    /// Hands one packet to its receiver, if that is up.
    pub fn deliver(&mut self, packet: &Packet) {
        self.delivered += 1;
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&packet.envelope.to) {
            let frame = Frame::decode(&packet.frame).unwrap();
            let taken = node.raft.handle_message(now, &frame);
            for (position, bytes) in taken.entries() {
                node.bytes.insert(position, bytes.to_vec());
            }
            if let Some(last) = taken.snapshot() {
                let bytes = frame.entries().next().unwrap();
                node.snapshots.insert(last, bytes.to_vec());
            }
        }
    }

    /// A node's host answers everything it was asked, and is asked for it, by what it knows then.
    pub fn answer(&mut self, n: u64) {
        while !self.node(n).asked.is_empty() {
            let now = self.now;
            let node = self.node(n);
            for question in std::mem::take(&mut node.asked) {
                if let Some(run) = node.history.run_at(question.index()) {
                    node.raft.handle_recalled(now, question, run);
                }
            }
            self.poll();
        }
    }

    /// Hands a made-up message to its receiver and takes what follows from it.
    pub fn inject(&mut self, envelope: Envelope) {
        self.deliver(&Packet::made_up(envelope));
        self.poll();
    }

    /// Takes packets off the network.
    pub fn intercept(&mut self, which: impl Fn(&Envelope) -> bool) -> Vec<Packet> {
        let (taken, left) = std::mem::take(&mut self.network)
            .into_iter()
            .partition(|packet| which(&packet.envelope));
        self.network = left;
        Vec::from(taken)
    }

    fn is_lost(&mut self, envelope: &Envelope) -> bool {
        // A linear congruential generator: any will do.
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.cut.contains(&(envelope.from, envelope.to))
            || (self.lossy)(envelope)
            || (self.chance >> 33) % 100 < self.loss_percent
    }

    /// Chooses another chance.
    pub fn seed(&mut self, seed: u64) {
        self.chance = seed;
    }

    /// Delivers everything until nothing is on its way.
    pub fn run_until_idle(&mut self) {
        for _ in 0..100_000 {
            self.poll();
            let Some(packet) = self.network.pop_front() else {
                return;
            };
            if !self.is_lost(&packet.envelope) {
                self.deliver(&packet);
            }
        }
        panic!("the cluster never comes to rest");
    }

    /// Lets time pass, from one deadline to the next.
    pub fn pass(&mut self, time: Duration) {
        self.run_until_idle();
        let end = self.now.after(time);
        while self.now < end {
            let deadlines = self.nodes.values().map(|node| node.raft.poll_timeout());
            let next = deadlines.min().unwrap_or(end);
            let soon = self.now.after(Duration::from_micros(1));
            self.now = next.clamp(soon, end);
            let now = self.now;
            for node in self.nodes.values_mut() {
                if node.raft.poll_timeout() <= now {
                    node.raft.handle_timeout(now);
                }
            }
            self.run_until_idle();
        }
    }
}
