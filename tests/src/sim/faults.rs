//! Faults, and when each is fair.
//!
//! | fault | fair | what it may break |
//! | --- | --- | --- |
//! | a message lost, doubled, late or overtaken; a link cut one way or both | always, without bound | nothing but progress |
//! | a process killed | always | what was accepted and not written |
//! | the power of one, some or all nodes cut | always | what was written and not synced: any prefix of it stays, the last write perhaps torn, and what an unsynced truncation had cut off is there again |
//! | a clean stop | always | nothing |
//! | a disk slow or stuck | always, however long | nothing but progress |
//! | a disk full | always: entries are refused ahead of time, and space is set aside for the hard state | nothing but progress |
//! | a receipt that comes twice | always | nothing |
//! | a clock that runs fast or slow | always while leases are off; with leases as far as their `drift_permille` says, and what is beyond is cut down to that | nothing but progress |
//! | a log compacted; a snapshot lost, doubled, late, or under way when a node dies | always; a snapshot is on the disk whole or not at all | nothing but progress |
//! | an election out of turn; a transfer | always | nothing but progress |
//! | members that change, one or several at a time; the leader among them; a removed node that stays up | always: what is refused is refused | nothing but progress |
//! | the disk of a former member replaced by an empty one, on which it may join again | where members are bound to their stores, once no other node, up or down, goes by a configuration that names it, nor could after a power cut. What was on its way to the old store is lost: connections are between stores | nothing |
//! | a disk set back to an earlier copy of itself | where one leader heard the node before, with all that is on its disk, hears it after, and stays until it is up to date: in fair weather, one at a time, and nothing else befalls meanwhile | nothing |
//! | an fsync that lies | **never**: a mode of its own ([`Plant::FsyncLies`]) that shows what it costs | everything, at the next power cut |
//! | bytes changed in flight or on the disk; a synced write forgotten | **never**: checksums are the host's | |
//! | a node that lies | **never**: Raft is not Byzantine; see [`PLANTS`] | |
//!
//! [`Plant::FsyncLies`]: super::Plant::FsyncLies
//! [`PLANTS`]: super::PLANTS

use kraft_proto::{Lease, Role};

use super::action::{Action, DiskState, Target};
use super::event::{End, Event};
use super::node::{Stopping, life};
use super::plant::Plant;
use super::world::World;

/// Every kind of fault a sweep must have met.
pub const FAULTS: [&str; 36] = [
    "kill",
    "kill of the leader",
    "power cut",
    "power cut of a node that is down",
    "blackout",
    "clean stop",
    "start",
    "start on the same boot",
    "election out of turn",
    "isolation, both ways",
    "isolation, deaf",
    "isolation, mute",
    "split",
    "disk slow",
    "disk stuck",
    "disk full",
    "drift",
    "joint change",
    "learner promoted",
    "voter demoted",
    "member removed",
    "leader removed",
    "member joined on an empty disk",
    "member joined again",
    "disk of a former member replaced",
    "disk set back, lower number",
    "disk set back, equal number",
    "disk set back, higher number",
    "transfer",
    "loss",
    "copies",
    "lateness",
    "message lost",
    "message doubled",
    "message late",
    "message overtaken",
];

/// What else a sweep must have met.
pub const DEEDS: [&str; 28] = [
    "heard that it is out",
    "command applied",
    "command asked for again",
    "command known already",
    "stronger answer came",
    "stronger answer never came",
    "log compacted",
    "snapshot sent",
    "snapshot restored",
    "read of a leader",
    "read of a follower",
    "read by a lease",
    "read of one's own write",
    "took over by a transfer",
    "change of members refused",
    "transfer refused",
    "disk that went back noticed",
    "recall for a peer",
    "recall for a comparison",
    "recall for a fate",
    "recall answered",
    "recall answered late",
    "recall lost",
    "recall voided by a cut",
    "hint used",
    "hint ahead of the log",
    "hint behind the snapshot",
    "hint over a resurrected tail",
];

impl World {
    /// Does one fault, or undoes some.
    pub(super) fn befall(&mut self, fault: &Action) {
        match *fault {
            Action::Kill { node } => {
                if let Some(place) = self.place_of(node) {
                    self.kill(place);
                }
            }
            Action::CutPower { node } => {
                if let Some(place) = self.place_of(node) {
                    self.cut_power(place);
                }
            }
            Action::Blackout => {
                self.tally.fault("blackout");
                for place in 0..self.nodes.len() {
                    self.cut_power(place);
                }
            }
            Action::Stop { node } => {
                if let Some(place) = self.place_of(node) {
                    self.stop(place);
                }
            }
            Action::Start { node } => {
                if let Some(place) = self.place_of(Target::Node(node)) {
                    self.start(place);
                }
            }
            Action::StartAll => (0..self.nodes.len()).for_each(|place| self.start(place)),
            Action::Campaign { node } => self.campaign(node),
            Action::Seat { node, seat } => self.seat(node, seat),
            Action::Members {
                of,
                voters,
                learners,
            } => self.seat_all(of, voters, learners),
            Action::Transfer { from, to } => self.transfer(from, to),
            Action::Compact { node, keep } => self.compact(node, keep),
            Action::Copy { node } => {
                if let Some(place) = self.place_of(node) {
                    self.copy_disk(place);
                }
            }
            Action::PutBack { node } => {
                if let Some(place) = self.place_of(node) {
                    self.put_back(place);
                }
            }
            Action::Replace { node } => {
                if let Some(place) = self.place_of(node) {
                    self.replace(place);
                }
            }
            Action::Isolate { node, way } => {
                if let Some(place) = self.place_of(node) {
                    self.tally.fault(match way {
                        super::action::Way::Both => "isolation, both ways",
                        super::action::Way::In => "isolation, deaf",
                        super::action::Way::Out => "isolation, mute",
                    });
                    self.links.isolate(place, way);
                }
            }
            Action::Split { mask } => {
                self.tally.fault("split");
                self.links.split(mask);
            }
            Action::Heal => self.links.heal(),
            Action::Network {
                loss_permille,
                copy_permille,
                late_permille,
            } => {
                let kinds = [
                    ("loss", loss_permille),
                    ("copies", copy_permille),
                    ("lateness", late_permille),
                ];
                for (name, permille) in kinds {
                    if permille > 0 {
                        self.tally.fault(name);
                    }
                }
                self.links
                    .weather(loss_permille, copy_permille, late_permille);
            }
            Action::Disk { node, state } => {
                if let Some(place) = self.place_of(node) {
                    self.set_disk(place, state);
                }
            }
            Action::Drift { node, ppm } => {
                if let Some(place) = self.place_of(node) {
                    self.tally.fault("drift");
                    self.drift(place, ppm);
                }
            }
            Action::Calm => self.calm(),
            Action::Pass { .. }
            | Action::Write { .. }
            | Action::Read { .. }
            | Action::ReadOwn { .. }
            | Action::Command { .. }
            | Action::Fate { .. } => {}
        }
    }

