//! A run while it is played: the world, and how far in the actions it is.

use super::action::{Action, Timed};
use super::load::plan;
use super::run::{Outcome, Run};
use super::witness::Tracing;
use super::world::World;

/// Plays a run in pieces. In how many makes no difference to what happens.
#[derive(Clone, Debug)]
pub struct Player {
    run: Run,
    /// Everything that is done: the run's actions, and its loads' writes between them.
    plan: Vec<Timed>,
    world: World,
    /// How much of the plan is done.
    done: usize,
}

impl Player {
    /// Before the first action.
    pub fn new(run: Run) -> Result<Self, String> {
        let world = run.world()?;
        Ok(Self {
            plan: plan(&run.loads, &run.actions),
            run,
            world,
            done: 0,
        })
    }

    /// The same, with a trace.
    pub fn traced(run: Run, tracing: Tracing) -> Result<Self, String> {
        let mut player = Self::new(run)?;
        player.world.set_tracing(tracing);
        Ok(player)
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

    /// The same moment of a run that differs only in what is done later: what is told again from here.
    pub fn retold(&self, run: Run) -> Result<Self, String> {
        let plan = plan(&run.loads, &run.actions);
        let now_us = self.world.now_us();
        let is_later = plan.get(self.done).is_none_or(|next| next.at_us >= now_us);
        let before = plan.get(..self.done).unwrap_or_default();
        if !is_later || run.so_far(before) != self.run.so_far(&self.plan[..self.done]) {
            return Err("that run was another one before".to_string());
        }
        Ok(Self {
            run,
            plan,
            world: self.world.clone(),
            done: self.done,
        })
    }

    /// How much of the plan is done: actions, and the loads' writes.
    pub fn done(&self) -> usize {
        self.done
    }

    /// How much there is to do.
    pub fn planned(&self) -> usize {
        self.plan.len()
    }

    /// Does something now that enters the run: the run as it is then, played anew, comes to the same.
    pub fn act(&mut self, action: Action) {
        let at_us = self.world.now_us();
        // Whatever else is due at this moment comes first, as it will when the run is played.
        self.play_until(at_us);
        let timed = Timed { at_us, action };
        let later = self.run.actions.partition_point(|one| one.at_us <= at_us);
        self.run.actions.insert(later, timed);
        self.run.storm_us = self.run.storm_us.max(at_us);
        self.plan.insert(self.done, timed);
        self.done += 1;
        self.world.step(&action);
    }

    /// Lets one thing happen, an action or an event, until a moment; false if there is none.
    pub fn play_event(&mut self, at_us: u64) -> bool {
        let due_us = match self.plan.get(self.done) {
            Some(timed) => timed.at_us.min(self.run.storm_us),
            None => u64::MAX,
        };
        if self.world.pass_event(at_us.min(due_us)) {
            return true;
        }
        if due_us > at_us {
            return false;
        }
        self.play_action(due_us);
        true
    }

    fn play_action(&mut self, due_us: u64) {
        self.world.pass_until(due_us);
        self.world.step(&self.plan[self.done].action);
        self.done += 1;
    }

    /// Plays until a moment of the world's clock, with the run's actions up to then. An action that
    /// is later than the storm is done at its end.
    pub fn play_until(&mut self, at_us: u64) {
        while let Some(timed) = self.plan.get(self.done) {
            let due_us = timed.at_us.min(self.run.storm_us);
            if due_us > at_us {
                break;
            }
            self.play_action(due_us);
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

#[cfg(test)]
mod tests {
    use kraft_proto::Class;

    use super::*;
    use crate::sim::{Load, Target, lab};

    /// Ten writes a second, and what else is done.
    fn taught(actions: &[Timed]) -> Run {
        let mut run = lab(3, 7);
        run.loads = vec![Load {
            from_us: 1_000_000,
            until_us: 5_000_000,
            every_us: 100_000,
            to: Target::Leader,
            class: Class::default(),
        }];
        run.actions = actions.to_vec();
        run.storm_us = 6_000_000;
        run
    }

    fn ends(mut player: Player) -> (String, Run) {
        player.finish();
        (player.world().hash_text(), player.run().clone())
    }

    const BLACKOUT: Timed = Timed {
        at_us: 2_500_000,
        action: Action::Blackout,
    };
    const BACK: Timed = Timed {
        at_us: 3_000_000,
        action: Action::StartAll,
    };

    #[test]
    fn what_a_hand_did_is_in_the_run_and_replays_to_the_same_hash() {
        let mut player = Player::new(taught(&[BACK])).unwrap();
        // In the midst of a moment at which more is due.
        while player.world().now_us() < 2_000_000 {
            assert!(player.play_event(2_600_000));
        }
        let kill = Action::Kill {
            node: Target::Leader,
        };
        player.act(kill);
        player.act(Action::Start { node: 1 });
        player.play_until(2_500_000);
        player.act(Action::Blackout);
        let (hash, run) = ends(player);
        assert_eq!(run.actions.len(), 4);
        let read = Run::from_json(&run.to_json()).unwrap();
        assert_eq!(ends(Player::new(read).unwrap()).0, hash);
    }

    #[test]
    fn a_run_told_again_from_a_moment_ends_as_if_it_was_told_from_the_start() {
        let mut player = Player::new(taught(&[])).unwrap();
        player.play_until(2_000_000);
        let other = taught(&[BLACKOUT, BACK]);
        let again = player.retold(other.clone()).unwrap();
        assert_eq!(ends(again).0, ends(Player::new(other.clone()).unwrap()).0);
        player.play_until(2_700_000);
        assert!(player.retold(other).is_err(), "the blackout was before");
    }

    #[test]
    fn who_watches_changes_nothing_and_hears_of_every_write() {
        let run = taught(&[BLACKOUT, BACK]);
        let (unwatched, _) = ends(Player::new(run.clone()).unwrap());
        let mut player = Player::new(run).unwrap();
        player.world_mut().watch();
        player.finish();
        assert_eq!(player.world().hash_text(), unwatched);
        let (records, next) = player.world_mut().happenings(0);
        let records = records.to_vec();
        assert_eq!(records.len() as u64, next);
        let count = |what| records.iter().filter(|record| record.what == what).count();
        use crate::sim::chronicle::What;
        // Forty by the load, and those by which the cluster shows that it is at rest.
        assert!(count(What::Asked) >= 40, "{} asks", count(What::Asked));
        let judged = records.iter().filter(|record| record.what == What::Judged);
        assert!(judged.clone().any(|record| record.cell.is_some()));
        assert!(judged.clone().all(|record| record.word == "kept"));
        println!("{next} records, {} verdicts", judged.count());
    }
}
