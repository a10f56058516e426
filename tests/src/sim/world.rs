//! A cluster of simulated hosts around real cores, their network, their clocks and their clients.
//!
//! Everything follows from the setup, the seed and the actions: the world reads no clock and draws
//! no chance of its own.

use kraft_proto::Raft;

use super::action::{Action, Target};
use super::chance::Chance;
use super::chronicle::Happening;
use super::clients::{Clients, PATIENCE};
use super::clock::Clock;
use super::disk::{Disk, Fsync};
use super::entry::Entry;
use super::network::Links;
use super::node::Node;
use super::oracles::Oracles;
use super::plant::Plant;
use super::recalls::Recalls;
use super::set_back::SetBack;
use super::setup::Setup;
use super::tally::Tally;
use super::witness::{Tracing, Violation, Witness};

/// A simulated cluster. A clone is another future of it.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) seed: u64,
    pub(super) setup: Setup,
    pub(super) now_us: u64,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Links,
    pub(super) clients: Clients,
    pub(super) witness: Witness,
    pub(super) tally: Tally,
    pub(super) attended: u64,
    /// How many messages, one after the other, caused what happens at this moment.
    pub(super) chain: u32,
    /// The disk that went back last, until that is over.
    pub(super) set_back: Option<SetBack>,
}

impl World {
    /// A cluster that has just been started for the first time.
    pub fn new(seed: u64, setup: Setup) -> Result<Self, String> {
        setup.check()?;
        let members = setup.members();
        let fsync = match setup.plant {
            Some(Plant::FsyncLies) => Fsync::Lies,
            _ => Fsync::Honest,
        };
        let nodes = setup.nodes.iter().map(|config| Node {
            config: *config,
            members: members.clone(),
            generation: 1,
            starts: 0,
            disk: Disk::new(seed, config.id.0, setup.disk, fsync),
            copied: None,
            clock: Clock::default(),
            live: None,
            wake_us: u64::MAX,
            poll_us: u64::MAX,
            recalls: Recalls::default(),
            plant: setup.plant,
            kept_writes: 0,
            last_appends: Vec::new(),
        });
        let on_power_loss = setup.nodes[0].durability.on_power_loss;
        let oracles = Oracles::new(setup.nodes.len(), on_power_loss);
        let mut world = Self {
            seed,
            nodes: nodes.collect(),
            links: Links::new(seed, setup.network),
            clients: Clients::default(),
            witness: Witness::new(oracles),
            tally: Tally::default(),
            now_us: 0,
            attended: 0,
            chain: 0,
            set_back: None,
            setup,
        };
        for place in 0..world.nodes.len() {
            world.start(place);
        }
        Ok(world)
    }

    /// Does one thing.
    pub fn step(&mut self, action: &Action) {
        if self.witness.violation.is_some() {
            return;
        }
        // Before a change that takes away what it looks at.
        self.review_set_back();
        if !matches!(action, Action::Pass { .. }) {
            self.witness.note_action(action);
        }
        match *action {
            Action::Pass { us } => self.pass_until(self.now_us.saturating_add(us)),
            Action::Write { to, class, count } => {
                self.ask_write(to, class, count, PATIENCE);
            }
            Action::Read { from } => self.read(from, None),
            Action::ReadOwn { from } => self.read_own(from),
            Action::Command { to, session, class } => self.command(to, session, class),
            Action::Fate { of } => self.ask_fates(of),
            Action::Calm => self.befall(action),
            // What must not befall a node whose disk went back is left out.
            ref fault if !self.is_quiet() => self.befall(fault),
            _ => {}
        }
        self.review_set_back();
    }

    /// Lets time pass until a moment of the world's clock, with everything that is due.
    pub fn pass_until(&mut self, end_us: u64) {
        while self.pass_event(end_us) {}
        self.set_now(end_us);
    }

    /// Lets the next thing happen that is due until a moment; false if nothing is.
    pub fn pass_event(&mut self, end_us: u64) -> bool {
        if self.witness.violation.is_some() {
            return false;
        }
        let (at_us, due) = self.next_due();
        if at_us > end_us {
            return false;
        }
        self.set_now(at_us);
        match due {
            Due::Packet => self.deliver(),
            Due::Client => self.run_errand(),
            Due::Disk(place) => self.advance_disk(place),
            Due::Node(place) => self.wake(place),
        }
        true
    }

