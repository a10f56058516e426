//! The whole suite: fixed scripts cut short everywhere, then scripts and crashes drawn from seeds.

use std::ops::Range;

use super::adapter::{Adapter, Crash, Midway, PowerCuts, Unsynced};
use super::chance::Chance;
use super::exercised::Exercised;
use super::script::{Script, Seat};
use super::trial::{Ended, Trial, Until};
use super::violation::Violation;

/// How much to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Whether the fixed scripts run.
    pub fixed: Fixed,
    /// The seeds of scripts of chance.
    pub seeds: Range<u64>,
}

/// Whether the fixed scripts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// Each is cut short at every point there is.
    Everywhere,
    /// Only what chance draws.
    Skipped,
}

impl Default for Effort {
    /// The fixed scripts and 100 seeds.
    fn default() -> Self {
        Self {
            fixed: Fixed::Everywhere,
            seeds: 0..100,
        }
    }
}

/// Seeds of one run at most: an hour is for other suites.
const SEEDS_MAX: u64 = 2000;

impl Effort {
    /// The default, unless `KRAFT_SEED=<seed>` asks for that one alone, or `KRAFT_SEEDS=<count>` or
    /// `KRAFT_SEEDS=<from>..<to>` for more; of those 2,000 at most.
    ///
    /// # Panics
    ///
    /// If one of them is set and not such numbers.
    pub fn from_env() -> Self {
        let number = |text: &str| text.trim().parse::<u64>();
        let number = |text: &str| number(text).expect("KRAFT_SEED and KRAFT_SEEDS are numbers");
        if let Ok(seed) = std::env::var("KRAFT_SEED") {
            let seed = number(&seed);
            return Self {
                fixed: Fixed::Skipped,
                seeds: seed..seed + 1,
            };
        }
        let Ok(asked) = std::env::var("KRAFT_SEEDS") else {
            return Self::default();
        };
        let (from, to) = match asked.split_once("..") {
            Some((from, to)) => (number(from), number(to)),
            None => (0, number(&asked)),
        };
        Self {
            seeds: from..to.min(from + SEEDS_MAX),
            ..Self::default()
        }
    }
}

/// Holds the adapters that `make` makes to every [`Rule`](super::Rule), until one is broken.
///
/// `make` is given a seed, for whatever its disk leaves to chance, and returns an adapter on a disk
/// of its own with nothing on it.
///
/// # Panics
///
/// If the effort asks for nothing: a suite that did nothing has shown nothing.
pub fn check<A: Adapter>(
    make: impl FnMut(u64) -> A,
    effort: &Effort,
) -> Result<Exercised, Violation> {
    let mut suite = Suite {
        make,
        exercised: Exercised::nothing(PowerCuts::NotSimulated),
    };
    suite.exercised.power_cuts = (suite.make)(0).power_cuts();
    if effort.fixed == Fixed::Everywhere {
        for (number, script) in Script::fixed().iter().enumerate() {
            suite.everywhere(number as u64, script)?;
            suite.while_opening(number as u64, script)?;
        }
    }
    for seed in effort.seeds.clone() {
        suite.chance(seed)?;
    }
    let Exercised {
        writes, reopenings, ..
    } = suite.exercised;
    assert!(
        writes > 0 && reopenings > 0,
        "the effort asks for nothing: {effort:?}"
    );
    Ok(suite.exercised)
}

/// Steps after which scripts are cut short to see what opening the store makes of it: something is
/// synced by then, and something is not.
const STEPS_BEFORE_OPENING: u64 = 5;

/// Where a script is cut short: after so many of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Steps,
    Operations,
}

struct Suite<F> {
    make: F,
    exercised: Exercised,
}

impl<A: Adapter, F: FnMut(u64) -> A> Suite<F> {
    /// Every crash there is, with what chance needs.
    fn crashes(&self, seed: u64) -> Vec<Crash> {
        let power = [Unsynced::Lost, Unsynced::Torn(seed), Unsynced::Kept].map(Crash::Power);
        let mut crashes = vec![Crash::Process];
        if self.exercised.power_cuts == PowerCuts::Simulated {
            crashes.extend(power);
        }
        crashes
    }

    /// Cuts a script short after 0, 1, 2… steps, and disk operations where the machine can be
    /// stopped in the middle of one, until it comes to its end.
    fn everywhere(&mut self, number: u64, script: &Script) -> Result<(), Violation> {
        let cuts = match (self.make)(0).stop_after(0) {
            Midway::Armed => &[Cut::Steps, Cut::Operations][..],
            Midway::Unsupported => &[Cut::Steps],
        };
        for cut in cuts {
            let mut after = 0;
            while self.cut_short(number, script, *cut, after)? == Ended::Cut {
                self.exercised.crash_points += 1;
                after += 1;
            }
        }
        Ok(())
    }

