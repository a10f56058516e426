//! Every distinct node, message, network and past, kept once and called by its number.
//!
//! A world is a handful of numbers, and a step of a node is taken once, however many worlds it is
//! part of: there are far fewer nodes than worlds.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use kraft_proto::{Ballot, LogIndex, LogPosition, Message, NodeId, ReadTicket, Role, Term};

use super::bound::{Bound, Carries};
use super::configuration::NodeMask;
use super::covered::Bits;
use super::history::History;
use super::invariants::{self, Seen, Violation};
use super::node::{Deed, Input, Letter, Node};
use super::renaming::{NEVER_READ, NOT_READ_WITHOUT_TRANSFERS, Unread};
use super::rule::Rule;
use super::symmetry::{NODES, PERMUTATIONS, Symmetry, fingerprints};

/// The fingerprints of something under each renaming.
pub type Prints = [u128; PERMUTATIONS.len()];

/// A hasher for what is a fingerprint already.
#[derive(Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }
}

/// A map by fingerprint, or by a number.
pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<AsItIs>>;

/// A node and what is known of it.
pub struct Known {
    /// The node.
    node: Box<Node>,
    /// How invariants see it.
    pub seen: Seen,
    /// Its fingerprints.
    pub prints: Prints,
}

fn is_vote(message: &Message) -> bool {
    matches!(message, Message::Vote { .. } | Message::PreVote { .. })
}

/// What others see of a step, messages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Entries were acknowledged.
    Acked(LogPosition),
    /// The log is known to be committed.
    Committed(LogIndex),
    /// The node was elected.
    Elected(Term),
    /// A read was taken.
    Asked(ReadTicket),
    /// A read is served from here on.
    Served(ReadTicket, LogIndex),
}

/// A step of a node.
pub struct Stepped {
    /// What it is now.
    pub node: u32,
    /// What it sent.
    pub sent: Box<[u32]>,
    /// What else others see.
    pub news: Box<[News]>,
}

/// A message that was ever sent.
struct Sent {
    letter: Letter,
    /// What tells it from others after each renaming.
    shapes: [u32; PERMUTATIONS.len()],
}

/// Where everything is kept.
pub struct Arena {
    rule: Rule,
    bound: Bound,
    permutations: Vec<[usize; NODES]>,
    unread: Unread,
    nodes: Vec<Known>,
    node_numbers: Map<u128, u32>,
    messages: Vec<Sent>,
    message_numbers: HashMap<Letter, u32>,
    /// The shapes of messages by their fingerprints.
    shapes: Map<u128, u32>,
    networks: Vec<Box<[u32]>>,
    network_numbers: HashMap<Box<[u32]>, u32>,
    histories: Vec<(History, Prints)>,
    history_numbers: Map<u128, u32>,
    steps: Map<u64, Option<Stepped>>,
}

/// An input by number: those that are no message, and then messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputNumber(u32);

impl InputNumber {
    const PLAIN: [Input; 9] = [
        Input::HardStateSynced,
        Input::LogSynced,
        Input::Campaign,
        Input::Propose,
        Input::Heartbeat,
        Input::Clean,
        Input::Read,
        Input::Kill,
        Input::CutPower,
    ];
    /// Of changes and of transfers there is one for every set of nodes.
    const CHANGES: u32 = Self::PLAIN.len() as u32;
    const TRANSFERS: u32 = Self::CHANGES + (1 << NODES);
    const MESSAGES: u32 = Self::TRANSFERS + (1 << NODES);

    /// Message number `message` arrives.
    pub fn message(message: u32) -> Self {
        Self(Self::MESSAGES + message)
    }

    /// An input that is no message.
    pub fn plain(input: Input) -> Option<Self> {
        match input {
            Input::Change(NodeMask(to)) => Some(Self(Self::CHANGES + u32::from(to))),
            Input::Transfer(NodeMask(to)) => Some(Self(Self::TRANSFERS + u32::from(to))),
            _ => {
                let place = Self::PLAIN.iter().position(|plain| *plain == input)?;
                Some(Self(place as u32))
            }
        }
    }
}

impl Arena {
    /// An empty arena for worlds within a bound that go by `rule`.
    pub fn new(bound: Bound, rule: Rule, symmetry: Symmetry) -> Self {
        Self {
            rule,
            bound,
            permutations: symmetry.permutations(&bound),
            unread: match bound.budget.transfers {
                0 => NOT_READ_WITHOUT_TRANSFERS,
                _ => NEVER_READ,
            },
            nodes: Vec::new(),
            node_numbers: Map::default(),
            messages: Vec::new(),
            message_numbers: HashMap::new(),
            shapes: Map::default(),
            networks: Vec::new(),
            network_numbers: HashMap::new(),
            histories: Vec::new(),
            history_numbers: Map::default(),
            steps: Map::default(),
        }
    }