    /// What comes next, and when.
    fn next_due(&self) -> (u64, Due) {
        let mut next = (self.links.next_at(), Due::Packet);
        let clients = self.clients.next_at();
        if clients < next.0 {
            next = (clients, Due::Client);
        }
        for (place, node) in self.nodes.iter().enumerate() {
            let disk = node.disk.next_at();
            if disk < next.0 && node.live.is_some() {
                next = (disk, Due::Disk(place));
            }
            let wake = node.wake_us.min(node.poll_us).min(node.recalls.next_at());
            if wake < next.0 {
                next = (wake, Due::Node(place));
            }
        }
        next
    }

    /// Keeps records of what happens from now on.
    pub fn watch(&mut self) {
        self.witness.watch();
    }

    /// The records from this number on, and the number of the next; those before it are forgotten.
    pub fn happenings(&mut self, since: u64) -> (&[Happening], u64) {
        match &mut self.witness.chronicle {
            Some(kept) => kept.since(since),
            None => (&[], since),
        }
    }

    /// By how many millionths the clock of a node runs too fast.
    pub fn drift_ppm(&self, place: usize) -> i32 {
        self.nodes[place].clock.ppm()
    }

    fn set_now(&mut self, at_us: u64) {
        self.now_us = self.now_us.max(at_us);
        self.witness.now_us = self.now_us;
    }

    /// The node an action means, if there is one.
    pub(super) fn place_of(&self, target: Target) -> Option<usize> {
        let running = || {
            let nodes = self.nodes.iter().enumerate();
            nodes.filter_map(|(place, node)| node.live.as_ref().map(|live| (place, live)))
        };
        let leaders = || running().filter(|(_, live)| live.role == kraft_proto::Role::Leader);
        match target {
            Target::Node(id) => {
                let place = usize::from(id).checked_sub(1)?;
                (place < self.nodes.len()).then_some(place)
            }
            Target::Leader => leaders()
                .max_by_key(|(_, live)| live.term)
                .map(|(place, _)| place),
            Target::OldLeader => leaders()
                .min_by_key(|(_, live)| live.term)
                .map(|(place, _)| place),
            Target::Follower(number) => {
                let leader = self.place_of(Target::Leader);
                let others = || running().filter(|(place, _)| Some(*place) != leader);
                let count = others().count();
                let place = usize::from(number).checked_rem(count)?;
                others().nth(place).map(|(place, _)| place)
            }
        }
    }

    /// A choice about something that is not a message or a disk.
    pub(super) fn chance(&self, what: u64, about: u64) -> Chance {
        Chance::about(&[self.seed, 4, what, about])
    }

    /// Microseconds since the world began.
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// The first promise that was broken.
    pub fn violation(&self) -> Option<&Violation> {
        self.witness.violation.as_ref()
    }

    /// Things that happened and were shown to the oracles.
    pub fn events(&self) -> u64 {
        self.witness.events
    }

    /// What happened so far, in numbers.
    pub fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        tally.carried = self.links.carried;
        tally.events = self.witness.events;
        tally.simulated_us = self.now_us;
        let oracles = &self.witness.oracles;
        tally.committed = oracles.facts.committed.len() as u64;
        tally.acks_checked = oracles.contract.acks;
        (tally.answers_kept, tally.answers_lost) = (oracles.contract.kept, oracles.contract.lost);
        match self.setup.nodes[0].durability.on_power_loss {
            kraft_proto::durability::OnPowerLoss::Protect => {
                tally.cells = oracles.contract.cells.clone();
            }
            kraft_proto::durability::OnPowerLoss::Available => {
                tally.cells_available = oracles.contract.cells.clone();
            }
        }
        tally
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The core of a node, by place from 0 on, if it runs.
    pub fn core(&self, place: usize) -> Option<&Raft> {
        Some(&self.nodes.get(place)?.live.as_ref()?.raft)
    }

    /// The log of a node that runs, or what the disk of one that does not would show.
    pub fn log(&self, place: usize) -> &[Entry] {
        let node = &self.nodes[place];
        match &node.live {
            Some(live) => &live.log,
            None => node.disk.log(),
        }
    }

    /// The disk of a node.
    pub fn disk(&self, place: usize) -> &Disk {
        &self.nodes[place].disk
    }

    /// The network.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Keeps a trace from now on.
    pub fn set_tracing(&mut self, tracing: Tracing) {
        self.witness.set_tracing(tracing);
    }

    /// The trace so far.
    pub fn trace(&self) -> impl Iterator<Item = &str> {
        self.witness.lines.iter().map(String::as_str)
    }
}

/// What comes next.
enum Due {
    Packet,
    Client,
    Disk(usize),
    Node(usize),
}