    /// One place, several crashes.
    fn cut_short(
        &mut self,
        number: u64,
        script: &Script,
        cut: Cut,
        after: u64,
    ) -> Result<Ended, Violation> {
        let mut ended = Ended::Whole;
        let seed = Chance(number << 32 | after << 1 | cut as u64).next();
        let crashes = self.crashes(seed);
        // Between steps little is under way: what a cut may tear is torn in operations.
        let tried = match cut {
            Cut::Steps => crashes.len().min(2),
            Cut::Operations => crashes.len(),
        };
        for (place, crash) in crashes.iter().enumerate().take(tried) {
            let mut adapter = (self.make)(seed.wrapping_add(place as u64));
            let (until, what) = match cut {
                Cut::Steps => (Until::Steps(after), "steps"),
                Cut::Operations => {
                    adapter.stop_after(after);
                    (Until::End, "disk operations")
                }
            };
            let name = &script.name;
            let replay = format!(
                "fixed script \"{name}\", {crash:?} after {after} {what}: part of every run"
            );
            let mut trial = Trial::new(adapter, &mut self.exercised, replay);
            if trial.live(script, until)? == Ended::Cut {
                ended = Ended::Cut;
            }
            trial.crash(*crash);
            let next = |skip: usize| crashes[(place + skip) % crashes.len()];
            // A crash right after opening takes everything that is not synced.
            let second = crashes[1.min(crashes.len() - 1)];
            trial.aftermath(script.seat, [second, next(after as usize)])?;
        }
        Ok(ended)
    }

    /// Crashes in the middle of a script, and then after 0, 1, 2… disk operations of opening what
    /// that left, until it opens.
    fn while_opening(&mut self, number: u64, script: &Script) -> Result<(), Violation> {
        if (self.make)(0).stop_after(0) == Midway::Unsupported {
            return Ok(());
        }
        let mut after = 0;
        while self.opening_cut_short(number, script, after)? == Ended::Cut {
            self.exercised.crash_points += 1;
            after += 1;
        }
        Ok(())
    }

    /// One place, every crash.
    fn opening_cut_short(
        &mut self,
        number: u64,
        script: &Script,
        after: u64,
    ) -> Result<Ended, Violation> {
        let mut ended = Ended::Whole;
        let seed = Chance(!(number << 32 | after)).next();
        let crashes = self.crashes(seed);
        for (place, crash) in crashes.iter().enumerate() {
            let adapter = (self.make)(seed.wrapping_add(place as u64));
            let name = &script.name;
            let replay = format!(
                "fixed script \"{name}\", {crash:?}, and a crash after {after} disk operations of \
                 opening: part of every run"
            );
            let mut trial = Trial::new(adapter, &mut self.exercised, replay);
            trial.live(script, Until::Steps(STEPS_BEFORE_OPENING))?;
            trial.crash(*crash);
            trial.adapter.stop_after(after);
            if trial.open()? == Ended::Cut {
                ended = Ended::Cut;
            }
            let next = |skip: usize| crashes[(place + skip) % crashes.len()];
            trial.crash(next(after as usize));
            trial.aftermath(script.seat, [next(1), next(2)])?;
        }
        Ok(ended)
    }

    /// Some incarnations of chance, on one disk.
    fn chance(&mut self, seed: u64) -> Result<(), Violation> {
        let mut chance = Chance(seed ^ 0xC0_4F04);
        let adapter = (self.make)(seed);
        let seat = match chance.below(3) {
            0 => Seat::Leader,
            _ => Seat::Follower,
        };
        let lives = 1 + chance.below(4);
        let crashes = self.crashes(chance.next());
        let replay = format!("KRAFT_SEED={seed} runs this one alone");
        let mut trial = Trial::new(adapter, &mut self.exercised, replay);
        let mut crash_points = 0;
        for _ in 0..lives {
            let script = Script::random(seat, &mut chance);
            let mut until = Until::End;
            match chance.below(3) {
                0 => until = Until::Steps(chance.below(20)),
                1 => {
                    // An adapter that cannot stop there plays on to the end.
                    let _ = trial.adapter.stop_after(chance.below(60));
                }
                _ => {}
            }
            if trial.live(&script, until)? == Ended::Cut {
                crash_points += 1;
            }
            let drawn =
                |chance: &mut Chance| match crashes[chance.below(crashes.len() as u64) as usize] {
                    Crash::Power(Unsynced::Torn(_)) => Crash::Power(Unsynced::Torn(chance.next())),
                    crash => crash,
                };
            trial.crash(drawn(&mut chance));
        }
        let last = crashes[crashes.len() / 2];
        trial.aftermath(seat, [crashes[crashes.len() - 1], last])?;
        self.exercised.crash_points += crash_points;
        Ok(())
    }
}
