//! A world: three nodes, what is in flight between them, and what was.

use kraft_proto::{CommitMode, EntryKind, Held, LogPosition, NodeId, Trust};

use super::arena::{Arena, InputNumber, News};
use super::bound::{Budget, Start};
use super::configuration::NodeMask;
use super::fingerprint::fingerprint;
use super::history::History;
use super::invariants::{self, View, Violation};
use super::node::{Input, Node};
use super::symmetry::{NODES, PERMUTATIONS};

/// A world, by the numbers an [`Arena`] gave its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Its nodes, in the order of their ids.
    pub nodes: [u32; NODES],
    /// Every message that may still arrive.
    pub network: u32,
    /// Its past.
    pub history: u32,
    /// What it may still do.
    pub left: Budget,
}

/// Something happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its place, which is its id less one.
    pub place: u8,
    /// What.
    pub input: InputNumber,
}

impl World {
    /// The world before the first move.
    pub fn new(arena: &mut Arena) -> Result<Self, Violation> {
        let budget = arena.bound().budget;
        let empty = Self {
            nodes: std::array::from_fn(|place| {
                let node = Node::new(Arena::id(place), arena.bound());
                arena.add_node(node)
            }),
            network: arena.empty_network(),
            history: arena.add_history(History::default()),
            left: budget,
        };
        match arena.bound().start {
            Start::Empty => Ok(empty),
            Start::Led | Start::LedBefore => empty.led(arena),
        }
    }

    /// The world in which node 1 was elected, and everybody heard of it.
    fn led(self, arena: &mut Arena) -> Result<Self, Violation> {
        let mut world = Self {
            left: Budget {
                campaigns: 1,
                ..Budget::default()
            },
            ..self
        };
        let mut moves = Vec::new();
        loop {
            world.moves(arena, &mut moves);
            let mut next = None;
            for &taken in &moves {
                next = next.or(world.after(arena, taken)?);
            }
            match next {
                Some(after) => world = after,
                None => break,
            }
        }
        let sent = match arena.bound().start {
            Start::LedBefore => arena.appends(world.network),
            Start::Led | Start::Empty => Vec::new(),
        };
        world.network = arena.empty_network();
        world.network = arena.send(world.network, &sent, &world.nodes);
        world.left = self.left;
        Ok(world)
    }

    /// Every move that its budget allows. Some of them may turn out not to be possible.
    pub fn moves(&self, arena: &Arena, moves: &mut Vec<Move>) {
        moves.clear();
        let left = self.left;
        let plain = [
            (Input::HardStateSynced, 1),
            (Input::LogSynced, 1),
            (Input::Campaign, left.campaigns),
            (Input::Propose, left.proposals),
            (Input::Heartbeat, left.heartbeats),
            (Input::Clean, left.cleanings),
            (Input::Read, left.reads),
            (Input::Kill, left.kills),
            (Input::CutPower, left.power_cuts),
        ];
        let targets = arena.bound().targets.iter();
        let changes = targets.map(|to| (Input::Change(*to), left.changes));
        let transfers = (0..NODES).map(|to| (Input::Transfer(NodeMask(1 << to)), left.transfers));
        let all = plain.into_iter().chain(changes).chain(transfers);
        let allowed = all.filter(|(_, left)| *left > 0);
        let inputs: Vec<InputNumber> = allowed
            .filter_map(|(input, _)| InputNumber::plain(input))
            .collect();
        for place in 0..NODES as u8 {
            moves.extend(inputs.iter().map(|&input| Move { place, input }));
        }
        for message in arena.messages(self.network) {
            let place = arena.message(*message).envelope.to.0 as u8 - 1;
            let input = InputNumber::message(*message);
            moves.push(Move { place, input });
        }
    }

    /// The world after a move; `None` where it is not possible or changes nothing.
    pub fn after(&self, arena: &mut Arena, taken: Move) -> Result<Option<Self>, Violation> {
        let place = usize::from(taken.place);
        let Some(stepped) = arena.step(self.nodes[place], taken.input)? else {
            return Ok(None);
        };
        let idle = stepped.node == self.nodes[place] && stepped.news.is_empty();
        if idle && stepped.sent.is_empty() {
            return Ok(None);
        }
        let (node, sent, news) = (stepped.node, stepped.sent.clone(), stepped.news.clone());
        let mut next = *self;
        next.nodes[place] = node;
        if !arena.stays(self.network, &sent, [self.nodes[place], node]) {
            next.network = arena.send(self.network, &sent, &next.nodes);
        }
        let input = arena.input(taken.input);
        next.spend(input);
        next.history = self.remember(arena, &next, place, input, &news);
        Ok((next != *self).then_some(next))
    }

