//! Every world within a bound, breadth first.

use std::time::{Duration, Instant};

use super::arena::{Arena, Map};
use super::bound::Bound;
use super::invariants::Violation;
use super::rule::Rule;
use super::symmetry::Symmetry;
use super::world::{Move, World};

/// What a search found.
#[derive(Debug)]
pub enum Outcome {
    /// Every world was visited, and nothing is wrong in any.
    Exhausted,
    /// Something is wrong after these moves, and after no fewer.
    Violated(Violation, Vec<Move>),
    /// More worlds than allowed; nothing is wrong in those visited.
    Cut,
}

/// How much was searched.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Distinct worlds.
    pub worlds: usize,
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

/// Calls `tell` with the figures so far after every level.
pub fn search(
    bound: &Bound,
    rule: Rule,
    symmetry: Symmetry,
    worlds_max: usize,
    mut tell: impl FnMut(&Figures),
) -> (Outcome, Figures, Arena) {
    let began = Instant::now();
    let mut arena = Arena::new(*bound, rule, symmetry);
    let first = match World::new(&mut arena) {
        Ok(first) => first,
        Err(violation) => {
            return (
                Outcome::Violated(violation, Vec::new()),
                Figures::default(),
                arena,
            );
        }
    };
    let mut seen: Map<u128, ()> = Map::default();
    seen.insert(first.fingerprint(&arena, symmetry), ());
    let mut ways: Vec<Option<Way>> = vec![None];
    let mut level = vec![(0_u32, first)];
    let mut figures = Figures::default();
    let mut moves = Vec::new();
    let outcome = 'search: loop {
        figures.worlds = seen.len();
        figures.took = began.elapsed();
        figures.parts = arena.sizes().to_vec();
        tell(&figures);
        if level.is_empty() {
            break Outcome::Exhausted;
        }
        if seen.len() > worlds_max {
            break Outcome::Cut;
        }
        let mut next_level = Vec::new();
        for (number, world) in level {
            world.moves(&arena, &mut moves);
            for &taken in &moves {
                figures.moves += 1;
                let judged = world.after(&mut arena, taken).and_then(|after| {
                    let Some(after) = after else {
                        return Ok(None);
                    };
                    let print = after.fingerprint(&arena, symmetry);
                    if seen.insert(print, ()).is_some() {
                        return Ok(None);
                    }
                    after.judge(&arena)?;
                    Ok(Some(after))
                });
                match judged {
                    Ok(None) => {}
                    Ok(Some(after)) => {
                        next_level.push((ways.len() as u32, after));
                        ways.push(Some((number, taken)));
                    }
                    Err(violation) => {
                        let mut way = way_to(&ways, number);
                        way.push(taken);
                        figures.depth += 1;
                        break 'search Outcome::Violated(violation, way);
                    }
                }
            }
        }
        figures.depth += usize::from(!next_level.is_empty());
        level = next_level;
    };
    figures.worlds = seen.len();
    figures.events = arena.events();
    figures.took = began.elapsed();
    (outcome, figures, arena)
}

fn way_to(ways: &[Option<Way>], mut number: u32) -> Vec<Move> {
    let mut way = Vec::new();
    while let Some((before, taken)) = ways[number as usize] {
        way.push(taken);
        number = before;
    }
    way.reverse();
    way
}
