//! Every world within a bound: breadth first, or largest first.

use std::time::{Duration, Instant};

use super::arena::{Arena, Map};
use super::bound::Bound;
use super::covered::{Covered, Visit};
use super::frontier::{Frontier, Order};
use super::invariants::Violation;
use super::rule::Rule;
use super::symmetry::Symmetry;
use super::world::{Move, World};

/// What a search found.
#[derive(Debug)]
pub enum Outcome {
    /// Every world was visited or is covered by one that was, and nothing is wrong in any.
    Exhausted,
    /// Something is wrong after these moves; with [`Order::Shortest`], after no fewer.
    Violated(Violation, Vec<Move>),
    /// More worlds than allowed; nothing is wrong in those visited.
    Cut,
}

/// How much was searched.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Worlds visited: judged, and tried every move of unless another came to cover them.
    pub worlds: usize,
    /// How many of them differ in more than their networks.
    pub situations: usize,
    /// Worlds that wait.
    pub waiting: usize,
    /// The most moves between the first and another.
    pub depth: usize,
    /// Moves tried.
    pub moves: u64,
    /// The most leaders, committed entries and terms with acknowledgements in any world.
    pub events: [usize; 3],
    /// Distinct nodes, messages, networks, pasts and steps.
    pub parts: Vec<(&'static str, usize)>,
    /// How long it took.
    pub took: Duration,
}

/// How a world was reached: from which, by which move.
type Way = (u32, Move);

/// How often it is told how far a search has come, in worlds.
const TOLD_EVERY: usize = 1 << 18;

/// Calls `tell` with the figures so far, now and then.
pub fn search(
    bound: &Bound,
    rule: Rule,
    symmetry: Symmetry,
    order: Order,
    worlds_max: usize,
    mut tell: impl FnMut(&Figures),
) -> (Outcome, Figures, Arena) {
    let mut search = Search {
        began: Instant::now(),
        arena: Arena::new(*bound, rule, symmetry),
        seen: Seen::default(),
        ways: Vec::new(),
        frontier: Frontier::new(order),
        figures: Figures::default(),
    };
    let mut told = 0;
    let outcome = match World::new(&mut search.arena) {
        Err(violation) => Outcome::Violated(violation, Vec::new()),
        Ok(first) => {
            search.visit(first, None);
            loop {
                if search.ways.len() >= told + TOLD_EVERY {
                    told = search.ways.len();
                    search.sum_up();
                    tell(&search.figures);
                }
                let Some((world, at)) = search.frontier.pop() else {
                    break Outcome::Exhausted;
                };
                if search.ways.len() > worlds_max {
                    break Outcome::Cut;
                }
                let covered = order == Order::Largest && search.seen.is_covered(&at);
                if covered {
                    continue;
                }
                if let Err((violation, taken)) = search.expand(&world, at) {
                    let mut way = search.way_to(at.number);
                    way.push(taken);
                    break Outcome::Violated(violation, way);
                }
            }
        }
    };
    search.sum_up();
    search.figures.events = search.arena.events();
    (outcome, search.figures, search.arena)
}

/// Where a world that waits stands.
#[derive(Clone, Copy)]
struct At {
    /// Its number.
    number: u32,
    depth: u32,
    visit: Visit,
}

struct Search {
    began: Instant,
    arena: Arena,
    seen: Seen,
    /// How each world was reached, by its number.
    ways: Vec<Option<Way>>,
    frontier: Frontier<(World, At)>,
    figures: Figures,
}

impl Search {
    /// Tries every move of a world.
    fn expand(&mut self, world: &World, at: At) -> Result<(), (Violation, Move)> {
        let mut moves = Vec::new();
        world.moves(&self.arena, &mut moves);
        self.figures.moves += moves.len() as u64;
        for taken in moves {
            let after = world.after(&mut self.arena, taken);
            let Some(after) = after.map_err(|violation| (violation, taken))? else {
                continue;
            };
            if self.visit(after, Some((at, taken))) {
                let judged = after.judge(&self.arena);
                judged.map_err(|violation| (violation, taken))?;
            }
        }
        Ok(())
    }

    /// Has a world wait for its visit, unless it is covered. Whether it is not.
    fn visit(&mut self, world: World, from: Option<(At, Move)>) -> bool {
        let Some(visit) = self.seen.visit(&world, &self.arena) else {
            return false;
        };
        let depth = from.map_or(0, |(at, _)| at.depth + 1);
        let number = self.ways.len() as u32;
        self.ways.push(from.map(|(at, taken)| (at.number, taken)));
        self.figures.depth = self.figures.depth.max(depth as usize);
        let messages = self.arena.messages(world.network).len();
        let at = At {
            number,
            depth,
            visit,
        };
        self.frontier.push(messages, (world, at));
        true
    }

    fn sum_up(&mut self) {
        self.figures.worlds = self.ways.len();
        self.figures.situations = self.seen.covered.situations();
        self.figures.waiting = self.frontier.len();
        self.figures.parts = self.arena.sizes().to_vec();
        self.figures.took = self.began.elapsed();
    }

    fn way_to(&self, mut number: u32) -> Vec<Move> {
        let mut way = Vec::new();
        while let Some((before, taken)) = self.ways[number as usize] {
            way.push(taken);
            number = before;
        }
        way.reverse();
        way
    }
}

/// The worlds seen.
#[derive(Default)]
struct Seen {
    covered: Covered,
    /// Their networks after a renaming, by both.
    networks: Map<u64, u32>,
}

impl Seen {
    fn visit(&mut self, world: &World, arena: &Arena) -> Option<Visit> {
        let (print, permutation) = world.fingerprint(arena);
        let key = (u64::from(world.network) << 8) | permutation as u64;
        let covered = &mut self.covered;
        let shapes = || covered.network(arena.shapes(world.network, permutation));
        let network = *self.networks.entry(key).or_insert_with(shapes);
        self.covered.visit(print, network)
    }

    fn is_covered(&self, at: &At) -> bool {
        self.covered.is_covered(at.visit)
    }
}
