//! The core keeps a window on the log's terms, and its host has them all. Stories of more terms than fit,
//! each with the rule that its looser form breaks (`recall.rs`, `comparison.rs`, `Recovery::committed`).

mod cluster;

#[path = "term_runs/answers.rs"]
mod answers;
#[path = "term_runs/comparisons.rs"]
mod comparisons;
#[path = "term_runs/full.rs"]
mod full;
#[path = "term_runs/hints.rs"]
mod hints;
#[path = "term_runs/restarts.rs"]
mod restarts;

use cluster::run;
use kraft_proto::{Config, Run};

/// One entry of each of these terms, at the index of its number.
fn terms(of: std::ops::RangeInclusive<u64>) -> Vec<Run> {
    of.map(|term| run(term, term, 1)).collect()
}

/// The smallest window.
fn narrow(config: Config) -> Config {
    Config {
        term_runs_max: 2,
        ..config
    }
}