    /// The bound of its worlds.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// The renamings under which worlds count as the same.
    pub fn permutations(&self) -> &[[usize; NODES]] {
        &self.permutations
    }

    /// The number of a node.
    pub fn add_node(&mut self, node: Node) -> u32 {
        let prints = fingerprints(&node, &self.permutations, self.unread);
        *self.node_numbers.entry(prints[0]).or_insert_with(|| {
            let seen = Seen::of(&node);
            let node = Box::new(node);
            self.nodes.push(Known { node, seen, prints });
            self.nodes.len() as u32 - 1
        })
    }

    /// A node by its number.
    pub fn node(&self, number: u32) -> &Known {
        &self.nodes[number as usize]
    }

    fn add_message(&mut self, letter: Letter) -> u32 {
        *self.message_numbers.entry(letter).or_insert_with(|| {
            let shapes = fingerprints(&letter, &self.permutations, self.unread).map(|print| {
                let fresh = self.shapes.len() as u32;
                *self.shapes.entry(print).or_insert(fresh)
            });
            self.messages.push(Sent { letter, shapes });
            self.messages.len() as u32 - 1
        })
    }

    /// A message by its number.
    pub fn message(&self, number: u32) -> &Letter {
        &self.messages[number as usize].letter
    }

    /// The number of a network without messages.
    pub fn empty_network(&mut self) -> u32 {
        self.add_network(Box::new([]))
    }

    fn add_network(&mut self, messages: Box<[u32]>) -> u32 {
        if let Some(number) = self.network_numbers.get(&messages) {
            return *number;
        }
        let number = self.networks.len() as u32;
        self.network_numbers.insert(messages.clone(), number);
        self.networks.push(messages);
        number
    }

    /// The messages of a network.
    pub fn messages(&self, network: u32) -> &[u32] {
        &self.networks[network as usize]
    }

    /// The appends among them.
    pub fn appends(&self, network: u32) -> Vec<u32> {
        let is_append =
            |message: &&u32| matches!(self.message(**message).envelope.message, Message::Append(_));
        let messages = self.messages(network).iter();
        messages.filter(is_append).copied().collect()
    }

    /// What tells its messages apart after a renaming.
    pub fn shapes(&self, network: u32, permutation: usize) -> Bits {
        let messages = self.messages(network).iter();
        Bits::of(messages.map(|message| self.messages[*message as usize].shapes[permutation]))
    }

    /// Whether a network stays as it is when these are sent and one node becomes another.
    pub fn stays(&self, network: u32, sent: &[u32], [before, after]: [u32; 2]) -> bool {
        let messages = self.messages(network);
        let (before, after) = (&self.node(before).seen, &self.node(after).seen);
        let hears = |seen: &Seen| (seen.hard.term, seen.term, seen.role, seen.lives);
        hears(before) == hears(after) && sent.iter().all(|m| messages.binary_search(m).is_ok())
    }

    /// A network with more messages, less those that can never again do anything.
    pub fn send(&mut self, network: u32, sent: &[u32], nodes: &[u32; NODES]) -> u32 {
        let mut messages = self.networks[network as usize].to_vec();
        messages.extend(sent);
        messages.sort_unstable();
        messages.dedup();
        messages.retain(|message| !self.is_spent(*message, nodes));
        self.add_network(messages.into_boxed_slice())
    }

    /// Whether a message can never again do anything, or is not carried: of the former are answers
    /// in a term that their receiver's disk has left behind, or in which it does not and will not
    /// ask any more, since nobody campaigns twice in one term.
    fn is_spent(&self, message: u32, nodes: &[u32; NODES]) -> bool {
        let envelope = &self.message(message).envelope;
        let receiver = &self.node(nodes[envelope.to.0 as usize - 1]).seen;
        let stale = envelope.term < receiver.hard.term;
        let asks = |role| receiver.term == envelope.term && receiver.role == role;
        let over = |role| stale || (envelope.term == receiver.hard.term && !asks(role));
        let carries = self.bound.carries;
        match envelope.message {
            Message::PreVoteReply { .. } => stale,
            // A candidate goes by what it was granted; who refuses might as well say nothing.
            Message::VoteReply {
                ballot: Ballot::Refused,
            } if carries != Carries::Everything => true,
            Message::VoteReply { .. } => over(Role::Candidate),
            _ if carries == Carries::Votes && !is_vote(&envelope.message) => true,
            Message::Matched(_) | Message::Rejected { .. } | Message::HeartbeatReply(_) => {
                // A leader counts no earlier incarnation of a peer, unless it drops the peer and takes it anew.
                let known = receiver.lives[envelope.from.0 as usize - 1];
                let earlier =
                    envelope.incarnation.number < known.number && self.bound.budget.changes == 0;
                over(Role::Leader) || (receiver.term == envelope.term && earlier)
            }
            Message::Append(_) | Message::Heartbeat(_) if carries == Carries::NothingOfTheLast => {
                stale || envelope.term == self.bound.last_term()
            }
            _ => stale && carries != Carries::Everything,
        }
    }

