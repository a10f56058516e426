//! The shortest failing run: whatever can be left out is, as long as the same promise is broken.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::player::Player;
use super::run::{Outcome, Run};
use super::setup::Setup;
use super::witness::{Tracing, Violation};

/// How often a run is played at most to make it shorter.
const TRIALS_MAX: usize = 1500;
/// How much later a shorter run may break the promise.
const SLACK_US: u64 = 1_000_000;

/// Plays a run; a panic of the core is a violation like any other.
pub fn play(run: &Run, tracing: Tracing) -> Outcome {
    let outcome = caught(|| run.play(tracing));
    outcome.unwrap_or_else(|violation| Outcome {
        hash: String::new(),
        violation: Some(violation),
        tally: Default::default(),
        trace: Vec::new(),
    })
}

fn caught<T>(play: impl FnOnce() -> T) -> Result<T, Violation> {
    catch_unwind(AssertUnwindSafe(play)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Violation {
            at_us: 0,
            oracle: "panic".to_string(),
            what: said.unwrap_or_default(),
        }
    })
}

/// What a run breaks before its faults end.
fn storm(run: &Run) -> Option<Violation> {
    let mut player = Player::new(run.clone()).ok()?;
    player.play_until(run.storm_us);
    player.world().violation().cloned()
}

/// Where a run breaks its promise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// Before its faults have ended: what comes then need not be played.
    InStorm,
    AtRest,
}

/// The search for a shorter run.
struct Search {
    best: Run,
    oracle: String,
    broken: Broken,
    trials: usize,
}

/// A run that breaks the same promise with fewer actions; the run itself if none is found.
pub fn shrink(run: &Run) -> Run {
    let Some(violation) = play(run, Tracing::Off).violation else {
        return run.clone();
    };
    let in_storm = violation.at_us < run.storm_us && violation.oracle != "panic";
    let mut search = Search {
        best: run.clone(),
        oracle: violation.oracle,
        broken: match in_storm {
            true => Broken::InStorm,
            false => Broken::AtRest,
        },
        trials: 0,
    };
    if in_storm {
        search.try_with(|run| {
            run.actions.retain(|timed| timed.at_us <= violation.at_us);
            run.storm_us = violation.at_us + SLACK_US;
        });
    }
    search.leave_out_actions();
    search.leave_out_nodes();
    search.calm_the_weather();
    search.close_gaps();
    search.leave_out_actions();
    search.end()
}

impl Search {
    /// Whether a run breaks the same promise: when, if it does.
    fn fails(&mut self, run: &Run) -> Option<u64> {
        self.trials += 1;
        let violation = match self.broken {
            Broken::AtRest => play(run, Tracing::Off).violation,
            Broken::InStorm => caught(|| storm(run)).unwrap_or_else(Some),
        };
        let violation = violation.filter(|violation| violation.oracle == self.oracle);
        violation.map(|violation| violation.at_us)
    }

    /// Keeps a change of the best run if that still fails.
    fn try_with(&mut self, change: impl FnOnce(&mut Run)) -> bool {
        if self.trials >= TRIALS_MAX {
            return false;
        }
        let mut run = self.best.clone();
        change(&mut run);
        let fails = run != self.best && run.setup.check().is_ok() && self.fails(&run).is_some();
        if fails {
            self.best = run;
        }
        fails
    }

    /// Ever smaller stretches of actions, until none can be spared.
    fn leave_out_actions(&mut self) {
        let mut chunk = self.best.actions.len().div_ceil(2).max(1);
        loop {
            let (mut from, before) = (0, self.best.actions.len());
            while from < self.best.actions.len() && self.trials < TRIALS_MAX {
                let upto = (from + chunk).min(self.best.actions.len());
                if !self.try_with(|run| drop(run.actions.drain(from..upto))) {
                    from += chunk;
                }
            }
            let done = chunk == 1 && self.best.actions.len() == before;
            if done || self.trials >= TRIALS_MAX {
                return;
            }
            chunk = (chunk / 2).max(1);
        }
    }

    /// The nodes behind the last that is needed.
    fn leave_out_nodes(&mut self) {
        let fewer = |run: &mut Run| {
            let Setup {
                nodes,
                voters,
                learners,
                ..
            } = &mut run.setup;
            nodes.pop();
            *voters = (*voters).min(nodes.len() as u8);
            *learners = (*learners).min(nodes.len() as u8 - *voters);
        };
        while self.best.setup.nodes.len() > 1 && self.try_with(fewer) {}
    }

    fn calm_the_weather(&mut self) {
        self.try_with(|run| run.setup.outputs_max = None);
        self.try_with(|run| run.setup.network.loss_permille = 0);
        self.try_with(|run| run.setup.network.copy_permille = 0);
        self.try_with(|run| run.setup.network.late_permille = 0);
    }

    /// The time in which nothing is done.
    fn close_gaps(&mut self) {
        for place in 0..self.best.actions.len() {
            let before = place.checked_sub(1);
            let since = before.map_or(0, |before| self.best.actions[before].at_us);
            for part in [8, 2] {
                let gap = self.best.actions[place].at_us.saturating_sub(since);
                let less = gap - gap / part;
                let closer = |run: &mut Run| {
                    for timed in &mut run.actions[place..] {
                        timed.at_us = timed.at_us.saturating_sub(less);
                    }
                };
                if gap > 20_000 && self.try_with(closer) {
                    break;
                }
            }
        }
    }

    fn end(mut self) -> Run {
        let run = self.best.clone();
        if self.broken == Broken::InStorm
            && let Some(at_us) = self.fails(&run)
        {
            self.best.storm_us = at_us;
        }
        self.best
    }
}

/// A violation as a person reads it: the seed, the shortest failing run, and the end of its trace.
pub fn report(run: &Run) -> String {
    let shortest = shrink(run);
    let outcome = play(&shortest, Tracing::Last(60));
    let mut text = match &outcome.violation {
        Some(Violation {
            at_us,
            oracle,
            what,
        }) => format!(
            "seed {}: {oracle} is violated after {}.{:03} ms: {what}\n",
            run.seed,
            at_us / 1000,
            at_us % 1000
        ),
        None => format!("seed {}: nothing is violated\n", run.seed),
    };
    let Setup {
        nodes,
        voters,
        learners,
        ..
    } = &shortest.setup;
    let _ = writeln!(
        text,
        "the shortest run that does it has {} of {} actions, on {} nodes, {voters} voting and {learners} learning at first:",
        shortest.actions.len(),
        run.actions.len(),
        nodes.len()
    );
    for timed in shortest.actions.iter().take(40) {
        let (millis, micros) = (timed.at_us / 1000, timed.at_us % 1000);
        let _ = writeln!(text, "{millis:>6}.{micros:03} ms  {:?}", timed.action);
    }
    let _ = writeln!(text, "its last events:");
    for line in &outcome.trace {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "the run, for `cargo xtask replay FILE`:\n{}",
        shortest.to_json()
    );
    text
}
