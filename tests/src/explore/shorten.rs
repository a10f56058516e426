//! A way to a violation without the moves that have nothing to do with it.

use super::arena::Arena;
use super::invariants::Violation;
use super::node::Input;
use super::world::{Move, World};

/// The same violation, by a way of which no single move can be left out.
///
/// What is found largest first comes by a long way. This one need not be a shortest.
pub fn shortened(
    arena: &mut Arena,
    violation: Violation,
    way: Vec<Move>,
) -> (Violation, Vec<Move>) {
    let mut best = (violation, way);
    let mut place = best.1.len();
    while place > 0 {
        place -= 1;
        let mut shorter = best.1.clone();
        shorter.remove(place);
        if let Some(found) = violated(arena, &best.0, &shorter) {
            place = place.min(found.1.len());
            best = found;
        }
    }
    best
}

/// Where these moves, as far as they are possible, break the same invariant.
fn violated(
    arena: &mut Arena,
    known: &Violation,
    moves: &[Move],
) -> Option<(Violation, Vec<Move>)> {
    let mut world = World::new(arena).ok()?;
    let mut way = Vec::new();
    for &taken in moves {
        if let Input::Message(letter) = arena.input(taken.input) {
            let mut carried = arena.messages(world.network).iter();
            carried.find(|message| *arena.message(**message) == letter)?;
        }
        let judged = match world.after(arena, taken) {
            Ok(None) => continue,
            Ok(Some(after)) => {
                world = after;
                world.judge(arena)
            }
            Err(violation) => Err(violation),
        };
        way.push(taken);
        if let Err(violation) = judged {
            return (violation.invariant == known.invariant).then_some((violation, way));
        }
    }
    None
}