    fn calm(&mut self) {
        self.links.heal();
        self.links.weather(0, 0, 0);
        for place in 0..self.nodes.len() {
            self.set_disk(place, DiskState::Healthy);
            self.drift(place, 0);
            self.start(place);
        }
    }

    fn set_disk(&mut self, place: usize, state: DiskState) {
        match state {
            DiskState::Healthy => {}
            DiskState::Slow(_) => self.tally.fault("disk slow"),
            DiskState::Stuck => self.tally.fault("disk stuck"),
            DiskState::Full => self.tally.fault("disk full"),
        }
        self.nodes[place].disk.set_state(self.now_us, state);
    }

    fn drift(&mut self, place: usize, ppm: i32) {
        let node = &mut self.nodes[place];
        // What a lease may count on is what its configuration says; only a plant goes beyond.
        let ppm = match node.config.lease {
            Lease::On { drift_permille } if node.plant != Some(Plant::DriftsBeyond) => {
                let most = i32::from(drift_permille) * 1000;
                ppm.clamp(-most, most)
            }
            _ => ppm,
        };
        node.clock.drift(self.now_us, ppm);
        node.plan_wake();
    }

    fn campaign(&mut self, node: Target) {
        let Some(place) = self.place_of(node) else {
            return;
        };
        let node = &mut self.nodes[place];
        let now = node.clock.show(self.now_us);
        if let Some(live) = &mut node.live {
            self.tally.fault("election out of turn");
            live.raft.campaign(now);
            self.attend(place);
        }
    }

    pub(super) fn start(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        if node.live.is_some() {
            return;
        }
        let first = node.disk.saved().hard.incarnation.number == 0;
        if !first {
            self.tally.fault("start");
            if node.disk.is_same_boot() {
                self.tally.fault("start on the same boot");
            }
        }
        if let Some((_, what)) = node.hint() {
            self.tally.deed(what);
        }
        if let Err(what) = node.start(self.now_us) {
            return self.witness.object("state_machine_safety", what);
        }
        if let Some(live) = &node.live {
            let (life, log) = (live.life, &live.log);
            let node = place;
            self.witness.see(Event::Started { node, life, log });
            if live.trust != kraft_proto::Trust::Suspect {
                self.witness.see(Event::Trusted { node });
            }
        }
        self.attend(place);
    }

    /// The incarnation of a node is over.
    pub(super) fn end(&mut self, place: usize, end: End) {
        let node = &mut self.nodes[place];
        let Some(live) = node.live.take() else {
            return;
        };
        for read in &live.reads {
            self.tally.reads_failed += 1;
            self.witness.see(Event::ReadFailed { id: read.id });
        }
        if end != End::PowerCut {
            node.disk.kill(self.setup.leaves);
        }
        node.wake_us = u64::MAX;
        node.poll_us = u64::MAX;
        let led = (live.role == Role::Leader).then_some(live.term);
        let node = place;
        self.witness.see(Event::Ended { node, end, led });
    }

    fn kill(&mut self, place: usize) {
        if let Some(live) = &self.nodes[place].live {
            self.tally.fault("kill");
            if live.role == Role::Leader {
                self.tally.fault("kill of the leader");
            }
            self.end(place, End::Killed);
        }
    }

    fn cut_power(&mut self, place: usize) {
        let life = match &self.nodes[place].live {
            Some(live) => {
                self.tally.fault("power cut");
                live.life
            }
            None => {
                self.tally.fault("power cut of a node that is down");
                let node = &self.nodes[place];
                life(node.generation, node.starts)
            }
        };
        self.end(place, End::PowerCut);
        self.nodes[place].disk.cut_power(self.setup.leaves);
        let node = place;
        self.witness.see(Event::PowerCut { node, life });
    }

    fn stop(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let now = node.clock.show(self.now_us);
        if let Some(live) = &mut node.live
            && live.stopping == Stopping::No
        {
            self.tally.fault("clean stop");
            live.stopping = Stopping::Asked;
            live.raft.stop(now);
            self.attend(place);
        }
    }
}
