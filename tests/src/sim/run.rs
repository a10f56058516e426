//! A run as a value: everything that decides what happens, in one JSON file (`SIMULATOR.md`).

use serde::{Deserialize, Serialize};

use super::action::{Action, Timed};
use super::load::{LOAD_WRITES_MAX, Load};
use super::player::Player;
use super::setup::{SPAN_US_MAX, Setup};
use super::tally::Tally;
use super::witness::{Tracing, Violation};
use super::world::World;

/// The version of the file, and of what it makes happen.
pub const RUN_VERSION: u32 = 4;

/// Entries of one write at most.
const ENTRIES_MAX: u32 = 10_000;

/// A clock that is further off than this is no clock: it stands still, or goes twice as fast.
const DRIFT_PPM_MAX: i32 = 900_000;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`RUN_VERSION`].
    pub version: u32,
    /// Decides everything that the rest leaves open: delays, losses, torn writes.
    pub seed: u64,
    /// The cluster.
    pub setup: Setup,
    /// Steady loads, in few words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loads: Vec<Load>,
    /// What else is done to it, in order of time.
    pub actions: Vec<Timed>,
    /// When the faults end, in microseconds.
    pub storm_us: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The hash of the last state, in hexadecimal.
    pub hash: String,
    /// What was broken, if anything was.
    pub violation: Option<Violation>,
    /// What was exercised.
    pub tally: Tally,
    /// The end of the trace, if one was kept.
    pub trace: Vec<String>,
}

impl Run {
    /// Reads a run.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let run: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if run.version != RUN_VERSION {
            let version = run.version;
            return Err(format!(
                "version {version}; this reads version {RUN_VERSION}"
            ));
        }
        run.setup.check()?;
        run.check()?;
        Ok(run)
    }

    /// What makes no sense in it.
    fn check(&self) -> Result<(), String> {
        let pass = |action: &Action| match action {
            Action::Pass { us } => *us,
            _ => 0,
        };
        let times = self.actions.iter();
        let mut times = times.map(|timed| timed.at_us.max(pass(&timed.action)));
        if self.storm_us > SPAN_US_MAX || times.any(|us| us > SPAN_US_MAX) {
            return Err("something lasts longer than a day".to_string());
        }
        let writes: u64 = self.loads.iter().map(Load::count).sum();
        if self.loads.iter().any(|load| load.every_us == 0) || writes > LOAD_WRITES_MAX {
            return Err("a load without gaps or end".to_string());
        }
        let sane = |action: &Action| match action {
            Action::Write { count, .. } => *count <= ENTRIES_MAX,
            Action::Drift { ppm, .. } => ppm.abs() <= DRIFT_PPM_MAX,
            _ => true,
        };
        match self.actions.iter().all(|timed| sane(&timed.action)) {
            true => Ok(()),
            false => Err(format!(
                "at most {ENTRIES_MAX} entries a write, and {DRIFT_PPM_MAX} millionths of drift"
            )),
        }
    }

    /// The run as text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a run is plain data")
    }

    /// What decides how it is once so much is done, as text.
    pub(super) fn so_far(&self, done: &[Timed]) -> String {
        let run = Self {
            setup: self.setup.clone(),
            loads: Vec::new(),
            actions: done.to_vec(),
            ..*self
        };
        run.to_json()
    }

    /// The world of the run before its first action.
    pub fn world(&self) -> Result<World, String> {
        World::new(self.seed, self.setup.clone())
    }

    /// Does everything, faults first and rest afterwards.
    pub fn play(&self, tracing: Tracing) -> Outcome {
        let player = Player::traced(self.clone(), tracing);
        let mut player = player.expect("the setup of a run is checked");
        player.finish();
        player.outcome()
    }
}

/// Plays the run in `json`; the hash of its last state, or why it cannot be read.
pub fn run_json(json: &str) -> Result<String, String> {
    Run::from_json(json).map(|run| run.play(Tracing::Off).hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::draw;

    #[test]
    fn every_run_that_is_drawn_can_be_read_again() {
        for seed in 0..300 {
            let run = draw(seed);
            assert_eq!(Run::from_json(&run.to_json()), Ok(run), "seed {seed}");
        }
    }
}
