//! Members that come and go, and leadership that is handed over.

use kraft_proto::{Change, EntryKind, Members, NodeId, StoreId};

use super::action::{Seat, Target};
use super::disk::{Disk, Fsync};
use super::entry::Entry;
use super::event::{End, Event};
use super::members::{self, STORES_MAX, member, names};
use super::plant::Plant;
use super::setup::Stores;
use super::world::World;

impl World {
    /// One node is to get another seat.
    pub(super) fn seat(&mut self, node: Target, seat: Seat) {
        let Some((leader, place)) = self.place_of(Target::Leader).zip(self.place_of(node)) else {
            return;
        };
        let change = self.change(place, seat);
        self.change_members(leader, &[change]);
    }

    /// These nodes are to vote and those to learn, and nobody else is to be a member.
    pub(super) fn seat_all(&mut self, of: Target, voters: u16, learners: u16) {
        let Some(leader) = self.place_of(of) else {
            return;
        };
        let Some(members) = self.core(leader).map(|raft| raft.members().clone()) else {
            return;
        };
        let wanted = |place: usize| match (voters >> place & 1, learners >> place & 1) {
            (1, _) => Seat::Voter,
            (_, 1) => Seat::Learner,
            _ => Seat::Nobody,
        };
        let changes: Vec<Change> = (0..self.len())
            .filter(|place| seat_of(&members, *place) != wanted(*place))
            .map(|place| self.change(place, wanted(place)))
            .collect();
        self.change_members(leader, &changes);
    }

    fn change(&self, place: usize, seat: Seat) -> Change {
        let generation = self.nodes[place].generation;
        let mut member = member(place, generation);
        if self.setup.stores == Stores::Any {
            member.store = StoreId::ANY;
        }
        match seat {
            Seat::Voter => Change::Voter(member),
            Seat::Learner => Change::Learner(member),
            Seat::Nobody => Change::Remove(member.id),
        }
    }

    fn change_members(&mut self, leader: usize, changes: &[Change]) {
        self.catch_up_commit(leader);
        let node = &mut self.nodes[leader];
        let now = node.clock.show(self.now_us);
        let Some(live) = &mut node.live else { return };
        let before = live.raft.members().clone();
        match live.raft.propose_members(now, changes) {
            Ok(_) => {
                live.decides_at_once = true;
                self.count_changes(leader, &before, changes);
            }
            Err(_) => self.tally.deed("change of members refused"),
        }
        self.attend(leader);
    }

    fn count_changes(&mut self, leader: usize, before: &Members, changes: &[Change]) {
        if changes.len() > 1 {
            self.tally.fault("joint change");
        }
        for change in changes {
            let id = change.id();
            let place = id.0 as usize - 1;
            let was = seat_of(before, place);
            let empty = self.nodes[place].disk.log().is_empty();
            match change {
                Change::Learner(_) if was == Seat::Voter => self.tally.fault("voter demoted"),
                Change::Voter(_) if was == Seat::Learner => self.tally.fault("learner promoted"),
                Change::Remove(_) if place == leader => self.tally.fault("leader removed"),
                Change::Remove(_) => self.tally.fault("member removed"),
                _ if empty => self.tally.fault("member joined on an empty disk"),
                _ => self.tally.fault("member joined again"),
            }
        }
    }

    /// Leadership is to move.
    pub(super) fn transfer(&mut self, from: Target, to: Option<Target>) {
        let Some(from) = self.place_of(from) else {
            return;
        };
        let to = match to.map(|to| self.place_of(to)) {
            None => None,
            Some(None) => return,
            Some(Some(place)) => Some(NodeId(place as u64 + 1)),
        };
        let node = &mut self.nodes[from];
        let now = node.clock.show(self.now_us);
        let Some(live) = &mut node.live else { return };
        match live.raft.transfer_leadership(now, to) {
            Ok(_) => self.tally.fault("transfer"),
            Err(_) => self.tally.deed("transfer refused"),
        }
        self.attend(from);
    }

    /// The disk of a node is replaced by an empty one. Done only where it is fair: it has
    /// left by commit, nobody else, up or down, goes by a configuration with this node in it, or could
    /// after a power cut, and members are bound to their stores, so that no configuration of old takes the new one for the old.
    pub(super) fn replace(&mut self, place: usize) {
        let founders = usize::from(self.setup.voters) + usize::from(self.setup.learners);
        let founder = place < founders;
        let knows = |log: &[Entry]| {
            let mut configurations = log.iter().rev();
            let newest = configurations.find(|entry| entry.kind == EntryKind::Configuration);
            newest.map_or(founder, |entry| names(entry.data, place))
        };
        let mut others = (0..self.len()).filter(|other| *other != place);
        let named = others.any(|other| {
            let disk = &self.nodes[other].disk;
            // One that is outside, and never had a log, goes by what the cluster began with.
            let outside = self.log(other).is_empty() && other >= founders;
            !outside && (knows(self.log(other)) || knows(disk.log()) || knows(disk.synced_log()))
        });
        let named = named || knows(&self.witness.oracles.facts.committed);
        let generation = self.nodes[place].generation + 1;
        if self.setup.stores == Stores::Any || named || generation > STORES_MAX {
            return;
        }
        self.tally.fault("disk of a former member replaced");
        self.end(place, End::PowerCut);
        let fsync = match self.setup.plant {
            Some(Plant::FsyncLies) => Fsync::Lies,
            _ => Fsync::Honest,
        };
        let node = &mut self.nodes[place];
        node.generation = generation;
        node.copied = None;
        node.config.store = members::store(place as u64 + 1, generation);
        let seed = self.seed.wrapping_add(generation << 32);
        node.disk = Disk::new(seed, place as u64 + 1, self.setup.disk, fsync);
        self.links.forget(place);
        self.witness.see(Event::Replaced { node: place });
        self.start(place);
    }
}

/// What a node is in a configuration that is not joint.
fn seat_of(members: &Members, place: usize) -> Seat {
    let id = NodeId(place as u64 + 1);
    if members.voters().contains(id) {
        Seat::Voter
    } else if members.learners().contains(id) {
        Seat::Learner
    } else {
        Seat::Nobody
    }
}
