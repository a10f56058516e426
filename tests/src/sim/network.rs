//! The network: messages in flight, and the links that carry them.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use serde::{Deserialize, Serialize};

use super::action::Way;
use super::chance::Chance;
use super::entry::Entry;
use super::setup::{NODES_MAX, Network};

/// A message in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// When it arrives.
    pub at_us: u64,
    /// When it was sent. Decides nothing any more.
    #[serde(skip)]
    pub sent_us: u64,
    /// The so-manieth message of the world: breaks ties.
    pub number: u64,
    /// The place of the sender among the nodes.
    pub from: u8,
    /// The place of the receiver.
    pub to: u8,
    /// How many messages caused it, one after the other.
    pub chain: u32,
    /// What it says.
    pub bytes: Vec<u8>,
    /// The state a snapshot brings.
    pub state: Vec<Entry>,
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A message that does not arrive.
#[derive(Clone, Debug)]
pub struct Lost {
    /// It, as it would have been, or was on its way.
    pub packet: Packet,
    /// When it was lost.
    pub lost_us: u64,
}

/// So many messages that were lost are remembered.
const LOST_MAX: usize = 32;

/// What the network did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Messages that arrived.
    pub delivered: u64,
    /// Lost by chance.
    pub lost: u64,
    /// Doubled.
    pub copied: u64,
    /// Late.
    pub late: u64,
    /// Lost on a link that was cut.
    pub cut: u64,
    /// Messages that arrived before one sent earlier on the same link.
    pub overtook: u64,
}

/// Every link between the nodes.
#[derive(Clone, Debug)]
pub struct Links {
    seed: u64,
    weather: Network,
    heap: BinaryHeap<Reverse<Packet>>,
    /// By receiver: a bit for each sender it does not hear.
    deaf: [u16; NODES_MAX],
    sent: u64,
    /// By link: how many were sent, and the number of the newest that arrived.
    by_link: Vec<(u64, u64)>,
    /// What happened so far.
    pub carried: Carried,
    /// The messages lost last, for who looks on.
    lost: VecDeque<Lost>,
}

impl Links {
    /// Whole links, in this weather.
    pub fn new(seed: u64, weather: Network) -> Self {
        Self {
            seed,
            weather,
            heap: BinaryHeap::new(),
            deaf: [0; NODES_MAX],
            sent: 0,
            by_link: vec![(0, 0); NODES_MAX * NODES_MAX],
            carried: Carried::default(),
            lost: VecDeque::new(),
        }
    }