    /// The number of a past.
    pub fn add_history(&mut self, history: History) -> u32 {
        let prints = fingerprints(&history, &self.permutations, self.unread);
        *self.history_numbers.entry(prints[0]).or_insert_with(|| {
            self.histories.push((history, prints));
            self.histories.len() as u32 - 1
        })
    }

    /// A past by its number.
    pub fn history(&self, number: u32) -> &History {
        &self.histories[number as usize].0
    }

    /// Its fingerprints.
    pub fn history_prints(&self, number: u32) -> &Prints {
        &self.histories[number as usize].1
    }

    /// The input with this number.
    pub fn input(&self, number: InputNumber) -> Input {
        match number.0 {
            n if n >= InputNumber::MESSAGES => {
                Input::Message(*self.message(n - InputNumber::MESSAGES))
            }
            n if n >= InputNumber::TRANSFERS => {
                Input::Transfer(NodeMask((n - InputNumber::TRANSFERS) as u8))
            }
            n if n >= InputNumber::CHANGES => {
                Input::Change(NodeMask((n - InputNumber::CHANGES) as u8))
            }
            n => InputNumber::PLAIN[n as usize],
        }
    }

    /// Takes a step, or remembers it. `None` where the input cannot be.
    pub fn step(&mut self, node: u32, input: InputNumber) -> Result<Option<&Stepped>, Violation> {
        let key = (u64::from(node) << 32) | u64::from(input.0);
        if !self.steps.contains_key(&key) {
            let stepped = self.take_step(node, self.input(input))?;
            self.steps.insert(key, stepped);
        }
        Ok(self.steps[&key].as_ref())
    }

    fn take_step(&mut self, number: u32, input: Input) -> Result<Option<Stepped>, Violation> {
        let mut node = Node::clone(&self.node(number).node);
        let Some(deeds) = node.take(input, self.rule, &self.bound) else {
            return Ok(None);
        };
        let after = self.add_node(node);
        let step = invariants::Step {
            before: &self.node(number).seen,
            after: &self.node(after).seen,
            deeds: &deeds,
        };
        invariants::judge(invariants::OF_STEPS, &step)?;
        let (mut sent, mut news) = (Vec::new(), Vec::new());
        for deed in deeds {
            match deed {
                Deed::Sent(letter) => sent.push(self.add_message(letter)),
                Deed::Acked(upto) => news.push(News::Acked(upto)),
                Deed::Committed(upto) => news.push(News::Committed(upto)),
                Deed::Elected(term) => news.push(News::Elected(term)),
                Deed::Asked(ticket) => news.push(News::Asked(ticket)),
                Deed::Served(ticket, index) => news.push(News::Served(ticket, index)),
            }
        }
        Ok(Some(Stepped {
            node: after,
            sent: sent.into(),
            news: news.into(),
        }))
    }

    /// How many distinct nodes, messages, networks, pasts and steps there are.
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("nodes", self.nodes.len()),
            ("messages", self.messages.len()),
            ("networks", self.networks.len()),
            ("pasts", self.histories.len()),
            ("steps", self.steps.len()),
        ]
    }

    /// The most leaders, committed entries and acknowledgements of any past.
    pub fn events(&self) -> [usize; 3] {
        let most = |count: fn(&History) -> usize| {
            let pasts = self.histories.iter().map(|(history, _)| history);
            pasts.map(count).max().unwrap_or_default()
        };
        [
            most(|history| history.leaders.len()),
            most(|history| history.committed.len()),
            most(|history| history.acked.len()),
        ]
    }

    /// The id of the node in a place.
    pub fn id(place: usize) -> NodeId {
        NodeId(place as u64 + 1)
    }
}
