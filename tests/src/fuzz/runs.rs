//! Files of the simulator's runs: read or refused; and what is read is played without a panic.

use std::time::Duration;

use crate::sim::{Action, Load, Run, Tracing};

use super::Depth;

/// What is longer is another input's business.
const NODES_MAX: usize = 5;
const ACTIONS_MAX: usize = 40;
const STORM_US_MAX: u64 = 400_000;

/// Takes a file.
pub fn body(bytes: &[u8]) -> Depth {
    let Ok(text) = str::from_utf8(bytes) else {
        return Depth::Refused;
    };
    let Ok(run) = Run::from_json(text) else {
        return Depth::Refused;
    };
    let again = Run::from_json(&run.to_json());
    assert_eq!(again.as_ref(), Ok(&run), "it does not read back");
    if is_short(&run) {
        let outcome = run.play(Tracing::Off);
        assert_eq!(outcome, run.play(Tracing::Off), "the same run, another end");
    }
    Depth::Taken
}

fn is_short(run: &Run) -> bool {
    let brisk = |action: &Action| match action {
        Action::Pass { us } => *us <= STORM_US_MAX,
        Action::Write { count, .. } => *count <= 100,
        _ => true,
    };
    let calm = Duration::from_millis(20);
    run.setup.nodes.len() <= NODES_MAX
        && run.actions.len() <= ACTIONS_MAX
        && run.storm_us <= STORM_US_MAX
        && run.loads.iter().map(Load::count).sum::<u64>() <= ACTIONS_MAX as u64
        && run.actions.iter().all(|timed| brisk(&timed.action))
        && run
            .setup
            .nodes
            .iter()
            .all(|config| config.heartbeat >= calm)
        && run
            .setup
            .nodes
            .iter()
            .all(|config| config.election_timeout_min >= calm)
}