    /// Whether nothing passes from one node to another.
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.deaf[to] & (1 << from) != 0
    }

    /// The messages lost last, the newest last.
    pub fn lost(&self) -> impl Iterator<Item = &Lost> {
        self.lost.iter()
    }

    fn lose(&mut self, lost_us: u64, packet: Packet) {
        if self.lost.len() == LOST_MAX {
            self.lost.pop_front();
        }
        self.lost.push_back(Lost { packet, lost_us });
    }

    /// Changes the chances of messages.
    pub fn weather(&mut self, loss: u16, copy: u16, late: u16) {
        self.weather.loss_permille = loss;
        self.weather.copy_permille = copy;
        self.weather.late_permille = late;
    }

    /// Whether every link carries, and nothing is lost, doubled or late by chance.
    pub fn is_fair(&self) -> bool {
        let Network {
            loss_permille,
            copy_permille,
            late_permille,
            ..
        } = self.weather;
        self.deaf == [0; NODES_MAX] && loss_permille + copy_permille + late_permille == 0
    }

    /// Cuts a node off.
    pub fn isolate(&mut self, node: usize, way: Way) {
        if way != Way::Out {
            self.deaf[node] = !0;
        }
        if way != Way::In {
            for deaf in &mut self.deaf {
                *deaf |= 1 << node;
            }
        }
    }

    /// Two sides do not hear each other.
    pub fn split(&mut self, mask: u16) {
        for (node, deaf) in self.deaf.iter_mut().enumerate() {
            *deaf = match mask & (1 << node) {
                0 => mask,
                _ => !mask,
            };
        }
    }

    /// Every link carries again.
    pub fn heal(&mut self) {
        self.deaf = [0; NODES_MAX];
    }

    /// Sends a message, once or more often, or not at all.
    pub fn send(&mut self, now_us: u64, from: usize, to: usize, chain: u32, bytes: Vec<u8>) {
        let link = &mut self.by_link[from * NODES_MAX + to];
        link.0 += 1;
        let words = [self.seed, 1, from as u64, to as u64, link.0];
        let mut chance = Chance::about(&words);
        if chance.permille(u64::from(self.weather.loss_permille)) {
            self.carried.lost += 1;
            let packet = Packet {
                at_us: now_us + self.weather.delay_us_max,
                sent_us: now_us,
                number: 0,
                from: from as u8,
                to: to as u8,
                chain,
                bytes,
                state: Vec::new(),
            };
            return self.lose(now_us, packet);
        }
        if chance.permille(u64::from(self.weather.copy_permille)) {
            self.carried.copied += 1;
            self.put(now_us, (from, to), chain, bytes.clone(), &mut chance);
        }
        self.put(now_us, (from, to), chain, bytes, &mut chance);
    }

    /// Sends a snapshot, which takes its time and may be lost or doubled like anything else.
    pub fn send_bulk(
        &mut self,
        now_us: u64,
        from: usize,
        to: usize,
        chain: u32,
        (bytes, state): (Vec<u8>, Vec<Entry>),
    ) {
        let link = &mut self.by_link[from * NODES_MAX + to];
        link.0 += 1;
        let words = [self.seed, 6, from as u64, to as u64, link.0];
        let mut chance = Chance::about(&words);
        let copies = match chance.permille(u64::from(self.weather.copy_permille)) {
            _ if chance.permille(u64::from(self.weather.loss_permille)) => 0,
            true => 2,
            false => 1,
        };
        for _ in 0..copies {
            let most = self.weather.delay_us_max * 20;
            self.sent += 1;
            self.heap.push(Reverse(Packet {
                at_us: now_us + chance.number(self.weather.delay_us_max, most),
                sent_us: now_us,
                number: self.sent,
                from: from as u8,
                to: to as u8,
                chain,
                bytes: bytes.clone(),
                state: state.clone(),
            }));
        }
    }

    fn put(
        &mut self,
        now_us: u64,
        (from, to): (usize, usize),
        chain: u32,
        bytes: Vec<u8>,
        chance: &mut Chance,
    ) {
        let (min, max) = (self.weather.delay_us_min, self.weather.delay_us_max);
        let mut delay = chance.number(min, max);
        if chance.permille(u64::from(self.weather.late_permille)) {
            self.carried.late += 1;
            delay = chance.number(max, max * 20);
        }
        self.sent += 1;
        self.heap.push(Reverse(Packet {
            at_us: now_us + delay,
            sent_us: now_us,
            number: self.sent,
            from: from as u8,
            to: to as u8,
            chain,
            bytes,
            state: Vec::new(),
        }));
    }

    /// When the next message arrives.
    pub fn next_at(&self) -> u64 {
        self.heap.peek().map_or(u64::MAX, |packet| packet.0.at_us)
    }

    /// Takes the next message; `None` if its link is cut.
    pub fn take(&mut self) -> Option<Packet> {
        let packet = self.heap.pop()?.0;
        if self.deaf[usize::from(packet.to)] & (1 << packet.from) != 0 {
            self.carried.cut += 1;
            self.lose(packet.at_us, packet);
            return None;
        }
        let link = &mut self.by_link[usize::from(packet.from) * NODES_MAX + usize::from(packet.to)];
        if packet.number < link.1 {
            self.carried.overtook += 1;
        }
        link.1 = link.1.max(packet.number);
        self.carried.delivered += 1;
        Some(packet)
    }

    /// What is on its way to a node is lost: its connections were to another store.
    pub fn forget(&mut self, to: usize) {
        self.heap.retain(|packet| usize::from(packet.0.to) != to);
    }

    /// How many messages are in flight.
    pub fn in_flight(&self) -> usize {
        self.heap.len()
    }

    /// The messages in flight, in the order they arrive.
    pub fn packets(&self) -> Vec<&Packet> {
        let mut packets = Vec::with_capacity(self.heap.len());
        for Reverse(packet) in &self.heap {
            let place = packets.partition_point(|known| *known <= packet);
            packets.insert(place, packet);
        }
        packets
    }

    /// What decides about later messages, for the hash of the state.
    pub fn canonical(&self) -> impl Serialize {
        (self.weather, self.deaf, self.sent, &self.by_link)
    }
}
