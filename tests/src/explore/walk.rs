//! A random walk through worlds as JSON lines, for validation against other specifications of Raft.
//!
//! The first line has the world before the first step, and each line after it one step:
//!
//! ```text
//! {"step":3,"move":"1>2: term 1, incarnation 1: vote, last 0.0","nodes":[{"id":1,"term":1,"vote":1,
//!  "role":"Candidate","commit":0,"log":[],"synced":0,"trust":"Clean"}, …]}
//! ```
//!
//! `log` has the term of each entry from index 1 on, and `synced` says how many of the entries on
//! the disk are forced. One step is one input to one node and all that follows from it there; what
//! it sends may arrive at any later step, more than once, or never. `role` is `Follower`,
//! `Candidate` or `Leader`, and `vote` is `null` where none was given. `term`, `vote` and `log` are
//! those in memory: a move that ends in `started again` goes back to what the disk has. The same
//! seed gives the same lines.

use std::io::{self, Write};

use kraft_proto::{Class, CommitMode, FsyncMode};
use serde_json::{Value, json};

use super::arena::Arena;
use super::bound::{Bound, Budget, Carries, HardStates, Start};
use super::configuration::NodeMask;
use super::invariants::Violation;
use super::node::Input;
use super::rule::Rule;
use super::show;
use super::symmetry::Symmetry;
use super::world::{Move, World};

/// Everything is allowed, always: whoever takes moves gives the budget back.
pub const ENDLESS: Bound = Bound {
    name: "walk",
    about: "everything, at random",
    class: Class::new(CommitMode::Sync, FsyncMode::Commit),
    hard_states: HardStates::InFlight,
    carries: Carries::Everything,
    start: Start::Empty,
    voters: NodeMask(0b111),
    targets: &[],
    budget: Budget {
        campaigns: 1,
        proposals: 1,
        heartbeats: 1,
        cleanings: 1,
        transfers: 1,
        reads: 1,
        kills: 1,
        power_cuts: 1,
        ..Budget::NOTHING
    },
};

/// Chance that follows from its seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }
}

/// Why a walk ended early.
#[derive(Debug)]
pub enum WalkError {
    /// A line could not be written.
    Output(io::Error),
    /// The core broke an invariant, after the last line written.
    Violated(Violation),
}

/// Walks and writes.
pub fn walk(seed: u64, steps: u64, out: &mut impl Write) -> Result<(), WalkError> {
    let mut chance = Chance(seed);
    let mut arena = Arena::new(ENDLESS, Rule::Kept, Symmetry::None);
    let mut world = World::new(&mut arena).map_err(WalkError::Violated)?;
    let mut moves = Vec::new();
    tell(out, &line(&arena, &world, 0, "start"))?;
    for step in 1..=steps {
        world.left = ENDLESS.budget;
        world.moves(&arena, &mut moves);
        let (taken, after) = loop {
            let taken = draw(&arena, &moves, &mut chance);
            if let Some(after) = world
                .after(&mut arena, taken)
                .map_err(WalkError::Violated)?
            {
                break (taken, after);
            }
        };
        world = after;
        tell(out, &line(&arena, &world, step, &show::step(&arena, taken)))?;
        world.judge(&arena).map_err(WalkError::Violated)?;
    }
    Ok(())
}

fn tell(out: &mut impl Write, line: &Value) -> Result<(), WalkError> {
    writeln!(out, "{line}").map_err(WalkError::Output)
}

/// Draws a move: mostly disks and the newest messages, and now and then trouble.
fn draw(arena: &Arena, moves: &[Move], chance: &mut Chance) -> Move {
    loop {
        let recent = 24.min(moves.len());
        let place = match chance.below(3) {
            0 => chance.below(moves.len()),
            _ => moves.len() - 1 - chance.below(recent),
        };
        let one_in = match arena.input(moves[place].input) {
            Input::Message(_) | Input::HardStateSynced | Input::LogSynced => 1,
            Input::Propose | Input::Heartbeat | Input::Clean | Input::Read => 4,
            Input::Campaign => 12,
            Input::Change(_) | Input::Transfer(_) => 24,
            Input::Kill | Input::CutPower => 40,
        };
        if chance.below(one_in) == 0 {
            return moves[place];
        }
    }
}

fn line(arena: &Arena, world: &World, step: u64, what: &str) -> Value {
    let nodes: Vec<Value> = world
        .nodes
        .iter()
        .map(|node| node_line(arena, *node))
        .collect();
    json!({"step": step, "move": what, "nodes": nodes})
}

fn node_line(arena: &Arena, number: u32) -> Value {
    let seen = &arena.node(number).seen;
    let log: Vec<u64> = seen.log.iter().map(|entry| entry.term.0).collect();
    json!({
        "id": seen.id,
        "term": seen.term,
        "vote": seen.vote,
        "role": format!("{:?}", seen.role),
        "commit": seen.commit,
        "log": log,
        "synced": seen.synced.len(),
        "trust": format!("{:?}", seen.trust),
    })
}
