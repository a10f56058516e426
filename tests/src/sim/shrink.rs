//! The shortest failing run: actions are left out as long as the same promise is broken.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::run::{Outcome, Run};
use super::witness::{Tracing, Violation};

/// How often a run is played at most to make it shorter.
const TRIALS_MAX: usize = 600;

/// Plays a run; a panic of the core is a violation like any other.
pub fn play(run: &Run, tracing: Tracing) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| run.play(tracing))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Outcome {
            hash: String::new(),
            violation: Some(Violation {
                at_us: 0,
                oracle: "panic".to_string(),
                what: said.unwrap_or_default(),
            }),
            tally: Default::default(),
            trace: Vec::new(),
        }
    })
}

/// A run that breaks the same promise with fewer actions; the run itself if none is found.
pub fn shrink(run: &Run) -> Run {
    let Some(violation) = play(run, Tracing::Off).violation else {
        return run.clone();
    };
    let mut best = run.clone();
    if violation.oracle != "convergence" && violation.oracle != "panic" {
        best.actions.retain(|timed| timed.at_us <= violation.at_us);
        best.storm_us = best.storm_us.min(violation.at_us);
        if !fails(&best, &violation.oracle) {
            best = run.clone();
        }
    }
    let mut trials = 0;
    let mut chunk = best.actions.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let before = best.actions.len();
        while from < best.actions.len() && trials < TRIALS_MAX {
            let mut shorter = best.clone();
            let upto = (from + chunk).min(shorter.actions.len());
            shorter.actions.drain(from..upto);
            trials += 1;
            if fails(&shorter, &violation.oracle) {
                best = shorter;
            } else {
                from += chunk;
            }
        }
        if trials >= TRIALS_MAX || (chunk == 1 && best.actions.len() == before) {
            return best;
        }
        chunk = (chunk / 2).max(1);
    }
}

fn fails(run: &Run, oracle: &str) -> bool {
    let violation = play(run, Tracing::Off).violation;
    violation.is_some_and(|violation| violation.oracle == oracle)
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
    text += &format!(
        "the shortest run that does it has {} of {} actions; its last events:\n",
        shortest.actions.len(),
        run.actions.len()
    );
    for line in &outcome.trace {
        text += &format!("{line}\n");
    }
    text += &format!(
        "the run, for `cargo xtask replay FILE`:\n{}\n",
        shortest.to_json()
    );
    text
}