    fn spend(&mut self, input: Input) {
        let spent = match input {
            Input::Campaign => &mut self.left.campaigns,
            Input::Propose => &mut self.left.proposals,
            Input::Heartbeat => &mut self.left.heartbeats,
            Input::Clean => &mut self.left.cleanings,
            Input::Change(_) => &mut self.left.changes,
            Input::Transfer(_) => &mut self.left.transfers,
            Input::Read => &mut self.left.reads,
            Input::Kill => &mut self.left.kills,
            Input::CutPower => &mut self.left.power_cuts,
            Input::Message(_) | Input::HardStateSynced | Input::LogSynced => return,
        };
        *spent -= 1;
    }

    fn remember(
        &self,
        arena: &mut Arena,
        next: &Self,
        place: usize,
        input: Input,
        news: &[News],
    ) -> u32 {
        let id = Arena::id(place);
        let seen = &arena.node(next.nodes[place]).seen;
        let known = arena.history(self.history);
        let trusted = seen.trust != Trust::Suspect;
        let cut = input == Input::CutPower;
        let forgets = cut || input == Input::Kill;
        if news.is_empty() && !forgets && !(trusted && known.doubts(id)) {
            return self.history;
        }
        let mut history = known.clone();
        if cut {
            history.power_cut(id, cuts_max(arena));
        }
        if forgets {
            history.restarted(id);
        }
        for news in news {
            match *news {
                News::Elected(term) => history.elected(id, term, seen.log_before(term)),
                News::Committed(upto) => {
                    // A configuration counts from when it is proposed; the one that leaves a joint
                    // one behind is proposed only after that was committed.
                    let decides = match input {
                        Input::Change(_) => next.nodes[place],
                        _ => self.nodes[place],
                    };
                    let by = arena.node(decides).seen.configuration;
                    history.committed(upto, &seen.log, by);
                }
                News::Asked(ticket) => history.asked(id, ticket),
                News::Served(ticket, index) => history.served(id, ticket, index),
                News::Acked(upto) => {
                    let entry = seen.log.get(upto.index.prev().0 as usize);
                    if entry.is_some_and(|entry| entry.kind == EntryKind::Command) {
                        history.acked(upto, next.in_doubt(arena, upto), cuts_max(arena));
                    }
                }
            }
        }
        if trusted {
            history.trusted(id);
        }
        arena.add_history(history)
    }

    /// Nodes that lack an entry now that it is acknowledged, because their power was cut after they
    /// had reported it.
    fn in_doubt(&self, arena: &Arena, upto: LogPosition) -> Vec<NodeId> {
        let nodes = self.nodes.iter().map(|node| &arena.node(*node).seen);
        let lacking = nodes.filter(|seen| {
            let entry = seen.log.get(upto.index.prev().0 as usize);
            seen.trust == Trust::Suspect && entry.is_none_or(|entry| entry.term != upto.term)
        });
        lacking.map(|seen| seen.id).collect()
    }

    /// Holds it against every invariant.
    pub fn judge(&self, arena: &Arena) -> Result<(), Violation> {
        let view = View {
            nodes: self.nodes.map(|node| &arena.node(node).seen),
            history: arena.history(self.history),
        };
        invariants::judge(invariants::OF_WORLDS, &view)
    }

    /// The same for all worlds that differ in the names of nodes and in their networks alone; and
    /// the renaming under which it is found.
    pub fn fingerprint(&self, arena: &Arena) -> (u128, usize) {
        let nodes = self.nodes.map(|node| &arena.node(node).prints);
        let history = arena.history_prints(self.history);
        let mut bytes = [0; 16 * (NODES + 2)];
        let left = self.left.each();
        bytes[16 * (NODES + 1)..][..left.len()].copy_from_slice(&left);
        let prints = arena.permutations().iter().enumerate();
        let least = prints.map(|(number, permutation)| {
            for (node, place) in nodes.iter().zip(permutation) {
                bytes[16 * place..][..16].copy_from_slice(&node[number].to_le_bytes());
            }
            bytes[16 * NODES..][..16].copy_from_slice(&history[number].to_le_bytes());
            (fingerprint(&bytes), number)
        });
        least.min().unwrap_or_default()
    }
}

/// How many nodes in doubt an acknowledgement outlives.
fn cuts_max(arena: &Arena) -> usize {
    let class = arena.bound().class;
    match (class.fsync.held(), class.mode) {
        (Held::Synced, _) => NODES,
        (_, CommitMode::All) => NODES - 1,
        _ => NODES - (NODES / 2 + 1),
    }
}

const _: () = assert!(PERMUTATIONS.len() == 6 && NODES == 3);
