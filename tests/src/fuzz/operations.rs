//! Operations: three nodes, their disks and their network, with every invariant on.

use super::Depth;
use super::inputs::Input;
use crate::explore::walk::ENDLESS;
use crate::explore::{Arena, Rule, Symmetry, World, show};

/// So many at most: what follows is another input's business.
const MOVES_MAX: usize = 200;

/// Takes moves, two bytes each: which of those that are possible.
pub fn body(bytes: &[u8]) -> Depth {
    match play(bytes, Rule::Kept) {
        Ok(depth) => depth,
        Err(story) => panic!("{story}"),
    }
}

/// What violates an invariant under this rule, and what led to it.
pub fn play(bytes: &[u8], rule: Rule) -> Result<Depth, String> {
    let mut input = Input::new(bytes);
    let mut arena = Arena::new(ENDLESS, rule, Symmetry::None);
    let mut world = World::new(&mut arena).expect("an empty world");
    let (mut moves, mut story, mut depth) = (Vec::new(), String::new(), Depth::Refused);
    for _ in 0..MOVES_MAX {
        if input.is_empty() {
            break;
        }
        world.left = ENDLESS.budget;
        world.moves(&arena, &mut moves);
        let taken = moves[usize::from(input.short()) % moves.len()];
        let judged = world.after(&mut arena, taken).and_then(|after| {
            let Some(after) = after else {
                return Ok(());
            };
            story += &format!("{}\n", show::step(&arena, taken));
            depth = Depth::Taken;
            world = after;
            world.judge(&arena)
        });
        if let Err(violation) = judged {
            return Err(format!(
                "{story}{}: {}",
                violation.invariant, violation.what
            ));
        }
    }
    Ok(depth)
}
