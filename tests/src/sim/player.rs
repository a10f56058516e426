//! A run while it is played: the world, and how far in the actions it is.

use super::run::{Outcome, Run};
use super::witness::Tracing;
use super::world::World;

/// Plays a run in pieces. In how many makes no difference to what happens.
#[derive(Clone, Debug)]
pub struct Player {
    run: Run,
    world: World,
    /// Actions done.
    done: usize,
}

impl Player {
    /// Before the first action.
    pub fn new(run: Run, tracing: Tracing) -> Result<Self, String> {
        let mut world = run.world()?;
        world.set_tracing(tracing);
        Ok(Self {
            run,
            world,
            done: 0,
        })
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The world as it is now.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The same, to do something to it that is not in the run.
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// How many actions of the run are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Plays until a moment of the world's clock, with the run's actions up to then. An action that
    /// is later than the storm is done at its end.
    pub fn play_until(&mut self, at_us: u64) {
        while let Some(timed) = self.run.actions.get(self.done) {
            let due_us = timed.at_us.min(self.run.storm_us);
            if due_us > at_us {
                break;
            }
            self.world.pass_until(due_us);
            self.world.step(&timed.action);
            self.done += 1;
        }
        self.world.pass_until(at_us);
    }

    /// Plays the rest of the storm, and lets the cluster come to rest.
    pub fn finish(&mut self) {
        self.play_until(self.run.storm_us);
        self.world.come_to_rest();
    }

    /// How it stands.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            hash: self.world.hash_text(),
            violation: self.world.violation().cloned(),
            tally: self.world.tally(),
            trace: self.world.trace().map(str::to_string).collect(),
        }
    }
}
